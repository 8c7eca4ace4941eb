"""Several inputs as one batch, and the batch's outputs as several again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..auto.registry import import_backend
from ..tokenizers.tensors import BACKENDS, kind_of

# Values that stand in the padding; input_ids take the tokenizer's padding token, and all else 0.
PADDING = {"p_mask": 1, "special_tokens_mask": 1}


def to_numpy(value: Any) -> Any:
    """An array of any framework as NumPy's, half precision as float32; other values as they are."""
    kind = kind_of(value)
    if kind is None:
        return value
    if kind != "np":
        value = import_backend(f"backends.{BACKENDS[kind]}.tensors", kind).to_numpy(value)
    if not isinstance(value, np.ndarray) or value.dtype.kind in "biu" or value.dtype in (np.float32, np.float64):
        return value
    return value.astype(np.float32) if value.dtype.kind in "fV" else value


def length_of(feature: Any) -> int:
    """The size along the second axis, that of text, of an input's first array that has one; else 0."""
    arrays = feature.values() if isinstance(feature, Mapping) else ()
    return next((int(array.shape[1]) for array in arrays if len(getattr(array, "shape", ())) > 1), 0)


def collate(features: Sequence[Mapping[str, Any]], pad_token_id: int | None, side: str = "right") -> dict[str, Any]:
    """One batch of inputs that each have a leading axis of 1.

    Arrays are padded along the second axis and joined; all else becomes a list with an entry for each input.

    Args:
        pad_token_id: what pads input_ids; None is refused where their lengths differ.
        side: where padding goes, "right" or "left".
    """
    names = features[0].keys()
    for feature in features:
        if feature.keys() != names:
            raise ValueError(
                f"[batch] expected inputs with the same values, got {', '.join(names)} and {', '.join(feature)}; "
                "use batch_size=1"
            )
    batch = {}
    for name in names:
        column = [feature[name] for feature in features]
        kind = kind_of(column[0])
        if kind is None or not column[0].shape:
            batch[name] = column
            continue
        fill = pad_token_id if name == "input_ids" else PADDING.get(name, 0)
        joined = _join(name, [to_numpy(value) for value in column], fill, side)
        batch[name] = joined if kind == "np" else from_numpy(joined, kind)
    return batch


def from_numpy(array: np.ndarray, kind: str) -> Any:
    """An array of the kind "pt", "tf" or "jax"."""
    return import_backend(f"backends.{BACKENDS[kind]}.tensors", kind).from_numpy(array)


def _join(name: str, arrays: list[np.ndarray], fill: int | None, side: str) -> np.ndarray:
    longest = max(array.shape[1] for array in arrays) if arrays[0].ndim > 1 else 0
    if all(array.ndim < 2 or array.shape[1] == longest for array in arrays):
        return np.concatenate(arrays)
    if fill is None:
        raise ValueError(
            f"[batch] expected a padding token to bring {name} to one length, this tokenizer has none; set "
            "pipe.tokenizer.pad_token, for instance to pipe.tokenizer.eos_token, or use batch_size=1"
        )
    padded = []
    for array in arrays:
        missing = longest - array.shape[1]
        widths = [(0, 0)] * array.ndim
        widths[1] = (missing, 0) if side == "left" else (0, missing)
        padded.append(np.pad(array, widths, constant_values=fill))
    return np.concatenate(padded)


def split(outputs: Any, size: int) -> list[Any]:
    """The outputs of each of `size` inputs: of every array its row, with a leading axis of 1."""
    if isinstance(outputs, Mapping):
        columns = {name: split(value, size) for name, value in outputs.items()}
        return [_like(outputs, {name: column[row] for name, column in columns.items()}) for row in range(size)]
    shape = getattr(outputs, "shape", None)
    if shape is not None:
        rows = len(shape) and shape[0] == size
        return [outputs[row : row + 1] if rows else outputs for row in range(size)]
    if isinstance(outputs, list) and len(outputs) == size:
        return outputs
    if isinstance(outputs, tuple):
        return list(zip(*(split(value, size) for value in outputs), strict=True)) if outputs else [()] * size
    return [outputs] * size


def _like(outputs: Mapping[str, Any], items: dict[str, Any]) -> Any:
    """A mapping of the same class, so that a model's outputs keep their attributes."""
    return items if type(outputs) is dict else type(outputs)(**items)
