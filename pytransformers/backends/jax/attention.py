"""The ways to compute attention in JAX. Contract: `pytransformers/ops/__init__.pyi`; `ops.attention` chooses."""

import jax
import jax.numpy as jnp
from jax import lax

from ...ops.attention import window_sides
from . import native

MAX_HEAD_SIZE = 256


def suits_native(query, value):
    """Whether the compiled kernel takes these and is at least as fast as XLA."""
    return (
        query.dtype in (jnp.float32, jnp.bfloat16, jnp.float16)
        and max(query.shape[-1], value.shape[-1]) <= MAX_HEAD_SIZE
    )


def native_attention(query, key, value, mask, bias, causal, scale, dropout_p, seed, window, soft_cap, alibi_slopes,
                     query_offsets, key_offsets):  # fmt: skip
    """The compiled kernel."""
    scale = query.shape[-1] ** -0.5 if scale is None else float(scale)
    if mask is not None and mask.dtype != bool:
        mask, bias = None, mask if bias is None else mask + bias
    if bias is not None and bias.dtype != query.dtype:
        bias = bias.astype(jnp.float32)
    return native.attention(
        query, key, value, scale, causal, _four(mask), _four(bias), _as(alibi_slopes, jnp.float32),
        _as(query_offsets, jnp.int32), _as(key_offsets, jnp.int32), float(soft_cap or 0), window_sides(window),
        float(dropout_p), seed,
    )  # fmt: skip


def _four(x):
    return x if x is None or x.ndim == 4 else x[(None,) * (4 - x.ndim)]


def _as(x, dtype):
    return None if x is None else lax.stop_gradient(x).astype(dtype)


def composed_attention(query, key, value, mask, bias, causal, scale, soft_cap, dropout):
    """Step by step, which XLA fuses: the context and the weights, which `dropout` is given before they are used."""
    batch, heads, length, head_dim = query.shape
    kv_heads, total = key.shape[1], key.shape[2]
    # A group of query heads shares a key head, which is not repeated: (batch, kv_heads, group, query, head_dim).
    grouped = jnp.reshape(query, (batch, kv_heads, heads // kv_heads, length, head_dim))
    scores = lax.dot_general(grouped, key, (((4,), (3,)), ((0, 1), (0, 1))), preferred_element_type=jnp.float32)
    scores = jnp.reshape(scores, (batch, heads, length, total)) * (head_dim**-0.5 if scale is None else scale)
    if soft_cap is not None:
        scores = soft_cap * jnp.tanh(scores / soft_cap)
    if bias is not None:
        scores = scores + bias.astype(jnp.float32)
    lowest = float(jnp.finfo(query.dtype).min)
    if mask is not None:
        scores = jnp.where(mask, scores, lowest) if mask.dtype == bool else scores + mask.astype(jnp.float32)
    if causal and length > 1:
        scores = jnp.where(jnp.tril(jnp.ones((length, total), bool), total - length), scores, lowest)
    weights = jax.nn.softmax(scores, -1).astype(query.dtype)
    kept = jnp.reshape(dropout(weights), (*grouped.shape[:4], total))
    context = lax.dot_general(kept, value, (((4,), (2,)), ((0, 1), (0, 1))))
    return jnp.reshape(context, (batch, heads, length, value.shape[-1])), weights
