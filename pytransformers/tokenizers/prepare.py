"""Ids to model inputs: cutting, special tokens, padding. What a subclass overrides has its own method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .arguments import (
    LARGE,
    PADDING,
    SIDES,
    TRUNCATION,
    PaddingStrategy,
    TruncationStrategy,
    given,
    one_of,
    strategy,
)
from .encoding import BatchEncoding
from .tensors import as_list, kind_of

PAD_VALUES = {"attention_mask": 0, "special_tokens_mask": 1}


class Prepare:
    """`pad`, `prepare_for_model`, `truncate_sequences`, and where special tokens go."""

    # What goes around a text. Plain tokenizers override these; fast ones have it in the Rust tokenizer.

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """The ids of one text, or of a pair, with special tokens around them. None are added here."""
        return token_ids_0 if token_ids_1 is None else token_ids_0 + token_ids_1

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """0 for the first text and its special tokens, 1 for the second's: [CLS] a [SEP] b [SEP], where those exist."""
        cls, sep = (int(getattr(self, name, None) is not None) for name in ("cls_token_id", "sep_token_id"))
        second = [] if token_ids_1 is None else [1] * (len(token_ids_1) + sep)
        return [0] * (cls + len(token_ids_0) + sep) + second

    def get_special_tokens_mask(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None, already_has_special_tokens: bool = False
    ) -> list[int]:
        """1 for special tokens, 0 for others, in ids that have their special tokens already."""
        if not already_has_special_tokens or token_ids_1 is not None:
            raise ValueError(
                "[get_special_tokens_mask] expected one list of ids and already_has_special_tokens=True; "
                "or pass return_special_tokens_mask=True when encoding"
            )
        special = set(self.all_special_ids)
        return [int(token in special) for token in token_ids_0]

    @property
    def max_len_single_sentence(self) -> int:
        """How many tokens of a text fit, special ones apart."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=False)

    @property
    def max_len_sentences_pair(self) -> int:
        """How many tokens of a pair of texts fit, special ones apart."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=True)

    # What padding= and truncation= mean

    def _get_padding_truncation_strategies(
        self,
        padding: Any = False,
        truncation: Any = None,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        verbose: bool = True,
        **kwargs: Any,
    ) -> tuple[PaddingStrategy, TruncationStrategy, int | None, dict[str, Any]]:
        if max_length is not None and padding is False and truncation is None:
            truncation = True  # a length alone means cutting there
        padding = strategy("padding", padding, PADDING)
        truncation = strategy("truncation", truncation, TRUNCATION)
        pads, cuts = padding is not PaddingStrategy.DO_NOT_PAD, truncation is not TruncationStrategy.DO_NOT_TRUNCATE
        if max_length is None and (cuts or padding is PaddingStrategy.MAX_LENGTH):
            if self.model_max_length <= LARGE:
                max_length = self.model_max_length
            else:  # nothing says how long: texts stay as they are
                truncation = TruncationStrategy.DO_NOT_TRUNCATE
                cuts = False
                if padding is PaddingStrategy.MAX_LENGTH:
                    padding, pads = PaddingStrategy.DO_NOT_PAD, False
        if pads and (self.pad_token is None or (self.pad_token_id or 0) < 0):
            raise ValueError(
                "[tokenizer] expected a padding token, this tokenizer has none; set tokenizer.pad_token, for instance "
                "to tokenizer.eos_token"
            )
        if pads and cuts and pad_to_multiple_of and max_length is not None and max_length % pad_to_multiple_of:
            raise ValueError(
                f"[tokenizer] expected max_length to be a multiple of pad_to_multiple_of ({pad_to_multiple_of}), "
                f"got {max_length}"
            )
        return padding, truncation, max_length, kwargs

    def _eventual_warn_about_too_long_sequence(self, ids: list[int], max_length: int | None, verbose: bool) -> None:
        """Warn once of a text that the model cannot take whole."""
        if max_length is None and len(ids) > self.model_max_length and verbose and self.model_max_length:
            if not self.deprecation_warnings.get("too long"):
                import warnings

                warnings.warn(
                    f"[tokenizer] expected at most {self.model_max_length} tokens, the model's longest input, "
                    f"got {len(ids)}; pass truncation=True",
                    stacklevel=6,
                )
            self.deprecation_warnings["too long"] = True

    # Ids to inputs

    def prepare_for_model(
        self,
        ids: list[int],
        pair_ids: list[int] | None = None,
        add_special_tokens: bool = True,
        padding: Any = False,
        truncation: Any = None,
        max_length: int | None = None,
        stride: int = 0,
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
        prepend_batch_axis: bool = False,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Ids of one text, or of a pair, to model inputs; arguments as in `__call__`."""
        padding, truncation, max_length, kwargs = self._get_padding_truncation_strategies(
            padding, truncation, max_length, pad_to_multiple_of, verbose, **kwargs
        )
        if return_token_type_ids and not add_special_tokens:
            raise ValueError(
                "[tokenizer] expected add_special_tokens with return_token_type_ids, as segments are counted with "
                "them; leave one of the two out"
            )
        cut_both = truncation is TruncationStrategy.LONGEST_FIRST and pair_ids is not None
        if return_overflowing_tokens and cut_both:
            raise ValueError(
                "[tokenizer] expected truncation='only_first' or 'only_second' with return_overflowing_tokens and "
                "pairs of texts, got longest_first"
            )
        special = self.num_special_tokens_to_add(pair=pair_ids is not None) if add_special_tokens else 0
        total = len(ids) + len(pair_ids or ()) + special
        overflowing: list[int] = []
        if truncation is not TruncationStrategy.DO_NOT_TRUNCATE and max_length and total > max_length:
            ids, pair_ids, overflowing = self.truncate_sequences(
                ids, pair_ids=pair_ids, num_tokens_to_remove=total - max_length, truncation_strategy=truncation,
                stride=stride,
            )  # fmt: skip
        data: dict[str, Any] = {}
        if return_overflowing_tokens:
            if max_length is None:
                raise ValueError("[tokenizer] expected max_length with return_overflowing_tokens, got none")
            data.update(overflowing_tokens=overflowing, num_truncated_tokens=total - max_length)
        if add_special_tokens:
            data["input_ids"] = self.build_inputs_with_special_tokens(ids, pair_ids)
        else:
            data["input_ids"] = ids + (pair_ids or [])
        if given(return_token_type_ids, "token_type_ids" in self.model_input_names):
            types = self.create_token_type_ids_from_sequences(ids, pair_ids) if add_special_tokens else None
            data["token_type_ids"] = [0] * len(data["input_ids"]) if types is None else types
        if return_special_tokens_mask:
            mask = self.get_special_tokens_mask(ids, pair_ids) if add_special_tokens else None
            data["special_tokens_mask"] = [0] * len(data["input_ids"]) if mask is None else mask
        self._eventual_warn_about_too_long_sequence(data["input_ids"], max_length, verbose)
        wants_mask = given(return_attention_mask, "attention_mask" in self.model_input_names)
        if padding is not PaddingStrategy.DO_NOT_PAD or wants_mask:
            data = self.pad(
                data, max_length=max_length, padding=padding, pad_to_multiple_of=pad_to_multiple_of,
                padding_side=padding_side, return_attention_mask=wants_mask,
            )  # fmt: skip
        if return_length:
            data["length"] = len(data["input_ids"])
        return BatchEncoding(data, tensor_type=return_tensors, prepend_batch_axis=prepend_batch_axis)

    def truncate_sequences(
        self,
        ids: list[int],
        pair_ids: list[int] | None = None,
        num_tokens_to_remove: int = 0,
        truncation_strategy: Any = "longest_first",
        stride: int = 0,
    ) -> tuple[list[int], list[int] | None, list[int]]:
        """(ids, pair ids, what was cut off with `stride` tokens before it), on `truncation_side`.

        A text that is too short to cut stays whole. Cutting the longest of two gives no cut-off tokens.
        """
        if num_tokens_to_remove <= 0:
            return ids, pair_ids, []
        how = strategy("truncation_strategy", truncation_strategy, TRUNCATION)
        right = one_of("truncation_side", self.truncation_side, SIDES) == "right"
        count = num_tokens_to_remove

        def cut(values: list[int], size: int) -> list[int]:
            return values[: len(values) - size] if right else values[size:]

        if how is TruncationStrategy.LONGEST_FIRST and pair_ids is not None:
            uneven = min(abs(len(pair_ids) - len(ids)), count)  # taken from the longer one, the rest from both
            half = (count - uneven) // 2
            first = uneven + half if len(ids) > len(pair_ids) else half
            return cut(ids, min(first, len(ids))), cut(pair_ids, min(count - first, len(pair_ids))), []
        if how is TruncationStrategy.DO_NOT_TRUNCATE or (how is TruncationStrategy.ONLY_SECOND and pair_ids is None):
            return ids, pair_ids, []
        values = pair_ids if how is TruncationStrategy.ONLY_SECOND else ids
        if len(values) <= count:
            return ids, pair_ids, []
        window = min(len(values), stride + count)
        overflowing = values[-window:] if right else values[:window]
        values = cut(values, count)
        return (ids, values, overflowing) if how is TruncationStrategy.ONLY_SECOND else (values, pair_ids, overflowing)

    def pad(
        self,
        encoded_inputs: Any,
        padding: Any = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Bring encoded texts to one length: a batch by name, or a list of single encodings (a collator's use).

        Pads "input_ids", "token_type_ids", "attention_mask" and "special_tokens_mask"; other values stay as they are.
        Arrays come back as arrays of their framework unless `return_tensors` says otherwise.
        """
        main = self.model_input_names[0]
        if isinstance(encoded_inputs, (list, tuple)):
            if not encoded_inputs or not isinstance(encoded_inputs[0], Mapping):
                raise ValueError("[pad] expected a mapping or a list of mappings, each with " + main)
            encoded_inputs = {name: [item[name] for item in encoded_inputs] for name in encoded_inputs[0]}
        if main not in encoded_inputs:
            raise ValueError(f"[pad] expected {main!r} among the values, got {', '.join(encoded_inputs)}")
        values = encoded_inputs[main]
        if return_tensors is None and len(values):
            return_tensors = kind_of(values) or kind_of(values[0])
        data = {name: as_list(value) for name, value in encoded_inputs.items()}
        padding, _, max_length, _ = self._get_padding_truncation_strategies(padding, max_length=max_length)
        options = {
            "pad_to_multiple_of": pad_to_multiple_of,
            "padding_side": one_of("padding_side", padding_side or self.padding_side, SIDES),
            "return_attention_mask": return_attention_mask,
        }
        if not data[main] and given(return_attention_mask, False):
            data["attention_mask"] = []
        if not data[main]:
            return BatchEncoding(data, tensor_type=return_tensors)
        if not isinstance(data[main][0], (list, tuple)):
            padded = self._pad(data, max_length=max_length, padding_strategy=padding, **options)
            return BatchEncoding(padded, tensor_type=return_tensors)
        sizes = {len(value) for value in data.values()}
        if len(sizes) > 1:
            raise ValueError(f"[pad] expected values of one batch size, got {', '.join(map(str, sorted(sizes)))}")
        if padding is PaddingStrategy.LONGEST:
            padding, max_length = PaddingStrategy.MAX_LENGTH, max(map(len, data[main]))
        rows = [
            self._pad(dict(zip(data, row, strict=True)), max_length=max_length, padding_strategy=padding, **options)
            for row in zip(*data.values(), strict=True)
        ]
        return BatchEncoding({name: [row[name] for row in rows] for name in rows[0]}, tensor_type=return_tensors)

    def _pad(
        self,
        encoded_inputs: dict[str, Any],
        max_length: int | None = None,
        padding_strategy: PaddingStrategy = PaddingStrategy.DO_NOT_PAD,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
    ) -> dict[str, Any]:
        """Pad one text's values to `max_length`."""
        main = self.model_input_names[0]
        length = len(encoded_inputs[main])
        if given(return_attention_mask, "attention_mask" in self.model_input_names):
            encoded_inputs.setdefault("attention_mask", [1] * length)
        if padding_strategy == PaddingStrategy.DO_NOT_PAD:
            return encoded_inputs
        target = length if padding_strategy == PaddingStrategy.LONGEST or max_length is None else max_length
        target = -(-target // (pad_to_multiple_of or 1)) * (pad_to_multiple_of or 1)
        fill = {main: self.pad_token_id, "token_type_ids": self.pad_token_type_id, **PAD_VALUES}
        right = (padding_side or self.padding_side) == "right"
        for name in fill.keys() & encoded_inputs.keys():
            row, more = list(encoded_inputs[name]), [fill[name]] * (target - length)
            encoded_inputs[name] = row + more if right else more + row
        return encoded_inputs
