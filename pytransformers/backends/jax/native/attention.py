"""attention under `jit`, `grad` and `vmap`; forward mode and second derivatives raise.

query `(batch, heads, q, d)`, key and value `(batch, kv_heads, k, ...)`, of float32, float16 or bfloat16. The kernel is
called with `(batch, length, heads, width)`, so that the transpositions of a model's own layout cancel; where key and
query lengths differ, keys are taken to come from a cache and keep its layout.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .library import like, targets

targets("attention", "attention", "attention_backward")


class _Settings(NamedTuple):
    scale: float
    soft_cap: float
    dropout: float
    window_left: int
    window_right: int
    causal: bool
    keys_by_head: bool


class _Others(NamedTuple):
    """Operands without a gradient, None where absent, in the kernel's order but for the bias."""

    mask: jax.Array | None = None
    alibi_slopes: jax.Array | None = None
    query_offsets: jax.Array | None = None
    key_offsets: jax.Array | None = None
    seed: jax.Array | None = None


@partial(jax.jit, static_argnames=("scale", "causal", "soft_cap", "window", "dropout"), inline=True)
def attention(query, key, value, scale, causal=False, mask=None, bias=None, alibi_slopes=None, query_offsets=None,
              key_offsets=None, soft_cap=0.0, window=(-1, -1), dropout=0.0, seed=None):  # fmt: skip
    """The operation of `pytransformers/ops/attention.py`, (batch, heads, q, d_v).

    mask is bool, bias of query's dtype or float32, both of 4 dimensions; offsets are int32, slopes float32; seed, for
    dropout, is (2,) uint32. Gradients are those of query, key, value and bias.
    """
    for name, x in (("query", query), ("key", key), ("value", value)):
        if x.ndim != 4:
            raise ValueError(f"[attention] expected {name} of 4 dimensions (batch, heads, length, width), got "
                             f"{x.ndim}, reshape it")
    if (query_offsets is None) != (key_offsets is None):
        raise ValueError("[attention] expected query_offsets and key_offsets, got one of them, pass both or none")
    by_head = query.shape[2] != key.shape[2]
    settings = _Settings(scale, soft_cap, dropout, *window, causal, by_head)
    key, value = (key, value) if by_head else (_swapped(key), _swapped(value))
    others = _Others(mask, alibi_slopes, query_offsets, key_offsets, seed)
    return _swapped(_attention(settings, _swapped(query), key, value, bias, others))


def _swapped(x):
    return jnp.swapaxes(x, 1, 2)


def _call(name, results, settings, first, bias, others, last=(), **flags):
    """Run a target on the operands that are not None. `vmap` gives all a leading dimension, 1 where shared."""
    call = jax.ffi.ffi_call(f"pytransformers_{name}", results, vmap_method="expand_dims")
    operands = (*first, others.mask, bias, *others[1:], *last)
    numbers = {
        name: np.int64(value) if name.startswith("window") else value if isinstance(value, bool) else np.float64(value)
        for name, value in settings._asdict().items()
    }
    return call(*(o for o in operands if o is not None), **numbers, has_mask=others.mask is not None,
                has_bias=bias is not None, has_slopes=others.alibi_slopes is not None,
                has_offsets=others.query_offsets is not None, has_seed=others.seed is not None, **flags)


def _run(settings, query, key, value, bias, others, with_lse):
    batch, length, heads, _ = query.shape
    out = jax.ShapeDtypeStruct((batch, length, heads, value.shape[-1]), query.dtype)
    lse = jax.ShapeDtypeStruct((batch, heads, length), jnp.float32)
    return _call("attention", (out, lse) if with_lse else out, settings, (query, key, value), bias, others,
                 with_lse=with_lse)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _attention(settings, query, key, value, bias, others):
    return _run(settings, query, key, value, bias, others, False)


def _attention_forward(settings, query, key, value, bias, others):
    out, lse = _run(settings, query, key, value, bias, others, True)
    return out, (query, key, value, bias, others, out, lse)


def _attention_backward(settings, saved, dout):
    query, key, value, bias, others, out, lse = saved
    results = (like(query), like(key), like(value), *(() if bias is None else (like(bias),)))
    dquery, dkey, dvalue, *dbias = _call("attention_backward", results, settings, (query, key, value), bias, others,
                                         (dout, out, lse))
    return dquery, dkey, dvalue, dbias[0] if dbias else None, None


_attention.defvjp(_attention_forward, _attention_backward)
