"""Resizing an axis is a matrix product: the matrix, for static lengths. Follows torch.nn.functional.interpolate."""

from functools import lru_cache

import numpy as np

CUBIC, ANTIALIASED_CUBIC = -0.75, -0.5  # coefficients of the cubic kernel, Keys 1981


def _triangle(distance):
    return np.maximum(0.0, 1.0 - distance)


def _cubic(distance, a):
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = a * (((distance - 5) * distance + 8) * distance - 4)
    return np.where(distance < 1, near, np.where(distance < 2, far, 0.0))


@lru_cache(maxsize=64)
def resize_matrix(length, size, mode="bilinear", align_corners=False, antialias=False):
    """The (size, length) float64 matrix that resamples an axis of `length` to `size` points.

    Args:
        mode: "nearest", "bilinear" (along one axis: linear) or "bicubic" (a = -0.75; -0.5 when antialiased).
        align_corners: the first and last points of both grids coincide, instead of their outer edges.
        antialias: widen the kernel by the scale when shrinking.
    Raises:
        ValueError: an unknown mode, or a length below 1.
    """
    if mode not in ("nearest", "bilinear", "bicubic"):
        raise ValueError(f"[interpolate] expected mode nearest, bilinear or bicubic, got {mode!r}")
    if length < 1 or size < 1:
        raise ValueError(f"[interpolate] expected lengths of at least 1, got {length} to {size}")
    if mode == "nearest":
        nearest = np.minimum(np.floor(np.arange(size) * np.float32(length / size)).astype(int), length - 1)
        return np.eye(length)[nearest]
    scale = length / size
    if align_corners:
        scale = (length - 1) / (size - 1) if size > 1 else 0.0
    if antialias:
        return _antialiased(length, size, mode, scale)
    places = np.arange(size) * scale if align_corners else (np.arange(size) + 0.5) * scale - 0.5
    places = np.maximum(places, 0.0) if mode == "bilinear" else places
    matrix = np.zeros((size, length))
    steps = (0, 1) if mode == "bilinear" else (-1, 0, 1, 2)
    for step in steps:
        taken = np.floor(places).astype(int) + step
        distance = np.abs(places - taken)
        weight = _triangle(distance) if mode == "bilinear" else _cubic(distance, CUBIC)
        np.add.at(matrix, (np.arange(size), np.clip(taken, 0, length - 1)), weight)
    return matrix


def _antialiased(length, size, mode, scale):
    reach = 1 if mode == "bilinear" else 2
    stretch = max(scale, 1.0)
    matrix = np.zeros((size, length))
    for row in range(size):
        centre = scale * (row + 0.5)
        low = max(int(centre - reach * stretch + 0.5), 0)
        high = min(int(centre + reach * stretch + 0.5), length)
        distance = np.abs(np.arange(low, high) - centre + 0.5) / stretch
        weight = _triangle(distance) if mode == "bilinear" else _cubic(distance, ANTIALIASED_CUBIC)
        matrix[row, low:high] = weight / weight.sum()
    return matrix
