"""Convolution, pooling, padding and resizing. Contract: `pytransformers/ops/__init__.pyi`."""

import jax.numpy as jnp
import numpy as np
from jax import lax

from ...ops.resize import resize_matrix


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _convolution(x, weight, bias, stride, padding, dilation, groups, names):
    rank = weight.ndim - 2
    stride, dilation = (((n,) * rank if isinstance(n, int) else tuple(n)) for n in (stride, dilation))
    if isinstance(padding, str):
        padding = padding.upper()
    else:
        padding = [(n, n) for n in ((padding,) * rank if isinstance(padding, int) else padding)]
    y = lax.conv_general_dilated(
        jnp.asarray(x), jnp.asarray(weight), stride, padding, rhs_dilation=dilation, dimension_numbers=names,
        feature_group_count=groups,
    )  # fmt: skip
    return y if bias is None else y + jnp.reshape(bias, (-1,) + (1,) * rank)


def conv1d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return _convolution(x, weight, bias, stride, padding, dilation, groups, ("NCH", "OIH", "NCH"))


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return _convolution(x, weight, bias, stride, padding, dilation, groups, ("NCHW", "OIHW", "NCHW"))


def _pool(x, start, operation, kernel_size, stride, padding):
    window = (1, 1, *_pair(kernel_size))
    strides = window if stride is None else (1, 1, *_pair(stride))
    edges = [(0, 0), (0, 0)] + [(n, n) for n in _pair(padding)]
    # A NumPy start is known while tracing, and only with a known start is the reduction differentiable.
    return lax.reduce_window(x, np.asarray(start, x.dtype), operation, window, strides, edges)


def max_pool2d(x, kernel_size, stride=None, padding=0):
    return _pool(x, -jnp.inf, lax.max, kernel_size, stride, padding)


def avg_pool2d(x, kernel_size, stride=None, padding=0):
    height, width = _pair(kernel_size)
    total = _pool(x.astype(jnp.float32), 0, lax.add, kernel_size, stride, padding)
    return (total / (height * width)).astype(x.dtype)


def pad(x, pad, value=0.0):
    """`pad` as in torch: pairs from the last dimension backwards; negative numbers crop."""
    x = jnp.asarray(x)
    pairs = [(pad[i], pad[i + 1], 0) for i in range(0, len(pad), 2)]
    return lax.pad(x, jnp.asarray(value, x.dtype), [(0, 0, 0)] * (x.ndim - len(pairs)) + pairs[::-1])


def interpolate(x, size, mode="bilinear", align_corners=False, antialias=False):
    y = x.astype(jnp.float32)
    for axis, length in zip((2, 3), size, strict=True):
        matrix = jnp.asarray(resize_matrix(x.shape[axis], length, mode, align_corners, antialias), jnp.float32)
        y = jnp.moveaxis(jnp.tensordot(y, matrix, ((axis,), (1,)), precision="highest"), -1, axis)
    return y.astype(x.dtype)


def pixel_shuffle(x, upscale_factor):
    batch, channels, height, width = x.shape
    factor = upscale_factor
    x = jnp.reshape(x, (batch, channels // factor**2, factor, factor, height, width))
    return jnp.reshape(jnp.transpose(x, (0, 1, 4, 2, 5, 3)), (batch, -1, height * factor, width * factor))
