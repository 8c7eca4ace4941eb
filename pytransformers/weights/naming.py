"""Names and layouts of Keras and Flax checkpoints, as `transformers` 4.x wrote them, turned into torch's.

Both store a Dense kernel as (in, out) and a convolution kernel as (*window, in, out), under `kernel`; torch stores
(out, in) and (out, in, *window) under `weight`. GPT-2's `Conv1D` needs no rule of its own: Keras stores it
untransposed as `weight`, Flax stores it transposed as `kernel`, and both come out as torch's (in, out).
"""

import re
from collections.abc import Callable, Iterable, Sequence

from .tensor import LazyTensor

Layout = Callable[[LazyTensor], LazyTensor]


def _as_is(tensor: LazyTensor) -> LazyTensor:
    return tensor


def _kernel(tensor: LazyTensor) -> LazyTensor:
    rank = len(tensor.shape)
    return tensor.permute((rank - 1, rank - 2, *range(rank - 2))) if rank > 1 else tensor


def _depthwise(tensor: LazyTensor) -> LazyTensor:
    # (*window, in, multiplier) -> (in * multiplier, 1, *window); the two last axes are adjacent in memory
    *window, channels, multiplier = tensor.shape
    *steps, _, step = tensor.strides
    return tensor.view(shape=(channels * multiplier, 1, *window), strides=(step, 1, *steps))


def _bias(tensor: LazyTensor) -> LazyTensor:
    # Keras' GPT-2 keeps the bias of its Conv1D as (1, out)
    one_row = len(tensor.shape) == 2 and tensor.shape[0] == 1
    return tensor.view(shape=tensor.shape[1:], strides=tensor.strides[1:]) if one_row else tensor


# last part of the stored name -> (last part of torch's name, layout)
KERAS = {
    "kernel": ("weight", _kernel),
    "pointwise_kernel": ("pointwise.weight", _kernel),
    "depthwise_kernel": ("depthwise.weight", _depthwise),
    "embeddings": ("weight", _as_is),
    "gamma": ("weight", _as_is),
    "beta": ("bias", _as_is),
    "bias": ("bias", _bias),
    "moving_mean": ("running_mean", _as_is),
    "moving_variance": ("running_var", _as_is),
}
FLAX = {
    "kernel": ("weight", _kernel),
    "embedding": ("weight", _as_is),
    "scale": ("weight", _as_is),
    "mean": ("running_mean", _as_is),
    "var": ("running_var", _as_is),
}


def _apply(parts: Sequence[str], tensor: LazyTensor, rules: dict[str, tuple[str, Layout]]) -> LazyTensor:
    last, layout = rules.get(parts[-1], (parts[-1], _as_is))
    return layout(tensor).view(name=".".join([*parts[:-1], last]))


def from_keras(tensors: Iterable[LazyTensor]) -> dict[str, LazyTensor]:
    """`bert/encoder/layer_._0/output/dense/kernel:0` -> `bert.encoder.layer.0.output.dense.weight`, transposed.

    Names come without the model's own scope. A weight that several layers share is stored once per layer; the first
    one is taken.
    """
    found: dict[str, LazyTensor] = {}
    for tensor in tensors:
        name = re.sub(r"(^|/)[^/]*___([^/]*)/", r"\1\2/", re.sub(r":\d+$", "", tensor.name))
        converted = _apply([part for part in name.replace("_._", "/").split("/") if part], tensor, KERAS)
        found.setdefault(converted.name, converted)
    return found


def from_flax(tensors: Iterable[LazyTensor]) -> dict[str, LazyTensor]:
    """`bert/encoder/layer/0/output/dense/kernel` -> `bert.encoder.layer.0.output.dense.weight`, transposed.

    Names part at `/` or `.`; a leading collection (`params`, `batch_stats`) is dropped.
    """
    found: dict[str, LazyTensor] = {}
    for tensor in tensors:
        parts = re.split(r"[/.]", tensor.name)
        converted = _apply(parts[1:] if parts[0] in ("params", "batch_stats") else parts, tensor, FLAX)
        found[converted.name] = converted
    return found
