"""What surrounds the code that runs, per thread: how parameters are made, and the call that is being made."""

import threading
from contextlib import contextmanager

import keras


class _Creation(threading.local):
    policy = None  # a Keras dtype policy; None is the global one
    empty = False  # parameters get their values, and memory, later


class _Call(threading.local):
    active = False  # inside the call of a root model: nested calls go straight to `forward`
    training = False
    seed = None  # (2,) of integers, or None: every draw takes a seed of its own
    next_seed = None  # gives a seed; None is TensorFlow's own stream
    draws = 0


creation = _Creation()
call = _Call()


@contextmanager
def with_values(state, **values):
    before = {name: getattr(state, name) for name in values}
    for name, value in values.items():
        setattr(state, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(state, name, value)


def creating(policy, empty):
    """Make parameters in the policy's variable dtype; with `empty`, without memory."""
    return with_values(creation, policy=policy, empty=empty)


def variable_dtype():
    """The name of the dtype that new parameters are stored in."""
    return (creation.policy or keras.config.dtype_policy()).variable_dtype


def calling(training, next_seed, seed=None):
    """The call of a root model. `next_seed()` gives (2,) integers; `seed` fixes the random numbers of this call."""
    if seed is None and training and next_seed is not None:
        # taken here, outside any inner graph (a branch, a loop), so that every part of the call may use it
        seed = next_seed()
    return with_values(call, active=True, training=training, next_seed=next_seed, seed=seed, draws=0)
