"""`Module`: a Keras layer with torch.nn.Module's names."""

import keras

from . import context
from .parameter import Buffer, Parameter


class Free:
    """A property of Keras whose name a definition may give to a child."""

    def __set_name__(self, owner, name):
        self.owner, self.name = owner, name

    def __get__(self, layer, cls=None):
        return self if layer is None else getattr(super(self.owner, layer), self.name)


class Module(keras.layers.Layer):
    """Children and parameters are its attributes, in the order of assignment; `__call__` runs `forward`."""

    input, output, path, dtype = Free(), Free(), Free(), Free()

    def __init__(self, **keras_arguments):
        super().__init__(**keras_arguments)
        self.built = True

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)

    def __setattr__(self, name, value):
        old = self.__dict__.get(name)
        if old is not value and isinstance(old, (keras.Variable, keras.layers.Layer)):
            self._tracker.unlock()
            self._tracker.untrack(old)
        if isinstance(value, Parameter) and value.path == "parameter":
            value.rename(name)
        super().__setattr__(name, value)

    @property
    def training(self):
        """The mode of the call being made."""
        return context.call.training

    # -- torch.nn.Module's walk --------------------------------------------------------------------------------------
    def _own(self, kind):
        return [(name, x) for name, x in vars(self).items() if isinstance(x, kind) and name[0] != "_"]

    def named_children(self):
        yield from self._own(Module)

    @property
    def _children(self):
        """Keras saves lists that it finds, and children by attribute but for names of its own, such as `output`."""
        return list(self.children())

    def children(self):
        return (child for _, child in self.named_children())

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        memo = set() if memo is None else memo
        if id(self) in memo:
            return
        if remove_duplicate:
            memo.add(id(self))
        yield prefix, self
        for name, child in self.named_children():
            yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self):
        return (module for _, module in self.named_modules())

    def _named(self, kind, remove_duplicate):
        seen = set()
        for prefix, module in self.named_modules(remove_duplicate=remove_duplicate):
            for name, variable in module._own(Parameter):
                if isinstance(variable, Buffer) == (kind is Buffer) and id(variable) not in seen:
                    if remove_duplicate:
                        seen.add(id(variable))
                    yield f"{prefix}.{name}" if prefix else name, variable

    def named_parameters(self, remove_duplicate=True):
        return self._named(Parameter, remove_duplicate)

    def parameters(self):
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self, remove_duplicate=True):
        return self._named(Buffer, remove_duplicate)

    def buffers(self):
        return (buffer for _, buffer in self.named_buffers())

    def get_submodule(self, name):
        module = self
        for part in name.split(".") if name else ():
            module = vars(module).get(part)
            if not isinstance(module, Module):
                raise AttributeError(f"[get_submodule] {type(self).__name__} has no module {name!r}")
        return module

    def get_parameter(self, name):
        owner, _, leaf = name.rpartition(".")
        found = vars(self.get_submodule(owner)).get(leaf)
        if not isinstance(found, Parameter):
            raise AttributeError(f"[get_parameter] {type(self).__name__} has no parameter {name!r}")
        return found

    def state_dict(self):
        """{name: variable} of parameters and persistent buffers; a shared one stands under each of its names."""
        found = dict(self.named_parameters(remove_duplicate=False))
        found.update((name, x) for name, x in self.named_buffers(remove_duplicate=False) if x.persistent)
        return found

    def load_state_dict(self, state_dict, strict=True):
        """Take the values of {name: array}; returns (missing, unexpected) names.

        Raises:
            KeyError: names differ, unless `strict=False`.
        """
        own = self.state_dict()
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        if strict and (missing or unexpected):
            raise KeyError(f"[load_state_dict] missing {missing}, unexpected {unexpected}: strict=False allows it")
        for name, value in state_dict.items():
            if name in own:
                own[name].assign(value)
        return missing, unexpected
