"""Attention in TensorFlow operations. Contract: `pytransformers/ops/__init__.pyi`."""

import tensorflow as tf

from ...ops import selection
from .randomness import dropout


def attention(query, key, value, *, mask=None, bias=None, causal=False, scale=None, dropout_p=0.0,
              implementation="auto", return_weights=False):  # fmt: skip
    selection.chosen_attention(implementation, "tensorflow")
    groups = query.shape[1] // key.shape[1]
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    wide = tf.float64 if query.dtype == tf.float64 else tf.float32
    lowest = tf.constant(query.dtype.min, wide)

    scores = tf.cast(_grouped_matmul(query, key, groups, transpose=True), wide) * scale
    if bias is not None:
        scores += tf.cast(bias, wide)
    if mask is not None:
        mask = tf.convert_to_tensor(mask)
        scores = tf.where(mask, scores, lowest) if mask.dtype == tf.bool else scores + tf.cast(mask, wide)
    if causal and query.shape[2] != 1:  # one query at the end attends to every key
        scores = tf.where(_causal(tf.shape(scores)), scores, lowest)
    weights = tf.cast(tf.nn.softmax(scores), query.dtype)
    dropped = dropout(weights, dropout_p) if dropout_p > 0 else weights
    return _grouped_matmul(dropped, value, groups), weights if return_weights else None


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
