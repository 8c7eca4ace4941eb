"""linear in float32. Works under `jit`, `grad` and, part by part, `vmap`; forward mode (`jax.jvp`) raises."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from pytransformers.ops.linear import ACTIVATIONS

from .library import targets

targets("linear", "linear")

_ACTIVATE = {None: lambda y: y, "relu": jax.nn.relu, "gelu": partial(jax.nn.gelu, approximate=False),
             "gelu_tanh": partial(jax.nn.gelu, approximate=True), "silu": jax.nn.silu}  # fmt: skip


@partial(jax.jit, static_argnames="activation", inline=True)
def linear(x, weight, bias=None, activation=None):
    """activation(x W^T + bias): x `(..., k)`, weight `(n, k)`, bias `(n,)`, all float32 -> `(..., n)`."""
    if x.ndim == 0 or weight.ndim != 2:
        raise ValueError(f"[linear] expected x (..., k) and weight (n, k), got {x.shape} and {weight.shape}, reshape")
    return _linear(activation, x, weight, bias)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _linear(activation, x, weight, bias):
    result = jax.ShapeDtypeStruct((*x.shape[:-1], weight.shape[0]), x.dtype)
    call = jax.ffi.ffi_call("pytransformers_linear", result, vmap_method="sequential")
    return call(*(o for o in (x, weight, bias) if o is not None), activation=np.int32(ACTIVATIONS[activation]),
                has_bias=bias is not None)  # fmt: skip


def _forward(activation, x, weight, bias):
    y = _linear(None, x, weight, bias)
    return _ACTIVATE[activation](y), (x, weight, y if activation else None, bias is not None)


def _backward(activation, saved, dy):
    x, weight, y, has_bias = saved
    if activation:
        (dy,) = jax.vjp(_ACTIVATE[activation], y)[1](dy)
    rows = dy.reshape(-1, dy.shape[-1])
    return dy @ weight, rows.T @ x.reshape(-1, x.shape[-1]), jnp.sum(rows, 0) if has_bias else None


_linear.defvjp(_forward, _backward)
