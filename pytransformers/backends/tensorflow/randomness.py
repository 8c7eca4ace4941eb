"""The ambient random stream: stateless operations whose seeds follow from the seed of the call being made.

XLA draws other numbers from the same seed than the rest of TensorFlow does.
"""

from contextlib import contextmanager, nullcontext

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


def iteration(count):
    """The context of one turn of a loop, whose number may be a tensor of the graph."""
    if context.call.seed is None:
        return nullcontext()
    # a stream of its own, by hashing: further draws of the call must not meet it
    return context.with_values(context.call, seed=tf.random.fold_in(tf.cast(seed(), tf.int64), count), draws=0)


def replayed():
    """A function that gives a context in which the call goes on: each time the same mode, dtype and random numbers."""
    call = context.call
    values = {name: getattr(call, name) for name in ("active", "training", "next_seed", "draws")}
    values["seed"] = fixed = seed() if call.seed is None else call.seed
    scope = keras.src.backend.get_autocast_scope()
    dtype = None if scope is None else scope.dtype

    @contextmanager
    def again():
        with context.with_values(call, **values), keras.src.backend.AutocastScope(dtype):
            yield
            reached = call.draws
        if call.seed is fixed:
            call.draws = max(call.draws, reached)  # what follows the first time draws on

    return again
