"""rotary_embedding.

It works under `jit`, `vmap` and reverse-mode `grad` of any order; the gradient turns back by the same angles. Where cos
or sin is differentiated too, the reference runs. Forward mode (`jax.jvp`) raises: take the reference for it, with
`pytransformers.ops.selection.kernels("reference")`.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from .. import rotary
from .library import like, targets

targets("rotary_embedding", "rotary_embedding")


@partial(jax.jit, static_argnames="interleaved", inline=True)
def rotary_embedding(query, key, cos, sin, position_ids=None, interleaved=False):
    """query, key (or None) `(batch, heads, length, d)`, cos, sin `(batch | 1, length, r)` -> query, key, turned.

    With position_ids `(batch | 1, length)`, cos and sin are tables `(max_positions, r)`. In `jit`, XLA gives the
    results the memory of query and key where nothing else needs these.
    """
    for name, x in (("query", query), ("key", key)):
        if x is not None and x.ndim != 4:
            raise ValueError(f"[rotary_embedding] expected {name} of shape (batch, heads, length, d), got {x.shape}, "
                             "reshape it")
    return _rotate(interleaved, False, query, key, cos, sin, position_ids)


def _run(interleaved, inverse, query, key, cos, sin, position_ids):
    # (batch, length, heads, d) is what a projection gives: there XLA cancels the transpositions.
    heads = [jnp.swapaxes(x, 1, 2) for x in (query, key) if x is not None]
    call = jax.ffi.ffi_call(
        "pytransformers_rotary_embedding", [like(x) for x in heads], vmap_method="broadcast_all",
        input_output_aliases={0: 0} if key is None else {0: 0, 3: 1},
    )  # fmt: skip
    operands = [heads[0], cos, sin, *heads[1:], *([] if position_ids is None else [position_ids])]
    out = call(*operands, has_key=key is not None, has_positions=position_ids is not None, interleaved=interleaved,
               inverse=inverse)
    out = [jnp.swapaxes(x, 1, 2) for x in out]
    return out[0], None if key is None else out[1]


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _rotate(interleaved, inverse, query, key, cos, sin, position_ids):
    return _run(interleaved, inverse, query, key, cos, sin, position_ids)


def _forward(interleaved, inverse, query, key, cos, sin, position_ids):
    values = [None if a is None else a.value for a in (query, key, cos, sin, position_ids)]
    if cos.perturbed or sin.perturbed:
        _, _, c, s, ids = values
        s = -s if inverse else s
        out, pull = jax.vjp(lambda q, k, c, s: rotary.rotary_embedding(q, k, c, s, ids, interleaved), *values[:2], c, s)
        return out, (pull, ids)
    return _rotate(interleaved, inverse, *values), (None, *values[2:])  # what differentiates this again comes back here


def _backward(interleaved, inverse, saved, gradients):
    pull, *rest = saved
    if pull is not None:
        dquery, dkey, dcos, dsin = pull(jax.tree.map(_filled, gradients, is_leaf=_is_zero))
        return dquery, dkey, dcos, -dsin if inverse else dsin, _no_gradient(rest[0])
    cos, sin, ids = rest
    dquery, dkey = (None if _is_zero(g) else g for g in gradients)
    # Where the gradient of one alone arrived, it takes the place of the query.
    if dquery is None and dkey is not None:
        dkey, _ = _rotate(interleaved, not inverse, dkey, None, cos, sin, ids)
    elif dquery is not None:
        dquery, dkey = _rotate(interleaved, not inverse, dquery, dkey, cos, sin, ids)
    filled = [_filled(g) if d is None and g is not None else d for g, d in zip(gradients, (dquery, dkey), strict=True)]
    return *filled, jnp.zeros_like(cos), jnp.zeros_like(sin), _no_gradient(ids)


def _is_zero(gradient):
    return isinstance(gradient, SymbolicZero)


def _filled(gradient):
    return jnp.zeros(gradient.shape, gradient.dtype) if _is_zero(gradient) else gradient


def _no_gradient(ids):
    return None if ids is None else np.zeros(ids.shape, jax.dtypes.float0)


_rotate.defvjp(_forward, _backward, symbolic_zeros=True)
