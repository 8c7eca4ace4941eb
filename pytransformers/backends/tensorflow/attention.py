"""Attention in TensorFlow operations. Contract: `pytransformers/ops/__init__.pyi`."""

import sys

import tensorflow as tf

from ...ops import attention as contract
from ...ops import selection
from . import native, randomness

MAX_HEAD_SIZE = 256


def attention(query, key, value, *, mask=None, bias=None, causal=False, scale=None, dropout_p=0.0,
              implementation="auto", return_weights=False, window=None, soft_cap=None, alibi_slopes=None,
              query_offsets=None, key_offsets=None):  # fmt: skip
    mask, bias = (x if x is None else tf.convert_to_tensor(x) for x in (mask, bias))
    how = selection.chosen_attention(implementation, "tensorflow", _device(query))
    if how == "auto":
        how = "native" if _suits_native(query, value) else "framework"
    if how == "native" and not return_weights and dropout_p < 1:
        return _native(query, key, value, mask, bias, causal, scale, dropout_p, window, soft_cap, alibi_slopes,
                       query_offsets, key_offsets), None  # fmt: skip
    if not (window is None and alibi_slopes is None and query_offsets is None):
        vocabulary = sys.modules[f"{__package__}.ops"]
        mask, bias = contract.spelled_out(vocabulary, query, key, mask, bias, causal, window, alibi_slopes,
                                          query_offsets, key_offsets)  # fmt: skip
        causal = False
    context, weights = _composed(query, key, value, mask, bias, causal, scale, dropout_p, soft_cap)
    return context, weights if return_weights else None


def _device(x):
    placed_on_gpu = "GPU" in x.device if x.device else bool(tf.config.list_physical_devices("GPU"))
    return "cuda" if placed_on_gpu else "cpu"


def _suits_native(query, value):
    """Whether the compiled kernel takes these and is at least as fast as TensorFlow's operations."""
    return (
        query.dtype in (tf.float32, tf.bfloat16, tf.float16)
        and max(query.shape[-1], value.shape[-1]) <= MAX_HEAD_SIZE
    )


def _native(query, key, value, mask, bias, causal, scale, dropout_p, window, soft_cap, alibi_slopes, query_offsets,
            key_offsets):  # fmt: skip
    """The compiled kernel."""
    scale = query.shape[-1] ** -0.5 if scale is None else float(scale)
    if mask is not None and mask.dtype != tf.bool:
        wide = tf.cast(mask, tf.float32)
        mask, bias = None, wide if bias is None else wide + tf.cast(bias, tf.float32)
    if bias is not None and bias.dtype != query.dtype:
        bias = tf.cast(bias, tf.float32)
    seed = tf.cast(randomness.seed(), tf.int64) if dropout_p > 0 else None
    return native.attention(
        query, key, value, scale, causal, _four(mask), _four(bias), _as(alibi_slopes, tf.float32),
        _as(query_offsets, tf.int32), _as(key_offsets, tf.int32), float(soft_cap or 0),
        contract.window_sides(window), float(dropout_p), seed,
    )  # fmt: skip


def _four(x):
    return x if x is None or x.shape.rank == 4 else x[(None,) * (4 - x.shape.rank)]


def _as(x, dtype):
    return None if x is None else tf.stop_gradient(tf.cast(x, dtype))


def _composed(query, key, value, mask, bias, causal, scale, dropout_p, soft_cap):
    """Step by step: the context and the weights."""
    groups = query.shape[1] // key.shape[1]
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    wide = tf.float64 if query.dtype == tf.float64 else tf.float32
    lowest = tf.constant(query.dtype.min, wide)

    scores = tf.cast(_grouped_matmul(query, key, groups, transpose=True), wide) * scale
    if soft_cap is not None:
        scores = soft_cap * tf.tanh(scores / soft_cap)
    if bias is not None:
        scores += tf.cast(bias, wide)
    if mask is not None:
        scores = tf.where(mask, scores, lowest) if mask.dtype == tf.bool else scores + tf.cast(mask, wide)
    if causal and query.shape[2] != 1:  # one query at the end attends to every key
        scores = tf.where(_causal(tf.shape(scores)), scores, lowest)
    weights = tf.cast(tf.nn.softmax(scores), query.dtype)
    dropped = randomness.dropout(weights, dropout_p) if dropout_p > 0 else weights
    return _grouped_matmul(dropped, value, groups), weights


def _grouped_matmul(x, y, groups, transpose=False):
    """x (batch, heads, q, n) times y (batch, heads / groups, ., .) of its group, which is not copied."""
    if groups == 1:
        return tf.matmul(x, y, transpose_b=transpose)
    batch, heads, length, width = tf.unstack(tf.shape(x))
    folded = tf.reshape(x, (batch, heads // groups, groups * length, width))
    product = tf.matmul(folded, y, transpose_b=transpose)
    product = tf.reshape(product, (batch, heads, length, tf.shape(product)[-1]))
    product.set_shape((*x.shape[:3], y.shape[2] if transpose else y.shape[3]))
    return product


def _causal(shape):
    length, total = shape[-2], shape[-1]
    return tf.range(total)[None, :] <= tf.range(length)[:, None] + (total - length)
