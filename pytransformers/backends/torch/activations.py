"""Activations as modules, by the names that configurations give them, for code that builds its own layers."""

from torch import nn

from .layers.activations import ACTIVATIONS, activation


class Activation(nn.Module):
    """The activation called `name`."""

    def __init__(self, name):
        super().__init__()
        self.name = name
        self.function = activation(name)

    def forward(self, x):
        return self.function(x)

    def extra_repr(self):
        return repr(self.name)


class _Modules(dict):
    """{name: a new module}; the mapping holds the names."""

    def __getitem__(self, name):
        if name not in self:
            raise KeyError(f"[ACT2FN] expected one of {', '.join(self)}, got {name!r}")
        return Activation(name)


ACT2FN = _Modules.fromkeys(ACTIVATIONS)


def _class(title, name):
    """The activation `name` as a class of its own."""
    members = {"__init__": lambda self: Activation.__init__(self, name), "__module__": __name__, "__doc__": name}
    return type(title, (Activation,), members)


GELUActivation = _class("GELUActivation", "gelu")
NewGELUActivation = _class("NewGELUActivation", "gelu_new")
FastGELUActivation = _class("FastGELUActivation", "gelu_fast")
QuickGELUActivation = _class("QuickGELUActivation", "quick_gelu")
MishActivation = _class("MishActivation", "mish")
gelu_new, gelu_fast, gelu_python = (Activation(name) for name in ("gelu_new", "gelu_fast", "gelu_python"))


def get_activation(activation_string):
    """A module for the activation of this name; KeyError lists the names."""
    return ACT2FN[activation_string]
