"""The layer vocabulary in JAX: flax.nnx modules with torch.nn's names, arguments and weight layouts.

Contract: `pytransformers/nn.pyi`. Fresh layers are drawn as PyTorch draws them.
"""

from math import prod, sqrt

import jax
import jax.numpy as jnp
import numpy as np

from . import init, ops
from .context import ambient, creation
from .module import Buffer, Module, ModuleList, Parameter, RunningStatistic, Sequential

__all__ = [
    "GELU", "BatchNorm2d", "Buffer", "Conv1d", "Conv2d", "Dropout", "Embedding", "GroupNorm", "Identity", "LayerNorm",
    "Linear", "Module", "ModuleList", "Parameter", "RMSNorm", "ReLU", "Sequential", "SiLU", "Sigmoid", "Tanh", "init",
    "is_plain",
]  # fmt: skip


def _fresh(shape, fill, *args):
    """A parameter filled by a function of `init`; it takes no memory while a model is created empty."""
    making = creation()
    parameter = Parameter(jax.ShapeDtypeStruct(shape, making.dtype))
    if not making.empty:
        parameter.set_raw_value(np.zeros(shape, making.dtype))
        fill(parameter, *args)
    return parameter


class Identity(Module):
    def forward(self, x):
        return x


class Linear(Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        bound = 1 / sqrt(in_features) if in_features else 0.0
        self.weight = _fresh((out_features, in_features), init.uniform_, -bound, bound)
        self.bias = _fresh((out_features,), init.uniform_, -bound, bound) if bias else None

    def forward(self, x):
        return ops.linear(x, self.weight, self.bias)


def is_plain(*layers):
    return False  # XLA fuses what follows a product by itself


class Embedding(Module):
    def __init__(self, num_embeddings, embedding_dim, padding_idx=None):
        super().__init__()
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        self.weight = _fresh((num_embeddings, embedding_dim), init.normal_)
        if padding_idx is not None:
            init.zero_row_(self.weight, padding_idx)

    def forward(self, ids):
        return ops.embedding(ids, self.weight, self.padding_idx)


class LayerNorm(Module):
    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True):
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps = shape, eps
        self.weight = _fresh(shape, init.ones_) if elementwise_affine else None
        self.bias = _fresh(shape, init.zeros_) if elementwise_affine and bias else None

    def forward(self, x, residual=None):
        return ops.layer_norm(x, self.weight, self.bias, self.eps, residual)


class RMSNorm(Module):
    def __init__(self, normalized_shape, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = _fresh((normalized_shape,), init.ones_)

    def forward(self, x, residual=None):
        return ops.rms_norm(x, self.weight, self.eps, residual)


class GroupNorm(Module):
    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True):
        super().__init__()
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight = _fresh((num_channels,), init.ones_) if affine else None
        self.bias = _fresh((num_channels,), init.zeros_) if affine else None

    def forward(self, x):
        return ops.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class BatchNorm2d(Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = _fresh((num_features,), init.ones_)
        self.bias = _fresh((num_features,), init.zeros_)
        self.running_mean = RunningStatistic(jnp.zeros(num_features))
        self.running_var = RunningStatistic(jnp.ones(num_features))
        self.num_batches_tracked = RunningStatistic(jnp.zeros((), jnp.int32))

    def forward(self, x):
        y = x.astype(jnp.float32)
        if self.training:
            mean, variance = jnp.mean(y, (0, 2, 3)), jnp.var(y, (0, 2, 3))
            self._update(mean, variance, y.size // y.shape[1])
        else:
            mean, variance = self.running_mean, self.running_var
        scale = jax.lax.rsqrt(variance + self.eps) * self.weight.astype(jnp.float32)
        shift = self.bias.astype(jnp.float32) - mean * scale
        return (y * scale[:, None, None] + shift[:, None, None]).astype(x.dtype)

    def _update(self, mean, variance, count):
        unbiased = variance * (count / max(count - 1, 1))
        for name, new in (("running_mean", mean), ("running_var", unbiased)):
            value = (1 - self.momentum) * getattr(self, name) + self.momentum * jax.lax.stop_gradient(new)
            ambient.call.write(vars(self)[name], value)
        ambient.call.write(vars(self)["num_batches_tracked"], self.num_batches_tracked + 1)


class Dropout(Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, x):
        return ops.dropout(x, self.p, self.training)


class _Convolution(Module):
    def __init__(self, in_channels, out_channels, window, stride, padding, dilation, groups, bias):
        super().__init__()
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, window
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        shape = (out_channels, in_channels // groups, *window)
        bound = 1 / sqrt(prod(shape[1:]))
        self.weight = _fresh(shape, init.uniform_, -bound, bound)
        self.bias = _fresh((out_channels,), init.uniform_, -bound, bound) if bias else None


class Conv1d(_Convolution):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True):
        window = (kernel_size,) if isinstance(kernel_size, int) else tuple(kernel_size)
        super().__init__(in_channels, out_channels, window, stride, padding, dilation, groups, bias)

    def forward(self, x):
        return ops.conv1d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Conv2d(_Convolution):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True):
        window = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        super().__init__(in_channels, out_channels, window, stride, padding, dilation, groups, bias)

    def forward(self, x):
        return ops.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class GELU(Module):
    def __init__(self, approximate="none"):
        super().__init__()
        self.approximate = approximate

    def forward(self, x):
        return ops.gelu(x, self.approximate)


class ReLU(Module):
    def forward(self, x):
        return ops.relu(x)


class SiLU(Module):
    def forward(self, x):
        return ops.silu(x)


class Tanh(Module):
    def forward(self, x):
        return ops.tanh(x)


class Sigmoid(Module):
    def forward(self, x):
        return ops.sigmoid(x)
