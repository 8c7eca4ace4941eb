"""ALBERT's tokenizers: a unigram sentencepiece model behind BERT's special tokens."""

from __future__ import annotations

import os
import unicodedata
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, normalizers, processors

from .files import TOKENIZER
from .sentencepiece import SPACE, Model
from .spiece import (
    SentencePieceTokenizer,
    SentencePieceTokenizerFast,
    id_of,
    metaspace,
    no_sampling,
    rust_tokenizer,
)

MODEL = "spiece.model"
COMMA_PENALTY = 100.0  # for pieces such as "9,", which are to be cut in two


class AlbertTokenizer(SentencePieceTokenizer):
    """ALBERT's tokenizer in Python: [CLS] text [SEP], or [CLS] a [SEP] b [SEP].

    Args:
        vocab_file: a spiece.model.
        do_lower_case: whether to lower the case of text.
        remove_space: whether to drop spaces at the ends and more than one in between.
        keep_accents: whether to keep them.
    """

    vocab_files_names = {"vocab_file": MODEL}

    def __init__(
        self,
        vocab_file: str | os.PathLike[str],
        do_lower_case: bool = True,
        remove_space: bool = True,
        keep_accents: bool = False,
        bos_token: str | AddedToken = "[CLS]",
        eos_token: str | AddedToken = "[SEP]",
        unk_token: str | AddedToken = "<unk>",
        sep_token: str | AddedToken = "[SEP]",
        pad_token: str | AddedToken = "<pad>",
        cls_token: str | AddedToken = "[CLS]",
        mask_token: str | AddedToken = "[MASK]",
        sp_model_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.sp_model_kwargs = no_sampling(sp_model_kwargs)
        self.do_lower_case, self.remove_space, self.keep_accents = do_lower_case, remove_space, keep_accents
        self.load_model(vocab_file)
        super().__init__(
            do_lower_case=do_lower_case,
            remove_space=remove_space,
            keep_accents=keep_accents,
            bos_token=bos_token,
            eos_token=eos_token,
            unk_token=unk_token,
            sep_token=sep_token,
            pad_token=pad_token,
            cls_token=cls_token,
            mask_token=as_mask(mask_token),
            sp_model_kwargs=self.sp_model_kwargs,
            **kwargs,
        )

    def preprocess_text(self, inputs: str) -> str:
        """Text as the model was trained on it."""
        if self.remove_space:
            inputs = " ".join(inputs.split())
        inputs = inputs.replace("``", '"').replace("''", '"')
        if not self.keep_accents:
            inputs = "".join(c for c in unicodedata.normalize("NFKD", inputs) if not unicodedata.combining(c))
        return inputs.lower() if self.do_lower_case else inputs

    def _tokenize(self, text: str, **kwargs: Any) -> list[str]:
        tokens: list[str] = []
        for piece in self.sp_model.encode(self.preprocess_text(text)):
            if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
                tokens += [*self._number(piece[:-1]), ","]
            else:
                tokens.append(piece)
        return tokens

    def _number(self, piece: str) -> list[str]:
        """The pieces of a number, anew; the first begins a word only if the number does."""
        pieces = self.sp_model.encode(piece.replace(SPACE, ""))
        if not piece.startswith(SPACE) and pieces and pieces[0].startswith(SPACE):
            pieces = pieces[1:] if pieces[0] == SPACE else [pieces[0][1:], *pieces[1:]]
        return pieces

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """[CLS] text [SEP], or [CLS] a [SEP] b [SEP]."""
        return around(token_ids_0, token_ids_1, self.cls_token_id, self.sep_token_id)

    def get_special_tokens_mask(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None, already_has_special_tokens: bool = False
    ) -> list[int]:
        """1 for special tokens, 0 for others."""
        if already_has_special_tokens:
            return super().get_special_tokens_mask(token_ids_0, token_ids_1, True)
        return around([0] * len(token_ids_0), None if token_ids_1 is None else [0] * len(token_ids_1), 1, 1)


class AlbertTokenizerFast(SentencePieceTokenizerFast):
    """ALBERT's tokenizer in Rust, from tokenizer.json or from spiece.model; arguments as in `AlbertTokenizer`."""

    vocab_files_names = {"vocab_file": MODEL, "tokenizer_file": TOKENIZER}
    slow_tokenizer_class = AlbertTokenizer

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        do_lower_case: bool = True,
        remove_space: bool = True,
        keep_accents: bool = False,
        bos_token: str | AddedToken = "[CLS]",
        eos_token: str | AddedToken = "[SEP]",
        unk_token: str | AddedToken = "<unk>",
        sep_token: str | AddedToken = "[SEP]",
        pad_token: str | AddedToken = "<pad>",
        cls_token: str | AddedToken = "[CLS]",
        mask_token: str | AddedToken = "[MASK]",
        **kwargs: Any,
    ) -> None:
        self.do_lower_case, self.remove_space, self.keep_accents = do_lower_case, remove_space, keep_accents
        super().__init__(
            vocab_file,
            tokenizer_file,
            do_lower_case=do_lower_case,
            remove_space=remove_space,
            keep_accents=keep_accents,
            bos_token=bos_token,
            eos_token=eos_token,
            unk_token=unk_token,
            sep_token=sep_token,
            pad_token=pad_token,
            cls_token=cls_token,
            mask_token=as_mask(mask_token),
            **kwargs,
        )

    def assemble(self, model: Model, settings: dict[str, Any]) -> Tokenizer:
        pieces = [
            (piece, score - COMMA_PENALTY if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit() else score)
            for piece, score in zip(model.pieces, model.scores, strict=True)
        ]
        tokenizer = rust_tokenizer(model, pieces)
        charsmap = model.normalizer.charsmap
        tokenizer.normalizer = normalizers.Sequence(
            [
                normalizers.Replace("``", '"'),
                normalizers.Replace("''", '"'),
                *([] if self.keep_accents else [normalizers.NFKD(), normalizers.StripAccents()]),
                *([normalizers.Lowercase()] if self.do_lower_case else []),
                *([normalizers.Precompiled(charsmap)] if charsmap else []),
                normalizers.Replace(Regex(" {2,}"), " "),
            ]
        )
        metaspace(tokenizer, "always")
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS]:0 $A:0 [SEP]:0",
            pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
            special_tokens=[(token, id_of(token, pieces, settings)) for token in ("[CLS]", "[SEP]")],
        )
        return tokenizer

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """[CLS] text [SEP], or [CLS] a [SEP] b [SEP]."""
        return around(token_ids_0, token_ids_1, self.cls_token_id, self.sep_token_id)


def around(first: list[int], second: list[int] | None, cls: int, sep: int) -> list[int]:
    """One text, or a pair, between special tokens."""
    return [cls, *first, sep] if second is None else [cls, *first, sep, *second, sep]


def as_mask(token: str | AddedToken) -> str | AddedToken:
    """[MASK] stands for a word together with the space before it."""
    return AddedToken(token, lstrip=True, rstrip=False, normalized=False) if isinstance(token, str) else token
