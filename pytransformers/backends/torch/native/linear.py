"""linear for few rows."""

from __future__ import annotations

import torch

from .library import operators

MAX_LINEAR_ROWS = 128  # beyond, PyTorch's own matrix product is about as fast


def suits_linear(x, weight):
    """Whether `linear` takes this call: float32, a few rows, nothing to differentiate, no autocast."""
    return (
        x.dtype is weight.dtype is torch.float32
        and x.numel() <= MAX_LINEAR_ROWS * x.shape[-1]
        and not (torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad))
        and not torch.is_autocast_enabled(x.device.type)
        and type(weight) in (torch.Tensor, torch.nn.Parameter)
    )


def linear(x, weight, bias=None):
    """x `(..., k)`, weight `(n, k)`, bias `(n,)`, all float32 -> `(..., n)`. No gradient: see `suits_linear`."""
    return _linear(x, weight, bias)


(_linear,) = operators("linear", {"linear": lambda x, weight, bias: x.new_empty((*x.shape[:-1], weight.shape[0]))})
