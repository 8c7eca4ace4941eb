"""BERT's, DistilBERT's and GPT-2's tokenizers, plain and fast, against the same classes of `transformers` 4.57.6."""

import copy
import json
import os
import pickle
import shutil

import pytest
from hypothesis import given, settings
from tokenizers import AddedToken

import pytransformers

from .corpus import CORPUS, HARD, texts
from .vocabularies import MINILM, write_gpt2

# Class -> (where its files are: "minilm" or "gpt2", settings).
CLASSES = {
    "BertTokenizer": ("minilm", {}),
    "BertTokenizer cased": ("minilm", {"do_lower_case": False}),
    "BertTokenizer stripped": ("minilm", {"do_lower_case": False, "strip_accents": True, "never_split": ["naïve"]}),
    "BertTokenizer accents": ("minilm", {"strip_accents": False, "tokenize_chinese_chars": False}),
    "BertTokenizer no basic": ("minilm", {"do_basic_tokenize": False}),
    "BertTokenizerFast": ("minilm", {}),
    "BertTokenizerFast cased": ("minilm", {"do_lower_case": False}),
    "DistilBertTokenizer": ("minilm", {}),
    "DistilBertTokenizerFast": ("minilm", {}),
    "GPT2Tokenizer": ("gpt2", {}),
    "GPT2Tokenizer prefix": ("gpt2", {"add_prefix_space": True, "add_bos_token": True, "pad_token": "<|endoftext|>"}),
    "GPT2TokenizerFast": ("gpt2", {}),
    "GPT2TokenizerFast prefix": ("gpt2", {"add_prefix_space": True, "pad_token": "<|pad|>"}),
    "GPT2TokenizerFast bos": ("gpt2", {"add_bos_token": True}),
}
ADDED = [
    "newword",
    "New Word",
    AddedToken("<strip>", lstrip=True, rstrip=True),
    AddedToken("alone", single_word=True),
    AddedToken("Kept", normalized=False),
    AddedToken("<sp>", special=True),
    "日本",
    "é́",
]
SPECIAL = {"additional_special_tokens": ["<a>", AddedToken("<b>", lstrip=True)], "cls_token": "<Cls>"}


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    gpt2 = write_gpt2(tmp_path_factory.mktemp("gpt2"))
    (gpt2 / "tokenizer_config.json").write_text('{"model_max_length": 1024}')
    return {"minilm": MINILM, "gpt2": gpt2}


@pytest.fixture(scope="session")
def loaded(folders):
    """name -> (ours, theirs); each is made once."""
    import transformers

    made = {}

    def load(name, added=False):
        if (name, added) not in made:
            where, kwargs = CLASSES[name]
            pair = []
            for api in (pytransformers, transformers):
                tokenizer = getattr(api, name.split()[0]).from_pretrained(folders[where], **kwargs)
                if added:
                    tokenizer.add_tokens(copy.deepcopy(ADDED))
                    tokenizer.add_special_tokens(copy.deepcopy(SPECIAL))
                pair.append(tokenizer)
            made[name, added] = pair
        return made[name, added]

    return load


def same_text(ours, theirs, text):
    ids = theirs(text)["input_ids"]
    assert dict(ours(text)) == dict(theirs(text)), text
    assert ours.tokenize(text) == theirs.tokenize(text), text
    for kwargs in ({}, {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}):
        assert ours.decode(ids, **kwargs) == theirs.decode(ids, **kwargs), text
    if not ours.is_fast:
        kwargs = {"spaces_between_special_tokens": False}
        assert ours.decode(ids, **kwargs) == theirs.decode(ids, **kwargs), text


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("added", [False, True], ids=["", "added"])
@pytest.mark.parametrize("name", CLASSES)
def test_corpus(loaded, name, added):
    ours, theirs = loaded(name, added)
    assert ours.is_fast == theirs.is_fast == name.split()[0].endswith("Fast")
    for text in CORPUS:
        same_text(ours, theirs, text)
    assert dict(ours(CORPUS)) == dict(theirs(CORPUS))
    assert ours.batch_decode(ours(CORPUS)["input_ids"]) == theirs.batch_decode(theirs(CORPUS)["input_ids"])
    if ours.is_fast:
        kwargs = {"return_offsets_mapping": True, "return_special_tokens_mask": True}
        a, b = ours(CORPUS, **kwargs), theirs(CORPUS, **kwargs)
        assert dict(a) == dict(b)
        for i in range(len(CORPUS)):
            assert a.tokens(i) == b.tokens(i) and a.word_ids(i) == b.word_ids(i)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [n for n in CLASSES if n.split()[0] in (
    "BertTokenizer", "BertTokenizerFast", "GPT2Tokenizer", "GPT2TokenizerFast")])  # fmt: skip
def test_fuzzed_text(loaded, name):
    words = [str(token) for token in (*ADDED, "<a>", "<b>", "[SEP]", "<|endoftext|>", "NEWWORD", " alone ")]

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(texts(*words))
    def check(text):
        same_text(*loaded(name), text)
        same_text(*loaded(name, added=True), text)

    check()


PLAIN_CALLS = {
    "padded": {"padding": True, "truncation": True, "max_length": 24},
    "to a length": {"padding": "max_length", "max_length": 40, "truncation": True, "return_length": True},
    "cut by length alone": {"max_length": 9},
    "first": {"truncation": "only_first", "max_length": 30, "stride": 3, "return_overflowing_tokens": True},
    "second": {"truncation": "only_second", "max_length": 30, "stride": 3, "return_overflowing_tokens": True},
    "no special": {"add_special_tokens": False, "truncation": True, "max_length": 7},
    "multiple, left": {"padding": True, "pad_to_multiple_of": 16, "padding_side": "left", "truncation": True,
                       "max_length": 32},
    "masks": {"return_special_tokens_mask": True, "return_token_type_ids": True, "return_attention_mask": False},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("call", PLAIN_CALLS)
@pytest.mark.parametrize("name", ["BertTokenizer", "DistilBertTokenizer", "GPT2Tokenizer prefix"])
def test_arguments_of_plain_calls(loaded, name, call, side):
    ours, theirs = loaded(name)
    kwargs = PLAIN_CALLS[call]
    first, second = HARD[4:-1], HARD[-2:3:-1]
    for tokenizer in (ours, theirs):
        tokenizer.truncation_side = side
    try:
        if call != "second":
            assert dict(ours(first, **kwargs)) == dict(theirs(first, **kwargs))
            assert dict(ours(first[3], **kwargs)) == dict(theirs(first[3], **kwargs))
            words = [text.split() for text in first]
            kwargs = {**kwargs, "is_split_into_words": True}
            assert dict(ours(words, **kwargs)) == dict(theirs(words, **kwargs))
            assert dict(ours(words[0], **kwargs)) == dict(theirs(words[0], **kwargs))
        kwargs = PLAIN_CALLS[call]
        assert dict(ours(first, second, **kwargs)) == dict(theirs(first, second, **kwargs))
        assert dict(ours(first[0], second[2], **kwargs)) == dict(theirs(first[0], second[2], **kwargs))
        pairs = list(zip(first, second, strict=True))
        assert dict(ours.batch_encode_plus(pairs, **kwargs)) == dict(theirs.batch_encode_plus(pairs, **kwargs))
    finally:
        for tokenizer in (ours, theirs):
            tokenizer.truncation_side = "right"


def test_plain_takes_tokens_and_ids(loaded):
    for name in ("BertTokenizer", "GPT2Tokenizer"):
        ours, theirs = loaded(name)
        tokens = theirs.tokenize("some words to cut")
        ids = theirs.convert_tokens_to_ids(tokens)
        assert ours.encode(tokens) == theirs.encode(tokens) and ours.encode(ids) == theirs.encode(ids)
        assert dict(ours.prepare_for_model(ids, ids)) == dict(theirs.prepare_for_model(ids, ids))
        assert ours.build_inputs_with_special_tokens(ids, ids) == theirs.build_inputs_with_special_tokens(ids, ids)
        for pair in (False, True):
            assert ours.num_special_tokens_to_add(pair) == theirs.num_special_tokens_to_add(pair)
        assert ours.max_len_single_sentence == theirs.max_len_single_sentence
        assert ours.max_len_sentences_pair == theirs.max_len_sentences_pair
        mask = theirs.get_special_tokens_mask(theirs.encode("a b"), already_has_special_tokens=True)
        assert ours.get_special_tokens_mask(ours.encode("a b"), already_has_special_tokens=True) == mask


@pytest.mark.parametrize("name", CLASSES)
def test_vocabularies_and_special_tokens(loaded, name):
    for added in (False, True):
        ours, theirs = loaded(name, added)
        assert (len(ours), ours.vocab_size) == (len(theirs), theirs.vocab_size)
        assert ours.get_vocab() == theirs.get_vocab() and ours.get_added_vocab() == theirs.get_added_vocab()
        assert ours.special_tokens_map == theirs.special_tokens_map
        assert ours.all_special_tokens == theirs.all_special_tokens and ours.all_special_ids == theirs.all_special_ids
        assert {i: repr(t) for i, t in ours.added_tokens_decoder.items()} == {
            i: repr(t) for i, t in theirs.added_tokens_decoder.items()
        }
        assert ours.model_input_names == theirs.model_input_names
        assert ours.model_max_length == theirs.model_max_length
        assert ours.init_kwargs.keys() >= {"unk_token"} and repr(ours).startswith(type(ours).__name__)


@pytest.mark.parametrize("name", CLASSES)
def test_folders_go_both_ways(loaded, name, tmp_path):
    import transformers

    ours, theirs = loaded(name, added=True)
    text = "Newword newword <a>  <b> New Word alone <strip> Kept naïve <sp> e\u0301 x<Cls>y"
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    assert set(os.listdir(tmp_path / "ours")) == set(os.listdir(tmp_path / "theirs"))

    def read(file):
        return (json.loads((tmp_path / who / file).read_text()) for who in ("ours", "theirs"))

    for file in ("special_tokens_map.json", "added_tokens.json"):
        a, b = read(file)
        assert a == b, file
    a, b = read("tokenizer_config.json")
    assert a["tokenizer_class"] == b["tokenizer_class"] and a["added_tokens_decoder"] == b["added_tokens_decoder"]
    for key in a.keys() & b.keys():
        assert a[key] == b[key], key
    expected = theirs(text)["input_ids"]
    for who in ("ours", "theirs"):
        for api in (pytransformers, transformers):
            again = getattr(api, name.split()[0]).from_pretrained(tmp_path / who)
            assert again(text)["input_ids"] == expected, (who, api.__name__)
            assert again.special_tokens_map == theirs.special_tokens_map
        auto = pytransformers.AutoTokenizer.from_pretrained(tmp_path / who, use_fast=ours.is_fast)
        assert type(auto) is type(ours) and auto(text)["input_ids"] == expected
    for copied in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert copied(text)["input_ids"] == expected


def test_auto_chooses_plain_or_fast(folders, tmp_path):
    for where, plain in (("minilm", "BertTokenizer"), ("gpt2", "GPT2Tokenizer")):
        folder = shutil.copytree(folders[where], tmp_path / where)
        (folder / "config.json").write_text(json.dumps({"model_type": "gpt2" if where == "gpt2" else "bert"}))
        for use_fast, name in ((True, plain + "Fast"), (False, plain)):
            assert type(pytransformers.AutoTokenizer.from_pretrained(folder, use_fast=use_fast)).__name__ == name
    found = pytransformers.AutoTokenizer.from_pretrained(folders["minilm"], tokenizer_type="distilbert")
    assert type(found).__name__ == "DistilBertTokenizerFast"


def test_older_files_of_special_tokens(folders, tmp_path):
    """Folders from before tokenizer_config.json listed added tokens."""
    import transformers

    shutil.copy(MINILM / "vocab.txt", tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": true, "model_max_length": 77}')
    flags = {"lstrip": True, "normalized": False, "rstrip": False, "single_word": False}
    special = {"mask_token": {"content": "<M>", **flags}, "additional_special_tokens": ["<x>"], "eos_token": "<e>"}
    (tmp_path / "special_tokens_map.json").write_text(json.dumps(special))
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<M>": 30523, "<x>": 30522, "plain": 30524, "<e>": 30525}))
    for name in ("BertTokenizer", "BertTokenizerFast"):
        ours, theirs = (getattr(api, name).from_pretrained(tmp_path) for api in (pytransformers, transformers))
        text = "a   <M> b<x>plain [MASK] Plain <e>"
        assert ours(text)["input_ids"] == theirs(text)["input_ids"]
        assert ours.special_tokens_map == theirs.special_tokens_map and len(ours) == len(theirs)


def test_prefix_space_and_words(loaded):
    ours, theirs = loaded("GPT2Tokenizer")
    assert ours("hello", add_prefix_space=True) == theirs("hello", add_prefix_space=True)
    ours, theirs = loaded("GPT2TokenizerFast prefix")
    words = [["hello", "world"], ["a"]]
    assert dict(ours(words, is_split_into_words=True)) == dict(theirs(words, is_split_into_words=True))
    with pytest.raises(ValueError, match="expected add_prefix_space=True for a list of words"):
        loaded("GPT2TokenizerFast")[0](words, is_split_into_words=True)


@pytest.mark.parametrize("name", ["BertTokenizerFast", "GPT2TokenizerFast"])
def test_training_a_new_one(loaded, name):
    ours, theirs = loaded(name)
    corpus = [["the cat sat on the mat", "the dog sat on the log"], ["a cat and a dog", "the log and the mat"]]
    kwargs = {"new_special_tokens": ["<new>"], "show_progress": False}
    if name.startswith("Bert"):
        kwargs["special_tokens_map"] = {"[CLS]": "<cls>", "[UNK]": "<unk>"}
    a, b = ours.train_new_from_iterator(corpus, 300, **kwargs), theirs.train_new_from_iterator(corpus, 300, **kwargs)
    # The Rust library numbers the letters of WordPiece anew each time.
    assert a.get_vocab().keys() == b.get_vocab().keys() and a.special_tokens_map == b.special_tokens_map
    assert a.all_special_ids == b.all_special_ids and a.model_max_length == b.model_max_length
    for text in ("the cat", "a dog [CLS] <new> <cls>"):
        assert a(text, text).tokens() == b(text, text).tokens()
