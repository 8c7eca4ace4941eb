"""`linear`: y = x W^T + b. The compiled kernel is for few rows of float32 where no gradient is wanted."""

from __future__ import annotations

# (rows, in features, out features): single, odd, around a register and a tile, and a layer of a small encoder.
CASES = (
    (1, 1, 1), (1, 16, 12), (2, 17, 11), (3, 5, 385), (5, 384, 13), (7, 100, 3), (8, 33, 24), (13, 64, 36),
    (16, 384, 1536), (31, 384, 384), (64, 129, 65),
)  # fmt: skip


def reference(x, weight, bias=None):
    """x (..., k), weight (n, k), bias (n,) -> float64 (..., n)."""
    y = x.astype("float64") @ weight.astype("float64").T
    return y if bias is None else y + bias.astype("float64")
