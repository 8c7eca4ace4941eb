"""Fill a parameter in place from a distribution. Contract: `nn.init` in `pytransformers/nn.pyi`.

Values are drawn by NumPy on the host, in float32, so that a fresh model compiles nothing. A parameter that is still
empty is left so.
"""

from math import sqrt

import jax
import numpy as np

from .context import creation

__all__ = [
    "constant_", "copy_", "normal_", "ones_", "trunc_normal_", "uniform_", "xavier_uniform_", "zero_row_", "zeros_",
]  # fmt: skip


def is_empty(parameter):
    return isinstance(parameter.get_raw_value(), jax.ShapeDtypeStruct)


def put(parameter, values):
    """NumPy `values` as the parameter's, in its dtype."""
    old = parameter.get_raw_value()
    parameter.set_raw_value(jax.device_put(np.asarray(values).astype(old.dtype, copy=False)))


def _fill(parameter, draw):
    if not is_empty(parameter):
        put(parameter, draw(creation().generator, parameter.get_raw_value().shape))
    return parameter


def normal_(parameter, mean=0.0, std=1.0):
    def draw(generator, shape):
        values = generator.standard_normal(shape, np.float32)
        values *= std
        values += mean
        return values

    return _fill(parameter, draw)


def trunc_normal_(parameter, mean=0.0, std=1.0, a=-2.0, b=2.0):
    """N(mean, std^2) kept within [a, b]."""
    def draw(generator, shape):
        values = mean + std * generator.standard_normal(shape, np.float32)
        while (outside := (values < a) | (values > b)).any():
            values[outside] = mean + std * generator.standard_normal(int(outside.sum()), np.float32)
        return values

    return _fill(parameter, draw)


def uniform_(parameter, a=0.0, b=1.0):
    return _fill(parameter, lambda generator, shape: a + (b - a) * generator.random(shape, np.float32))


def xavier_uniform_(parameter, gain=1.0):
    """Glorot and Bengio 2010: U(-r, r), r = gain * sqrt(6 / (fan_in + fan_out))."""
    fan_out, fan_in, *window = parameter.shape
    bound = gain * sqrt(6 / ((fan_in + fan_out) * int(np.prod(window))))
    return uniform_(parameter, -bound, bound)


def constant_(parameter, val):
    return _fill(parameter, lambda _, shape: np.full(shape, val, np.float32))


def zeros_(parameter):
    return constant_(parameter, 0.0)


def ones_(parameter):
    return constant_(parameter, 1.0)


def zero_row_(parameter, row):
    if not is_empty(parameter):
        parameter.set_raw_value(parameter.get_raw_value().at[row].set(0))
    return parameter


def copy_(parameter, array):
    return _fill(parameter, lambda generator, shape: array)
