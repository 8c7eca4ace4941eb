"""quantized_matmul in JAX's own operations. Contract: `pytransformers/ops/quantized_matmul.py`."""

import jax
import jax.numpy as jnp
from jax import lax

from pytransformers.ops.quantized_matmul import NF4


def product(x, codes, scales, offsets, quantization, out_features):
    """x `(..., k)` times W^T, in float32: `(..., out_features)`."""
    x = x.astype(jnp.float32)
    if quantization == "int8_dynamic":
        values = lax.bitcast_convert_type(_rows(codes), jnp.int8)[:out_features, : x.shape[-1]]
        return _rounded_product(x, values, jnp.ravel(scales)[:out_features])
    values, groups = _values(codes, quantization), scales.shape[1]
    values = jnp.reshape(values, (values.shape[0], groups, values.shape[1] // groups))
    weight = values * _per_group(scales)
    weight = weight if offsets is None else weight + _per_group(offsets)
    weight = jnp.reshape(weight, (weight.shape[0], -1))[:out_features, : x.shape[-1]]
    return _times(x, weight, jnp.float32)


def _times(x, weight, dtype):
    return lax.dot_general(x, weight, (((x.ndim - 1,), (1,)), ((), ())), preferred_element_type=dtype)


def _rows(codes):
    """Tiles -> the bytes of each row: (rows of all tiles, bytes of all blocks)."""
    tiles, blocks, height, width = codes.shape
    return jnp.reshape(jnp.swapaxes(codes, 1, 2), (tiles * height, blocks * width))


def _values(codes, quantization):
    """What the codes stand for, in float32."""
    rows = _rows(codes)
    if quantization == "int8":
        return lax.bitcast_convert_type(rows, jnp.int8).astype(jnp.float32)
    halves = jnp.stack((rows & 15, rows >> 4), -1)
    halves = jnp.reshape(halves, (rows.shape[0], 2 * rows.shape[1]))
    return jnp.take(NF4, halves) if quantization == "nf4" else halves.astype(jnp.float32) - 8


def _per_group(tiles):
    """(tiles, groups, 16) -> (rows, groups, 1)."""
    return jnp.reshape(jnp.swapaxes(tiles, 1, 2), (-1, tiles.shape[1], 1))


@jax.custom_jvp
def _rounded_product(x, values, scales):
    """x, rounded row by row to integers, times integers. Rounding has gradient 1."""
    largest = jnp.max(jnp.abs(x), -1, keepdims=True, initial=0)
    finite = jnp.isfinite(largest)
    usable = finite & (largest >= 2.0**-100)
    rounded = jnp.where(usable, jnp.round(x * (127 / largest)), 0).astype(jnp.int8)
    row_scales = jnp.where(finite, jnp.where(usable, largest / 127, 0), jnp.nan)
    return _times(rounded, values, jnp.int32).astype(jnp.float32) * row_scales * scales


@_rounded_product.defjvp
def _tangent(primals, tangents):
    _, values, scales = primals
    moved = _times(tangents[0], values.astype(jnp.float32), jnp.float32) * scales
    return _rounded_product(*primals), moved
