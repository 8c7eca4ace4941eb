"""T5's tokenizers: a unigram sentencepiece model, and sentinel tokens behind it."""

from __future__ import annotations

import os
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, normalizers, processors

from .files import TOKENIZER
from .sentencepiece import SPACE, Model
from .spiece import (
    PrefixSpace,
    SentencePieceTokenizerFast,
    as_special,
    id_of,
    metaspace,
    no_sampling,
    prefix_scheme,
    rust_tokenizer,
)

MODEL = "spiece.model"


class Sentinels:
    """The tokens <extra_id_0>, <extra_id_1>, ... for masked spans (Raffel et al., 2020, arXiv:1910.10683)."""

    def get_sentinel_tokens(self) -> list[str]:
        """The additional special tokens, in no order."""
        return list(set(self.additional_special_tokens))

    def get_sentinel_token_ids(self) -> list[int]:
        """Their ids."""
        return self.convert_tokens_to_ids(self.get_sentinel_tokens())

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Zeros: T5 knows no segments."""
        return [0] * (len(token_ids_0) + 1 + (0 if token_ids_1 is None else len(token_ids_1) + 1))

    @staticmethod
    def with_sentinels(extra_ids: int, additional_special_tokens: list[Any] | None) -> list[Any]:
        """The additional special tokens, sentinels among them. ValueError if their number is not `extra_ids`."""
        tokens = list(additional_special_tokens or ())
        given = sum("<extra_id_" in str(token) for token in tokens)
        if not given:
            return [*tokens, *(f"<extra_id_{index}>" for index in range(extra_ids))]
        if extra_ids > 0 and extra_ids != given:
            raise ValueError(
                f"[T5Tokenizer] expected {extra_ids} sentinels among additional_special_tokens, as extra_ids says, "
                f"got {given}; leave them out there, or correct extra_ids"
            )
        return tokens


class T5Tokenizer(Sentinels, PrefixSpace):
    """T5's tokenizer in Python: text </s>, or a </s> b </s>.

    Args:
        vocab_file: a spiece.model.
        extra_ids: how many sentinel tokens there are.
        legacy: whether sentencepiece puts a space before every run of text between added tokens, which is the default;
            False puts one before the text only.
        add_prefix_space: without `legacy`, whether there is one before the text.
    """

    vocab_files_names = {"vocab_file": MODEL}
    model_input_names = ["input_ids", "attention_mask"]

    def __init__(
        self,
        vocab_file: str | os.PathLike[str],
        eos_token: str | AddedToken = "</s>",
        unk_token: str | AddedToken = "<unk>",
        pad_token: str | AddedToken = "<pad>",
        extra_ids: int = 100,
        additional_special_tokens: list[str | AddedToken] | None = None,
        sp_model_kwargs: dict[str, Any] | None = None,
        legacy: bool | None = None,
        add_prefix_space: bool = True,
        **kwargs: Any,
    ) -> None:
        self.load(vocab_file, legacy, kwargs.pop("from_slow", False))
        self._extra_ids, self.add_prefix_space = extra_ids, add_prefix_space
        self.sp_model_kwargs = no_sampling(sp_model_kwargs)
        tokens = self.with_sentinels(extra_ids, additional_special_tokens)
        count = sum("<extra_id_" in str(token) for token in tokens)
        last = self.vocab_size + extra_ids - 1
        self._added_tokens_decoder = {
            last - index: AddedToken(f"<extra_id_{index}>", lstrip=True, rstrip=True, special=True, normalized=False)
            for index in range(count)
        }
        super().__init__(
            eos_token=as_special(eos_token),
            unk_token=as_special(unk_token),
            pad_token=as_special(pad_token),
            extra_ids=extra_ids,
            additional_special_tokens=tokens,
            sp_model_kwargs=self.sp_model_kwargs,
            legacy=self.legacy,
            add_prefix_space=add_prefix_space,
            **kwargs,
        )

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Each text with </s> behind it, unless it ends so."""
        texts = [token_ids_0] if token_ids_1 is None else [token_ids_0, token_ids_1]
        eos = self.eos_token_id
        return [index for ids in texts for index in (ids if ids and ids[-1] == eos else [*ids, eos])]

    def get_special_tokens_mask(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None, already_has_special_tokens: bool = False
    ) -> list[int]:
        """1 for special tokens, 0 for others."""
        if already_has_special_tokens:
            return super().get_special_tokens_mask(token_ids_0, token_ids_1, True)
        mask = [0] * len(token_ids_0) + [1]
        return mask if token_ids_1 is None else mask + [0] * len(token_ids_1) + [1]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text of tokens."""
        if self.add_prefix_space and tokens and tokens[0].startswith(SPACE):
            tokens = [tokens[0][1:], *tokens[1:]]
        return super().convert_tokens_to_string(tokens)


class T5TokenizerFast(Sentinels, SentencePieceTokenizerFast):
    """T5's tokenizer in Rust, from tokenizer.json or from spiece.model; arguments as in `T5Tokenizer`."""

    vocab_files_names = {"vocab_file": MODEL, "tokenizer_file": TOKENIZER}
    model_input_names = ["input_ids", "attention_mask"]
    slow_tokenizer_class = T5Tokenizer
    prefix_tokens: list[int] = []

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        eos_token: str | AddedToken = "</s>",
        unk_token: str | AddedToken = "<unk>",
        pad_token: str | AddedToken = "<pad>",
        extra_ids: int = 100,
        additional_special_tokens: list[str | AddedToken] | None = None,
        add_prefix_space: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            vocab_file,
            tokenizer_file,
            eos_token=eos_token,
            unk_token=unk_token,
            pad_token=pad_token,
            extra_ids=extra_ids,
            additional_special_tokens=self.with_sentinels(extra_ids, additional_special_tokens),
            add_prefix_space=add_prefix_space,
            **kwargs,
        )
        self._extra_ids = extra_ids

    def assemble(self, model: Model, settings: dict[str, Any]) -> Tokenizer:
        sentinels = [(f"<extra_id_{index}>", 0.0) for index in reversed(range(settings["extra_ids"]))]
        pieces = [*zip(model.pieces, model.scores, strict=True), *sentinels]
        tokenizer = rust_tokenizer(model, pieces)
        charsmap = model.normalizer.charsmap
        tokenizer.normalizer = normalizers.Sequence(
            [
                *([normalizers.Precompiled(charsmap)] if charsmap else []),
                normalizers.Strip(left=False, right=True),
                normalizers.Replace(Regex(" {2,}"), SPACE),
            ]
        )
        metaspace(tokenizer, prefix_scheme(settings))
        tokenizer.post_processor = processors.TemplateProcessing(
            single=["$A", "</s>"],
            pair=["$A", "</s>", "$B", "</s>"],
            special_tokens=[("</s>", id_of("</s>", pieces, settings))],
        )
        return tokenizer

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Each text with </s> behind it."""
        second = [] if token_ids_1 is None else [*token_ids_1, self.eos_token_id]
        return [*self.prefix_tokens, *token_ids_0, self.eos_token_id, *second]
