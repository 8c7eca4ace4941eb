"""rotary_embedding in the framework's own operations."""

from __future__ import annotations

import tensorflow as tf


def rotary_embedding(query, key, cos, sin, position_ids=None, interleaved=False):
    """As the vocabulary has it; float64 stays so."""
    if position_ids is not None:
        cos, sin = tf.gather(cos, position_ids), tf.gather(sin, position_ids)
    cos, sin = cos[:, None], sin[:, None]
    return turn(query, cos, sin, interleaved), None if key is None else turn(key, cos, sin, interleaved)


def turn(x, cos, sin, interleaved):
    """x `(batch, heads, length, d)`, cos, sin `(batch | 1, 1, length, r)`."""
    wide = tf.float64 if x.dtype == tf.float64 else tf.float32
    width = 2 * cos.shape[-1]
    turned, rest = tf.cast(x[..., :width], wide), x[..., width:]
    cos, sin = tf.cast(cos, wide), tf.cast(sin, wide)
    first, second = (turned[..., 0::2], turned[..., 1::2]) if interleaved else tf.split(turned, 2, -1)
    pair = first * cos - second * sin, second * cos + first * sin
    if interleaved:
        shape = tf.shape(turned)
        turned = tf.reshape(tf.stack(pair, -1), shape)
    else:
        turned = tf.concat(pair, -1)
    turned = tf.cast(turned, x.dtype)
    return tf.concat((turned, rest), -1) if rest.shape[-1] else turned
