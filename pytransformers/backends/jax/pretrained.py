"""The base of every JAX model: a flax.nnx module that loads and saves, and a pure function of its parameters."""

import copy
from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from pytransformers import outputs
from pytransformers.quantization import prepared
from pytransformers.weights.pretrained import PreTrainedMixin
from pytransformers.weights.tensor import ALIGNMENT, LazyTensor, LoadedBytes, aligned_empty

from . import init
from .context import Call, Creation, ambient, creating, running
from .generation.generate import GenerationMixin
from .layers.cache import DynamicCache, StaticCache
from .module import Module
from .tensors import from_numpy

# Floating-point arguments in the compute dtype: states and images, not masks and labels.
CAST = ("embeds", "values", "states", "outputs", "features")


def _register_tree(cls):
    def flatten_with_keys(output):
        values, names = outputs.flatten(output)
        return [(jax.tree_util.DictKey(name), value) for name, value in zip(names, values, strict=True)], names

    jax.tree_util.register_pytree_with_keys(
        cls, flatten_with_keys, lambda names, values: outputs.unflatten(cls, values, names), outputs.flatten
    )


outputs.register_trees(_register_tree)
jax.tree_util.register_pytree_with_keys(
    DynamicCache,
    lambda cache: (
        [(jax.tree_util.GetAttrKey(name), getattr(cache, name)) for name in ("layers", "cross_layers")], None
    ),
    lambda _, children: DynamicCache(*children),
)  # fmt: skip


def _static_cache(length, capacity, children):
    layers, cross_layers, traced = children
    return StaticCache(capacity, traced if length is None else length, layers, cross_layers)


def _static_children(cache):
    # a length that is a number belongs to the structure: it decides shapes
    fixed = isinstance(cache.length, int)
    return (cache.layers, cache.cross_layers, None if fixed else cache.length), (cache.length if fixed else None)


jax.tree_util.register_pytree_node(
    StaticCache,
    lambda cache: (_static_children(cache)[0], (_static_children(cache)[1], cache.capacity)),
    lambda sizes, children: _static_cache(*sizes, children),
)


def floating(dtype, where="dtype"):
    """A NumPy dtype object for a floating-point dtype given as itself or by name; None stays None."""
    if dtype is None:
        return None
    try:
        found = jnp.dtype(str(dtype).removeprefix("torch.") if not isinstance(dtype, type) else dtype)
    except TypeError:
        found = None
    if found is None or not jnp.issubdtype(found, jnp.floating):
        raise ValueError(f"[{where}] expected a floating-point dtype such as 'bfloat16', got {dtype!r}")
    return jax.dtypes.canonicalize_dtype(found)


class _PreTrainedMeta(type(Module)):
    """Takes the arguments of a Flax model's constructor that a definition does not know."""

    def __call__(cls, config, *args, seed=0, dtype=None, param_dtype=None, _do_init=True, **kwargs):
        if ambient.creation is not None:  # a part of a model under construction
            return super().__call__(config, *args, **kwargs)
        making = Creation(floating(param_dtype, "param_dtype") or jnp.float32, empty=not _do_init, seed=seed)
        with creating(making):
            model = super().__call__(config, *args, **kwargs)
        model._dtype = floating(dtype)
        if not _do_init:
            model._seed = seed
        return model


class PreTrainedModel(GenerationMixin, PreTrainedMixin, Module, metaclass=_PreTrainedMeta):
    """`FlaxX(config, seed=0, dtype=None, param_dtype=None, _do_init=True)`.

    Args:
        seed: of the fresh parameters.
        dtype: what is computed in; parameters are cast to it when they are read and stay as they are. None: theirs.
        param_dtype: what parameters are stored in; float32 by default.
        _do_init: False leaves the parameters empty (`jax.ShapeDtypeStruct`); pass `params=` to each call then.
    """

    _backend_arguments = ("_compute_dtype", "seed")
    _dtype = None
    _seed = 0

    def __init__(self, config):
        super().__init__()
        self.config = config

    @property
    def dtype(self):
        """The dtype of the computation."""
        own = (p.get_raw_value().dtype for p in self.parameters())
        return self._dtype or next((d for d in own if jnp.issubdtype(d, jnp.floating)), jnp.dtype("float32"))

    def named_parameters(self, remove_duplicate=True):
        """(name, variable); a shared parameter comes under the name it is saved by, unless asked otherwise.

        Passing through nnx sorts attributes, so that the first name would not stay the same.
        """
        found, seen, ties = list(super().named_parameters(remove_duplicate=False)), set(), self.ties()
        if not remove_duplicate:
            return iter(found)
        ordered = [(name, p) for name, p in found if name not in ties] + [(n, p) for n, p in found if n in ties]
        return iter([(name, p) for name, p in ordered if not (id(p) in seen or seen.add(id(p)))])

    # -- calling -----------------------------------------------------------------------------------------------------
    def __call__(self, *args, params=None, dropout_rng=None, train=None, **kwargs):
        """Run the model eagerly, or in whatever transformation surrounds the call.

        Args:
            args, kwargs: of `forward`; JAX or NumPy arrays, or lists of numbers.
            params: parameters to use instead of the model's own, nested as `params`.
            dropout_rng: a key of `jax.random`; needed where dropout is active.
            train: the mode; None takes that of `train()` and `eval()`, which is evaluation at first.
        """
        if ambient.call is not None:
            return self.forward(*args, **kwargs)
        values = None if params is None else self._values(params)
        with running(Call(train, _key(dropout_rng), self._dtype, values)):
            return self._forward(args, kwargs)

    def _forward(self, args, kwargs):
        dtype = self._dtype
        args = [_array(value, dtype if position == 0 else None) for position, value in enumerate(args)]
        for name, value in kwargs.items():
            if value is not None:
                kwargs[name] = _array(value, dtype if name.endswith(CAST) else None)
        return self.forward(*args, **kwargs)

    def functional(self):
        """The model as a pure function: `apply, params = model.functional()`, for jit, grad, vmap and sharding.

        `apply(params, *args, dropout_rng=None, train=False, buffers=None, **kwargs)` is `model(...)` with these
        parameters. It neither reads nor changes the model's own, and holds no other state. Without `buffers` the values
        the model's buffers had when `functional` was called are used; with `buffers` (a dict as `model.statistics`)
        apply returns `(output, buffers)`, where training has updated running statistics.
        """
        own = {id(buffer): buffer.get_raw_value() for buffer in self.buffers()}
        statistics = {name: buffer for name, buffer in self.named_buffers() if isinstance(buffer, nnx.BatchStat)}

        def apply(params, *args, dropout_rng=None, train=False, buffers=None, **kwargs):
            values = {**own, **self._values(params)}
            if buffers is not None:
                values.update((id(buffer), buffers[name]) for name, buffer in statistics.items())
            with running(Call(train, _key(dropout_rng), self._dtype, values, written={})) as call:
                output = self._forward(args, kwargs)
                if buffers is None:
                    return output
                return output, {name: call.read(buffer) for name, buffer in statistics.items()}

        return apply, self.params

    @property
    def statistics(self):
        """{name: array} of the buffers that training updates (running means and variances)."""
        return {name: b.get_raw_value() for name, b in self.named_buffers() if isinstance(b, nnx.BatchStat)}

    @property
    def params(self):
        """The parameters as nested dicts by attribute name; a shared one stands under the name it is saved by."""
        tree = {}
        for name, parameter in self.named_parameters():
            *path, leaf = name.split(".")
            node = tree
            for part in path:
                node = node.setdefault(part, {})
            node[leaf] = parameter.get_raw_value()
        return tree

    @params.setter
    def params(self, tree):
        values = self._values(tree)
        for parameter in self.parameters():
            parameter.set_raw_value(jnp.asarray(values[id(parameter)]))

    def _values(self, tree):
        """{id of a parameter: its array in the nested dicts `tree`}."""
        found = _flat(tree)
        values, missing = {}, []
        for name, parameter in self.named_parameters():
            array = found.pop(name, None)
            if array is None:
                missing.append(name)
            elif array.shape != parameter.get_raw_value().shape:
                expected = parameter.get_raw_value().shape
                raise ValueError(f"[params] expected {name} of shape {expected}, got {array.shape}")
            values[id(parameter)] = array
        if missing or found:
            raise KeyError(
                f"[params] expected nested dicts as model.params, missing {missing[:5]}, unexpected {list(found)[:5]}"
            )
        return values

    def to_bf16(self, params, mask=None):
        """`params` with floating-point arrays in bfloat16; with `mask`, a tree of bools, only where it is True."""
        return _cast_tree(params, jnp.bfloat16, mask)

    def to_fp16(self, params, mask=None):
        return _cast_tree(params, jnp.float16, mask)

    def to_fp32(self, params, mask=None):
        return _cast_tree(params, jnp.float32, mask)

    def set_attn_implementation(self, name):
        # Traces are remembered by their static values, so the config is replaced, not changed.
        old, new = self.config, copy.copy(self.config)
        new.attn_implementation = name
        for module in self.modules():
            if vars(module).get("config") is old:
                module.config = new

    # -- for the mixin -----------------------------------------------------------------------------------------------
    @classmethod
    def from_pretrained(cls, *args, dtype=None, torch_dtype=None, param_dtype=None, **kwargs):
        """As `PreTrainedMixin.from_pretrained`, with Flax's `dtype`: that of the computation.

        Args:
            dtype: what is computed in; "auto" takes the checkpoint's for storage too. None: as stored.
            param_dtype, torch_dtype: what parameters are stored in (float32 by default; "auto": as the checkpoint).
            seed: of parameters that the checkpoint lacks.
        """
        stored = torch_dtype if param_dtype is None else param_dtype
        if isinstance(dtype, str) and dtype == "auto":
            dtype, stored = None, "auto"
        return super().from_pretrained(*args, torch_dtype=stored, _compute_dtype=dtype, **kwargs)

    @classmethod
    def from_config(cls, config, *, dtype=None, torch_dtype=None, param_dtype=None, **kwargs):
        """A fresh model; the dtypes as in `from_pretrained`, the rest as in the constructor."""
        stored = torch_dtype if param_dtype is None else param_dtype
        return super().from_config(config, torch_dtype=stored, compute_dtype=dtype, **kwargs)

    @classmethod
    def _creation(cls, backend):
        return {"compute_dtype": backend.pop("_compute_dtype", None), "seed": backend.pop("seed", 0)}

    @classmethod
    def _create(cls, config, dtype=None, empty=False, compute_dtype=None, **kwargs):
        model = cls(config, dtype=compute_dtype, param_dtype=dtype, _do_init=not empty, **kwargs)
        return prepared(model) if empty else model

    def _load(self, *args, **kwargs):
        with creating(Creation(seed=self._seed)):
            return super()._load(*args, **kwargs)

    def _is_empty(self):
        return any(init.is_empty(parameter) for parameter in self.parameters())

    def _tensors(self):
        """{name: parameter or persistent buffer}, each shared one under one name."""
        ties = self.ties()
        return {name: variable for name, variable in self._persistent() if name not in ties}

    def _specs(self):
        values = {name: variable.get_raw_value() for name, variable in self._tensors().items()}
        return {name: (tuple(value.shape), str(value.dtype)) for name, value in values.items()}

    def _materialize(self, names):
        tensors = self._tensors()
        for name in names:
            value = tensors[name].get_raw_value()
            if isinstance(value, jax.ShapeDtypeStruct):
                tensors[name].set_raw_value(jax.device_put(np.zeros(value.shape, value.dtype)))

    def _assign(self, found):
        tensors = self._tensors()
        for name, source in found.items():
            tensors[name].set_raw_value(device_array(source, tensors[name].get_raw_value().dtype))

    def _loaded(self, backend):
        """Nothing is left to do: JAX places arrays where they are used."""

    def _share(self, name, source):
        owner, _, leaf = name.rpartition(".")
        setattr(self.get_submodule(owner), leaf, self.get_parameter(source))

    @classmethod
    def _from_state_dict(cls, state_dict):
        return {name: _lazy(name, value) for name, value in state_dict.items()}

    def _sources(self, state_dict=None):
        if state_dict is None:
            state_dict = {name: variable.get_raw_value() for name, variable in self._tensors().items()}
        for name, value in state_dict.items():
            yield _lazy(name, value)

    def _array(self, name):
        return np.asarray(self._tensors()[name].get_raw_value(), np.float32)

    def _replace(self, name, array):
        init.put(self._tensors()[name], array)


def device_array(source, dtype):
    """A LazyTensor as a JAX array of `dtype`.

    On the CPU nothing is copied: the array's memory is the mapped file itself where that is aligned as XLA wants it,
    as in the files written here, and otherwise what the file is read into.
    """
    mapped = source.file is not None and source.is_contiguous and source.dtype == str(dtype)
    values = source.numpy(copy=not mapped)
    if values.ctypes.data % ALIGNMENT:
        values = source.numpy(copy=True)
    if values.dtype != dtype:
        converted = aligned_empty(values.size * dtype.itemsize).view(dtype).reshape(values.shape)
        np.copyto(converted, values, casting="unsafe")
        values = converted
    return jax.device_put(values, may_alias=True)


def _lazy(name, value):
    """A tensor for the file layer; its bytes are taken when they are read."""
    def load():
        return np.ascontiguousarray(value).reshape(-1).view(np.uint8)

    return LazyTensor(name, value.shape, str(value.dtype), None, LoadedBytes(load))


def _key(key):
    return jnp.asarray(key) if isinstance(key, np.ndarray) else key


def _array(value, dtype):
    """An argument for `forward`: NumPy arrays and lists of numbers become arrays, floating ones of `dtype`."""
    if isinstance(value, np.ndarray) or (isinstance(value, list) and _is_numbers(value)):
        value = from_numpy(np.asarray(value))
    return value if dtype is None else jax.tree.map(partial(_cast, dtype=dtype), value)


def _is_numbers(value):
    while isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, (bool, int, float, np.number))


def _cast(value, dtype):
    return value.astype(dtype) if jnp.issubdtype(jnp.result_type(value), jnp.floating) else value


def _cast_tree(params, dtype, mask):
    if mask is None:
        return jax.tree.map(partial(_cast, dtype=dtype), params)
    return jax.tree.map(lambda value, chosen: _cast(value, dtype) if chosen else value, params, mask)


def _flat(tree, prefix=""):
    """{dotted name: leaf} of nested mappings."""
    found = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found.update(_flat(value, f"{prefix}{name}."))
        else:
            found[f"{prefix}{name}"] = value
    return found
