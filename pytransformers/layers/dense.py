"""Linear layers with what follows them or stands beside them, as one operation where that is all they are."""

from .. import nn, ops
from .activations import FUSED
from .quantized import QuantizedLinear


def activated(dense, activation, x):
    """activation(dense(x))."""
    name = FUSED.get(activation)
    if name is not None and nn.is_plain(dense):
        return ops.linear(x, dense.weight, dense.bias, name)
    if name is not None and type(dense) is QuantizedLinear and not getattr(dense, "_forward_hooks", None):
        return dense(x, name)
    return activation(dense(x))


def projections(layers, x):
    """[dense(x) for each of `layers`]."""
    if nn.is_plain(*layers):
        return ops.linears(x, [dense.weight for dense in layers], [dense.bias for dense in layers])
    return [dense(x) for dense in layers]
