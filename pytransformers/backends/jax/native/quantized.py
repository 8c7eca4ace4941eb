"""quantized_matmul. Contract: `pytransformers/ops/quantized_matmul.py`. Gradients reach x and the bias.

Under `vmap` over x alone it stays one call. Forward mode (`jax.jvp`) raises, as with the other kernels.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from pytransformers.ops.quantized_matmul import ACTIVATIONS, QUANTIZATIONS

from .library import targets

targets("quantized_matmul", "quantized_matmul", "dequantize")

_ACTIVATE = {None: lambda x: x, "relu": jax.nn.relu, "gelu": partial(jax.nn.gelu, approximate=False),
             "silu": jax.nn.silu, "gelu_tanh": jax.nn.gelu}  # fmt: skip


@partial(jax.jit, static_argnames=("quantization", "group_size", "out_features", "activation"), inline=True)
def quantized_matmul(x, codes, scales, offsets, bias, quantization, group_size, out_features, activation):
    """x `(..., k)` -> activation(x W^T + bias) `(..., out_features)`, of x's dtype; bias float32 or None."""
    if x.ndim == 0:
        raise ValueError("[quantized_matmul] expected x (..., k), got a scalar, reshape it")
    options = quantization, group_size, out_features, x.shape[-1]
    return _quantized_matmul(options, activation, x, bias, codes, scales, offsets)


def _call(options, activation, x, bias, codes, scales, offsets):
    quantization, group_size, out_features, _ = options
    result = jax.ShapeDtypeStruct((*x.shape[:-1], out_features), x.dtype)
    call = jax.ffi.ffi_call("pytransformers_quantized_matmul", result, vmap_method="expand_dims")
    return call(*(o for o in (x, codes, scales, offsets, bias) if o is not None), group_size=np.int64(group_size),
                quantization=np.int32(QUANTIZATIONS[quantization]), activation=np.int32(ACTIVATIONS[activation]),
                has_offsets=offsets is not None, has_bias=bias is not None)  # fmt: skip


def _weight(options, dtype, codes, scales, offsets):
    quantization, group_size, *shape = options
    call = jax.ffi.ffi_call("pytransformers_dequantize", jax.ShapeDtypeStruct(shape, dtype), vmap_method="sequential")
    return call(*(o for o in (codes, scales, offsets) if o is not None), group_size=np.int64(group_size),
                quantization=np.int32(QUANTIZATIONS[quantization]), has_offsets=offsets is not None)  # fmt: skip


_quantized_matmul = jax.custom_vjp(_call, nondiff_argnums=(0, 1))


def _forward(options, activation, x, bias, codes, scales, offsets):
    y = _call(options, None, x, bias, codes, scales, offsets)
    return _ACTIVATE[activation](y), (y if activation else None, bias, codes, scales, offsets)


def _backward(options, activation, saved, dy):
    y, bias, codes, scales, offsets = saved
    if activation:
        (dy,) = jax.vjp(_ACTIVATE[activation], y)[1](dy)
    weight = _weight(options, dy.dtype, codes, scales, offsets)
    dbias = jnp.sum(dy.astype(jnp.float32), tuple(range(dy.ndim - 1))) if bias is not None else None
    return dy @ weight, dbias, None, None, None


_quantized_matmul.defvjp(_forward, _backward)
