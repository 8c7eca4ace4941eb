"""rms_norm: the contract. (Zhang, Sennrich 2019, arXiv:1910.07467.)

    rms_norm(x, weight=None, eps=1e-6, residual=None) -> y, or (y, s) with residual

    s = x + residual, rounded to x's dtype; s = x without residual
    y = s / sqrt(mean(s * s) + eps) * weight       over the last dimension

x, residual, y, s: `(..., d)` of float32, float16 or bfloat16; weight: `(d,)` of x's dtype or float32. Sums are taken in
float32 or better whatever the dtype, and y is rounded once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import case

__all__ = ["CASES", "EPS", "backward", "forward", "output_shapes"]

EPS = 1e-6
CASES = tuple(replace(c, bias=False) for c in case.CASES)


def output_shapes(x: tuple[int, ...], residual: bool = False) -> tuple[tuple[int, ...], ...]:
    """Shapes of (y,) or, with a residual, (y, s)."""
    return (x, x) if residual else (x,)


def _scale(s, eps, dtype):
    return 1 / np.sqrt((s * s).mean(-1, keepdims=True, dtype=dtype) + dtype(eps))


def forward(x, weight=None, eps=EPS, residual=None, dtype=np.float64):
    """The reference: (y, s) in `dtype`; float32 gives the naive implementation that kernels are measured against.

    With a residual, s is first rounded to the dtype of `x`, as every implementation does.
    """
    s = x.astype(dtype)
    if residual is not None:
        s = (s + residual.astype(dtype)).astype(x.dtype).astype(dtype)
    y = s * _scale(s, eps, dtype)
    return (y if weight is None else y * weight.astype(dtype)), s


def backward(dy, s, weight=None, eps=EPS, dsum=None, dtype=np.float64):
    """The reference gradients (dx, dweight); dx is also the residual's. `s` is what was normalised."""
    dy, s = dy.astype(dtype), s.astype(dtype)
    scale = _scale(s, eps, dtype)
    h = s * scale
    g = dy if weight is None else dy * weight.astype(dtype)
    dx = scale * (g - h * (g * h).mean(-1, keepdims=True))
    if dsum is not None:
        dx = dx + dsum.astype(dtype)
    return dx, (dy * h).sum(tuple(range(dy.ndim - 1)))
