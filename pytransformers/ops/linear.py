"""`linear`: y = activation(x W^T + b), in float32, for one weight or several that share x."""

from __future__ import annotations

import math

import numpy as np

# The kernel's number of each activation that it can end with.
ACTIVATIONS = {None: 0, "relu": 1, "gelu": 2, "gelu_tanh": 3, "silu": 4}
MAX_WEIGHTS = 8

# (rows, in features, out features): single, odd, around a register, a tile and a block of both kernels, and a layer of
# a small encoder.
CASES = (
    (1, 1, 1), (1, 16, 12), (2, 17, 11), (3, 5, 385), (5, 384, 13), (7, 100, 3), (8, 33, 24), (13, 64, 36),
    (16, 384, 1536), (31, 384, 384), (39, 20, 50), (40, 7, 48), (47, 385, 49), (64, 129, 65), (131, 769, 193),
    (12, 1024, 17),
)  # fmt: skip


def activate(y, activation):
    """The activation of `ACTIVATIONS` by that name, in y's dtype."""
    if activation == "relu":
        return np.maximum(y, 0)
    if activation == "gelu":
        erf = np.frompyfunc(math.erf, 1, 1)(y / y.dtype.type(math.sqrt(2))).astype(y.dtype)
        return y.dtype.type(0.5) * y * (1 + erf)
    if activation == "gelu_tanh":
        u = y.dtype.type(math.sqrt(2 / math.pi)) * (y + y.dtype.type(0.044715) * y * y * y)
        return y.dtype.type(0.5) * y * (1 + np.tanh(u))
    return y / (1 + np.exp(-y)) if activation == "silu" else y


def reference(x, weight, bias=None, activation=None, dtype=np.float64):
    """x (..., k), weight (n, k), bias (n,) -> (..., n) in `dtype`; float32 gives the naive implementation."""
    y = x.astype(dtype) @ weight.astype(dtype).T
    return activate(y if bias is None else y + bias.astype(dtype), activation)
