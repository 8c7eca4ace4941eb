"""rotary_embedding: the contract. (Su et al. 2021, arXiv:2104.09864.)

    rotary_embedding(query, key, cos, sin, *, position_ids=None, interleaved=False) -> (query, key)

Of the first 2 * r features of every query and key, pairs (x_a, x_b) become

    x_a * cos - x_b * sin,  x_b * cos + x_a * sin

with (a, b) = (i, i + r), or (2i, 2i + 1) if `interleaved`; the other features are kept. query: `(batch, heads, length,
d)`; key: `(batch, kv_heads, length, d)` or None, which gives None; both float32, float16 or bfloat16. cos, sin:
`(batch | 1, length, r)`, float32 or of query's dtype; or, with position_ids `(batch | 1, length)`, tables
`(max_positions, r)`. Computed in float32, rounded once. The gradient turns back by the same angles; cos and sin are
constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["CASES", "RotaryCase", "backward", "forward", "output_shapes"]


def output_shapes(query: tuple[int, ...], key: tuple[int, ...] | None) -> tuple[tuple[int, ...] | None, ...]:
    """Shapes of (query, key)."""
    return query, key


def forward(query, key, cos, sin, *, position_ids=None, interleaved=False, dtype=np.float64):
    """The reference: (query, key) in `dtype`; float32 gives the naive one that kernels are measured against."""
    cos, sin = (t.astype(dtype) for t in (cos, sin))
    if position_ids is not None:
        cos, sin = cos[position_ids], sin[position_ids]
    return tuple(None if x is None else _turn(x.astype(dtype), cos[:, None], sin[:, None], interleaved)
                 for x in (query, key))  # fmt: skip


def backward(dquery, dkey, cos, sin, *, position_ids=None, interleaved=False, dtype=np.float64):
    """The reference gradients of query and key."""
    return forward(dquery, dkey, cos, -sin, position_ids=position_ids, interleaved=interleaved, dtype=dtype)


def _turn(x, cos, sin, interleaved):
    r = cos.shape[-1]
    a, b = (slice(0, 2 * r, 2), slice(1, 2 * r, 2)) if interleaved else (slice(0, r), slice(r, 2 * r))
    y = x.copy()
    y[..., a] = x[..., a] * cos - x[..., b] * sin
    y[..., b] = x[..., b] * cos + x[..., a] * sin
    return y


@dataclass(frozen=True)
class RotaryCase:
    """One call: `shape` of query, kv_heads of key (0: no key), r, and how they lie in memory.

    split: query and key are views of (batch, length, heads, d), as a projection split into heads. tables: cos and sin
    are tables that position_ids index. alike: cos and sin have query's dtype. shared: one row of cos, sin and
    position_ids serves the batch.
    """

    shape: tuple[int, int, int, int]
    kv_heads: int
    r: int
    interleaved: bool = False
    split: bool = True
    tables: bool = False
    alike: bool = False
    shared: bool = True
    benchmark: bool = False

    def __str__(self) -> str:
        words = ["x".join(map(str, self.shape)), f"kv{self.kv_heads}", f"r{self.r}"]
        words += [name for name in ("interleaved", "tables", "alike") if getattr(self, name)]
        words += [word for name, word in (("split", "dense"), ("shared", "batched")) if not getattr(self, name)]
        return "-".join(words)

    def arrays(self, dtype: Any = np.float32, seed: int = 0) -> dict[str, np.ndarray | None]:
        """query, key, cos, sin, position_ids and the arriving gradients dquery, dkey; None where absent."""
        rng = np.random.default_rng(seed)
        batch, heads, length, d = self.shape

        def draw(heads):
            if heads is None:
                return None
            if self.split:
                return np.swapaxes(rng.standard_normal((batch, length, heads, d)).astype(dtype), 1, 2)
            return rng.standard_normal((batch, heads, length, d)).astype(dtype)

        rows = (length + 5,) if self.tables else (1 if self.shared else batch, length)
        angles = 3 * rng.standard_normal((*rows, self.r))
        kind = dtype if self.alike else np.float32
        ids = rng.integers(0, length + 5, (1 if self.shared else batch, length)) if self.tables else None
        return {
            "query": draw(heads), "key": draw(self.kv_heads or None),
            "cos": np.cos(angles).astype(kind), "sin": np.sin(angles).astype(kind), "position_ids": ids,
            "dquery": draw(heads), "dkey": draw(self.kv_heads or None),
        }  # fmt: skip


# Pairs that fill no register, one, several and parts of one; part of the features; every option.
CASES = (
    RotaryCase((1, 1, 1, 2), 1, 1),
    RotaryCase((1, 1, 1, 2), 1, 1, interleaved=True),
    RotaryCase((2, 3, 5, 8), 1, 4, shared=False),
    RotaryCase((2, 3, 5, 8), 3, 3, interleaved=True, split=False),
    RotaryCase((2, 2, 7, 33), 1, 15, tables=True),
    RotaryCase((2, 2, 7, 33), 2, 16, interleaved=True, tables=True, shared=False),
    RotaryCase((1, 4, 3, 40), 0, 17, alike=True),
    RotaryCase((3, 2, 4, 50), 1, 25, interleaved=True, alike=True),
    RotaryCase((1, 2, 70, 80), 2, 40, split=False, tables=True, alike=True),
    RotaryCase((2, 2, 3, 64), 2, 0),
    RotaryCase((0, 2, 3, 8), 2, 4),
    RotaryCase((2, 2, 0, 8), 1, 4, split=False),
    RotaryCase((1, 4, 300, 96), 2, 48),
    RotaryCase((1, 4, 300, 100), 2, 47, interleaved=True, split=False),
    RotaryCase((1, 32, 1, 128), 8, 64, benchmark=True),
    RotaryCase((1, 32, 512, 64), 4, 32, benchmark=True),
    RotaryCase((8, 32, 128, 128), 8, 64, split=False, interleaved=True, benchmark=True),
)
