"""layer_norm and rms_norm: the bare operator where no gradient is needed, else autograd on top.

Shapes are `(..., features)`, dtypes float32, float16 and bfloat16; weights have x's dtype or float32. Results are dense
and have x's dtype.
"""

from __future__ import annotations

import torch

from pytransformers.ops import selection

from .library import dense, needs_gradient, operators

MIN_TRAINED = 1 << 21  # elements: below, a gradient that goes through Python takes longer than PyTorch's own


def suits_layer_norm(x, weight=None, bias=None):
    """Whether `layer_norm` without a residual is at least as fast as PyTorch's own, or asked for by name."""
    return (
        torch.compiler.is_compiling()
        or x.numel() >= MIN_TRAINED
        or not needs_gradient(x, weight, bias)
        or selection.current() == "native"
    )


def layer_norm(x, weight=None, bias=None, eps=1e-5, residual=None):
    """Layer norm over the last dimension of x `(..., d)`; weight, bias `(d,)`. With `residual`: `(y, x + residual)`."""
    if needs_gradient(x, weight, bias, residual):
        return _LayerNorm.apply(x, residual, weight, bias, eps)
    if residual is None:
        return _layer_norm(x, weight, bias, eps)
    return _add_layer_norm(x, residual, weight, bias, eps)


def rms_norm(x, weight=None, eps=1e-6, residual=None):
    """RMS norm over the last dimension of x `(..., d)`; weight `(d,)`. With `residual`: `(y, x + residual)`."""
    if needs_gradient(x, weight, residual):
        return _RmsNorm.apply(x, residual, weight, eps)
    if residual is None:
        return _rms_norm(x, weight, eps)
    return _add_rms_norm(x, residual, weight, eps)


def _arriving(gradients, like):
    """(dy, dsum) of a call, where the sum may not have been returned or not been used."""
    dy, dsum = gradients if len(gradients) == 2 else (gradients[0], None)
    return torch.zeros_like(like) if dy is None else dy, dsum


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(x, residual, weight, bias, eps):
        if residual is None:
            return _layer_norm(x, weight, bias, eps)
        return _add_layer_norm(x, residual, weight, bias, eps)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, residual, weight, bias, eps = inputs
        ctx.save_for_backward(x if residual is None else output[1], weight, bias)
        ctx.eps = eps
        ctx.set_materialize_grads(False)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *gradients):
        x, weight, bias = ctx.saved_tensors
        if all(g is None for g in gradients):
            return None, None, None, None, None
        dy, dsum = _arriving(gradients, x)
        needs_x, needs_residual, needs_weight, needs_bias, _ = ctx.needs_input_grad
        dx, dweight, dbias = _layer_norm_backward(dy, dsum, x, weight, bias, ctx.eps, needs_weight, needs_bias)
        return (dx if needs_x else None, dx if needs_residual else None, dweight if needs_weight else None,
                dbias if needs_bias else None, None)


class _RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(x, residual, weight, eps):
        return _rms_norm(x, weight, eps) if residual is None else _add_rms_norm(x, residual, weight, eps)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, residual, weight, eps = inputs
        ctx.save_for_backward(x if residual is None else output[1], weight)
        ctx.eps = eps
        ctx.set_materialize_grads(False)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *gradients):
        x, weight = ctx.saved_tensors
        if all(g is None for g in gradients):
            return None, None, None, None
        dy, dsum = _arriving(gradients, x)
        needs_x, needs_residual, needs_weight, _ = ctx.needs_input_grad
        dx, dweight = _rms_norm_backward(dy, dsum, x, weight, ctx.eps, needs_weight)
        return dx if needs_x else None, dx if needs_residual else None, dweight if needs_weight else None, None


def _features(wanted, x, weight):
    return (x if weight is None else weight).new_empty(x.shape[-1] if wanted else 0)


_layer_norm, _add_layer_norm, _layer_norm_backward = operators("layer_norm", {
    "layer_norm": lambda x, weight, bias, eps: dense(x),
    "add_layer_norm": lambda x, residual, weight, bias, eps: (dense(x), dense(x)),
    "layer_norm_backward": lambda dy, dsum, x, weight, bias, eps, want_weight, want_bias: (
        dense(x), _features(want_weight, x, weight), _features(want_bias, x, bias if weight is None else weight)),
})
_rms_norm, _add_rms_norm, _rms_norm_backward = operators("rms_norm", {
    "rms_norm": lambda x, weight, eps: dense(x),
    "add_rms_norm": lambda x, residual, weight, eps: (dense(x), dense(x)),
    "rms_norm_backward": lambda dy, dsum, x, weight, eps, want_weight: (dense(x), _features(want_weight, x, weight)),
})
