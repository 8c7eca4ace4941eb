"""What is timed: families of cases, the arrays of each, and the bytes or operations that it cannot do without."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np

from pytransformers.ops import attention as contract
from pytransformers.ops import case as norms
from pytransformers.ops.attention import AttentionCase

DTYPES = {"float32": np.float32, "bfloat16": ml_dtypes.bfloat16}
FROM_MEMORY = 64 << 20  # bytes of weights that no cache holds


@dataclass(frozen=True)
class Case:
    """series and size place the case in the family's plot. training: forward and backward."""

    family: str
    title: str
    series: str
    size: int
    dtype: str = "float32"
    training: bool = False
    traffic: int = 0  # bytes that must be read and written
    operations: int = 0  # multiplications and additions
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        words = [self.title, self.dtype, "forward + backward" if self.training else ""]
        return ", ".join(word for word in words if word)

    @property
    def itemsize(self) -> int:
        return np.dtype(DTYPES[self.dtype]).itemsize

    def draw(self, *shape: int, dtype: Any = None) -> np.ndarray:
        """Normal numbers, the same for the same shape."""
        values = np.random.default_rng(sum(shape)).standard_normal(shape, dtype=np.float32)
        return values.astype(dtype or DTYPES[self.dtype])


_LENGTHS = (16, 64, 256, 1024, 2048)  # for the plot
_ATTENTION = [
    *(call for call in contract.CASES if call.benchmark),
    AttentionCase((2, 12, 12, 512, 512, 64), mask="padding"),
    AttentionCase((1, 12, 12, 2048, 2048, 64), window=(256, None), causal=True),
]
_ATTENTION_TRAINING = [
    AttentionCase((8, 12, 12, 128, 128, 64)),
    AttentionCase((1, 12, 12, 512, 512, 64), causal=True),
    AttentionCase((1, 12, 12, 512, 512, 64), bias="hqk"),
]


def _attention(call, dtype="float32", training=False):
    batch, heads, _, q, k, d = call.sizes
    seen = allowed(call)
    seen = 1.0 if seen is None else float(seen.mean())
    products = 7 if training else 2  # two forward; five more backward, of which one computes the scores again
    title, options = str(call), str(call).partition("-")[2]
    return Case(
        "attention", title, f"{heads} heads of {d}, {options or 'full'}, {dtype}", q * batch, dtype, training,
        operations=int(products * 2 * batch * heads * q * k * d * seen), options={"call": call},
    )  # fmt: skip


def attention():
    for call in _ATTENTION:
        yield _attention(call)
        yield _attention(call, "bfloat16")
    for length in _LENGTHS:
        yield _attention(AttentionCase((1, 12, 12, length, length, 64)))
    for call in _ATTENTION_TRAINING:
        yield _attention(call, training=True)


def _norm(family):
    shapes = [c.shape for c in norms.CASES if c.benchmark and not c.residual] + [(1024, 4096), (16384, 768)]
    for dtype in DTYPES:
        for rows, width in shapes:
            for residual in (False, True):
                for training in (False, True):
                    if training and (residual or dtype != "float32"):
                        continue
                    passes = (5 if training else 2) + 2 * residual
                    yield Case(
                        family, f"{rows}x{width}{' residual' if residual else ''}",
                        f"{'residual' if residual else 'plain'}, {dtype}", rows * width, dtype, training,
                        traffic=passes * rows * width * np.dtype(DTYPES[dtype]).itemsize,
                        options={"shape": (rows, width), "residual": residual},
                    )  # fmt: skip


def layer_norm():
    return _norm("layer_norm")


def rms_norm():
    return _norm("rms_norm")


def rotary_embedding():
    """Queries and keys (batch, heads | kv_heads, length, 64) of a decoder."""
    for dtype in DTYPES:
        for batch, heads, kv_heads, length in ((1, 32, 4, 1), (1, 32, 4, 128), (8, 32, 4, 128), (1, 32, 32, 2048)):
            size = batch * (heads + kv_heads) * length * 64
            for training in (False, True) if dtype == "float32" and length > 1 else (False,):
                yield Case(
                    "rotary_embedding", f"{batch}x{heads}+{kv_heads}x{length}x64", dtype, size, dtype, training,
                    traffic=(4 if training else 2) * size * np.dtype(DTYPES[dtype]).itemsize,
                    options={"shape": (batch, heads, kv_heads, length, 64)},
                )  # fmt: skip


def linear():
    """Rows (rows, k) by weights (n, k). With few rows, as many weights in turn as no cache holds."""
    for k, n in ((384, 384), (384, 1536), (1536, 384), (768, 3072)):
        for rows in (1, 16, 128, 1024):
            layers = max(1, FROM_MEMORY // (4 * k * n)) if rows == 1 else 1
            yield Case(
                "linear", f"{rows}x{k} by {n}", f"{k} to {n}", rows,
                traffic=4 * layers * (k * n) if rows == 1 else 0, operations=2 * rows * k * n * layers,
                options={"shape": (rows, k, n), "layers": layers},
            )  # fmt: skip
    for activation in ("gelu", "silu"):
        yield Case(
            "linear", f"128x768 by 3072, {activation}", activation, 128, operations=2 * 128 * 768 * 3072,
            options={"shape": (128, 768, 3072), "layers": 1, "activation": activation},
        )  # fmt: skip
    yield Case("linear", "128x768 by 3072", "768 to 3072", 128, training=True, operations=6 * 128 * 768 * 3072,
               options={"shape": (128, 768, 3072), "layers": 1})  # fmt: skip


FAMILIES = {f.__name__: f for f in (layer_norm, rms_norm, linear, rotary_embedding, attention)}


def allowed(call: AttentionCase) -> np.ndarray | None:
    """bool (q, k): what a query may attend to by its position, or None for everything."""
    left, right = contract.window_sides(call.window, call.causal)
    limits = [side <= limit for limit, side in ((left, _difference(call)), (right, -_difference(call))) if limit >= 0]
    return np.logical_and.reduce(limits) if limits else None


def alibi(call: AttentionCase, slopes: np.ndarray) -> np.ndarray:
    """What ALiBi adds to the scores, float32 (1, heads, q, k)."""
    return (-slopes[:, None, None] * abs(_difference(call)))[None].astype(np.float32)


def _difference(call):
    _, _, _, q, k, _ = call.sizes
    return np.arange(q)[:, None] + (k - q) - np.arange(k)
