"""Lists of examples to batches.

Each collator is called with a list of mappings, gives a mapping of arrays, and takes `return_tensors`: "pt" (the
default), "tf", "jax" or "np". It pads on the tokenizer's side with its padding id, and labels with -100, which losses
leave out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..auto.registry import import_backend
from ..tokenizers.tensors import BACKENDS, as_list, as_tensor, kind_of

IGNORED = -100  # a label that no loss counts


def default_data_collator(features: Sequence[Any], return_tensors: str = "pt") -> dict[str, Any]:
    """Stack the values of equal names. "label" and "label_ids" become "labels"; text and None are left out.

    Arrays keep their dtype; labels that are numbers become int64 or float32, which losses take.
    """
    rows = [row if isinstance(row, Mapping) else vars(row) for row in features]
    batch = {}
    for name, first in rows[0].items():
        if first is None or isinstance(first, str):
            continue
        values = [_numbers(row[name]) for row in rows]
        key = "labels" if name in ("label", "label_ids") else name
        if isinstance(values[0], np.ndarray):
            values = np.stack(values)
        elif key == "labels":
            values = np.asarray(values)
            values = values.astype(np.float32 if values.dtype.kind == "f" else np.int64)
        batch[key] = as_tensor(key, values, return_tensors)
    return batch


def _numbers(value: Any) -> Any:
    """An array of any framework as NumPy's, anything else as it is."""
    kind = kind_of(value)
    if kind in (None, "np"):
        return value
    return import_backend(f"backends.{BACKENDS[kind]}.tensors", "default_data_collator").to_numpy(value)


@dataclass
class DefaultDataCollator:
    """`default_data_collator` as an object."""

    return_tensors: str = "pt"

    def __call__(self, features: Sequence[Any], return_tensors: str | None = None) -> dict[str, Any]:
        return default_data_collator(features, return_tensors or self.return_tensors)


@dataclass
class DataCollatorWithPadding:
    """Pads what the tokenizer made; other values must be of one shape.

    padding, max_length, pad_to_multiple_of: as in `tokenizer.pad`.
    """

    tokenizer: Any
    padding: bool | str = True
    max_length: int | None = None
    pad_to_multiple_of: int | None = None
    return_tensors: str = "pt"

    def __call__(self, features: Sequence[Mapping[str, Any]]) -> Any:
        batch = self.pad(features)
        for name in ("label", "label_ids"):
            if name in batch:
                batch["labels"] = batch.pop(name)
        return batch

    def pad(self, features: Sequence[Mapping[str, Any]], tensors: str | None = "given") -> Any:
        return self.tokenizer.pad(
            features, padding=self.padding, max_length=self.max_length, pad_to_multiple_of=self.pad_to_multiple_of,
            return_tensors=self.return_tensors if tensors == "given" else tensors,
        )  # fmt: skip


@dataclass
class DataCollatorForTokenClassification(DataCollatorWithPadding):
    """Pads inputs, and the labels of each token with `label_pad_token_id`."""

    label_pad_token_id: int = IGNORED

    def __call__(self, features: Sequence[Mapping[str, Any]]) -> Any:
        name = "label" if "label" in features[0] else "labels"
        if name not in features[0]:
            return self.pad(features)
        batch = self.pad([{key: row[key] for key in row if key != name} for row in features])
        length = batch["input_ids"].shape[1]
        labels = [as_list(row[name]) for row in features]
        labels = _padded(labels, length, self.label_pad_token_id, self.tokenizer.padding_side)
        batch[name] = as_tensor(name, labels, self.return_tensors)
        return batch


@dataclass
class DataCollatorForSeq2Seq:
    """Pads inputs, and labels to the longest of the batch; gives decoder_input_ids where the model can make them.

    model: with a method `prepare_decoder_input_ids_from_labels`, or None. Others as in DataCollatorWithPadding.
    """

    tokenizer: Any
    model: Any = None
    padding: bool | str = True
    max_length: int | None = None
    pad_to_multiple_of: int | None = None
    label_pad_token_id: int = IGNORED
    return_tensors: str = "pt"

    def __call__(self, features: Sequence[Mapping[str, Any]], return_tensors: str | None = None) -> Any:
        kind = return_tensors or self.return_tensors
        inner = DataCollatorWithPadding(self.tokenizer, self.padding, self.max_length, self.pad_to_multiple_of, kind)
        name = "label" if "label" in features[0] else "labels"
        if features[0].get(name) is None:
            return inner.pad([{key: row[key] for key in row if key != name} for row in features])
        batch = inner.pad([{key: row[key] for key in row if key != name} for row in features])
        labels = [as_list(row[name]) for row in features]
        length = max(map(len, labels))
        if self.padding == "max_length" and self.max_length is not None:
            length = self.max_length
        multiple = self.pad_to_multiple_of or 1
        length = -(-length // multiple) * multiple
        if self.padding not in (False, "do_not_pad"):
            labels = _padded(labels, length, self.label_pad_token_id, self.tokenizer.padding_side)
        batch["labels"] = as_tensor("labels", labels, kind)
        if hasattr(self.model, "prepare_decoder_input_ids_from_labels"):
            batch["decoder_input_ids"] = self.model.prepare_decoder_input_ids_from_labels(labels=batch["labels"])
        return batch


@dataclass
class DataCollatorForLanguageModeling:
    """Inputs and labels for predicting tokens.

    With `mlm`, a share `mlm_probability` of the tokens that are not special is chosen (Devlin et al.,
    arXiv:1810.04805): of these `mask_replace_prob` become the mask token, `random_replace_prob` a random one, and the
    rest stay; labels are -100 elsewhere. Without it, labels are the inputs, -100 for padding.

    seed: of the choice; None draws from NumPy's global generator.
    """

    tokenizer: Any
    mlm: bool = True
    mlm_probability: float | None = 0.15
    mask_replace_prob: float = 0.8
    random_replace_prob: float = 0.1
    pad_to_multiple_of: int | None = None
    return_tensors: str = "pt"
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.mlm and self.tokenizer.mask_token is None:
            raise ValueError(
                "[DataCollatorForLanguageModeling] expected a tokenizer with a mask token, got one without; "
                "set its mask_token, or give mlm=False"
            )
        shares = (self.mlm_probability or 0.0, self.mask_replace_prob, self.random_replace_prob)
        if min(shares) < 0 or shares[0] > 1 or shares[1] + shares[2] > 1:
            raise ValueError(
                "[DataCollatorForLanguageModeling] expected mlm_probability between 0 and 1, and mask_replace_prob and "
                f"random_replace_prob of a sum of at most 1, got {', '.join(map(str, shares))}"
            )
        self._random = np.random if self.seed is None else np.random.RandomState(self.seed)

    def __call__(self, features: Sequence[Any], return_tensors: str | None = None) -> Any:
        kind = return_tensors or self.return_tensors
        rows = [row if isinstance(row, Mapping) else {"input_ids": as_list(row)} for row in features]
        batch = self.tokenizer.pad(rows, pad_to_multiple_of=self.pad_to_multiple_of, return_tensors="np")
        ids = batch["input_ids"]
        special = batch.pop("special_tokens_mask", None)
        if self.mlm:
            batch["input_ids"], batch["labels"] = self.mask(ids, special)
        else:
            pad = self.tokenizer.pad_token_id
            batch["labels"] = ids.copy() if pad is None else np.where(ids == pad, IGNORED, ids)
        for name in batch:
            batch[name] = as_tensor(name, batch[name], kind)
        return batch

    def mask(self, ids: np.ndarray, special: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """ids (batch, length), special (batch, length) true where nothing is chosen -> inputs, labels."""
        if special is None:
            special = np.isin(ids, self.tokenizer.all_special_ids)
        chosen = (self._random.random_sample(ids.shape) < self.mlm_probability) & ~special.astype(bool)
        draw = self._random.random_sample(ids.shape)
        masked = chosen & (draw < self.mask_replace_prob)
        other = chosen & ~masked & (draw < self.mask_replace_prob + self.random_replace_prob)
        words = self._random.randint(len(self.tokenizer), size=ids.shape)
        inputs = np.where(masked, self.tokenizer.mask_token_id, np.where(other, words, ids))
        return inputs.astype(ids.dtype), np.where(chosen, ids, IGNORED)


def _padded(rows: list[list[int]], length: int, value: int, side: str) -> list[list[int]]:
    fill = [[value] * (length - len(row)) for row in rows]
    return [row + more if side == "right" else more + row for row, more in zip(rows, fill, strict=True)]
