"""quantized_matmul in TensorFlow's own operations. Contract: `pytransformers/ops/quantized_matmul.py`."""

import tensorflow as tf

from pytransformers.ops.quantized_matmul import NF4


def product(x, codes, scales, offsets, quantization, out_features):
    """x `(..., k)` times W^T, in float32: `(..., out_features)`."""
    in_features, leading = x.shape[-1], tf.shape(x)[:-1]
    rows = tf.reshape(tf.cast(x, tf.float32), (-1, in_features))
    values, groups = _values(codes, quantization), scales.shape[1]
    if quantization == "int8_dynamic":
        y = _rounded_product(rows, values[:out_features, :in_features], tf.reshape(scales, (-1,))[:out_features])
    else:
        values = tf.reshape(values, (values.shape[0], groups, values.shape[1] // groups))
        weight = values * _per_group(scales)
        weight = weight if offsets is None else weight + _per_group(offsets)
        weight = tf.reshape(weight, (values.shape[0], groups * values.shape[2]))[:out_features, :in_features]
        y = tf.matmul(rows, weight, transpose_b=True)
    y = tf.reshape(y, tf.concat((leading, [out_features]), 0))
    y.set_shape(x.shape[:-1].concatenate([out_features]))
    return y


def _values(codes, quantization):
    """Tiles -> what the codes stand for: float32 (rows of all tiles, columns of all blocks)."""
    tiles, blocks, height, width = codes.shape
    rows = tf.reshape(tf.transpose(codes, (0, 2, 1, 3)), (tiles * height, blocks * width))
    if quantization.startswith("int8"):
        return tf.cast(tf.bitcast(rows, tf.int8), tf.float32)
    low = tf.cast(tf.bitwise.bitwise_and(rows, tf.constant(15, tf.uint8)), tf.int32)
    high = tf.cast(rows, tf.int32) // 16
    halves = tf.reshape(tf.stack((low, high), -1), (tiles * height, 2 * blocks * width))
    return tf.gather(tf.constant(NF4), halves) if quantization == "nf4" else tf.cast(halves - 8, tf.float32)


def _per_group(tiles):
    """(tiles, groups, 16) -> (rows, groups, 1)."""
    return tf.reshape(tf.transpose(tiles, (0, 2, 1)), (tiles.shape[0] * tiles.shape[2], tiles.shape[1], 1))


@tf.custom_gradient
def _rounded_product(x, values, scales):
    """x, rounded row by row to integers, times integers: the sums are exact in float64. Rounding has gradient 1."""
    largest = tf.reduce_max(tf.pad(tf.abs(x), ((0, 0), (0, 1))), -1, keepdims=True)
    finite = tf.math.is_finite(largest)
    usable = finite & (largest >= 2.0**-100)
    rounded = tf.where(usable, tf.round(x * (127 / largest)), 0.0)
    row_scales = tf.where(finite, tf.where(usable, largest / 127, 0.0), float("nan"))
    sums = tf.matmul(tf.cast(rounded, tf.float64), tf.cast(values, tf.float64), transpose_b=True)

    def gradient(dy):
        return tf.matmul(dy * scales, values), None, None

    return tf.cast(sums, tf.float32) * row_scales * scales, gradient
