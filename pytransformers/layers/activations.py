"""Activation functions by the name a checkpoint's config gives them."""

from math import pi, sqrt

from .. import ops


def gelu(x):
    return ops.gelu(x)


def gelu_tanh(x):
    """The tanh approximation of GELU (Hendrycks and Gimpel, arXiv:1606.08415)."""
    return ops.gelu(x, approximate="tanh")


def gelu_10(x):
    return ops.clamp(ops.gelu(x), -10.0, 10.0)


def gelu_accurate(x):
    return 0.5 * x * (1.0 + ops.tanh(sqrt(2.0 / pi) * (x + 0.044715 * x * x * x)))


def quick_gelu(x):
    return x * ops.sigmoid(1.702 * x)


def laplace(x, mu=0.707107, sigma=0.282095):
    return 0.5 * (1.0 + ops.erf((x - mu) / (sigma * sqrt(2.0))))


def mish(x):
    return x * ops.tanh(ops.softplus(x))


def relu2(x):
    return ops.square(ops.relu(x))


def relu6(x):
    return ops.clamp(x, 0.0, 6.0)


def linear(x):
    return x


ACTIVATIONS = {
    "gelu": gelu, "gelu_10": gelu_10, "gelu_fast": gelu_tanh, "gelu_new": gelu_tanh, "gelu_python": gelu,
    "gelu_pytorch_tanh": gelu_tanh, "gelu_accurate": gelu_accurate, "laplace": laplace, "leaky_relu": ops.leaky_relu,
    "linear": linear, "mish": mish, "quick_gelu": quick_gelu, "relu": ops.relu, "relu2": relu2, "relu6": relu6,
    "sigmoid": ops.sigmoid, "silu": ops.silu, "swish": ops.silu, "tanh": ops.tanh,
}  # fmt: skip

# Those that `ops.linear` may end with, by its name for them.
FUSED = {ops.relu: "relu", gelu: "gelu", gelu_tanh: "gelu_tanh", ops.silu: "silu"}


def activation(name):
    """The function for `config.hidden_act`."""
    if name not in ACTIVATIONS:
        raise ValueError(f"[activation] expected one of {', '.join(ACTIVATIONS)}, got {name!r}: correct the config")
    return ACTIVATIONS[name]
