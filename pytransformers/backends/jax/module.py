"""`Module`: a flax.nnx module that answers torch's questions (names, state dict, mode)."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from .context import Call, ambient, creation, running


class Parameter(nnx.Param):
    """A trainable array. While a model is created without memory it holds a `jax.ShapeDtypeStruct` instead."""

    def __init__(self, value, **metadata):
        super().__init__(_initial(value), **metadata)


class Buffer(nnx.Variable):
    """An array that is not trained; saved with the weights unless `persistent=False`."""

    def __init__(self, value, persistent=True, **metadata):
        super().__init__(jnp.asarray(value), persistent=persistent, **metadata)


class RunningStatistic(nnx.BatchStat):
    """A buffer that training updates."""

    def __init__(self, value, persistent=True, **metadata):
        super().__init__(jnp.asarray(value), persistent=persistent, **metadata)


VARIABLES = frozenset((Parameter, Buffer, RunningStatistic))


def _initial(value):
    if isinstance(value, nnx.Variable):
        value = value.get_raw_value()
    making = creation()
    dtype = making.dtype if jnp.issubdtype(value.dtype, jnp.floating) else value.dtype
    if making.empty or isinstance(value, jax.ShapeDtypeStruct):
        return jax.ShapeDtypeStruct(value.shape, dtype)
    return jnp.asarray(value, dtype)


class Module(nnx.Module):
    """Call it to run `forward`. In a running call its parameters and buffers read as arrays, otherwise as variables.

    `training` is that of the running call if it sets one (`train=`), else the module's own, which `train()` and
    `eval()` set.
    """

    _training = False

    def __call__(self, *args, **kwargs):
        if ambient.call is not None:
            return self.forward(*args, **kwargs)
        with running(Call()):
            return self.forward(*args, **kwargs)

    def __getattribute__(self, name):
        value = object.__getattribute__(self, name)
        if type(value) in VARIABLES and ambient.call is not None:
            return ambient.call.read(value)
        return value

    def __setattr__(self, name, value):
        if isinstance(getattr(type(self), name, None), property):
            object.__setattr__(self, name, value)
            return
        if value is not None and vars(self).get(name, value) is None:
            delattr(self, name)  # nnx remembers None as something that is never data
        super().__setattr__(name, value)

    @property
    def training(self):
        call = ambient.call
        return self._training if call is None or call.training is None else call.training

    @training.setter
    def training(self, mode):
        self._training = mode

    def train(self, mode=True):
        for module in self.modules():
            if module._training != mode:
                module._training = mode
        return self

    def eval(self):
        return self.train(False)

    # -- names -------------------------------------------------------------------------------------------------------
    def named_children(self):
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """(name, module) for this module ("") and all below, each once or under each of its names."""
        memo = set() if memo is None else memo
        if remove_duplicate and id(self) in memo:
            return
        memo.add(id(self))
        yield prefix, self
        for name, child in self.named_children():
            yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self):
        return (module for _, module in self.named_modules())

    def _named_variables(self, kind, remove_duplicate=True):
        seen = set()
        for prefix, module in self.named_modules(remove_duplicate=remove_duplicate):
            for name, value in vars(module).items():
                if type(value) in VARIABLES and isinstance(value, nnx.Param) == kind:
                    if not (remove_duplicate and id(value) in seen):
                        seen.add(id(value))
                        yield (f"{prefix}.{name}" if prefix else name), value

    def named_parameters(self, remove_duplicate=True):
        """(name, variable); a parameter under several names comes under its first, unless asked otherwise."""
        return self._named_variables(True, remove_duplicate)

    def parameters(self):
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self, remove_duplicate=True):
        return self._named_variables(False, remove_duplicate)

    def buffers(self):
        return (buffer for _, buffer in self.named_buffers())

    def get_submodule(self, name):
        module = self
        for part in name.split(".") if name else ():
            module = getattr(module, part, None)
            if not isinstance(module, Module):
                raise AttributeError(f"[get_submodule] {type(self).__name__} has no module {name!r}")
        return module

    def get_parameter(self, name):
        """The variable called `name`, a parameter or a buffer."""
        owner, _, leaf = name.rpartition(".")
        value = vars(self.get_submodule(owner)).get(leaf)
        if type(value) not in VARIABLES:
            raise AttributeError(f"[get_parameter] {type(self).__name__} has no parameter {name!r}")
        return value

    def state_dict(self):
        """{name: array} of all parameters and persistent buffers; a shared one comes under each of its names."""
        return {name: variable.get_raw_value() for name, variable in self._persistent()}

    def _persistent(self):
        yield from self.named_parameters(remove_duplicate=False)
        for name, buffer in self.named_buffers(remove_duplicate=False):
            if buffer.get_metadata("persistent"):
                yield name, buffer

    def load_state_dict(self, state_dict, strict=True):
        """Take values from {name: array}; each keeps the dtype the module has. Returns (missing, unexpected) names.

        Raises:
            KeyError: names are missing or unexpected, unless `strict=False`.
            ValueError: a shape differs; nothing is changed then.
        """
        variables = dict(self._persistent())
        missing = [name for name in variables if name not in state_dict]
        unexpected = [name for name in state_dict if name not in variables]
        if strict and (missing or unexpected):
            raise KeyError(f"[load_state_dict] missing {missing}, unexpected {unexpected}: strict=False allows it")
        arrays = {name: state_dict[name] for name in variables if name in state_dict}
        for name, array in arrays.items():
            expected = tuple(variables[name].shape)
            if tuple(array.shape) != expected:
                raise ValueError(f"[load_state_dict] expected {name} of shape {expected}, got {tuple(array.shape)}")
        for name, array in arrays.items():
            variables[name].set_raw_value(jnp.asarray(np.asarray(array), variables[name].get_raw_value().dtype))
        return missing, unexpected


class ModuleList(nnx.List, Module):
    """Modules under the names 0, 1, ..."""


class Sequential(ModuleList):
    """Modules run one after another."""

    def __init__(self, *modules):
        super().__init__(modules)

    def forward(self, x):
        for module in self:
            x = module(x)
        return x
