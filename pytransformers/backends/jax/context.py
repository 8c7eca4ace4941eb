"""The two things that reach every module without being passed: the running call, and the model being made."""

import threading
from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx


class _Ambient(threading.local):
    call = None
    creation = None


ambient = _Ambient()


class Call:
    """What a running call knows.

    training: True, False, or None for each module's own flag.
    key: the start of the random stream, or None. Each draw folds the count of draws into it.
    dtype: what floating-point parameters are cast to when read, or None.
    values: {id of a variable: the array to read instead of its own}, or None.
    written: {id of a buffer: (buffer, new value)}; None lets buffers be written at once.
    """

    __slots__ = ("training", "key", "draws", "dtype", "values", "written")

    def __init__(self, training=None, key=None, dtype=None, values=None, written=None):
        self.training, self.key, self.dtype, self.values, self.written = training, key, dtype, values, written
        self.draws = 0

    def read(self, variable):
        """The value of a parameter or buffer, as an array."""
        value = variable.get_raw_value()
        if self.written and id(variable) in self.written:
            value = self.written[id(variable)][1]
        elif self.values is not None:
            value = self.values.get(id(variable), value)
        if isinstance(value, jax.ShapeDtypeStruct):
            raise ValueError(
                "[call] expected parameters with values, got an empty one: load a checkpoint, or pass params="
            )
        if self.dtype is None or value.dtype == self.dtype or not isinstance(variable, nnx.Param):
            return value
        return value.astype(self.dtype) if jnp.issubdtype(value.dtype, jnp.floating) else value

    def write(self, buffer, value):
        if self.written is None:
            buffer.set_value(value)
        else:
            self.written[id(buffer)] = (buffer, value)

    def next_key(self, where):
        """A key nobody else gets. Raises ValueError in a call without randomness."""
        if self.key is None:
            raise ValueError(f"[{where}] expected a key for the random stream, got none: pass dropout_rng=<a key>")
        self.draws += 1
        return jax.random.fold_in(self.key, self.draws)

    def inner(self, key):
        """The call as a region sees it that is traced by itself: what it writes stays with it."""
        other = Call(self.training, key, self.dtype, self.values, dict(self.written or {}))
        other.draws = self.draws
        return other


@contextmanager
def running(call):
    before, ambient.call = ambient.call, call
    try:
        yield call
    finally:
        ambient.call = before


class Creation:
    """How parameters come to be: their dtype, whether they stay empty, and what draws their values."""

    __slots__ = ("dtype", "empty", "generator")

    def __init__(self, dtype=jnp.float32, empty=False, seed=None):
        self.dtype, self.empty, self.generator = jnp.dtype(dtype), empty, np.random.default_rng(seed)


_default = Creation()


def creation():
    """The creation going on; outside a pretrained model float32 parameters from an unseeded stream."""
    return ambient.creation or _default


@contextmanager
def creating(new):
    before, ambient.creation = ambient.creation, new
    try:
        yield new
    finally:
        ambient.creation = before
