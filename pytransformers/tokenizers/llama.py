"""Llama's tokenizers: a BPE sentencepiece model that writes unknown characters as bytes."""

from __future__ import annotations

import os
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers, processors

from .files import TOKENIZER
from .sentencepiece import SPACE, Model
from .spiece import (
    PrefixSpace,
    SentencePieceTokenizerFast,
    adds_prefix_space,
    as_special,
    no_sampling,
    prefix_scheme,
    rust_tokenizer,
)

MODEL = "tokenizer.model"
UNSCORED = 3  # the first pieces, whose scores mean nothing


class Ends:
    """<s> before and </s> behind each text, as `add_bos_token` and `add_eos_token` say."""

    def _around(self, ids: list[Any], bos: Any, eos: Any) -> list[Any]:
        return [bos] * bool(self.add_bos_token) + ids + [eos] * bool(self.add_eos_token)

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """The ids of one text, or of a pair, with what goes around each."""
        texts = [token_ids_0] if token_ids_1 is None else [token_ids_0, token_ids_1]
        return [index for ids in texts for index in self._around(ids, self.bos_token_id, self.eos_token_id)]


class LlamaTokenizer(Ends, PrefixSpace):
    """Llama's tokenizer in Python.

    Args:
        vocab_file: a tokenizer.model.
        add_bos_token, add_eos_token: whether <s> and </s> go around texts.
        spaces_between_special_tokens: whether decoding sets added tokens apart by spaces.
        legacy: whether sentencepiece puts a space before every run of text between added tokens, which is the default;
            False puts one before the text only.
        add_prefix_space: without `legacy`, whether there is one before the text.
    """

    vocab_files_names = {"vocab_file": MODEL}
    model_input_names = ["input_ids", "attention_mask"]

    def __init__(
        self,
        vocab_file: str | os.PathLike[str],
        unk_token: str | AddedToken = "<unk>",
        bos_token: str | AddedToken | None = "<s>",
        eos_token: str | AddedToken | None = "</s>",
        pad_token: str | AddedToken | None = None,
        sp_model_kwargs: dict[str, Any] | None = None,
        add_bos_token: bool = True,
        add_eos_token: bool = False,
        clean_up_tokenization_spaces: bool = False,
        use_default_system_prompt: bool = False,
        spaces_between_special_tokens: bool = False,
        legacy: bool | None = None,
        add_prefix_space: bool = True,
        **kwargs: Any,
    ) -> None:
        self.load(vocab_file, legacy, kwargs.pop("from_slow", False))
        self.sp_model_kwargs = no_sampling(sp_model_kwargs)
        self.add_bos_token, self.add_eos_token = add_bos_token, add_eos_token
        self.use_default_system_prompt, self.add_prefix_space = use_default_system_prompt, add_prefix_space
        super().__init__(
            bos_token=as_special(bos_token),
            eos_token=as_special(eos_token),
            unk_token=as_special(unk_token),
            pad_token=as_special(pad_token),
            add_bos_token=add_bos_token,
            add_eos_token=add_eos_token,
            sp_model_kwargs=self.sp_model_kwargs,
            clean_up_tokenization_spaces=clean_up_tokenization_spaces,
            use_default_system_prompt=use_default_system_prompt,
            spaces_between_special_tokens=spaces_between_special_tokens,
            legacy=self.legacy,
            add_prefix_space=add_prefix_space,
            **kwargs,
        )

    def get_special_tokens_mask(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None, already_has_special_tokens: bool = False
    ) -> list[int]:
        """1 for special tokens, 0 for others."""
        if already_has_special_tokens:
            return super().get_special_tokens_mask(token_ids_0, token_ids_1, True)
        texts = [token_ids_0] if token_ids_1 is None else [token_ids_0, token_ids_1]
        return [flag for ids in texts for flag in self._around([0] * len(ids), 1, 1)]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """0 for the first text and what goes around it, 1 for the second's."""
        second = [] if token_ids_1 is None else self._around([1] * len(token_ids_1), 1, 1)
        return self._around([0] * len(token_ids_0), 0, 0) + second

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text of tokens, special ones as they stand."""
        special = set(self.all_special_tokens)
        if tokens and tokens[0].startswith(SPACE) and self.add_prefix_space:
            tokens = [tokens[0][1:], *tokens[1:]]
        text, run, after_special = "", [], False
        for index, token in enumerate(tokens):
            if token not in special:
                if after_special and index == 1 and self.add_prefix_space and not token.startswith(SPACE):
                    text += " "
                run.append(token)
            else:
                text += (" " if not after_special and index and self.legacy else "") + self.sp_model.decode(run) + token
                run = []
            after_special = token in special
        return text + self.sp_model.decode(run)


class LlamaTokenizerFast(Ends, SentencePieceTokenizerFast):
    """Llama's tokenizer in Rust, from tokenizer.json or from tokenizer.model; arguments as in `LlamaTokenizer`."""

    vocab_files_names = {"vocab_file": MODEL, "tokenizer_file": TOKENIZER}
    model_input_names = ["input_ids", "attention_mask"]
    padding_side = "left"
    slow_tokenizer_class = LlamaTokenizer

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        clean_up_tokenization_spaces: bool = False,
        unk_token: str | AddedToken = "<unk>",
        bos_token: str | AddedToken | None = "<s>",
        eos_token: str | AddedToken | None = "</s>",
        add_bos_token: bool = True,
        add_eos_token: bool = False,
        use_default_system_prompt: bool = False,
        legacy: bool | None = None,
        add_prefix_space: bool | None = None,
        **kwargs: Any,
    ) -> None:
        self.legacy = True if legacy is None else legacy
        self.use_default_system_prompt = use_default_system_prompt
        self._add_bos_token, self._add_eos_token = add_bos_token, add_eos_token
        super().__init__(
            vocab_file,
            tokenizer_file,
            clean_up_tokenization_spaces=clean_up_tokenization_spaces,
            unk_token=unk_token,
            bos_token=bos_token,
            eos_token=eos_token,
            add_bos_token=add_bos_token,
            add_eos_token=add_eos_token,
            use_default_system_prompt=use_default_system_prompt,
            legacy=self.legacy,
            add_prefix_space=add_prefix_space,
            **kwargs,
        )
        self.update_post_processor()

    def assemble(self, model: Model, settings: dict[str, Any]) -> Tokenizer:
        scores = [0.0] * UNSCORED + model.scores[UNSCORED:]
        tokenizer = rust_tokenizer(model, list(zip(model.pieces, scores, strict=False)), byte_fallback=True)
        spaced = adds_prefix_space(settings)
        if self.legacy:
            prepend = [normalizers.Prepend(SPACE)] if spaced else []
            tokenizer.normalizer = normalizers.Sequence([*prepend, normalizers.Replace(" ", SPACE)])
        else:
            scheme = prefix_scheme(settings)
            tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme=scheme, split=False)
        strip = [decoders.Strip(content=" ", left=1)] if spaced else []
        tokenizer.decoder = decoders.Sequence(
            [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
        )
        return tokenizer

    def update_post_processor(self) -> None:
        """Make the Rust tokenizer follow `add_bos_token`, `add_eos_token` and the tokens' texts as they are now."""
        ends = {"bos_token": self.add_bos_token, "eos_token": self.add_eos_token}
        tokens = {name: getattr(self, name) for name, added in ends.items() if added}
        for name, token in tokens.items():
            if not token:
                raise ValueError(f"[{type(self).__name__}] expected a {name}, as add_{name} is True, got {token!r}")
        single, second = (
            [f"{token}:{segment}" for token in self._around([f"${text}"], self.bos_token, self.eos_token)]
            for segment, text in enumerate("AB")
        )
        self._tokenizer.post_processor = processors.TemplateProcessing(
            single=single,
            pair=single + second,
            special_tokens=[(token, self.convert_tokens_to_ids(token)) for token in tokens.values()],
        )

    @property
    def add_bos_token(self) -> bool:
        """Whether <s> goes before texts."""
        return self._add_bos_token

    @add_bos_token.setter
    def add_bos_token(self, value: bool) -> None:
        self._add_bos_token = value
        self.update_post_processor()

    @property
    def add_eos_token(self) -> bool:
        """Whether </s> goes behind texts."""
        return self._add_eos_token

    @add_eos_token.setter
    def add_eos_token(self, value: bool) -> None:
        self._add_eos_token = value
        self.update_post_processor()
