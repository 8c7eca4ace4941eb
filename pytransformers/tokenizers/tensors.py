"""Lists of numbers to arrays of any framework; the framework is imported when asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..auto.registry import import_backend

# return_tensors -> backend folder; "np" needs none.
BACKENDS = {"pt": "torch", "tf": "tensorflow", "jax": "jax"}


def as_tensor(name: str, values: Any, kind: str) -> Any:
    """`values` as an array of the kind "np", "pt", "tf" or "jax". Ragged lists are refused by name."""
    if kind != "np" and kind not in BACKENDS:
        raise ValueError(f"[return_tensors] expected np, {', '.join(BACKENDS)} or None, got {kind!r}")
    if not isinstance(values, np.ndarray):
        values = as_list(values)
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.empty(0, object)
    if array.dtype == object:
        lengths = sorted({len(v) for v in values if isinstance(v, (list, tuple))})
        raise ValueError(
            f"[return_tensors] expected {name!r} to be numbers in sequences of one length, got lengths "
            f"{', '.join(map(str, lengths)) or 'that differ'}; pass padding=True, and truncation=True for long texts"
        )
    if array.size == 0:
        array = array.astype(np.int64)
    if kind == "np":
        return array
    if array.dtype == np.float64 and array is not values:
        array = array.astype(np.float32)  # what the frameworks make of Python's fractions
    return import_backend(f"backends.{BACKENDS[kind]}.tensors", f"return_tensors={kind!r}").from_numpy(array)


def as_list(values: Any) -> Any:
    """Python numbers and lists from arrays of any framework, and from lists of them."""
    if hasattr(values, "tolist"):
        return values.tolist()
    if hasattr(values, "numpy"):
        return values.numpy().tolist()
    if isinstance(values, (list, tuple)) and any(hasattr(v, "numpy") or hasattr(v, "tolist") for v in values):
        return [as_list(v) for v in values]
    return values


def kind_of(value: Any) -> str | None:
    """Which `return_tensors` an array is of, told without importing its framework; None for lists."""
    roots = {base.__module__.partition(".")[0] for base in type(value).__mro__}
    for kind, root in (("np", "numpy"), ("pt", "torch"), ("tf", "tensorflow"), ("jax", "jax"), ("jax", "jaxlib")):
        if root in roots:
            return kind
    return None
