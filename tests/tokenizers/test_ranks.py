"""Files of ranks, tiktoken's and tekken.json, against `tiktoken` and `transformers` 4.57.6."""

import base64
import json

import pytest
import tiktoken
from hypothesis import HealthCheck, given, settings
from tokenizers import AddedToken

import pytransformers
from pytransformers import AutoTokenizer, LlamaTokenizerFast, PreTrainedTokenizerFast
from pytransformers.tokenizers import ranks

from .corpus import CORPUS, texts
from .sentencepiece_models import TEKKEN

SMALL = 3000


@pytest.fixture(scope="module")
def tekken():
    return ranks.read_ranks(TEKKEN)


@pytest.fixture(scope="module")
def small():
    """The content of a tekken.json with fewer tokens."""
    content = json.loads(TEKKEN.read_text())
    content["vocab"] = content["vocab"][:SMALL]
    content["config"].update(default_vocab_size=SMALL + 30, default_num_special_tokens=30)
    return content


@pytest.fixture
def llama3(small, tmp_path):
    """A folder with a tokenizer.model as Llama 3's: tiktoken's format."""
    lines = (f"{token['token_bytes']} {token['rank']}\n" for token in small["vocab"])
    (tmp_path / "tokenizer.model").write_text("".join(lines))
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    return tmp_path


def test_tekken_encodes_as_tiktoken(tekken):
    """Every token of 130,000; mistral-common runs tiktoken behind its special tokens."""
    assert len(tekken.tokens) == 131_072 - 1000 and len(tekken.special) == 1000
    tokenizer = ranks.tokenizer_of(tekken)
    tokenizer.encode_special_tokens = True  # mistral-common finds none in text
    theirs = tiktoken.Encoding(
        "tekken", pat_str=tekken.pattern, special_tokens={},
        mergeable_ranks={token: rank for rank, token in enumerate(tekken.tokens)},
    )  # fmt: skip

    @settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(texts("<s>", "aaaa", "    ", "\n\n", "0123456789"))
    def run(text):
        ids = tokenizer.encode(text).ids
        assert ids == [1000 + rank for rank in theirs.encode(text, disallowed_special=())]
        assert tokenizer.decode(ids) == text

    for text in CORPUS:
        run.hypothesis.inner_test(text)
    run()


@pytest.mark.parametrize("options", [{}, {"additional_special_tokens": ["<|a|>", "<|b|>"]}, {"bos_token": "<|a|>"}])
def test_llama_3s_file_as_transformers(llama3, options):
    import transformers

    transformers.logging.set_verbosity_error()
    for name in ("AutoTokenizer", "LlamaTokenizerFast", "PreTrainedTokenizerFast"):
        theirs = getattr(transformers, name).from_pretrained(llama3, **options)
        ours = getattr(pytransformers, name).from_pretrained(llama3, **options)
        assert type(ours).__name__ == type(theirs).__name__ and ours.get_vocab() == theirs.get_vocab()
        for text in [*CORPUS, "<|a|> special <s> ones<|b|>"]:
            encoded = theirs(text, return_offsets_mapping=True)
            assert dict(ours(text, return_offsets_mapping=True)) == dict(encoded)
            assert ours.decode(encoded["input_ids"]) == theirs.decode(encoded["input_ids"])


def test_a_folder_with_tekken(small, tmp_path):
    (tmp_path / "tekken.json").write_text(json.dumps(small))
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert (len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (3030, 1, 2, 11)
    ids = tokenizer("<s>[INST] Grüße 😀[/INST]<SPECIAL_29>")["input_ids"]
    assert ids[:2] == [1, 3] and ids[-2:] == [4, 29] and min(ids[2:-2]) >= 30
    assert tokenizer.decode(ids, skip_special_tokens=True) == " Grüße 😀"
    tokenizer.save_pretrained(tmp_path / "saved")
    saved = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert saved("some text")["input_ids"] == tokenizer("some text")["input_ids"]
    llama = LlamaTokenizerFast.from_pretrained(tmp_path)
    assert llama("x")["input_ids"] == [1, *tokenizer("x")["input_ids"]]


def test_special_tokens_that_tekken_lists(small, tmp_path):
    named = enumerate({"<unk>": True, "<x>": False}.items())
    listed = [{"rank": rank, "token_str": text, "is_control": control} for rank, (text, control) in named]
    content = {**small, "special_tokens": listed}
    content["config"] = {**small["config"], "default_num_special_tokens": 3, "default_vocab_size": SMALL + 3}
    path = tmp_path / "tekken.json"
    path.write_text(json.dumps(content))
    assert [repr(token) for token in ranks.read_ranks(path).special] == [
        repr(AddedToken(text, special=special, normalized=False))
        for text, special in (("<unk>", True), ("<x>", False), ("<SPECIAL_2>", True))
    ]


BYTES = [f"{base64.b64encode(bytes([byte])).decode()} {byte}\n" for byte in range(256)]
WRONG = {
    "a line that is none": ("".join([*BYTES, "!?\n"]), "at line 257"),
    "no base64": ("".join([*BYTES, "AAAAA 256\n"]), "got b.AAAAA. at line 257"),
    "a gap": ("".join([*BYTES, "YWI= 300\n"]), "without a gap"),
    "a token twice": ("".join([*BYTES, "YQ== 256\n"]), "every token once"),
    "a byte missing": ("".join(BYTES[:255]), "none for 0xff"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_files_of_tiktokens(tmp_path, case):
    content, says = WRONG[case]
    path = tmp_path / "tokenizer.model"
    path.write_text(content)
    with pytest.raises(OSError, match=r"tokenizer.model] expected .*" + says):
        PreTrainedTokenizerFast.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"config": None}, {"config": {}}, {"vocab": {}}, {"vocab": [{}]}, {"vocab": [{"rank": 0, "token_bytes": "?"}]},
        {"vocab": [1]}, {"special_tokens": [{}]}, {"vocab": []},
        {"config": {"pattern": ".", "default_vocab_size": 5, "default_num_special_tokens": 9}},
    ],
)  # fmt: skip
def test_wrong_tekken_files(small, tmp_path, change):
    (tmp_path / "tekken.json").write_text(json.dumps({**small, **change}))
    with pytest.raises(OSError, match=r"tekken.json] expected"):
        PreTrainedTokenizerFast.from_pretrained(tmp_path)
