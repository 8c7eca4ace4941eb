"""attention.

query `(batch, heads, q, d)`, key and value `(batch, kv_heads, k, ...)`, of float32, float16 or bfloat16. In a graph the
kernel is called with `(batch, length, heads, width)`, so that TensorFlow cancels the transpositions of a model's own
layout; where key and query lengths may differ, keys are taken to come from a cache and keep its layout.
"""

from __future__ import annotations

import tensorflow as tf

from .library import ops, optional, register

register("attention")

_BY_POSITION = (0, 2, 1, 3)
_OPTIONS = ("scale", "soft_cap", "dropout", "window_left", "window_right", "causal", "by_position", "keys_by_head")
_COUNTS = ("masks", "biases", "slopes", "offsets", "offsets", "seeds")  # of the inputs after query, key and value


def attention(query, key, value, scale, causal=False, mask=None, bias=None, alibi_slopes=None, query_offsets=None,
              key_offsets=None, soft_cap=0.0, window=(-1, -1), dropout=0.0, seed=None):  # fmt: skip
    """The operation of `pytransformers/ops/attention.py`, (batch, heads, q, d_v).

    mask is bool, bias of query's dtype or float32, both of 4 dimensions; offsets are int32, slopes float32; seed, for
    dropout, is (2,) int64. Gradients are those of query, key, value and bias.
    """
    if (query_offsets is None) != (key_offsets is None):
        raise ValueError("[attention] expected query_offsets and key_offsets, got one of them, pass both or none")
    by_position = not tf.executing_eagerly()
    by_head = not by_position or query.shape[2] is None or query.shape[2] != key.shape[2]
    if by_position:
        query = tf.transpose(query, _BY_POSITION)
        key, value = (key, value) if by_head else (tf.transpose(x, _BY_POSITION) for x in (key, value))
    out, _ = ops.pytransformers_attention(
        query, key, value, optional(mask), optional(bias), optional(alibi_slopes), optional(query_offsets),
        optional(key_offsets), optional(seed), scale=scale, soft_cap=soft_cap, dropout=dropout, window_left=window[0],
        window_right=window[1], causal=causal, by_position=by_position, keys_by_head=by_head)
    return tf.transpose(out, _BY_POSITION) if by_position else out


@tf.RegisterGradient("PytransformersAttention")
def _attention_gradient(op, dout, _):
    present = [count for count in _COUNTS if op.get_attr(count)]
    query, key, value, *rest = op.inputs
    lists = [[] for _ in _COUNTS]
    for place, count in enumerate(_COUNTS):
        if op.get_attr(count):
            lists[place] = [rest.pop(0)]
    options = {name: op.get_attr(name) for name in _OPTIONS}
    *gradients, dbias = ops.pytransformers_attention_grad(query, key, value, *lists, dout, *op.outputs, **options)
    return [*gradients, *(dbias[0] if count == "biases" else None for count in present)]


@tf.RegisterGradient("PytransformersAttentionGrad")
def _no_second_gradient(op, *gradients):
    raise NotImplementedError(
        "[attention] expected to be differentiated once, got a second time: the compiled kernel has no second "
        "derivative, run the forward pass with attn_implementation='eager'")
