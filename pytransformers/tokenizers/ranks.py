"""Byte-level BPE from files of ranks: tiktoken's (Llama 3's tokenizer.model) and Mistral's tekken.json.

Both list the tokens as bytes in the order in which they were merged, and no merges: two neighbours merge if their bytes
together are a token, the lowest rank first.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass, field
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers, processors
from tokenizers.models import BPE

from ..utils.files import read_json_object
from .bpe import bytes_to_unicode

TEKKEN = "tekken.json"
FILES = (TEKKEN, "tokenizer.model")
# How Llama 3 cuts text into words; a file of tiktoken's does not say.
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
NAMED = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}  # of tekken files
LINE = re.compile(rb"([A-Za-z0-9+/]+=*) (\d+)")
# The special tokens of tekken files that list none, by id.
TEKKEN_SPECIAL = (
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]",
    "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
)  # fmt: skip


@dataclass
class Ranks:
    """What a file of ranks says.

    Attributes:
        tokens: by rank; the id is the rank behind the special tokens that come first.
        pattern: the regular expression of words.
        special: those that come first, by id.
    """

    tokens: list[bytes]
    pattern: str = LLAMA_3
    special: list[AddedToken] = field(default_factory=list)


def is_ranks(path: str | os.PathLike[str]) -> bool:
    """Whether this is a file of ranks, by its name or its first line."""
    name = os.path.basename(path)
    if name.startswith("tekken") and name.endswith(".json"):
        return True
    try:
        with open(path, "rb") as file:
            return LINE.fullmatch(file.readline(4096).rstrip(b"\r\n")) is not None
    except OSError:
        return False


def read_ranks(path: str | os.PathLike[str]) -> Ranks:
    """Read tekken.json, or a file of tiktoken's: base64 of a token's bytes and its rank, one token a line.

    OSError names the file and what is wrong with it.
    """
    return _read_tekken(path) if os.fspath(path).endswith(".json") else _read_tiktoken(path)


def _read_tiktoken(path: str | os.PathLike[str]) -> Ranks:
    ranks: dict[int, bytes] = {}
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            match = LINE.fullmatch(line.rstrip(b"\r\n"))
            if match is None:
                raise _error(path, "a token in base64 and its rank", f"{line[:40]!r} at line {number}")
            ranks[int(match[2])] = _bytes(path, match[1], f"at line {number}")
    return Ranks(_checked(path, ranks))


def _read_tekken(path: str | os.PathLike[str]) -> Ranks:
    content = read_json_object(path)
    config, vocab = content.get("config"), content.get("vocab")
    if not isinstance(config, dict) or not isinstance(vocab, list) or not isinstance(config.get("pattern"), str):
        raise _error(path, 'a "vocab" list and a "config" with a "pattern"', f"the keys {', '.join(content)}")
    listed = content.get("special_tokens")
    if listed is None:
        listed = [{"rank": rank, "token_str": text} for rank, text in enumerate(TEKKEN_SPECIAL)]
    count = config.get("default_num_special_tokens", len(listed))
    size = config.get("default_vocab_size", len(vocab) + count)
    if not isinstance(count, int) or not isinstance(size, int) or not 0 <= count < size:
        raise _error(path, "numbers of tokens", f"default_vocab_size {size!r}, default_num_special_tokens {count!r}")
    try:
        special = {token["rank"]: (token["token_str"], token.get("is_control", True)) for token in listed}
        ranks = {
            token["rank"]: _bytes(path, token["token_bytes"], f"at rank {token['rank']}")
            for token in vocab
            if token["rank"] < size - count
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise _error(path, 'tokens with "rank" and "token_bytes" or "token_str"', f"{error!r}") from error
    named = (special.get(rank, (f"<SPECIAL_{rank}>", True)) for rank in range(count))
    tokens = [AddedToken(text, special=control, normalized=False) for text, control in named]
    return Ranks(_checked(path, ranks), config["pattern"], tokens)


def _bytes(path: Any, text: Any, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise _error(path, "base64", f"{text!r:.40} {where}") from error


def _checked(path: Any, ranks: dict[int, bytes]) -> list[bytes]:
    tokens = [ranks[rank] for rank in sorted(ranks)]
    if not tokens or min(ranks) != 0 or max(ranks) != len(tokens) - 1:
        raise _error(path, "ranks from 0 on without a gap", f"{len(tokens)} of them")
    known = set(tokens)
    if len(known) != len(tokens):
        raise _error(path, "every token once", f"{len(tokens) - len(known)} twice")
    missing = next((byte for byte in range(256) if bytes([byte]) not in known), None)
    if missing is not None:
        raise _error(path, "a token for each of the 256 bytes", f"none for {missing:#04x}")
    return tokens


def _error(path: Any, expected: str, got: str) -> OSError:
    return OSError(f"[{os.fspath(path)}] expected {expected}, got {got}; download or save the file again")


def build(settings: dict[str, Any]) -> Tokenizer:
    """The Rust tokenizer of the file `vocab_file`; special tokens that it lists become settings."""
    ranks = read_ranks(settings["vocab_file"])
    listed = {token.content for token in ranks.special}
    settings.update({name: token for name, token in NAMED.items() if token in listed and settings.get(name) is None})
    more = (str(token) for token in settings.get("additional_special_tokens") or ())
    return tokenizer_of(ranks, [AddedToken(text, normalized=False, special=True) for text in more])


def tokenizer_of(ranks: Ranks, special: list[AddedToken] | None = None) -> Tokenizer:
    """The Rust tokenizer: words by the pattern, byte-level BPE in each, special tokens first or, if given, last."""
    first = len(ranks.special)
    visible = bytes_to_unicode()
    texts = [token.decode("latin-1").translate(visible) for token in ranks.tokens]
    vocab = {text: first + rank for rank, text in enumerate(texts)}
    merges = []
    for text in texts:  # by rank, so the merges come in order
        cuts = ((text[:cut], text[cut:]) for cut in range(1, len(text)))
        found = [(vocab[left], vocab[right], left, right) for left, right in cuts if left in vocab and right in vocab]
        merges += [(left, right) for _, _, left, right in sorted(found)]
    vocab.update((token.content, index) for index, token in enumerate(ranks.special))
    tokenizer = Tokenizer(BPE(vocab, merges, fuse_unk=False, ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(ranks.pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_tokens([*ranks.special, *(special or ())])
    return tokenizer
