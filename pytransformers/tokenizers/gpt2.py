"""GPT-2's byte-level BPE tokenizers, plain and fast, from tokenizer.json or from vocab.json and merges.txt."""

from __future__ import annotations

import json
import os
from typing import Any

import regex
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, processors
from tokenizers.models import BPE

from .arguments import refuse_surrogates
from .bpe import bytes_to_unicode, get_pairs, merge, to_byte_text
from .encoding import BatchEncoding
from .fast import PreTrainedTokenizerFast
from .files import BPE_VOCAB, MERGES, TOKENIZER, read_bpe_vocab, read_merges
from .plain import PreTrainedTokenizer
from .storage import write_files

# With what packages for `transformers` import from its file of this name.
__all__ = ["GPT2Tokenizer", "GPT2TokenizerFast", "VOCAB_FILES_NAMES", "bytes_to_unicode", "get_pairs"]

VOCAB_FILES_NAMES = {"vocab_file": BPE_VOCAB, "merges_file": MERGES}
# Contractions, words, numbers and other signs, each with the space before it; then other spaces.
PATTERN = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
NAMES = ("unk_token", "bos_token", "eos_token", "pad_token")
CACHED = 2**16  # words whose pieces are remembered


class GPT2Tokenizer(PreTrainedTokenizer):
    """Byte pair encoding of UTF-8 bytes (Radford et al., 2019). A space belongs to the word behind it.

    Args:
        vocab_file: a vocab.json, {token: id}.
        merges_file: a merges.txt, two pieces a line.
        errors: what `decode` does with bytes that are no UTF-8, as in `bytes.decode`.
        add_prefix_space: whether to put a space before the text; also an argument of a call.
        add_bos_token: whether to put `bos_token` before texts.
    Further arguments as in `PreTrainedTokenizerBase`.
    """

    vocab_files_names = VOCAB_FILES_NAMES
    model_input_names = ["input_ids", "attention_mask"]

    def __init__(
        self,
        vocab_file: str | os.PathLike[str],
        merges_file: str | os.PathLike[str],
        errors: str = "replace",
        unk_token: Any = "<|endoftext|>",
        bos_token: Any = "<|endoftext|>",
        eos_token: Any = "<|endoftext|>",
        pad_token: Any = None,
        add_prefix_space: bool = False,
        add_bos_token: bool = False,
        **kwargs: Any,
    ) -> None:
        tokens = zip(NAMES, (unk_token, bos_token, eos_token, pad_token), strict=True)
        self.encoder = read_bpe_vocab(vocab_file)
        self.decoder = {index: token for token, index in self.encoder.items()}
        self.bpe_ranks = {pair: rank for rank, pair in enumerate(read_merges(merges_file))}
        self.byte_encoder = bytes_to_unicode()
        self.byte_decoder = {char: byte for byte, char in self.byte_encoder.items()}
        self.errors = errors
        self.add_prefix_space = add_prefix_space
        self.add_bos_token = add_bos_token
        self.pat = regex.compile(PATTERN)
        self.cache: dict[str, str] = {}
        super().__init__(
            errors=errors,
            add_prefix_space=add_prefix_space,
            add_bos_token=add_bos_token,
            **{name: AddedToken(token, normalized=True) if isinstance(token, str) else token for name, token in tokens},
            **kwargs,
        )

    @property
    def vocab_size(self) -> int:
        """Number of tokens without the added ones."""
        return len(self.encoder)

    def get_vocab(self) -> dict[str, int]:
        """{token: id}, added tokens included."""
        return {**self.encoder, **self.added_tokens_encoder}

    def bpe(self, token: str) -> str:
        """The pieces of a word of byte characters, with spaces between."""
        found = self.cache.get(token)
        if found is None:
            found = " ".join(merge(token, self.bpe_ranks))
            if len(self.cache) < CACHED:
                self.cache[token] = found
        return found

    def _tokenize(self, text: str) -> list[str]:
        refuse_surrogates(text)
        tokens: list[str] = []
        for word in self.pat.findall(text):
            tokens += self.bpe(to_byte_text(word)).split(" ")
        return tokens

    def _convert_token_to_id(self, token: str) -> int | None:
        return self.encoder.get(token, self.encoder.get(self.unk_token))

    def _convert_id_to_token(self, index: int) -> str | None:
        return self.decoder.get(index)

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text of the bytes that tokens stand for."""
        text = "".join(tokens)
        try:
            return bytes(map(self.byte_decoder.__getitem__, text)).decode("utf-8", errors=self.errors)
        except KeyError as error:
            raise ValueError(
                f"[convert_tokens_to_string] expected characters that stand for bytes, got {error.args[0]!r}"
            ) from None

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """The texts one after the other, `bos_token` before each where `add_bos_token` asks for it."""
        bos = [self.bos_token_id] if self.add_bos_token else []
        return bos + token_ids_0 + ([] if token_ids_1 is None else bos + token_ids_1)

    def get_special_tokens_mask(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None, already_has_special_tokens: bool = False
    ) -> list[int]:
        """1 for special tokens, 0 for others."""
        if already_has_special_tokens or not self.add_bos_token:
            return super().get_special_tokens_mask(token_ids_0, token_ids_1, already_has_special_tokens)
        return [bit for ids in (token_ids_0, token_ids_1) if ids is not None for bit in (1, *[0] * len(ids))]

    def prepare_for_tokenization(
        self, text: str, is_split_into_words: bool = False, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """A space before the text where asked, and before each of several words."""
        prefix = kwargs.pop("add_prefix_space", self.add_prefix_space) or is_split_into_words
        return (" " + text if prefix else text), kwargs

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Write vocab.json and merges.txt; returns their paths."""
        return write_files(save_directory, bpe_texts(self.encoder, list(self.bpe_ranks)), filename_prefix)


class GPT2TokenizerFast(PreTrainedTokenizerFast):
    """`GPT2Tokenizer` in Rust.

    Args:
        vocab_file, merges_file: a vocab.json and a merges.txt, where there is no tokenizer.json.
        add_prefix_space: whether to put a space before the text; lists of words need it.
        add_bos_token: whether to put `bos_token` before texts, if built from vocab.json; tokenizer.json says itself.
    Further arguments as in `PreTrainedTokenizerFast`.
    """

    vocab_files_names = {**VOCAB_FILES_NAMES, "tokenizer_file": TOKENIZER}
    model_input_names = ["input_ids", "attention_mask"]
    slow_tokenizer_class = GPT2Tokenizer
    defaults = {
        "unk_token": "<|endoftext|>",
        "bos_token": "<|endoftext|>",
        "eos_token": "<|endoftext|>",
        "add_prefix_space": False,
    }

    def build(self, settings: dict[str, Any]) -> Tokenizer:
        if settings.get("vocab_file") is None and settings.get("merges_file") is None:
            return super().build(settings)
        vocab, merges = read_bpe_vocab(settings.get("vocab_file")), read_merges(settings.get("merges_file"))
        try:
            model = BPE(vocab, merges, continuing_subword_prefix="", end_of_word_suffix="", fuse_unk=False)
        except Exception as error:  # the Rust library raises nothing more precise
            raise OSError(f"[{settings['merges_file']}] expected merges of tokens in vocab.json: {error}") from error
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=settings["add_prefix_space"])
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
        for name in NAMES:  # with the flags that the plain one gives them
            if isinstance(settings.get(name), str):
                settings[name] = AddedToken(settings[name], normalized=True)
        bos = str(settings["bos_token"])
        if settings.get("add_bos_token"):
            tokenizer.post_processor = processors.TemplateProcessing(
                single=f"{bos}:0 $A:0",
                pair=f"{bos}:0 $A:0 $B:1",
                special_tokens=[(bos, vocab.get(bos, len(vocab)))],
            )
        return tokenizer

    def adapt(self, settings: dict[str, Any]) -> None:
        self.add_bos_token = settings.get("add_bos_token", False)

    def _batch_encode_plus(self, *args: Any, is_split_into_words: bool = False, **kwargs: Any) -> BatchEncoding:
        if is_split_into_words and not self.add_prefix_space:
            raise ValueError(
                f"[tokenizer] expected add_prefix_space=True for a list of words, as words begin with their space; "
                f"make the {type(self).__name__} with it"
            )
        return super()._batch_encode_plus(*args, is_split_into_words=is_split_into_words, **kwargs)

    def vocabulary_texts(self) -> dict[str, str]:
        model = json.loads(self._tokenizer.to_str())["model"]
        pairs = [tuple(pair.split(" ")) if isinstance(pair, str) else tuple(pair) for pair in model["merges"]]
        return bpe_texts(model["vocab"], pairs)


def bpe_texts(vocab: dict[str, int], merges: list[tuple[str, str]]) -> dict[str, str]:
    """vocab.json, by id, and merges.txt."""
    ordered = dict(sorted(vocab.items(), key=lambda item: item[1]))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    return {BPE_VOCAB: json.dumps(ordered, ensure_ascii=False) + "\n", MERGES: "\n".join(lines) + "\n"}
