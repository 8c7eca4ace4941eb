"""layer_norm: the contract. (Ba, Kiros, Hinton 2016, arXiv:1607.06450.)

    layer_norm(x, weight=None, bias=None, eps=1e-5, residual=None) -> y, or (y, s) with residual

    s = x + residual, rounded to x's dtype; s = x without residual
    y = (s - mean(s)) / sqrt(var(s) + eps) * weight + bias       over the last dimension, var biased

x, residual, y, s: `(..., d)` of float32, float16 or bfloat16; weight, bias: `(d,)` of x's dtype or float32. Sums are
taken in float32 or better whatever the dtype, and y is rounded once.
"""

from __future__ import annotations

import numpy as np

from .case import CASES

__all__ = ["CASES", "EPS", "backward", "forward", "output_shapes"]

EPS = 1e-5


def output_shapes(x: tuple[int, ...], residual: bool = False) -> tuple[tuple[int, ...], ...]:
    """Shapes of (y,) or, with a residual, (y, s)."""
    return (x, x) if residual else (x,)


def _normalised(s, eps, dtype):
    centred = s - s.mean(-1, keepdims=True, dtype=dtype)
    scale = 1 / np.sqrt((centred * centred).mean(-1, keepdims=True, dtype=dtype) + dtype(eps))
    return centred * scale, scale


def forward(x, weight=None, bias=None, eps=EPS, residual=None, dtype=np.float64):
    """The reference: (y, s) in `dtype`; float32 gives the naive implementation that kernels are measured against.

    With a residual, s is first rounded to the dtype of `x`, as every implementation does.
    """
    s = x.astype(dtype)
    if residual is not None:
        s = (s + residual.astype(dtype)).astype(x.dtype).astype(dtype)
    y, _ = _normalised(s, eps, dtype)
    if weight is not None:
        y = y * weight.astype(dtype)
    if bias is not None:
        y = y + bias.astype(dtype)
    return y, s


def backward(dy, s, weight=None, eps=EPS, dsum=None, dtype=np.float64):
    """The reference gradients (dx, dweight, dbias); dx is also the residual's. `s` is what was normalised."""
    dy, s = dy.astype(dtype), s.astype(dtype)
    h, scale = _normalised(s, eps, dtype)
    g = dy if weight is None else dy * weight.astype(dtype)
    dx = scale * (g - g.mean(-1, keepdims=True) - h * (g * h).mean(-1, keepdims=True))
    if dsum is not None:
        dx = dx + dsum.astype(dtype)
    leading = tuple(range(dy.ndim - 1))
    return dx, (dy * h).sum(leading), dy.sum(leading)
