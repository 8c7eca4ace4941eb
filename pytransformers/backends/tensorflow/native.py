"""The compiled kernels as TensorFlow ops, eager and in `tf.function`, with registered gradients. CPU.

XLA can not call them: a function compiled with `jit_compile=True` takes the reference while it is traced. Shapes are
`(..., features)`, dtypes float32, float16 and bfloat16; weights have x's dtype or float32. Results have x's dtype.
"""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext  # no public name tells that XLA compiles

from pytransformers.ops import selection

LIBRARY = Path(__file__).parents[2] / "lib" / "libpytransformers_tensorflow.so"


def _load():
    if not LIBRARY.exists():
        return None, f"{LIBRARY.name} was not built"
    try:
        return tf.load_op_library(str(LIBRARY)), ""
    except (tf.errors.OpError, OSError) as error:
        return None, f"{LIBRARY.name} does not load into TensorFlow {tf.__version__}: {error}"


_ops, _reason = _load()


def available() -> tuple[bool, str]:
    """Whether the kernels can run in this process, and if not why."""
    return not _reason, _reason


def under_xla() -> bool:
    """Whether this code is being traced for `jit_compile=True`."""
    return not tf.executing_eagerly() and GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def _forced_reference() -> str:
    return "TensorFlow compiles this function with XLA, which cannot call kernels of ours" if under_xla() else ""


for _op in ("layer_norm", "rms_norm"):
    selection.register(_op, "tensorflow", devices=("cpu",), reason=_reason, forced_reference=_forced_reference)


def _list(tensor):
    return [] if tensor is None else [tensor]


def layer_norm(x, weight=None, bias=None, eps=1e-5, residual=None):
    """Layer norm over the last dimension of x `(..., d)`; weight, bias `(d,)`. With `residual`: `(y, x + residual)`."""
    y, sums = _ops.pytransformers_layer_norm(x, _list(residual), _list(weight), _list(bias), eps=eps)
    return y if residual is None else (y, sums[0])


def rms_norm(x, weight=None, eps=1e-6, residual=None):
    """RMS norm over the last dimension of x `(..., d)`; weight `(d,)`. With `residual`: `(y, x + residual)`."""
    y, sums = _ops.pytransformers_rms_norm(x, _list(residual), _list(weight), eps=eps)
    return y if residual is None else (y, sums[0])


def _optional(op, *counts):
    """The inputs after x, None for those that this node does not have."""
    rest = list(op.inputs)[1:]
    return [rest.pop(0) if op.get_attr(count) else None for count in counts]


def _arriving(op, dy, sums):
    dy = tf.zeros_like(op.outputs[0]) if dy is None else tf.convert_to_tensor(dy)
    return dy, [tf.convert_to_tensor(s) for s in sums if s is not None]


@tf.RegisterGradient("PytransformersLayerNorm")
def _layer_norm_gradient(op, dy, *sums):
    residual, weight, bias = _optional(op, "sums", "weights", "biases")
    x = op.inputs[0] if residual is None else op.outputs[1]
    dy, dsum = _arriving(op, dy, sums)
    # The kernel gives dbias the weight's dtype, so without a weight the sum is TensorFlow's.
    with_bias = bias is not None and weight is not None
    dx, dweight, dbias = _ops.pytransformers_layer_norm_grad(
        x, dy, dsum, _list(weight), eps=op.get_attr("eps"), dweights=len(_list(weight)), dbiases=int(with_bias))
    if bias is not None and not with_bias:
        leading = tf.range(tf.rank(dy) - 1)
        dbias = [tf.cast(tf.reduce_sum(tf.cast(dy, tf.float32), leading), bias.dtype)]
    return [dx, *([] if residual is None else [dx]), *dweight, *dbias]


@tf.RegisterGradient("PytransformersRmsNorm")
def _rms_norm_gradient(op, dy, *sums):
    residual, weight = _optional(op, "sums", "weights")
    x = op.inputs[0] if residual is None else op.outputs[1]
    dy, dsum = _arriving(op, dy, sums)
    dx, dweight = _ops.pytransformers_rms_norm_grad(
        x, dy, dsum, _list(weight), eps=op.get_attr("eps"), dweights=len(_list(weight)))
    return [dx, *([] if residual is None else [dx]), *dweight]


@tf.RegisterGradient("PytransformersLayerNormGrad")
@tf.RegisterGradient("PytransformersRmsNormGrad")
def _no_second_gradient(op, *gradients):
    raise NotImplementedError(
        f"[{op.type}] expected to be differentiated once, got a second time: the compiled kernel has no second "
        "derivative, run the forward pass under pytransformers.ops.selection.kernels('reference')")
