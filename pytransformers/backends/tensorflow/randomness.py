"""The ambient random stream: stateless operations whose seeds follow from the seed of the call being made."""

from contextlib import contextmanager

import keras
import tensorflow as tf

from . import context

GOLDEN = 0x9E3779B1  # odd, so that the draws of a call get distinct seeds


def seed():
    """(2,) integers for one stateless random operation."""
    call = context.call
    if call.seed is not None:
        call.draws += 1
        return call.seed + tf.constant([call.draws * GOLDEN, 0], call.seed.dtype)
    if call.next_seed is not None:
        return call.next_seed()
    return tf.random.uniform((2,), tf.int32.min, tf.int32.max, tf.int32)


def dropout(x, p):
    """Each element is 0 with probability p, else x / (1 - p)."""
    if p >= 1:
        return tf.zeros_like(x)
    return tf.nn.experimental.stateless_dropout(x, p, seed())


def replayed():
    """A function that gives a context in which the call goes on: each time the same mode, dtype and random numbers."""
    call = context.call
    # a stream of its own, by hashing: further draws of the call must not meet it
    values = {"active": call.active, "training": call.training, "next_seed": call.next_seed, "draws": 0,
              "seed": tf.random.fold_in(tf.cast(seed(), tf.int64), 1)}  # fmt: skip
    scope = keras.src.backend.get_autocast_scope()
    dtype = None if scope is None else scope.dtype

    @contextmanager
    def again():
        with context.with_values(call, **values), keras.src.backend.AutocastScope(dtype):
            yield

    return again
