"""quantized_matmul. Contract: `pytransformers/ops/quantized_matmul.py`. Gradients reach x and the bias."""

from __future__ import annotations

import tensorflow as tf

from pytransformers.ops.quantized_matmul import ACTIVATIONS, QUANTIZATIONS

from .library import ops, optional, register

register("quantized_matmul")

_OPTIONS = ("quantization", "group_size", "out_features")
_ACTIVATE = {None: tf.identity, "relu": tf.nn.relu, "gelu": tf.nn.gelu, "silu": tf.nn.silu,
             "gelu_tanh": lambda x: tf.nn.gelu(x, approximate=True)}  # fmt: skip
_NAMES = {number: name for name, number in ACTIVATIONS.items()}


def quantized_matmul(x, codes, scales, offsets, bias, quantization, group_size, out_features, activation):
    """x `(..., k)` -> activation(x W^T + bias) `(..., out_features)`, of x's dtype; bias float32 or None."""
    y = ops.pytransformers_quantized_matmul(
        x, codes, scales, optional(offsets), optional(bias), quantization=QUANTIZATIONS[quantization],
        group_size=group_size, out_features=out_features, activation=ACTIVATIONS[activation],
    )  # fmt: skip
    if not tf.executing_eagerly():
        y.set_shape(x.shape[:-1].concatenate([out_features]))
    return y


@tf.RegisterGradient("PytransformersQuantizedMatmul")
def _gradient(op, dy):
    x, codes, scales, *rest = op.inputs
    offsets = [rest.pop(0)] if op.get_attr("offset_count") else []
    options = {name: op.get_attr(name) for name in _OPTIONS}
    activation = _NAMES[op.get_attr("activation")]
    if activation:
        with tf.GradientTape() as tape:
            y = ops.pytransformers_quantized_matmul(x, codes, scales, offsets, rest, activation=0, **options)
            tape.watch(y)
            activated = _ACTIVATE[activation](y)
        dy = tape.gradient(activated, y, dy)
    weight = ops.pytransformers_dequantize(codes, scales, offsets, in_features=tf.compat.dimension_value(x.shape[-1]),
                                           T=x.dtype, **options)
    rows = tf.reshape(dy, (-1, options["out_features"]))
    dx = tf.reshape(tf.matmul(rows, weight), tf.shape(x))
    dbias = [tf.reduce_sum(tf.cast(rows, tf.float32), 0) for _ in rest]
    return [dx, None, None, *(None for _ in offsets), *dbias]


tf.no_gradient("PytransformersDequantize")
