"""Input that is no proper text, and ids that are no tokens: the documented result, or one clear error."""

import threading
import time

import numpy as np
import pytest

from pytransformers import AutoTokenizer, BertTokenizer, BertTokenizerFast, GPT2Tokenizer, GPT2TokenizerFast
from pytransformers.tokenizers.bpe import get_pairs, merge

from .vocabularies import MINILM, write_gpt2

CLASSES = [BertTokenizer, BertTokenizerFast, GPT2Tokenizer, GPT2TokenizerFast]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    gpt2 = write_gpt2(tmp_path_factory.mktemp("gpt2"))
    return {cls: cls.from_pretrained(MINILM if "Bert" in cls.__name__ else gpt2) for cls in CLASSES}


@pytest.mark.parametrize("cls", CLASSES)
def test_empty_text_and_empty_batches(made, cls):
    tokenizer = made[cls]
    special = [] if "GPT2" in cls.__name__ else [101, 102]
    assert tokenizer("")["input_ids"] == special and tokenizer([""])["input_ids"] == [special]
    assert tokenizer([])["input_ids"] == [] and tokenizer.batch_decode([]) == []
    assert tokenizer.decode([]) == "" and tokenizer.tokenize("") == []
    assert tokenizer([], return_tensors="np")["input_ids"].shape == (0,)


@pytest.mark.parametrize("text", ["\ud800", "good \udfff bad", "\ud83d \ude00"])
@pytest.mark.parametrize("cls", CLASSES)
def test_lone_surrogates(made, cls, text):
    tokenizer = made[cls]
    if cls is BertTokenizer:  # control characters, which BERT drops
        from transformers import BertTokenizer as Theirs

        assert tokenizer(text)["input_ids"] == Theirs.from_pretrained(MINILM)(text)["input_ids"]
        return
    place = next(i for i, char in enumerate(text) if "\ud800" <= char <= "\udfff")
    for call in (lambda: tokenizer(text), lambda: tokenizer(["fine", text]), lambda: tokenizer.tokenize(text)):
        with pytest.raises(ValueError, match=f"expected Unicode text.*a lone surrogate .* at character {place}"):
            call()
    assert tokenizer("fine")["input_ids"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("text", ["a" * 10**6, "ab1é," * 50_000, "日本" * 30_000, "\u0301" * 10**5, "(" * 10**5])
@pytest.mark.parametrize("cls", CLASSES)
def test_a_megabyte_without_a_space(made, cls, text):
    start = time.perf_counter()
    ids = made[cls](text)["input_ids"]
    assert time.perf_counter() - start < 60
    if "GPT2" in cls.__name__:
        assert made[cls].decode(ids) == text


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("batch", [["ab c, " * 60_000], ["ab c, " * 30_000] * 2])
def test_encoding_leaves_the_interpreter_free(made, batch):
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(time.perf_counter())

    thread = threading.Thread(target=tick)
    thread.start()
    made[BertTokenizerFast](batch, return_attention_mask=False, return_token_type_ids=False)
    done.set()
    thread.join()
    assert len(ticks) > 30  # a few, if the encoding held the lock


def test_merging_is_the_textbook_loop():
    """Against the definition, quadratic as it is: the pair of the lowest rank is merged everywhere, then again."""

    def slow(word, ranks):
        pieces = list(word)
        while len(pieces) > 1:
            pairs = get_pairs(tuple(pieces))
            best = min(pairs, key=lambda pair: ranks.get(pair, float("inf")))
            if best not in ranks:
                break
            i = 0
            while i < len(pieces) - 1:
                if (pieces[i], pieces[i + 1]) == best:
                    pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
                i += 1
        return pieces

    random = np.random.default_rng(0)
    for _ in range(300):
        parts = [*"abc", *("".join(random.choice(list("abc"), random.integers(2, 5))) for _ in range(25))]
        pairs = {(str(a), str(b)) for a, b in random.choice(parts, (60, 2))}
        ranks = {pair: int(rank) for pair, rank in zip(sorted(pairs), random.permutation(len(pairs)), strict=True)}
        word = "".join(random.choice(list("abc"), random.integers(0, 40)))
        assert merge(word, ranks) == slow(word, ranks)


@pytest.mark.parametrize("cls", CLASSES)
def test_ids_outside_the_vocabulary(made, cls):
    tokenizer = made[cls]
    beyond = len(tokenizer) + 5
    known = tokenizer.encode("word", add_special_tokens=False)
    text = "word [UNK]" if cls is BertTokenizer else "word"
    assert tokenizer.decode([*known, beyond]) == text
    assert tokenizer.convert_ids_to_tokens(beyond) == ("[UNK]" if cls is BertTokenizer else None)
    assert tokenizer.convert_tokens_to_ids("never seen") == tokenizer.unk_token_id
    assert tokenizer.convert_tokens_to_ids(None) is None
    if tokenizer.is_fast:
        for wrong in (-100, 2**40):
            for call in (tokenizer.decode, tokenizer.convert_ids_to_tokens):
                with pytest.raises(OverflowError, match=f"expected ids from 0 on, got {wrong}"):
                    call([known[0], wrong])
        with pytest.raises(TypeError, match="expected integers, the ids of tokens, got 'a'"):
            tokenizer.decode(["a"])
        with pytest.raises(TypeError, match="expected integers, the ids of tokens, got None"):
            tokenizer.decode(None)
    else:
        assert tokenizer.decode([*known, -100]) == text


@pytest.mark.parametrize("cls", CLASSES)
def test_what_is_no_text(made, cls):
    tokenizer = made[cls]
    for wrong in (3, None, b"bytes", {"a": 1}, 1.5):
        with pytest.raises((TypeError, ValueError), match=r"\[tokenizer\] expected text"):
            tokenizer(wrong)
        with pytest.raises(TypeError, match=r"\[tokenizer\] expected text.* at position 1"):
            tokenizer(["fine", wrong])
        with pytest.raises(TypeError, match=r"\[tokenizer\] expected "):
            (made[BertTokenizerFast] if tokenizer.is_fast else tokenizer)([["fine", wrong]], is_split_into_words=True)
    with pytest.raises(TypeError, match="expected text or an AddedToken"):
        tokenizer.add_tokens([3])
    with pytest.raises(ValueError, match="expected bos_token, eos_token"):
        tokenizer.add_special_tokens({"no_token": "x"})
    assert tokenizer("fine")["input_ids"]


def test_a_batch_keeps_its_offsets(made):
    """Offsets are found when they are asked for; a tokenizer that has changed since is noticed."""
    import copy
    import pickle

    tokenizer = copy.deepcopy(made[BertTokenizerFast])
    texts = ["one newword", "two words and more"]
    batch = tokenizer(texts, padding=True, truncation=True, max_length=5)
    tokenizer("other", padding="max_length", max_length=9)
    eager = tokenizer(texts, padding=True, truncation=True, max_length=5, return_offsets_mapping=True)
    assert [batch.tokens(i) for i in range(2)] == [eager.tokens(i) for i in range(2)]
    assert batch.token_to_chars(1, 2) == eager.token_to_chars(1, 2) == (4, 9) and batch.token_to_chars(1, 2).end == 9
    assert batch.char_to_token(1, 5) == 2 and batch.n_sequences == 1 and batch.is_fast
    again = pickle.loads(pickle.dumps(tokenizer(texts)))
    assert again.tokens(1) == tokenizer(texts).tokens(1) and again.copy().tokens(0) == again.tokens(0)
    stale = tokenizer(texts)
    tokenizer.add_tokens(["newword"])
    with pytest.raises(ValueError, match="expected the tokenizer as it was when it made this batch"):
        stale.tokens(0)


@pytest.mark.parametrize("name, content, message", [
    ("vocab.json", "[1]", "expected a JSON object"),
    ("vocab.json", '{"a": "b"}', "expected the id of 'a' to be an integer, got 'b'"),
    ("merges.txt", "#version: 0.2\na b c\n", "expected two pieces in line 2, got 'a b c'"),
    ("merges.txt", "#version: 0.2\nzz qq\n", "expected merges of tokens in vocab.json"),
    ("merges.txt", b"\xff\xfe\x00", "expected UTF-8 text"),
    ("merges.txt", None, "expected the path of a file of merges, got none"),
    ("vocab.json", None, "expected the path of a vocabulary file, got none"),
])  # fmt: skip
def test_bad_files_of_gpt2(tmp_path, name, content, message):
    (tmp_path / "vocab.json").write_text('{"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3}')
    (tmp_path / "merges.txt").write_text("#version: 0.2\na b\n")
    assert GPT2TokenizerFast.from_pretrained(tmp_path)("abb")["input_ids"] == [2, 1]
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    for cls in (GPT2TokenizerFast, GPT2Tokenizer):
        if "zz" in str(content) and cls is GPT2Tokenizer:
            continue  # merges that make no token never apply
        with pytest.raises(OSError, match=message):
            cls.from_pretrained(tmp_path)
    with pytest.raises(OSError, match="expected"):
        AutoTokenizer.from_pretrained(tmp_path, tokenizer_type="gpt2")
