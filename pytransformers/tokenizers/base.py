"""PreTrainedTokenizerBase: what every tokenizer does, however it cuts up text."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from tokenizers import AddedToken

from .arguments import SIDES, UNLIMITED, PaddingStrategy, TruncationStrategy, given, one_of
from .chat import ChatTemplates
from .encoding import BatchEncoding
from .prepare import Prepare
from .special import SpecialTokensMixin
from .storage import Stored
from .tensors import as_list

# What clean_up_tokenization_spaces removes: the space that joining tokens put before these.
SPACED = (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're")
TEXTS = frozenset(("self", "text", "text_pair", "text_target", "text_pair_target", "kwargs"))


class PreTrainedTokenizerBase(Prepare, ChatTemplates, Stored, SpecialTokensMixin):
    """Text to ids and back. `PreTrainedTokenizer` and `PreTrainedTokenizerFast` do the cutting.

    Args:
        model_max_length: the longest input of the model, in tokens; `truncation=True` cuts there.
        padding_side, truncation_side: "right" or "left".
        model_input_names: which values the tokenizer returns when not told otherwise.
        clean_up_tokenization_spaces: whether `decode` joins punctuation to the word before it.
        split_special_tokens: whether special tokens inside texts are cut up like other text.
        chat_template: a Jinja template, or several by name.
        bos_token, eos_token, ..., additional_special_tokens: text or AddedToken; new ones join the vocabulary.
        extra_special_tokens: further named special tokens, {"image_token": "<image>"}.
    Further keyword arguments are kept in `init_kwargs` and saved.
    """

    model_input_names: ClassVar[list[str]] = ["input_ids", "token_type_ids", "attention_mask"]
    padding_side = "right"
    truncation_side = "right"
    slow_tokenizer_class: ClassVar[type | None] = None

    def __init__(self, **kwargs: Any) -> None:
        self.init_inputs = ()
        for name in kwargs:
            if callable(getattr(type(self), name, None)):
                raise AttributeError(
                    f"[{type(self).__name__}] {name!r} is a method, and no setting; leave it out here"
                    + (f", and pass it when encoding: tokenizer(text, {name}=...)" if name.startswith("add_") else "")
                )
        self.init_kwargs = copy.deepcopy(kwargs)
        self.name_or_path = str(kwargs.pop("name_or_path", ""))
        self._processor_class = kwargs.pop("processor_class", None)
        longest = kwargs.pop("model_max_length", kwargs.pop("max_len", None))
        self.model_max_length = UNLIMITED if longest is None else longest
        self.padding_side = one_of("padding_side", kwargs.pop("padding_side", self.padding_side), SIDES)
        self.truncation_side = one_of("truncation_side", kwargs.pop("truncation_side", self.truncation_side), SIDES)
        self.model_input_names = list(kwargs.pop("model_input_names", None) or self.model_input_names)
        self.clean_up_tokenization_spaces = kwargs.pop("clean_up_tokenization_spaces", False)
        self.split_special_tokens = kwargs.pop("split_special_tokens", False)
        self.deprecation_warnings: dict[str, bool] = {}  # what was warned of already
        self._in_target_context_manager = False
        template = kwargs.pop("chat_template", None)
        if isinstance(template, (list, tuple)):  # as tokenizer_config.json writes several
            template = {item["name"]: item["template"] for item in template}
        self.chat_template = template
        super().__init__(**kwargs)
        self.extra_special_tokens = kwargs.pop("extra_special_tokens", None) or {}
        self._set_model_specific_special_tokens(self.extra_special_tokens)

    def _set_processor_class(self, processor_class: str) -> None:
        self._processor_class = processor_class

    # The vocabulary: what subclasses define

    @property
    def vocab_size(self) -> int:
        """Number of tokens without the added ones; `len(tokenizer)` counts those too."""
        raise NotImplementedError(f"[{type(self).__name__}] defines no vocab_size")

    def get_vocab(self) -> dict[str, int]:
        """{token: id}, added tokens included."""
        raise NotImplementedError(f"[{type(self).__name__}] defines no get_vocab")

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """{id: token} of the added tokens."""
        raise NotImplementedError(f"[{type(self).__name__}] defines no added_tokens_decoder")

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """{text: id} of the added tokens, by id."""
        return {token.content: index for index, token in sorted(self.added_tokens_decoder.items())}

    def get_added_vocab(self) -> dict[str, int]:
        """{text: id} of the added tokens."""
        return self.added_tokens_encoder

    def _convert_token_to_id_with_added_voc(self, token: str) -> int | None:
        raise NotImplementedError(f"[{type(self).__name__}] defines no _convert_token_to_id_with_added_voc")

    def _id_to_token(self, index: int) -> str | None:
        raise NotImplementedError(f"[{type(self).__name__}] defines no _id_to_token")

    def convert_tokens_to_ids(self, tokens: str | Sequence[str] | None) -> Any:
        """The id of a token, or a list of ids; unknown tokens give `unk_token_id`."""
        if tokens is None or isinstance(tokens, str):
            return None if tokens is None else self._convert_token_to_id_with_added_voc(tokens)
        return [self._convert_token_to_id_with_added_voc(token) for token in tokens]

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """The token of an id, or a list of tokens; an id outside the vocabulary gives what the class defines, or None.

        OverflowError for a negative id where the class knows none.
        """
        ids = as_list(ids)
        if isinstance(ids, int):
            return self._id_to_token(ids)
        skipped = set(self.all_special_ids) if skip_special_tokens else ()
        return [self._id_to_token(int(index)) for index in ids if int(index) not in skipped]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text that tokens stand for."""
        raise NotImplementedError(f"[{type(self).__name__}] defines no convert_tokens_to_string")

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens are put around a text or a pair of texts."""
        raise NotImplementedError(f"[{type(self).__name__}] defines no num_special_tokens_to_add")

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        added = "".join(f"\n\t{index}: {token!r}," for index, token in self.added_tokens_decoder.items())
        return (
            f"{type(self).__name__}(name_or_path={self.name_or_path!r}, vocab_size={self.vocab_size}, "
            f"model_max_length={self.model_max_length}, is_fast={self.is_fast}, padding_side={self.padding_side!r}, "
            f"truncation_side={self.truncation_side!r}, special_tokens={self.special_tokens_map}, "
            f"clean_up_tokenization_spaces={self.clean_up_tokenization_spaces}, added_tokens_decoder={{{added}\n}}\n)"
        )

    # Text to ids

    def __call__(
        self,
        text: Any = None,
        text_pair: Any = None,
        text_target: Any = None,
        text_pair_target: Any = None,
        add_special_tokens: bool = True,
        padding: bool | str | PaddingStrategy = False,
        truncation: bool | str | TruncationStrategy | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Turn a text, or a list of texts, into model inputs.

        Args:
            text: a string or a list of strings; with `is_split_into_words`, a list of words or a list of those.
            text_pair: the second texts, in the same form.
            text_target, text_pair_target: texts whose ids become "labels".
            add_special_tokens: whether to put special tokens around, as the model was trained.
            padding: True or "longest" (to the longest of the batch), "max_length", or False.
            truncation: True or "longest_first", "only_first", "only_second", or False.
            max_length: in tokens, special ones included; default `model_max_length`.
            stride: how many tokens overlap between the pieces of `return_overflowing_tokens`.
            pad_to_multiple_of: the length after padding is a multiple of this.
            padding_side: "right" or "left"; default the tokenizer's own.
            return_tensors: "pt", "tf", "jax" or "np"; None gives lists of integers.
            return_token_type_ids, return_attention_mask: default as in `model_input_names`.
            return_overflowing_tokens: what was cut off comes too: further rows (fast), or "overflowing_tokens".
            return_special_tokens_mask: 1 for special tokens.
            return_offsets_mapping: (start, end) of each token in the text, in characters; fast tokenizers only.
            return_length: the lengths, in tokens.
            verbose: whether to warn of texts that are longer than the model takes.
            split_special_tokens: whether special tokens inside the texts are cut up like other text.
        Returns:
            BatchEncoding of (batch, length) values, or of (length,) lists for one text without `return_tensors`.
            Integers are 64 bits wide in PyTorch and NumPy, 32 in TensorFlow and JAX.
        """
        options = {name: value for name, value in locals().items() if name not in TEXTS}
        options["split_special_tokens"] = self.split_special_tokens
        options.update(kwargs)
        if text is None and text_target is None:
            raise ValueError("[tokenizer] expected text or text_target, got neither")
        encoded = None
        if text is not None:
            if not self._in_target_context_manager:
                self._switch_to_input_mode()
            encoded = self._call_one(text, text_pair, **options)
        if text_target is not None:
            self._switch_to_target_mode()
            try:
                target = self._call_one(text_target, text_pair_target, **options)
            finally:
                self._switch_to_input_mode()
            if encoded is None:
                return target
            encoded["labels"] = target["input_ids"]
        return encoded

    def _call_one(self, text: Any, text_pair: Any = None, **options: Any) -> BatchEncoding:
        many = isinstance(text, (list, tuple))
        if not many and not isinstance(text, str):
            raise TypeError(f"[tokenizer] expected text, or a list of texts, got {type(text).__name__}")
        if many and options["is_split_into_words"]:
            many = bool(text) and isinstance(text[0], (list, tuple))
        if not many:
            return self.encode_plus(text, text_pair, **options)
        if text_pair is not None:
            pairs = text_pair if isinstance(text_pair, (list, tuple)) else ()
            if len(pairs) != len(text):
                raise ValueError(
                    f"[tokenizer] expected as many texts in text_pair as in text, {len(text)}, "
                    f"got {len(pairs) if pairs is text_pair else repr(text_pair)}"
                )
            text = list(zip(text, pairs, strict=True))
        return self.batch_encode_plus(text, **options)

    def encode(
        self,
        text: Any,
        text_pair: Any = None,
        add_special_tokens: bool = True,
        padding: Any = False,
        truncation: Any = None,
        max_length: int | None = None,
        stride: int = 0,
        **kwargs: Any,
    ) -> Any:
        """The ids of one text, or of a pair; arguments as in `__call__`."""
        batch = self.encode_plus(text, text_pair, add_special_tokens, padding, truncation, max_length, stride, **kwargs)
        return batch["input_ids"]

    def encode_plus(
        self,
        text: Any,
        text_pair: Any = None,
        add_special_tokens: bool = True,
        padding: Any = False,
        truncation: Any = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        verbose: bool = True,
        **kwargs: Any,
    ) -> BatchEncoding:
        """`__call__` for one text, or one pair. Plain tokenizers also take a list of tokens, or of ids."""
        padding, truncation, max_length, kwargs = self._get_padding_truncation_strategies(
            padding, truncation, max_length, pad_to_multiple_of, verbose, **kwargs
        )
        kwargs.setdefault("split_special_tokens", self.split_special_tokens)
        return self._encode_plus(
            text=text,
            text_pair=text_pair,
            add_special_tokens=add_special_tokens,
            padding_strategy=padding,
            truncation_strategy=truncation,
            max_length=max_length,
            stride=stride,
            is_split_into_words=is_split_into_words,
            pad_to_multiple_of=pad_to_multiple_of,
            verbose=verbose,
            **kwargs,
        )

    def batch_encode_plus(
        self,
        batch_text_or_text_pairs: Sequence[Any],
        add_special_tokens: bool = True,
        padding: Any = False,
        truncation: Any = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        verbose: bool = True,
        **kwargs: Any,
    ) -> BatchEncoding:
        """`__call__` for many texts, or many (text, text) pairs."""
        padding, truncation, max_length, kwargs = self._get_padding_truncation_strategies(
            padding, truncation, max_length, pad_to_multiple_of, verbose, **kwargs
        )
        kwargs.setdefault("split_special_tokens", self.split_special_tokens)
        return self._batch_encode_plus(
            batch_text_or_text_pairs=batch_text_or_text_pairs,
            add_special_tokens=add_special_tokens,
            padding_strategy=padding,
            truncation_strategy=truncation,
            max_length=max_length,
            stride=stride,
            is_split_into_words=is_split_into_words,
            pad_to_multiple_of=pad_to_multiple_of,
            verbose=verbose,
            **kwargs,
        )

    def _encode_plus(self, text: Any, text_pair: Any = None, **kwargs: Any) -> BatchEncoding:
        raise NotImplementedError(f"[{type(self).__name__}] defines no _encode_plus")

    def _batch_encode_plus(self, batch_text_or_text_pairs: Sequence[Any], **kwargs: Any) -> BatchEncoding:
        raise NotImplementedError(f"[{type(self).__name__}] defines no _batch_encode_plus")

    def _switch_to_input_mode(self) -> None:
        """For tokenizers that treat inputs and targets differently."""

    def _switch_to_target_mode(self) -> None:
        """For tokenizers that treat inputs and targets differently."""

    @contextmanager
    def as_target_tokenizer(self) -> Iterator[None]:
        """Encode targets inside; `text_target=` does the same in one call."""
        self._switch_to_target_mode()
        self._in_target_context_manager = True
        try:
            yield
        finally:
            self._in_target_context_manager = False
            self._switch_to_input_mode()

    def prepare_seq2seq_batch(
        self,
        src_texts: list[str],
        tgt_texts: list[str] | None = None,
        max_length: int | None = None,
        max_target_length: int | None = None,
        padding: Any = "longest",
        return_tensors: str | None = None,
        truncation: Any = True,
        **kwargs: Any,
    ) -> BatchEncoding:
        """The older name of `tokenizer(src_texts, text_target=tgt_texts)`, with a length of its own for targets."""
        for name in ("src_lang", "tgt_lang"):
            kwargs.pop(name, None)
        options = {"padding": padding, "return_tensors": return_tensors, "truncation": truncation, **kwargs}
        longest = self.model_max_length if max_length is None else max_length
        batch = self(src_texts, add_special_tokens=True, max_length=longest, **options)
        if tgt_texts is not None:
            longest = longest if max_target_length is None else max_target_length
            batch["labels"] = self(text_target=tgt_texts, max_length=longest, **options)["input_ids"]
        return batch

    # Ids to text

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> str:
        """The text of one sequence of ids: a list, or an array of any framework."""
        return self._decode(
            token_ids=as_list(token_ids),
            skip_special_tokens=skip_special_tokens,
            clean_up_tokenization_spaces=clean_up_tokenization_spaces,
            **kwargs,
        )

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """`decode` of every row."""
        return [
            self.decode(
                row,
                skip_special_tokens=skip_special_tokens,
                clean_up_tokenization_spaces=clean_up_tokenization_spaces,
                **kwargs,
            )
            for row in as_list(sequences)
        ]

    def _decode(self, token_ids: Any, skip_special_tokens: bool = False, **kwargs: Any) -> str:
        raise NotImplementedError(f"[{type(self).__name__}] defines no _decode")

    def _cleaned(self, text: str, clean_up_tokenization_spaces: bool | None) -> str:
        if given(clean_up_tokenization_spaces, self.clean_up_tokenization_spaces):
            return self.clean_up_tokenization(text)
        return text

    @staticmethod
    def clean_up_tokenization(out_string: str) -> str:
        """Remove the spaces that joining English tokens leaves before punctuation and contractions."""
        for spaced in SPACED:
            out_string = out_string.replace(spaced, spaced.strip())
        return out_string
