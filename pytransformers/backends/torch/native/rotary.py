"""rotary_embedding: the bare operator where no gradient is needed, else autograd on top.

The gradient turns back by the same angles; cos and sin get none. Results have the layout of the inputs, so a view of a
projection's output (batch, length, heads, d) is neither copied before nor after.
"""

from __future__ import annotations

import torch

from .library import needs_gradient, operators


def rotary_embedding(query, key, cos, sin, position_ids=None, interleaved=False):
    """query, key (or None) `(batch, heads, length, d)`, cos, sin `(batch | 1, length, r)` -> query, key, turned.

    With position_ids `(batch | 1, length)`, cos and sin are tables `(max_positions, r)`.
    """
    if needs_gradient(query, key):
        query_out, key_out = _Rotary.apply(query, key, cos, sin, position_ids, interleaved, False)
    else:
        query_out, key_out = _rotary_embedding(query, key, cos, sin, position_ids, interleaved, False)
    return query_out, None if key is None else key_out


class _Rotary(torch.autograd.Function):
    @staticmethod
    def forward(query, key, cos, sin, position_ids, interleaved, inverse):
        return _rotary_embedding(query, key, cos, sin, position_ids, interleaved, inverse)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.key, cos, sin, position_ids, ctx.interleaved, ctx.inverse = inputs
        ctx.key = ctx.key is not None
        ctx.save_for_backward(cos, sin, position_ids)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx, dquery, dkey):
        dkey = dkey if ctx.key else None
        if dquery is None and dkey is None:
            return (None,) * 7
        # Where the gradient of one alone arrived, it takes the place of the query.
        first, second = (dkey, None) if dquery is None else (dquery, dkey)
        first, second = _Rotary.apply(first, second, *ctx.saved_tensors, ctx.interleaved, not ctx.inverse)
        dquery, dkey = (None, first) if dquery is None else (first, None if dkey is None else second)
        return dquery, dkey, None, None, None, None, None


def _in_order(x):
    """A fake result: as x lies, heads inside of positions or outside."""
    batch, heads, length, d = x.shape
    if x.stride(1) < x.stride(2):
        return x.new_empty((batch, length, heads, d)).transpose(1, 2)
    return x.new_empty((batch, heads, length, d))


(_rotary_embedding,) = operators("rotary_embedding", {
    "rotary_embedding": lambda query, key, cos, sin, position_ids, interleaved, inverse: (
        _in_order(query), query.new_empty(0, dtype=torch.float32) if key is None else _in_order(key)),
})
