"""linear and linears: float32, forward compiled, backward by PyTorch's matrix product."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch.autograd import forward_ad

from pytransformers.ops import selection
from pytransformers.ops.linear import ACTIVATIONS, MAX_WEIGHTS

from .library import needs_gradient, operators

FUNCTIONS = {None: lambda y: y, "relu": torch.relu, "gelu": F.gelu, "gelu_tanh": partial(F.gelu, approximate="tanh"),
             "silu": F.silu}


def suits_linear(x, *weights):
    """Whether `linear` takes this call: float32, weights that are nothing but tensors, no autocast, no transformation
    (vmap, forward differentiation), for which the operator has no rule. With gradients PyTorch's own is as fast, so
    only if asked for by name."""
    return (
        x.dtype is torch.float32
        and all(w.dtype is torch.float32 and type(w) in (torch.Tensor, torch.nn.Parameter) for w in weights)
        and not torch.is_autocast_enabled(x.device.type)
        and not torch._C._are_functorch_transforms_active()
        and forward_ad._current_level < 0
        and (not needs_gradient(x, *weights) or selection.current() == "native")
    )


def linear(x, weight, bias=None, activation=None):
    """activation(x W^T + bias): x `(..., k)`, weight `(n, k)`, bias `(n,)`, all float32 -> `(..., n)`."""
    if needs_gradient(x, weight, bias):
        return FUNCTIONS[activation](_Linear.apply(x, weight, bias))
    return _linear(x, weight, bias, ACTIVATIONS[activation])


def linears(x, weights, biases, activation=None):
    """A list of `linear` for each of `weights` `(n_i, k)` and `biases` `(n_i,)` or None, as one parallel loop."""
    given = [b for b in biases if b is not None]
    if needs_gradient(x, *weights, *given) or len(given) not in (0, len(weights)) or len(weights) > MAX_WEIGHTS:
        return [linear(x, weight, bias, activation) for weight, bias in zip(weights, biases, strict=True)]
    return _linears(x, weights, given, ACTIVATIONS[activation])


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(x, weight, bias):
        return _linear(x, weight, bias, ACTIVATIONS[None])

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weight, bias = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        rows = dy.reshape(-1, dy.shape[-1])
        return (dy @ weight if needs_x else None, rows.T @ x.reshape(-1, x.shape[-1]) if needs_weight else None,
                rows.sum(0) if needs_bias else None)


def _result(x, weight):
    return x.new_empty((*x.shape[:-1], weight.shape[0]))


_linear, _linears = operators("linear", {
    "linear": lambda x, weight, bias, activation=0: _result(x, weight),
    "linears": lambda x, weights, biases, activation=0: [_result(x, weight) for weight in weights],
})
