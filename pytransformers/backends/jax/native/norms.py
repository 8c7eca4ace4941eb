"""layer_norm and rms_norm.

They work under `jit`, `grad` and `vmap`. Forward mode (`jax.jvp`) and second derivatives raise: take the reference for
those, with `pytransformers.ops.selection.kernels("reference")`. Shapes are `(..., features)`, dtypes float32, float16
and bfloat16; weights have x's dtype or float32. Results have x's dtype.
"""

from __future__ import annotations

from functools import partial

import jax
import numpy as np

from .library import like, targets

targets("layer_norm", "layer_norm", "layer_norm_backward")
targets("rms_norm", "rms_norm", "rms_norm_backward")


def _call(name, results, operands, eps, **flags):
    """Run a target on the operands that are not None. `vmap` gives all of them the same leading dimensions."""
    call = jax.ffi.ffi_call(f"pytransformers_{name}", results, vmap_method="broadcast_all")
    return call(*(o for o in operands if o is not None), eps=np.float32(eps), **flags)


def _check(op, x, **weights):
    if x.ndim == 0:
        raise ValueError(f"[{op}] expected x of 1 to 16 dimensions, got 0, reshape it to (..., features)")
    for name, weight in weights.items():
        if weight is not None and weight.shape != x.shape[-1:]:
            raise ValueError(f"[{op}] expected {name} of shape {x.shape[-1:]}, got {weight.shape}, give it one value "
                             "for each place in the last dimension of x")


@partial(jax.jit, static_argnames="eps", inline=True)
def layer_norm(x, weight=None, bias=None, eps=1e-5, residual=None):
    """Layer norm over the last dimension of x `(..., d)`; weight, bias `(d,)`. With `residual`: `(y, x + residual)`."""
    _check("layer_norm", x, weight=weight, bias=bias)
    return _layer_norm(eps, x, residual, weight, bias)


@partial(jax.jit, static_argnames="eps", inline=True)
def rms_norm(x, weight=None, eps=1e-6, residual=None):
    """RMS norm over the last dimension of x `(..., d)`; weight `(d,)`. With `residual`: `(y, x + residual)`."""
    _check("rms_norm", x, weight=weight)
    return _rms_norm(eps, x, residual, weight)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _layer_norm(eps, x, residual, weight, bias):
    results = like(x) if residual is None else (like(x), like(x))
    return _call("layer_norm", results, (x, residual, weight, bias), eps, has_residual=residual is not None,
                 has_weight=weight is not None, has_bias=bias is not None)


def _layer_norm_forward(eps, x, residual, weight, bias):
    out = _layer_norm(eps, x, residual, weight, bias)
    return out, (x if residual is None else out[1], weight, bias, residual is None)


def _layer_norm_backward(eps, saved, gradients):
    x, weight, bias, alone = saved
    dy, dsum = (gradients, None) if alone else gradients
    results = (like(x), *(like(w) for w in (weight, bias) if w is not None))
    dx, *rest = _call("layer_norm_backward", results, (x, dy, dsum, weight), eps, has_dsum=dsum is not None,
                      has_weight=weight is not None, want_weight=weight is not None, want_bias=bias is not None)
    dbias = rest.pop() if bias is not None else None
    dweight = rest.pop() if weight is not None else None
    return dx, None if alone else dx, dweight, dbias


_layer_norm.defvjp(_layer_norm_forward, _layer_norm_backward)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _rms_norm(eps, x, residual, weight):
    results = like(x) if residual is None else (like(x), like(x))
    return _call("rms_norm", results, (x, residual, weight), eps, has_residual=residual is not None,
                 has_weight=weight is not None)


def _rms_norm_forward(eps, x, residual, weight):
    out = _rms_norm(eps, x, residual, weight)
    return out, (x if residual is None else out[1], weight, residual is None)


def _rms_norm_backward(eps, saved, gradients):
    x, weight, alone = saved
    dy, dsum = (gradients, None) if alone else gradients
    results = (like(x), *(like(w) for w in (weight,) if w is not None))
    dx, *rest = _call("rms_norm_backward", results, (x, dy, dsum, weight), eps, has_dsum=dsum is not None,
                      has_weight=weight is not None, want_weight=weight is not None)
    return dx, None if alone else dx, rest[0] if rest else None


_rms_norm.defvjp(_rms_norm_forward, _rms_norm_backward)
