"""BERT's WordPiece tokenizers, plain and fast, from tokenizer.json or from vocab.txt."""

from __future__ import annotations

import json
import os
from typing import Any

from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

from .fast import PreTrainedTokenizerFast
from .files import TOKENIZER, VOCAB, load_vocab
from .plain import PreTrainedTokenizer
from .storage import write_files
from .wordpiece import BasicTokenizer, WordpieceTokenizer, whitespace_tokenize

# With what packages for `transformers` import from its file of this name.
__all__ = [
    "BasicTokenizer", "BertTokenizer", "BertTokenizerFast", "VOCAB_FILES_NAMES", "WordpieceTokenizer", "load_vocab",
    "whitespace_tokenize",
]  # fmt: skip

VOCAB_FILES_NAMES = {"vocab_file": VOCAB}

# Setting -> the Rust normaliser's name for it.
NORMALIZER = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}


class BertTokenizer(PreTrainedTokenizer):
    """WordPiece (Wu et al., 2016, arXiv:1609.08144) as BERT uses it: [CLS] text [SEP], or [CLS] a [SEP] b [SEP].

    Args:
        vocab_file: a vocab.txt, one token a line.
        do_lower_case: whether to lower the case of text.
        do_basic_tokenize: whether to split at punctuation before cutting words into pieces.
        never_split: words that stay whole.
        tokenize_chinese_chars: whether to set every Chinese character apart.
        strip_accents: whether to remove accents; None does so when lowering the case.
    Further arguments as in `PreTrainedTokenizerBase`.
    """

    vocab_files_names = VOCAB_FILES_NAMES

    def __init__(
        self,
        vocab_file: str | os.PathLike[str],
        do_lower_case: bool = True,
        do_basic_tokenize: bool = True,
        never_split: Any = None,
        unk_token: Any = "[UNK]",
        sep_token: Any = "[SEP]",
        pad_token: Any = "[PAD]",
        cls_token: Any = "[CLS]",
        mask_token: Any = "[MASK]",
        tokenize_chinese_chars: bool = True,
        strip_accents: bool | None = None,
        clean_up_tokenization_spaces: bool = True,
        **kwargs: Any,
    ) -> None:
        self.vocab = load_vocab(vocab_file)
        self.ids_to_tokens = {index: token for token, index in self.vocab.items()}
        self.do_basic_tokenize = do_basic_tokenize
        if do_basic_tokenize:
            self.basic_tokenizer = BasicTokenizer(do_lower_case, never_split, tokenize_chinese_chars, strip_accents)
        self.wordpiece_tokenizer = WordpieceTokenizer(self.vocab, str(unk_token))
        super().__init__(
            do_lower_case=do_lower_case,
            do_basic_tokenize=do_basic_tokenize,
            never_split=never_split,
            unk_token=unk_token,
            sep_token=sep_token,
            pad_token=pad_token,
            cls_token=cls_token,
            mask_token=mask_token,
            tokenize_chinese_chars=tokenize_chinese_chars,
            strip_accents=strip_accents,
            clean_up_tokenization_spaces=clean_up_tokenization_spaces,
            **kwargs,
        )

    @property
    def do_lower_case(self) -> bool:
        return self.basic_tokenizer.do_lower_case

    @property
    def vocab_size(self) -> int:
        """Number of tokens without the added ones."""
        return len(self.vocab)

    def get_vocab(self) -> dict[str, int]:
        """{token: id}, added tokens included."""
        return {**self.vocab, **self.added_tokens_encoder}

    def _tokenize(self, text: str, split_special_tokens: bool = False) -> list[str]:
        if not self.do_basic_tokenize:
            return self.wordpiece_tokenizer.tokenize(text)
        tokens: list[str] = []
        for word in self.basic_tokenizer.tokenize(text, None if split_special_tokens else self.all_special_tokens):
            whole = word in self.basic_tokenizer.never_split
            tokens += [word] if whole else self.wordpiece_tokenizer.tokenize(word)
        return tokens

    def _convert_token_to_id(self, token: str) -> int | None:
        return self.vocab.get(token, self.vocab.get(self.unk_token))

    def _convert_id_to_token(self, index: int) -> str:
        return self.ids_to_tokens.get(index, self.unk_token)

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The words that pieces make, joined by spaces."""
        return " ".join(tokens).replace(" ##", "").strip()

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """[CLS] a [SEP], or [CLS] a [SEP] b [SEP]."""
        first = [self.cls_token_id, *token_ids_0, self.sep_token_id]
        return first if token_ids_1 is None else [*first, *token_ids_1, self.sep_token_id]

    def get_special_tokens_mask(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None, already_has_special_tokens: bool = False
    ) -> list[int]:
        """1 for special tokens, 0 for others."""
        if already_has_special_tokens:
            return super().get_special_tokens_mask(token_ids_0, token_ids_1, True)
        first = [1, *[0] * len(token_ids_0), 1]
        return first if token_ids_1 is None else [*first, *[0] * len(token_ids_1), 1]

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Write vocab.txt; returns its path."""
        return write_files(save_directory, {VOCAB: vocab_text(self.vocab)}, filename_prefix)


class BertTokenizerFast(PreTrainedTokenizerFast):
    """`BertTokenizer` in Rust.

    Args:
        vocab_file: a vocab.txt, one token a line, where there is no tokenizer.json.
        do_lower_case: whether to lower the case of text.
        strip_accents: whether to remove accents; None does so when lowering the case.
        tokenize_chinese_chars: whether to set every Chinese character apart.
    Further arguments as in `PreTrainedTokenizerFast`.
    """

    vocab_files_names = {**VOCAB_FILES_NAMES, "tokenizer_file": TOKENIZER}
    slow_tokenizer_class = BertTokenizer
    defaults = {
        "do_lower_case": True,
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
        "tokenize_chinese_chars": True,
        "strip_accents": None,
    }

    def build(self, settings: dict[str, Any]) -> Tokenizer:
        path = settings.get("vocab_file")
        if path is None:
            return super().build(settings)
        settings.setdefault("clean_up_tokenization_spaces", True)  # as the plain one does; tokenizer.json says itself
        vocab = load_vocab(path)
        names = {name: str(settings[name]) for name in ("unk_token", "cls_token", "sep_token")}
        for name, token in names.items():
            if token not in vocab:
                raise OSError(
                    f"[{os.fspath(path)}] expected the {name} {token!r} among the {len(vocab)} tokens, found none; "
                    f"give the right file, or {name}="
                )
        unk, cls, sep = names.values()
        tokenizer = Tokenizer(WordPiece(vocab, unk_token=unk, max_input_chars_per_word=100))
        tokenizer.normalizer = normalizers.BertNormalizer(
            clean_text=True, **{rust: settings[name] for name, rust in NORMALIZER.items()}
        )
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece(prefix="##")
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{cls}:0 $A:0 {sep}:0",
            pair=f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
            special_tokens=[(cls, vocab[cls]), (sep, vocab[sep])],
        )
        return tokenizer

    def adapt(self, settings: dict[str, Any]) -> None:
        self.do_lower_case = settings["do_lower_case"]
        if self._tokenizer.normalizer is None:
            return
        state = json.loads(self._tokenizer.normalizer.__getstate__())
        if state.pop("type") == "BertNormalizer":
            asked = {rust: settings[name] for name, rust in NORMALIZER.items()}
            if asked != {rust: state[rust] for rust in asked}:
                self._tokenizer.normalizer = normalizers.BertNormalizer(**{**state, **asked})

    def vocabulary_texts(self) -> dict[str, str]:
        return {VOCAB: vocab_text(self._tokenizer.get_vocab(with_added_tokens=False))}

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """[CLS] a [SEP], or [CLS] a [SEP] b [SEP]."""
        return BertTokenizer.build_inputs_with_special_tokens(self, token_ids_0, token_ids_1)


def vocab_text(vocab: dict[str, int]) -> str:
    """vocab.txt: one token a line, by id."""
    return "".join(f"{token}\n" for token, _ in sorted(vocab.items(), key=lambda item: item[1]))
