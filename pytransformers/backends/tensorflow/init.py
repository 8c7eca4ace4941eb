"""Fill a parameter from a distribution; one that is still empty stays so. Contract: `nn.init` in `nn.pyi`."""

import math

import tensorflow as tf

from . import randomness


def _uniform(shape, low, high):
    return tf.random.stateless_uniform(shape, randomness.seed(), low, high)


def _fill(parameter, draw):
    if not parameter.is_empty:
        parameter.assign(tf.cast(draw(parameter.shape), parameter.stored.dtype))


def normal_(parameter, mean=0.0, std=1.0):
    _fill(parameter, lambda shape: tf.random.stateless_normal(shape, randomness.seed(), mean, std))


def uniform_(parameter, a=0.0, b=1.0):
    _fill(parameter, lambda shape: _uniform(shape, a, b))


def trunc_normal_(parameter, mean=0.0, std=1.0, a=-2.0, b=2.0):
    """N(mean, std^2) within [a, b], through the inverse of its distribution function."""

    def draw(shape):
        low, high = (math.erf((edge - mean) / (std * math.sqrt(2))) for edge in (a, b))
        limit = 1 - 2**-23
        inverse = tf.math.erfinv(tf.clip_by_value(_uniform(shape, low, high), -limit, limit))
        return tf.clip_by_value(mean + std * math.sqrt(2) * inverse, a, b)

    _fill(parameter, draw)


def xavier_uniform_(parameter, gain=1.0):
    """Glorot and Bengio 2010; weights (out, in, *window)."""
    outputs, inputs, *window = parameter.shape
    bound = gain * math.sqrt(6 / ((outputs + inputs) * math.prod(window)))
    uniform_(parameter, -bound, bound)


def constant_(parameter, value):
    _fill(parameter, lambda shape: tf.fill(shape, tf.constant(value, tf.float32)))


def zeros_(parameter):
    constant_(parameter, 0.0)


def ones_(parameter):
    constant_(parameter, 1.0)


def zero_row_(parameter, row):
    if not parameter.is_empty:
        stored = parameter.stored
        stored[row].assign(tf.zeros_like(stored[row]))


def copy_(parameter, array):
    _fill(parameter, lambda shape: array)
