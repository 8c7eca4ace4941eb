"""Running a search in JAX: as one compiled loop, or as compiled steps where somebody listens."""

from contextlib import nullcontext
from weakref import WeakKeyDictionary, ref

import jax
import jax.numpy as jnp

from pytransformers.outputs import FlaxGenerateOutput

from . import ops
from .context import Call, running

eager = False
no_gradient = nullcontext
_programs = WeakKeyDictionary()  # model -> {key of a search: its compiled functions}


def ids(values, model):
    """Token ids, or a mask, from an array or nested lists."""
    return jnp.asarray(values)


def scalar(value):
    """A length for the search: an array, so that another one needs no other program."""
    return jnp.asarray(value, ops.int64)


def stream(arguments):
    """The key of the random stream: `prng_key`, or `seed`, or the same one each time."""
    key, seed = arguments.pop("prng_key", None), arguments.pop("seed", None)
    return jax.random.key(0 if seed is None else seed) if key is None else jnp.asarray(key)


def variables(model):
    return [*model.parameters(), *model.buffers()]


class Programs:
    """The compiled functions of one search. The model's arrays are arguments, so that training it goes unnoticed."""

    def __init__(self, model, search):
        self.model, self.search, self.dtype = ref(model), search, model._dtype
        self.whole = jax.jit(self._scoped(self._whole))
        self.start = jax.jit(self._scoped(search.start))
        self.advance = jax.jit(self._scoped(search.advance), donate_argnums=2)
        self.prefill = jax.jit(self._scoped(search.prefill))
        self.forward = jax.jit(self._scoped(search.forward), donate_argnums=2)

    def _whole(self, model, inputs):
        state, _ = self.search.start(model, inputs)

        def advance(state):
            return (self.search.advance(model, state)[0],)

        return ops.while_loop(self.search.running, advance, (state,))[0]

    def _scoped(self, function):
        def scoped(values, key, state):
            model = self.model()
            values = {id(v): value for v, value in zip(variables(model), values, strict=True)}
            with running(Call(False, key, self.dtype, values, written={})):
                return function(model, state)

        return scoped


def run(model, search, key, inputs, listener, random):
    """The last state of `search`. `listener(seen)` is called after every token."""
    found = _programs.setdefault(model, {})
    key = (key, model.config.attn_implementation, model._dtype)
    programs = found.get(key)
    if programs is None:
        programs = found[key] = Programs(model, search)
    values = [v.get_raw_value() for v in variables(model)]
    if search.in_graph:
        if listener is None:
            return programs.whole(values, random, inputs)
        first, following = programs.start, programs.advance
    else:

        def chosen(read):
            def step(values, key, state):
                logits, state, outputs = read(values, key, state)
                with running(Call(False, jax.random.fold_in(key, 1))):
                    state = state if "finished" in state or "running" in state else search.begin(state)
                    return search.choose(model, logits, state, outputs)

            return step

        first, following = chosen(programs.prefill), chosen(programs.forward)
    turn, step, state = 0, first, inputs
    while turn == 0 or search.running(state):
        state, seen = step(values, jax.random.fold_in(random, turn), state)
        if listener is not None:
            listener(seen)
        turn, step = turn + 1, following
    return state


def returned(sequences):
    """What `generate` returns when nothing but ids (rows, length) is asked for."""
    return FlaxGenerateOutput(sequences)
