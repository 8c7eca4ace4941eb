"""The layer vocabulary in TensorFlow, on Keras layers. Contract: `pytransformers/nn.pyi`."""

import math

import tensorflow as tf

from . import context, init, ops, randomness
from .module import Module
from .parameter import Buffer, Parameter

__all__ = [
    "GELU", "BatchNorm2d", "Buffer", "Conv1d", "Conv2d", "Dropout", "Embedding", "GroupNorm", "Identity", "LayerNorm",
    "Linear", "Module", "ModuleList", "Parameter", "RMSNorm", "ReLU", "Sequential", "SiLU", "Sigmoid", "Tanh", "init",
    "is_plain",
]  # fmt: skip


def _ones(shape, dtype):
    return tf.ones(shape, dtype)


def _zeros(shape, dtype):
    return tf.zeros(shape, dtype)


def _bounded(fan_in):
    """torch's default for weights and biases: U(-1 / sqrt(fan_in), 1 / sqrt(fan_in))."""
    bound = 1 / math.sqrt(fan_in)

    def draw(shape, dtype):
        return tf.random.stateless_uniform(shape, randomness.seed(), -bound, bound)

    return draw


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


class ModuleList(Module):
    """Its children are its attributes "0", "1", ..., as their names in a checkpoint are."""

    def __init__(self, modules=()):
        super().__init__()
        for module in modules:
            self.append(module)

    def append(self, module):
        setattr(self, str(len(self)), module)
        return self

    def __iter__(self):
        return self.children()

    def __len__(self):
        return len(self._own(Module))

    def __getitem__(self, index):
        children = list(self)[index]
        return type(self)(children) if isinstance(index, slice) else children


class Sequential(ModuleList):
    def __init__(self, *modules):
        super().__init__(modules)

    def __getitem__(self, index):
        children = list(self)[index]
        return Sequential(*children) if isinstance(index, slice) else children

    def forward(self, x):
        for module in self:
            x = module(x)
        return x


class Identity(Module):
    def forward(self, x):
        return x


class Linear(Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(_bounded(in_features), (out_features, in_features))
        self.bias = Parameter(_bounded(in_features), (out_features,)) if bias else None

    def forward(self, x):
        return ops.linear(x, self.weight, self.bias)


def is_plain(*layers):
    return False  # a layer's call is what casts its weights to the dtype policy, and graphs are fused as they stand


class Embedding(Module):
    def __init__(self, num_embeddings, embedding_dim, padding_idx=None):
        super().__init__()
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx

        def draw(shape, dtype):
            values = tf.random.stateless_normal(shape, randomness.seed())
            return values if padding_idx is None else tf.tensor_scatter_nd_update(
                values, [[padding_idx % num_embeddings]], tf.zeros((1, embedding_dim))
            )  # fmt: skip

        self.weight = Parameter(draw, (num_embeddings, embedding_dim))

    def forward(self, ids):
        return ops.embedding(ids, self.weight, self.padding_idx)


class LayerNorm(Module):
    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True):
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps = eps
        self.weight = Parameter(_ones, self.normalized_shape) if elementwise_affine else None
        self.bias = Parameter(_zeros, self.normalized_shape) if elementwise_affine and bias else None

    def forward(self, x, residual=None):
        if len(self.normalized_shape) == 1:
            return ops.layer_norm(x, self.weight, self.bias, self.eps, residual)
        total = x if residual is None else x + residual
        start = -len(self.normalized_shape)
        y = ops.layer_norm(
            ops.flatten(total, start), *(p if p is None else ops.flatten(p) for p in (self.weight, self.bias)), self.eps
        )
        y = ops.reshape(y, ops.shape(total))
        return y if residual is None else (y, total)


class RMSNorm(Module):
    def __init__(self, normalized_shape, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = Parameter(_ones, (normalized_shape,))

    def forward(self, x, residual=None):
        return ops.rms_norm(x, self.weight, self.eps, residual)


class GroupNorm(Module):
    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True):
        super().__init__()
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight = Parameter(_ones, (num_channels,)) if affine else None
        self.bias = Parameter(_zeros, (num_channels,)) if affine else None

    def forward(self, x):
        return ops.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class BatchNorm2d(Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = Parameter(_ones, (num_features,))
        self.bias = Parameter(_zeros, (num_features,))
        self.running_mean = Buffer(tf.zeros((num_features,), context.variable_dtype()))
        self.running_var = Buffer(tf.ones((num_features,), context.variable_dtype()))
        self.num_batches_tracked = Buffer(tf.zeros((), tf.int64))

    def forward(self, x):
        y = tf.cast(x, tf.float32) if x.dtype.size < 4 else x
        if self.training:
            mean, variance = tf.nn.moments(y, (0, 2, 3))
            count = tf.cast(tf.size(y) // self.num_features, y.dtype)
            self._follow(self.running_mean, mean)
            self._follow(self.running_var, variance * count / (count - 1))  # torch keeps the unbiased variance
            self.num_batches_tracked.assign_add(1)
        else:
            mean, variance = (tf.cast(b.value, y.dtype) for b in (self.running_mean, self.running_var))
        scale = tf.cast(self.weight, y.dtype) * tf.math.rsqrt(variance + self.eps)
        shift = tf.cast(self.bias, y.dtype) - mean * scale
        return tf.cast(y * scale[:, None, None] + shift[:, None, None], x.dtype)

    def _follow(self, running, value):
        value = tf.cast(tf.stop_gradient(value), running.dtype)
        running.assign(running.value * (1 - self.momentum) + value * self.momentum)


class Dropout(Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, x):
        return ops.dropout(x, self.p, self.training)


class Conv1d(Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True):
        super().__init__()
        self.options = (stride, padding, dilation, groups)
        fan_in = in_channels // groups * kernel_size
        self.weight = Parameter(_bounded(fan_in), (out_channels, in_channels // groups, kernel_size))
        self.bias = Parameter(_bounded(fan_in), (out_channels,)) if bias else None

    def forward(self, x):
        return ops.conv1d(x, self.weight, self.bias, *self.options)


class Conv2d(Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True):
        super().__init__()
        self.options = (stride, padding, dilation, groups)
        window = _pair(kernel_size)
        fan_in = in_channels // groups * math.prod(window)
        self.weight = Parameter(_bounded(fan_in), (out_channels, in_channels // groups, *window))
        self.bias = Parameter(_bounded(fan_in), (out_channels,)) if bias else None

    def forward(self, x):
        return ops.conv2d(x, self.weight, self.bias, *self.options)


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
