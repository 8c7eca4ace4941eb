"""Running a search in TensorFlow: as one loop compiled by XLA, or as compiled steps where somebody listens."""

from contextlib import nullcontext
from weakref import WeakKeyDictionary, ref

import keras
import numpy as np
import tensorflow as tf

from . import context, ops

eager = False
no_gradient = nullcontext
_programs = WeakKeyDictionary()  # model -> {key of a search: its compiled functions}


def ids(values, model):
    """Token ids, or a mask, from an array or nested lists."""
    values = tf.convert_to_tensor(values)
    return tf.cast(values, tf.int64) if values.dtype.is_integer else values


def scalar(value):
    """A length for the search: a tensor, so that another one needs no other program."""
    return tf.constant(value, tf.int64)


def stream(arguments):
    """(2,) integers of the random stream: `seed`, or new ones from TensorFlow's own stream."""
    seed = arguments.pop("seed", None)
    if seed is None:
        return tf.random.uniform((2,), tf.int32.min, tf.int32.max, tf.int32)
    seed = np.asarray(seed, np.int32).reshape(-1)
    return tf.constant(seed if seed.size == 2 else [seed[0], 0], tf.int32)


class Programs:
    """The compiled functions of one search."""

    def __init__(self, model, search):
        self.model, self.search = ref(model), search
        self.whole = self._compiled(self._whole)
        self.start, self.advance = self._compiled(search.start), self._compiled(search.advance)
        self.prefill, self.forward = self._compiled(search.prefill), self._compiled(search.forward)

    def _whole(self, model, inputs):
        state, _ = self.search.start(model, inputs)

        def advance(state):
            return (self.search.advance(model, state)[0],)

        return ops.while_loop(self.search.running, advance, (state,))[0]

    def _compiled(self, function):
        def scoped(seed, state):
            model = self.model()
            with scope(model, seed):
                return function(model, state)

        return tf.function(scoped, jit_compile=True, autograph=False, reduce_retracing=False)


def scope(model, seed):
    from contextlib import ExitStack

    stack = ExitStack()
    stack.enter_context(context.calling(False, None, tf.cast(seed, tf.int64)))
    stack.enter_context(keras.src.backend.AutocastScope(model.compute_dtype))
    return stack


def run(model, search, key, inputs, listener, random):
    """The last state of `search`. `listener(seen)` is called after every token."""
    found = _programs.setdefault(model, {})
    key = (key, model.config.attn_implementation)
    programs = found.get(key)
    if programs is None:
        programs = found[key] = Programs(model, search)
    if search.in_graph and listener is None:
        return programs.whole(random, inputs)
    if search.in_graph:
        first, following = programs.start, programs.advance
    else:

        def chosen(read):
            def step(seed, state):
                logits, state, outputs = read(seed, state)
                with context.calling(False, None, tf.cast(seed, tf.int64) + 1):
                    state = state if "finished" in state or "running" in state else search.begin(state)
                    return search.choose(model, logits, state, outputs)

            return step

        first, following = chosen(programs.prefill), chosen(programs.forward)
    turn, step, state = 0, first, inputs
    while turn == 0 or search.running(state):
        state, seen = step(tf.random.fold_in(random, turn), state)
        if listener is not None:
            listener(seen)
        turn, step = turn + 1, following
    return state


def returned(sequences):
    """What `generate` returns when nothing but ids (rows, length) is asked for."""
    return sequences
