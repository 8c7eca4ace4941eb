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


def get_activation(activation_string):
    """A module for the activation of this name; KeyError lists the names."""
    return ACT2FN[activation_string]
