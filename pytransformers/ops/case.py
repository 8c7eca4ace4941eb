"""Cases of the norm ops: one record is both the test and the benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class NormCase:
    """One call: `shape` of x `(..., d)`, which optional operands it has, and how x lies in memory.

    layout: "dense"; "rows" (every second row of a larger array); "transposed" (leading dimensions swapped);
    "columns" (the last dimension is not the innermost); "expanded" (one row seen many times, stride 0).
    offset: a constant added to x, which tests that a large mean costs no digits.
    """

    shape: tuple[int, ...]
    weight: bool = True
    bias: bool = True
    residual: bool = False
    layout: str = "dense"
    float32_weights: bool = False
    offset: float = 0.0
    benchmark: bool = False

    def __str__(self) -> str:
        words = ["x".join(map(str, self.shape)), "" if self.layout == "dense" else self.layout]
        words += [name for name in ("residual", "float32_weights") if getattr(self, name)]
        words += [f"no_{name}" for name in ("weight", "bias") if not getattr(self, name)]
        return "-".join([w for w in words if w] + ([f"offset{self.offset:g}"] if self.offset else []))

    def arrays(self, dtype: Any = np.float32, seed: int = 0) -> dict[str, np.ndarray | None]:
        """x, residual, weight, bias and the arriving gradients dy, dsum, rounded to `dtype`; None where absent."""
        rng = np.random.default_rng(seed)
        features = self.shape[-1:]

        def draw(shape, wanted=True, kind=dtype, centre=0.0):
            return (rng.standard_normal(shape) + centre).astype(kind) if wanted else None

        weights = np.float32 if self.float32_weights else dtype
        return {
            "x": self._laid_out(draw, dtype),
            "residual": draw(self.shape, self.residual),
            "weight": draw(features, self.weight, weights, 1.0),
            "bias": draw(features, self.bias, weights),
            "dy": draw(self.shape),
            "dsum": draw(self.shape, self.residual),
        }

    def _laid_out(self, draw, dtype):
        *leading, d = self.shape
        if self.layout == "rows":
            return draw((2 * leading[0], *leading[1:], d), centre=self.offset)[::2]
        if self.layout == "transposed":
            return np.swapaxes(draw((leading[1], leading[0], *leading[2:], d), centre=self.offset), 0, 1)
        if self.layout == "columns":
            return np.swapaxes(draw((*leading[:-1], d, leading[-1]), centre=self.offset), -1, -2)
        if self.layout == "expanded":
            return np.broadcast_to(draw((1, d), centre=self.offset), self.shape)
        return draw(self.shape, centre=self.offset)


# Sizes 1, odd, 2^n - 1, 2^n, 2^n + 1, large; every optional operand; every layout.
CASES = (
    NormCase((1,)),
    NormCase((5, 1)),
    NormCase((3, 7)),
    NormCase((2, 3, 15), bias=False),
    NormCase((2, 3, 16), residual=True),
    NormCase((2, 3, 17), weight=False, bias=False),
    NormCase((4, 63), residual=True, weight=False, bias=False),
    NormCase((4, 64), weight=False),
    NormCase((4, 65), float32_weights=True),
    NormCase((2, 255), residual=True, float32_weights=True),
    NormCase((1, 1025), offset=100.0),
    NormCase((16, 384), benchmark=True),
    NormCase((16, 384), residual=True, benchmark=True),
    NormCase((6, 129), layout="rows"),
    NormCase((3, 4, 2, 33), layout="transposed", residual=True),
    NormCase((3, 31, 10), layout="columns"),
    NormCase((9, 40), layout="expanded"),
    NormCase((0, 8)),
    NormCase((2, 70001)),
    NormCase((700, 257), residual=True),
    NormCase((128, 768), benchmark=True),
    NormCase((4096, 1024), benchmark=True),
)
