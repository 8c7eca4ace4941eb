"""What generation needs of JAX: functions of the model and a state, compiled once."""

from contextlib import nullcontext
from weakref import WeakKeyDictionary, ref

import jax
import jax.numpy as jnp
import numpy as np

from pytransformers.outputs import FlaxGenerateOutput

from .context import Call, running
from .tensors import from_numpy

eager = False
no_gradient = nullcontext
_programs = WeakKeyDictionary()  # model -> {key: compiled function}


def ids(values, model):
    """Token ids, or a mask, from an array or nested lists."""
    return values if isinstance(values, jax.Array) else from_numpy(np.asarray(values))


def host(values):
    """A NumPy array of arrays or nested lists."""
    return np.asarray(values)


def first(x, length):
    """The first `length` places (rows, length, ...): in NumPy, as JAX would compile it for each length."""
    return from_numpy(np.asarray(x)[:, :length])


def scalar(value):
    """A length for the search: an array, so that another one needs no other program."""
    return from_numpy(np.asarray(value, np.int64))


def stream(arguments):
    """The key of the random stream: `prng_key`, or `seed`, or the same one each time."""
    key, seed = arguments.pop("prng_key", None), arguments.pop("seed", None)
    return jax.random.key(0 if seed is None else seed) if key is None else jnp.asarray(key)


def fold(random, turn):
    """The random stream of one turn."""
    return jax.random.fold_in(random, turn)


def compiled(model, key, function, donate=False):
    """`function(model, state)` as a function of (random, state), compiled once for a `key` and shapes.

    The model's arrays are arguments of the program, so that it follows their training. With `donate` the state's memory
    is taken over.
    """
    programs = _programs.setdefault(model, {})
    key = (key, function.__name__, model.config.attn_implementation, model._dtype)
    if key not in programs:
        kept, dtype = ref(model), model._dtype

        def scoped(values, random, state):
            model = kept()
            values = {id(v): value for v, value in zip(_variables(model), values, strict=True)}
            with running(Call(False, random, dtype, values, written={})):
                return function(model, state)

        programs[key] = jax.jit(scoped, donate_argnums=2 if donate else ())
    program, values = programs[key], [v.get_raw_value() for v in _variables(model)]
    return lambda random, state: program(values, random, state)


def _variables(model):
    return [*model.parameters(), *model.buffers()]


def outside(random):
    """The context of operations on arrays between compiled functions."""
    return running(Call(False, fold(random, 1)))


def watermark(config, model):
    """None: green lists are made by PyTorch's generator."""
    if config is not None:
        raise ValueError(
            "[watermarking_config] expected a PyTorch model, whose generator decides what is green, got JAX: use the "
            "PyTorch class, or leave watermarking_config out"
        )


def returned(sequences):
    """What `generate` returns when nothing but ids (rows, length) is asked for: as Flax models, an object."""
    return FlaxGenerateOutput(sequences)
