"""The layer vocabulary of every definition: torch.nn's names and arguments in all three frameworks.

Inside `layers/` and `models/`, `from .. import nn` resolves to `backends/{torch,jax,tensorflow}/nn.py`; editors and
type checkers read this file. Weights keep torch's shapes and names in every framework.
"""

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
from torch import Tensor

class Module:
    """`training` is the only mode flag; `__call__` runs `forward`."""

    training: bool
    def __init__(self) -> None: ...
    def forward(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def named_modules(self) -> Iterator[tuple[str, Module]]: ...
    def modules(self) -> Iterator[Module]: ...
    def named_parameters(self) -> Iterator[tuple[str, Parameter]]: ...
    def parameters(self) -> Iterator[Parameter]: ...
    def named_buffers(self) -> Iterator[tuple[str, Buffer]]: ...
    def get_submodule(self, name: str) -> Module: ...

class ModuleList(Module):
    def __init__(self, modules: Iterable[Module] = ()) -> None: ...
    def append(self, module: Module) -> None: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Any: ...

class Sequential(Module):
    def __init__(self, *modules: Module) -> None: ...

Parameter = Tensor
"""`nn.Parameter(value)`: trainable, in the dtype the model is made in; `value` comes from `ops`."""

class Buffer(Tensor):
    """`nn.Buffer(value, persistent=True)`: not trained; saved with the weights unless `persistent=False`."""

    def __new__(cls, value: Tensor | np.ndarray, persistent: bool = True) -> Buffer: ...

class Identity(Module): ...

class Linear(Module):
    """y = x W^T + b; weight (out_features, in_features), bias (out_features,)."""

    weight: Parameter
    bias: Parameter | None
    in_features: int
    out_features: int
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None: ...

def is_plain(*layers: Module) -> bool:
    """Whether each is a `Linear` whose call is worth replacing by `ops.linear` or `ops.linears` on its weight and bias,
    and does nothing beside: no subclass, adapter, quantised weight or hook."""

class Embedding(Module):
    """weight (num_embeddings, embedding_dim); row `padding_idx` receives no gradient."""

    weight: Parameter
    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None
    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None) -> None: ...

class LayerNorm(Module):
    """`norm(x)` gives y; `norm(x, residual)` gives (norm(x + residual), x + residual). Over the last dimension."""

    weight: Parameter | None
    bias: Parameter | None
    eps: float
    def __init__(
        self, normalized_shape: int, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True
    ) -> None: ...

class RMSNorm(Module):
    """Root-mean-square norm over the last dimension; with `residual` as `LayerNorm`."""

    weight: Parameter
    eps: float
    def __init__(self, normalized_shape: int, eps: float = 1e-6) -> None: ...

class GroupNorm(Module):
    """x (batch, channels, ...); weight and bias (channels,)."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True) -> None: ...

class BatchNorm2d(Module):
    """x (batch, channels, height, width); running_mean, running_var and num_batches_tracked are buffers."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None: ...

class Dropout(Module):
    p: float
    def __init__(self, p: float = 0.5) -> None: ...

class Conv1d(Module):
    """x (batch, in_channels, length); weight (out_channels, in_channels / groups, kernel)."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int | str = 0,
        dilation: int = 1, groups: int = 1, bias: bool = True,
    ) -> None: ...

class Conv2d(Module):
    """x (batch, in_channels, height, width); weight (out_channels, in_channels / groups, kernel_h, kernel_w)."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1, padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1, groups: int = 1, bias: bool = True,
    ) -> None: ...

class GELU(Module):
    def __init__(self, approximate: str = "none") -> None: ...

class ReLU(Module): ...
class SiLU(Module): ...
class Tanh(Module): ...
class Sigmoid(Module): ...

init: ModuleType
"""normal_, trunc_normal_, uniform_, xavier_uniform_, constant_, zeros_, ones_, copy_: fill a parameter in place.

`nn.init.normal_(parameter, mean=0.0, std=1.0)`; `nn.init.zero_row_(parameter, row)` clears one embedding row,
`nn.init.copy_(parameter, array)` takes the values of a NumPy array of its shape.
"""
