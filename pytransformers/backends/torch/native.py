"""The compiled kernels as PyTorch functions: the bare operator where no gradient is needed, else autograd on top.

Shapes are `(..., features)`, dtypes float32, float16 and bfloat16; weights have x's dtype or float32. Results are dense
and have x's dtype.
"""

from __future__ import annotations

from pathlib import Path

import torch

from pytransformers.ops import selection

OPERATORS = (
    "layer_norm", "add_layer_norm", "layer_norm_backward", "linear", "rms_norm", "add_rms_norm", "rms_norm_backward",
)  # fmt: skip
LIBRARY = Path(__file__).parents[2] / "lib" / "libpytransformers_torch.so"


def _load() -> str:
    if not LIBRARY.exists():
        return f"{LIBRARY.name} was not built: install with torch>=2.10 present, without build isolation"
    try:
        torch.ops.load_library(LIBRARY)
    except (OSError, RuntimeError) as error:
        return f"{LIBRARY.name} does not load into torch {torch.__version__}: {error}"
    missing = [op for op in OPERATORS if not hasattr(torch.ops.pytransformers, op)]
    return f"{LIBRARY.name} lacks {', '.join(missing)}: build it again from this source" if missing else ""


_reason = _load()


def available() -> tuple[bool, str]:
    """Whether the kernels can run in this process, and if not why."""
    return not _reason, _reason


for _op in ("layer_norm", "linear", "rms_norm"):
    selection.register(_op, "torch", devices=("cpu",), reason=_reason)


def _needs_gradient(*tensors: torch.Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def layer_norm(x, weight=None, bias=None, eps=1e-5, residual=None):
    """Layer norm over the last dimension of x `(..., d)`; weight, bias `(d,)`. With `residual`: `(y, x + residual)`."""
    if _needs_gradient(x, weight, bias, residual):
        return _LayerNorm.apply(x, residual, weight, bias, eps)
    if residual is None:
        return _layer_norm(x, weight, bias, eps)
    return _add_layer_norm(x, residual, weight, bias, eps)


def rms_norm(x, weight=None, eps=1e-6, residual=None):
    """RMS norm over the last dimension of x `(..., d)`; weight `(d,)`. With `residual`: `(y, x + residual)`."""
    if _needs_gradient(x, weight, residual):
        return _RmsNorm.apply(x, residual, weight, eps)
    if residual is None:
        return _rms_norm(x, weight, eps)
    return _add_rms_norm(x, residual, weight, eps)


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


def _dense(x):
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _features(wanted, x, weight):
    return (x if weight is None else weight).new_empty(x.shape[-1] if wanted else 0)


if not _reason:
    _ops = torch.ops.pytransformers
    _layer_norm, _add_layer_norm = _ops.layer_norm.default, _ops.add_layer_norm.default
    _linear = _ops.linear.default
    _rms_norm, _add_rms_norm = _ops.rms_norm.default, _ops.add_rms_norm.default
    _layer_norm_backward, _rms_norm_backward = _ops.layer_norm_backward.default, _ops.rms_norm_backward.default
    _shapes = {
        "layer_norm": lambda x, weight, bias, eps: _dense(x),
        "add_layer_norm": lambda x, residual, weight, bias, eps: (_dense(x), _dense(x)),
        "layer_norm_backward": lambda dy, dsum, x, weight, bias, eps, want_weight, want_bias: (
            _dense(x), _features(want_weight, x, weight),
            _features(want_bias, x, bias if weight is None else weight)),
        "linear": lambda x, weight, bias: x.new_empty((*x.shape[:-1], weight.shape[0])),
        "rms_norm": lambda x, weight, eps: _dense(x),
        "add_rms_norm": lambda x, residual, weight, eps: (_dense(x), _dense(x)),
        "rms_norm_backward": lambda dy, dsum, x, weight, eps, want_weight: (
            _dense(x), _features(want_weight, x, weight)),
    }
    for _name, _shape in _shapes.items():
        torch.library.register_fake(f"pytransformers::{_name}", _shape)
