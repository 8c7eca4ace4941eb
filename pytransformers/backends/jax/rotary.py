"""rotary_embedding in the framework's own operations."""

from __future__ import annotations

import jax.numpy as jnp


def rotary_embedding(query, key, cos, sin, position_ids=None, interleaved=False):
    """As the vocabulary has it; float64 stays so."""
    if position_ids is not None:
        cos, sin = jnp.take(cos, position_ids, 0), jnp.take(sin, position_ids, 0)
    cos, sin = cos[:, None], sin[:, None]
    return turn(query, cos, sin, interleaved), None if key is None else turn(key, cos, sin, interleaved)


def turn(x, cos, sin, interleaved):
    """x `(batch, heads, length, d)`, cos, sin `(batch | 1, 1, length, r)`."""
    wide = jnp.promote_types(x.dtype, jnp.float32)
    width = 2 * cos.shape[-1]
    turned, rest = x[..., :width].astype(wide), x[..., width:]
    cos, sin = cos.astype(wide), sin.astype(wide)
    first, second = (turned[..., 0::2], turned[..., 1::2]) if interleaved else jnp.split(turned, 2, -1)
    pair = first * cos - second * sin, second * cos + first * sin
    turned = jnp.stack(pair, -1).reshape(turned.shape) if interleaved else jnp.concatenate(pair, -1)
    turned = turned.astype(x.dtype)
    return jnp.concatenate((turned, rest), -1) if rest.shape[-1] else turned
