"""linear in float32."""

from __future__ import annotations

import tensorflow as tf

from pytransformers.ops.linear import ACTIVATIONS

from .library import ops, optional, register

register("linear")

_ACTIVATE = {"relu": tf.nn.relu, "gelu": tf.nn.gelu, "gelu_tanh": lambda y: tf.nn.gelu(y, approximate=True),
             "silu": tf.nn.silu}  # fmt: skip
_NAMES = {number: name for name, number in ACTIVATIONS.items()}


def linear(x, weight, bias=None, activation=None):
    """activation(x W^T + bias): x `(..., k)`, weight `(n, k)`, bias `(n,)`, all float32 -> `(..., n)`."""
    y = ops.pytransformers_linear(x, weight, optional(bias), activation=ACTIVATIONS[activation])
    if not tf.executing_eagerly():
        y.set_shape(x.shape[:-1].concatenate(weight.shape[:1]))
    return y


@tf.RegisterGradient("PytransformersLinear")
def _gradient(op, dy):
    x, weight, *bias = op.inputs
    activation = _NAMES[op.get_attr("activation")]
    if activation:
        with tf.GradientTape() as tape:
            y = ops.pytransformers_linear(x, weight, bias, activation=0)
            tape.watch(y)
            activated = _ACTIVATE[activation](y)
        dy = tape.gradient(activated, y, dy)
    rows = tf.reshape(dy, (-1, tf.shape(weight)[0]))
    dx = tf.reshape(tf.matmul(rows, weight), tf.shape(x))
    dweight = tf.matmul(rows, tf.reshape(x, (-1, tf.shape(weight)[1])), transpose_a=True)
    return [dx, dweight, *(tf.reduce_sum(rows, 0) for _ in bias)]
