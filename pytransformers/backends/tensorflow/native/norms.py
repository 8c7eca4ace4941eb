"""layer_norm and rms_norm.

Shapes are `(..., features)`, dtypes float32, float16 and bfloat16; weights have x's dtype or float32. Results have x's
dtype.
"""

from __future__ import annotations

import tensorflow as tf

from .library import ops, optional, register

register("layer_norm")
register("rms_norm")


def layer_norm(x, weight=None, bias=None, eps=1e-5, residual=None):
    """Layer norm over the last dimension of x `(..., d)`; weight, bias `(d,)`. With `residual`: `(y, x + residual)`."""
    y, sums = ops.pytransformers_layer_norm(x, optional(residual), optional(weight), optional(bias), eps=eps)
    return y if residual is None else (y, sums[0])


def rms_norm(x, weight=None, eps=1e-6, residual=None):
    """RMS norm over the last dimension of x `(..., d)`; weight `(d,)`. With `residual`: `(y, x + residual)`."""
    y, sums = ops.pytransformers_rms_norm(x, optional(residual), optional(weight), eps=eps)
    return y if residual is None else (y, sums[0])


def _after_x(op, *counts):
    """The inputs after x, None for those that this node does not have."""
    rest = list(op.inputs)[1:]
    return [rest.pop(0) if op.get_attr(count) else None for count in counts]


def _arriving(op, dy, sums):
    dy = tf.zeros_like(op.outputs[0]) if dy is None else tf.convert_to_tensor(dy)
    return dy, [tf.convert_to_tensor(s) for s in sums if s is not None]


@tf.RegisterGradient("PytransformersLayerNorm")
def _layer_norm_gradient(op, dy, *sums):
    residual, weight, bias = _after_x(op, "sums", "weights", "biases")
    x = op.inputs[0] if residual is None else op.outputs[1]
    dy, dsum = _arriving(op, dy, sums)
    # The kernel gives dbias the weight's dtype, so without a weight the sum is TensorFlow's.
    with_bias = bias is not None and weight is not None
    dx, dweight, dbias = ops.pytransformers_layer_norm_grad(
        x, dy, dsum, optional(weight), eps=op.get_attr("eps"), dweights=len(optional(weight)), dbiases=int(with_bias))
    if bias is not None and not with_bias:
        leading = tf.range(tf.rank(dy) - 1)
        dbias = [tf.cast(tf.reduce_sum(tf.cast(dy, tf.float32), leading), bias.dtype)]
    return [dx, *([] if residual is None else [dx]), *dweight, *dbias]


@tf.RegisterGradient("PytransformersRmsNorm")
def _rms_norm_gradient(op, dy, *sums):
    residual, weight = _after_x(op, "sums", "weights")
    x = op.inputs[0] if residual is None else op.outputs[1]
    dy, dsum = _arriving(op, dy, sums)
    dx, dweight = ops.pytransformers_rms_norm_grad(
        x, dy, dsum, optional(weight), eps=op.get_attr("eps"), dweights=len(optional(weight)))
    return [dx, *([] if residual is None else [dx]), *dweight]


@tf.RegisterGradient("PytransformersLayerNormGrad")
@tf.RegisterGradient("PytransformersRmsNormGrad")
def _no_second_gradient(op, *gradients):
    raise NotImplementedError(
        f"[{op.type}] expected to be differentiated once, got a second time: the compiled kernel has no second "
        "derivative, run the forward pass under pytransformers.ops.selection.kernels('reference')")
