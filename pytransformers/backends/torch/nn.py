"""The layer vocabulary in PyTorch: torch.nn itself, except the layers that call our kernels.

Contract: `pytransformers/nn.pyi`.
"""

import numpy as np
import torch
from torch.nn import (
    GELU,
    BatchNorm2d,
    Conv1d,
    Conv2d,
    Embedding,
    GroupNorm,
    Identity,
    Module,
    ModuleList,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    Tanh,
)
from torch.nn.modules.module import _has_any_global_hook

from . import init, ops

__all__ = [
    "GELU", "BatchNorm2d", "Buffer", "Conv1d", "Conv2d", "Dropout", "Embedding", "GroupNorm", "Identity", "LayerNorm",
    "Linear", "Module", "ModuleList", "Parameter", "RMSNorm", "ReLU", "Sequential", "SiLU", "Sigmoid", "Tanh", "init",
    "is_plain",
]  # fmt: skip


def Buffer(value, persistent=True):  # noqa: N802 - the name torch gives it
    """A buffer; one made from NumPy values is real even while a model is created without memory."""
    if isinstance(value, np.ndarray):
        value = torch.tensor(value, device="cpu")
    return torch.nn.Buffer(value, persistent=persistent)


def Parameter(value):  # noqa: N802
    """A trainable parameter in the dtype the model is made in."""
    return torch.nn.Parameter(value.to(torch.get_default_dtype()))


class Linear(torch.nn.Linear):
    def forward(self, x):
        return ops.linear(x, self.weight, self.bias)


def is_plain(*layers):
    return not (torch.compiler.is_compiling() or _has_any_global_hook()) and all(
        type(layer) is Linear
        and not (layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks)
        and "forward" not in layer.__dict__
        for layer in layers
    )


class Dropout(torch.nn.Dropout):
    def forward(self, x):
        return super().forward(x) if self.training else x  # or each costs a call into PyTorch


class LayerNorm(torch.nn.LayerNorm):
    def forward(self, x, residual=None):
        return ops.layer_norm(x, self.weight, self.bias, self.eps, residual)


class RMSNorm(torch.nn.RMSNorm):
    def __init__(self, normalized_shape, eps=1e-6):
        super().__init__(normalized_shape, eps)

    def forward(self, x, residual=None):
        return ops.rms_norm(x, self.weight, self.eps, residual)
