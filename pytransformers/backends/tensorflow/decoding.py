"""What generation needs of TensorFlow: functions of the model and a state, compiled by XLA once."""

from contextlib import contextmanager, nullcontext
from weakref import WeakKeyDictionary, ref

import keras
import numpy as np
import tensorflow as tf

from . import context

eager = False
no_gradient = nullcontext
_programs = WeakKeyDictionary()  # model -> {key: compiled function}


def ids(values, model):
    """Token ids, or a mask, from an array or nested lists."""
    values = tf.convert_to_tensor(values)
    return tf.cast(values, tf.int64) if values.dtype.is_integer else values


def host(values):
    """A NumPy array of tensors, arrays or nested lists."""
    return values.numpy() if hasattr(values, "numpy") else np.asarray(values)


def first(x, length):
    """The first `length` places (rows, length, ...)."""
    return x[:, :length]


def scalar(value):
    """A length for the search: a tensor, so that another one needs no other program."""
    return tf.constant(value, tf.int64)


def stream(arguments):
    """(2,) integers of the random stream: `seed`, one or two integers, or new ones from TensorFlow's own stream."""
    seed = arguments.pop("seed", None)
    if seed is None:
        return tf.random.uniform((2,), tf.int32.min, tf.int32.max, tf.int32)
    seed = np.asarray(seed, np.int32).reshape(-1)
    return tf.constant(seed if seed.size == 2 else [seed[0], 0], tf.int32)


def fold(random, turn):
    """The random stream of one turn."""
    return tf.random.fold_in(random, turn)


def compiled(model, key, function, donate=False):
    """`function(model, state)` as a function of (random, state), compiled once for a `key` and shapes."""
    programs = _programs.setdefault(model, {})
    key = (key, function.__name__, model.config.attn_implementation)
    if key not in programs:
        kept = ref(model)

        def scoped(random, state):
            model = kept()
            with outside(random), keras.src.backend.AutocastScope(model.compute_dtype):
                return function(model, state)

        programs[key] = tf.function(scoped, jit_compile=True, autograph=False)
    return programs[key]


def forget(model):
    """Drops the model's programs, which read the variables that it had when they were traced."""
    _programs.pop(model, None)


@contextmanager
def outside(random):
    """The context of operations on tensors between compiled functions."""
    with context.calling(False, None, tf.cast(random, tf.int64)):
        yield


def watermark(config, model):
    """None: green lists are made by PyTorch's generator."""
    if config is not None:
        raise ValueError(
            "[watermarking_config] expected a PyTorch model, whose generator decides what is green, got TensorFlow: "
            "use the PyTorch class, or leave watermarking_config out"
        )


def returned(sequences):
    """What `generate` returns when nothing but ids (rows, length) is asked for."""
    return sequences
