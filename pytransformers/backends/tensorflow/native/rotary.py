"""rotary_embedding.

The gradient turns back by the same angles; that of cos and sin, where it is asked for, is the reference's.
"""

from __future__ import annotations

import tensorflow as tf

from .. import rotary
from .library import ops, optional, register

register("rotary_embedding")


def rotary_embedding(query, key, cos, sin, position_ids=None, interleaved=False):
    """query, key (or None) `(batch, heads, length, d)`, cos, sin `(batch | 1, length, r)` -> query, key, turned.

    With position_ids `(batch | 1, length)`, cos and sin are tables `(max_positions, r)`.
    """
    out, keys = ops.pytransformers_rotary_embedding(
        query, cos, sin, optional(key), optional(position_ids), interleaved=interleaved, inverse=False)
    return out, None if key is None else keys[0]


@tf.RegisterGradient("PytransformersRotaryEmbedding")
def _gradient(op, dquery, *dkeys):
    query, cos, sin, *rest = op.inputs
    has_key, interleaved, inverse = (op.get_attr(name) for name in ("keys", "interleaved", "inverse"))
    keys, positions = rest[:has_key], rest[has_key:]
    dquery = tf.zeros_like(query) if dquery is None else tf.convert_to_tensor(dquery)
    dkeys = [tf.zeros_like(k) if dk is None else tf.convert_to_tensor(dk) for k, dk in zip(keys, dkeys, strict=True)]
    back, backs = ops.pytransformers_rotary_embedding(
        dquery, cos, sin, dkeys, positions, interleaved=interleaved, inverse=not inverse)
    dcos, dsin = _table_gradients(op, query, keys, cos, sin, positions, [dquery, *dkeys], interleaved, inverse)
    return [back, dcos, dsin, *backs, *(None for _ in positions)]


def _table_gradients(op, query, keys, cos, sin, positions, arriving, interleaved, inverse):
    """Those of cos and sin; eager mode tells when nobody wants them, and a graph is pruned."""
    if {1, 2} <= set(getattr(op, "skip_input_indices", None) or ()):
        return None, None
    with tf.GradientTape() as tape:
        tape.watch((cos, sin))
        out = rotary.rotary_embedding(query, keys[0] if keys else None, cos, -sin if inverse else sin,
                                      positions[0] if positions else None, interleaved)
    return tape.gradient([o for o in out if o is not None], (cos, sin), output_gradients=arriving)
