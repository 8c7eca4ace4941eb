"""attention: the bare operator where no gradient is needed, else autograd on top.

query `(batch, heads, q, d)`, key and value `(batch, kv_heads, k, ...)` of any strides, of float32, float16 or bfloat16.
Results are views of memory that lies as `(batch, length, heads, width)`.
"""

from __future__ import annotations

import torch

from .library import needs_gradient, operators

MAX_HEAD_SIZE = 256
SMALLEST_TO_TRAIN = 2**21  # queries' elements times keys: below, autograd through Python costs more than is gained


def suits_attention(query, key, value, special):
    """Whether `attention` takes this and is at least as fast as PyTorch's own.

    `special` options keep that off its fast path; without them a compiler keeps the operation that it knows.
    """
    if query.dtype not in (torch.float32, torch.bfloat16, torch.float16):
        return False
    if max(query.shape[-1], value.shape[-1]) > MAX_HEAD_SIZE:
        return False
    if special:
        return True
    if torch.compiler.is_compiling():
        return False
    return not needs_gradient(query, key, value) or query.numel() * key.shape[-2] >= SMALLEST_TO_TRAIN


def attention(query, key, value, scale, causal=False, mask=None, bias=None, alibi_slopes=None, query_offsets=None,
              key_offsets=None, soft_cap=0.0, window_left=-1, window_right=-1, dropout=0.0):  # fmt: skip
    """The operation of `pytransformers/ops/attention.py`, (batch, heads, q, d_v).

    mask is bool, bias of query's dtype or float32, both of 4 dimensions; offsets are int32, slopes float32;
    RuntimeError where they are not. Gradients are those of query, key, value and bias.
    """
    seed = torch.randint(2**62, (1,)) if dropout > 0 else None
    options = (scale, causal, mask, bias, alibi_slopes, query_offsets, key_offsets, soft_cap, window_left, window_right,
               dropout, seed)
    if needs_gradient(query, key, value, bias):
        return _Attention.apply(query, key, value, *options)[0]
    return _attention(query, key, value, *options)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(query, key, value, *options):
        return _attention_with_lse(query, key, value, *options)

    @staticmethod
    def setup_context(ctx, inputs, output):
        query, key, value, scale, causal, mask, bias, slopes, query_offsets, key_offsets, *rest = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        ctx.numbers = scale, causal, *rest[:-1]
        ctx.save_for_backward(query, key, value, *output, mask, bias, slopes, query_offsets, key_offsets, rest[-1])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dout, _):
        if dout is None:
            return (None,) * 15
        query, key, value, out, lse, mask, bias, slopes, query_offsets, key_offsets, seed = ctx.saved_tensors
        scale, causal, *rest = ctx.numbers
        want_bias = ctx.needs_input_grad[6]
        dquery, dkey, dvalue, dbias = _attention_backward(
            dout, query, key, value, out, lse, want_bias, scale, causal, mask, bias, slopes, query_offsets, key_offsets,
            *rest, seed)
        return dquery, dkey, dvalue, None, None, None, dbias if want_bias else None, *(None,) * 8


def _by_head(x, batch, heads, length, width):
    """For fake tensors: (batch, heads, length, width) that lies as (batch, length, heads, width)."""
    return x.new_empty((batch, length, heads, width)).transpose(1, 2)


def _fake(query, key, value, *options):
    return _by_head(query, *query.shape[:3], value.shape[-1])


def _fake_with_lse(query, key, value, *options):
    return _fake(query, key, value), query.new_empty(query.shape[:3], dtype=torch.float32)


def _fake_backward(dout, query, key, value, out, lse, want_bias, scale, causal=False, mask=None, bias=None, *options):
    dbias = torch.empty_like(bias, memory_format=torch.contiguous_format) if want_bias else lse.new_empty(0)
    return *(_by_head(x, *x.shape) for x in (query, key, value)), dbias


_attention, _attention_with_lse, _attention_backward = operators("attention", {
    "attention": _fake, "attention_with_lse": _fake_with_lse, "attention_backward": _fake_backward,
})
