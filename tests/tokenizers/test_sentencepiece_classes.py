"""Llama's, T5's and ALBERT's tokenizers, plain and fast, against `transformers` 4.57.6."""

import copy
import json
import os
import pickle
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from tokenizers import AddedToken

import pytransformers
from pytransformers import AutoTokenizer, LlamaTokenizer, LlamaTokenizerFast, T5Tokenizer, T5TokenizerFast
from pytransformers.tokenizers.spiece import merges, read_model

from .corpus import CORPUS, texts
from .sentencepiece_models import model_path

FILES = {"T5": "spiece.model", "Albert": "spiece.model", "Llama": "tokenizer.model"}
ADDED = ["<new>", AddedToken("<lr>", lstrip=True, rstrip=True), AddedToken("sw", single_word=True)]
NEW = {"legacy": False}
FEW = {"extra_ids": 5}  # decoding takes `transformers` time for every special token

# (architecture, model, settings); each plain and fast.
CASES = [
    ("T5", "t5", {}),
    ("T5", "t5", {**NEW, **FEW}),
    ("T5", "t5", {"add_prefix_space": False, **NEW, **FEW}),
    ("T5", "t5-bytes", FEW),
    ("T5", "unigram-symbols", {**NEW, **FEW}),
    ("T5", "bpe-symbols", FEW),
    ("T5", "unigram-spaces-kept", {**NEW, **FEW}),
    ("Albert", "albert", {}),
    ("Albert", "albert", {"keep_accents": True, "remove_space": False, "do_lower_case": False}),
    ("Albert", "t5-bytes", {}),
    ("Llama", "tokenizer.model.v1", {}),
    ("Llama", "tokenizer.model.v1", {"add_eos_token": True, **NEW}),
    ("Llama", "tokenizer.model.v1", {"add_prefix_space": False}),
    ("Llama", "mistral_instruct_tokenizer_240323.model.v3", NEW),
    ("Llama", "bpe-phrases", {"add_bos_token": False, "spaces_between_special_tokens": True}),
    ("Llama", "bpe-suffix", NEW),
    ("Llama", "unigram-symbols", {"add_prefix_space": False, **NEW}),
]
CALLS = {
    "cut": {"truncation": True, "max_length": 9},
    "padded": {"padding": "max_length", "max_length": 24, "pad_to_multiple_of": 8},
    "bare": {"add_special_tokens": False, "return_special_tokens_mask": True},
    "types": {"return_token_type_ids": True, "return_length": True},
    "special tokens split": {"split_special_tokens": True},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """(architecture, model) -> a folder with a model and a config.json, nothing else."""
    root = tmp_path_factory.mktemp("checkpoints")

    def get(architecture, model):
        folder = root / f"{architecture}-{model}"
        if not folder.exists():
            folder.mkdir()
            shutil.copy(model_path(model, root), folder / FILES[architecture])
            (folder / "config.json").write_text(json.dumps({"model_type": architecture.lower()}))
        return folder

    return get


@pytest.fixture(scope="module")
def transformers():
    import transformers

    transformers.logging.set_verbosity_error()
    return transformers


def check(theirs, ours, text):
    encoded = theirs(text)
    assert dict(ours(text)) == dict(encoded)
    assert ours.tokenize(text) == theirs.tokenize(text)
    for skip in (True, False):
        decoded = theirs.decode(encoded["input_ids"], skip_special_tokens=skip)
        assert ours.decode(encoded["input_ids"], skip_special_tokens=skip) == decoded
    if theirs.is_fast:
        name = {"return_offsets_mapping": True}
        assert ours(text, **name)["offset_mapping"] == theirs(text, **name)["offset_mapping"]


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join([case[0], case[1], *map(str, case[2])]))
def test_as_transformers(folders, transformers, case, fast):
    architecture, model, settings_ = case
    folder, name = folders(architecture, model), f"{architecture}Tokenizer{'Fast' * fast}"
    theirs = getattr(transformers, name).from_pretrained(folder, **settings_)
    ours = getattr(pytransformers, name).from_pretrained(folder, **settings_)
    assert (ours.is_fast, ours.vocab_size, ours.padding_side) == (fast, theirs.vocab_size, theirs.padding_side)
    for token in ADDED:
        assert ours.add_tokens(copy.deepcopy(token)) == theirs.add_tokens(copy.deepcopy(token))
    assert len(ours) == len(theirs) and ours.get_vocab() == theirs.get_vocab()
    assert ours.special_tokens_map == theirs.special_tokens_map
    for ids in ([5, 6], [5, theirs.eos_token_id]):
        for pair in (None, [7, 8, 9]):
            around = theirs.build_inputs_with_special_tokens(ids, pair)
            assert ours.build_inputs_with_special_tokens(ids, pair) == around
            types = theirs.create_token_type_ids_from_sequences(ids, pair)
            assert ours.create_token_type_ids_from_sequences(ids, pair) == types
    for text in CORPUS:
        check(theirs, ours, text)
    if theirs.pad_token is None:
        theirs.pad_token = ours.pad_token = theirs.eos_token
    for call in CALLS.values():
        for text in ("Hello, wörld </s> <new>and  more 9,9", "x"):
            assert dict(ours(text, **call)) == dict(theirs(text, **call))
            assert dict(ours(text, "a second text", **call)) == dict(theirs(text, "a second text", **call))
            if fast or "split_special_tokens" not in call:  # which plain ones of `transformers` forget in batches
                batch, options = [text, "three words <lr> here"], {**call, "padding": True}
                assert dict(ours(batch, **options)) == dict(theirs(batch, **options))

    @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(texts("<new>", "<lr>", "sw", "▁", "</s>", "<unk>", "<extra_id_1>", "[MASK]", "<0x0A>"))
    def run(text):
        check(theirs, ours, text)

    run()


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast"])
@pytest.mark.parametrize(("architecture", "model"), [("T5", "t5"), ("Albert", "albert"), ("Llama", "bpe-phrases")])
def test_folders_with_only_a_model(folders, transformers, tmp_path, architecture, model, fast):
    """AutoTokenizer takes them, and saves what `transformers` saves; each reads the other's."""
    folder = folders(architecture, model)
    theirs = transformers.AutoTokenizer.from_pretrained(folder, use_fast=fast)
    ours = AutoTokenizer.from_pretrained(folder, use_fast=fast)
    assert type(ours).__name__ == type(theirs).__name__
    theirs.save_pretrained(tmp_path / "theirs")
    ours.save_pretrained(tmp_path / "ours")
    assert sorted(os.listdir(tmp_path / "ours")) == sorted(os.listdir(tmp_path / "theirs"))
    assert (tmp_path / "ours" / FILES[architecture]).read_bytes() == (folder / FILES[architecture]).read_bytes()
    configs = [json.loads((tmp_path / who / "tokenizer_config.json").read_text()) for who in ("ours", "theirs")]
    assert configs[0] == {name: configs[1][name] for name in configs[0]}
    missing = configs[1].keys() - configs[0].keys()
    if fast:  # what the plain class would take by default
        assert missing <= {"legacy", "pad_token", "sp_model_kwargs", "spaces_between_special_tokens"}
        files = [json.loads((tmp_path / who / "tokenizer.json").read_text()) for who in ("ours", "theirs")]
        assert files[0] == files[1]
    else:
        assert not missing
    for who in ("ours", "theirs"):
        for use_fast in (True, False):
            theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / who, use_fast=use_fast)
            ours = AutoTokenizer.from_pretrained(tmp_path / who, use_fast=use_fast)
            assert type(ours).__name__ == type(theirs).__name__
            for text in CORPUS[::4]:
                check(theirs, ours, text)


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast"])
@pytest.mark.parametrize(("architecture", "model"), [("T5", "t5"), ("Albert", "albert"), ("Llama", "bpe-phrases")])
def test_from_the_file_alone(folders, transformers, architecture, model, fast):
    path = str(folders(architecture, model) / FILES[architecture])
    name = f"{architecture}Tokenizer{'Fast' * fast}"
    theirs, ours = getattr(transformers, name)(path), getattr(pytransformers, name)(path)
    for tokenizer in (ours, copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        for text in CORPUS[::5]:
            check(theirs, tokenizer, text)


def test_merges_of_equal_scores_come_in_the_same_order(folders):
    from transformers.convert_slow_tokenizer import generate_merges

    model = read_model(folders("Llama", "bpe-phrases") / "tokenizer.model", "test")
    pieces = [(piece, round(score / 300)) for piece, score in zip(model.pieces, model.scores, strict=True)]
    assert merges(pieces) == generate_merges({piece: index for index, (piece, _) in enumerate(pieces)}, pieces)


def test_sentinels(folders):
    for cls in (T5Tokenizer, T5TokenizerFast):
        tokenizer = cls.from_pretrained(folders("T5", "t5"), extra_ids=4)
        assert sorted(tokenizer.get_sentinel_tokens()) == [f"<extra_id_{index}>" for index in range(4)]
        last = len(tokenizer) - 1
        assert sorted(tokenizer.get_sentinel_token_ids()) == [last - 3, last - 2, last - 1, last]
        assert tokenizer.convert_tokens_to_ids("<extra_id_0>") == last
        with pytest.raises(ValueError, match="expected 4 sentinels among additional_special_tokens"):
            cls.from_pretrained(folders("T5", "t5"), extra_ids=4, additional_special_tokens=["<extra_id_0>"])
        more = cls.from_pretrained(folders("T5", "t5"), extra_ids=2, additional_special_tokens=["<more>"])
        assert more.additional_special_tokens == ["<more>", "<extra_id_0>", "<extra_id_1>"]


def test_the_ends_can_be_changed_later(folders, transformers):
    folder = folders("Llama", "bpe-phrases")
    theirs, ours = (source.LlamaTokenizerFast.from_pretrained(folder) for source in (transformers, pytransformers))
    for change in ({"add_eos_token": True}, {"add_bos_token": False}, {"add_eos_token": False}):
        for name, value in change.items():
            setattr(theirs, name, value)
            setattr(ours, name, value)
        assert ours("a text", "another")["input_ids"] == theirs("a text", "another")["input_ids"]
    ours.bos_token = None
    with pytest.raises(ValueError, match="expected a bos_token, as add_bos_token is True"):
        ours.add_bos_token = True


def test_subclasses_in_python(folders):
    class Shouting(LlamaTokenizer):
        def _tokenize(self, text, **kwargs):
            return super()._tokenize(text.upper())

    folder = folders("Llama", "tokenizer.model.v1")
    loud, plain = Shouting.from_pretrained(folder), LlamaTokenizer.from_pretrained(folder)
    assert loud("some text")["input_ids"] == plain("SOME TEXT")["input_ids"]
    assert loud.sp_model.encode("some") == plain.sp_model.EncodeAsPieces("some") == ["▁some"]


def test_bad_input(folders, tmp_path):
    for cls in (T5Tokenizer, T5TokenizerFast, LlamaTokenizer, LlamaTokenizerFast):
        with pytest.raises(OSError, match="expected"):
            cls.from_pretrained(tmp_path)
        with pytest.raises(OSError, match="expected the path of a sentencepiece .model file"):
            cls(str(tmp_path / "none.model"))
        (tmp_path / "text.model").write_text("not a model at all, but a letter")
        with pytest.raises(OSError, match="text.model] expected a sentencepiece model"):
            cls(str(tmp_path / "text.model"))
    with pytest.raises(ValueError, match="expected no enable_sampling"):
        T5Tokenizer.from_pretrained(folders("T5", "t5"), sp_model_kwargs={"enable_sampling": True})
    plain, fast = (cls.from_pretrained(folders("T5", "t5")) for cls in (T5Tokenizer, T5TokenizerFast))
    for tokenizer in (plain, fast):
        assert tokenizer("")["input_ids"] == [1]
        with pytest.raises(ValueError, match="lone surrogate"):
            tokenizer("a\ud800b")
        with pytest.raises((IndexError, OverflowError), match="expected (an id|ids)"):
            tokenizer.decode([-1])
    with pytest.raises(IndexError, match="expected an id below"):
        plain.decode([10**6])
    assert fast.decode([10**6]) == ""
    with pytest.raises(ValueError, match="expected the .model file"):
        T5TokenizerFast(tokenizer_object=fast.backend_tokenizer).save_vocabulary(str(tmp_path))


def test_a_megabyte_without_a_space(folders):
    text = "spaceless" * 60_000
    for cls, architecture, model in (
        (T5Tokenizer, "T5", "t5"), (LlamaTokenizer, "Llama", "bpe-phrases"), (T5TokenizerFast, "T5", "t5"),
    ):  # fmt: skip
        tokenizer = cls.from_pretrained(folders(architecture, model))
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
