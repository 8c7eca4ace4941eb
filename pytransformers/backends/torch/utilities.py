"""Small questions about PyTorch modules that training code asks."""

import torch
import torch.distributed.tensor  # packages that import this module's names expect it to be loaded
from torch import nn

from .layers.conv1d import Conv1D
from .nn import LayerNorm, RMSNorm

ALL_LAYERNORM_LAYERS = [nn.LayerNorm, LayerNorm, RMSNorm]


def get_parameter_names(model, forbidden_layer_types, forbidden_layer_names=None):
    """Names of the parameters that lie in no layer of these types, and whose names match none of these patterns."""
    import re

    patterns = [re.compile(pattern) for pattern in forbidden_layer_names or ()]
    forbidden = tuple(forbidden_layer_types)
    inside = [name for name, module in model.named_modules() if isinstance(module, forbidden)]
    return [
        name
        for name, _ in model.named_parameters()
        if not any(name.startswith(f"{layer}.") for layer in inside)
        and not any(pattern.search(name.lower()) for pattern in patterns)
    ]


def apply_chunking_to_forward(forward_fn, chunk_size, chunk_dim, *input_tensors):
    """`forward_fn` on pieces of `chunk_size` along a dimension, put together again; 0 is one piece."""
    if chunk_size <= 0:
        return forward_fn(*input_tensors)
    length = input_tensors[0].shape[chunk_dim]
    if length % chunk_size:
        raise ValueError(f"[apply_chunking_to_forward] expected a multiple of {chunk_size}, got length {length}")
    pieces = (tensor.chunk(length // chunk_size, chunk_dim) for tensor in input_tensors)
    return torch.cat([forward_fn(*piece) for piece in zip(*pieces, strict=True)], chunk_dim)


def find_pruneable_heads_and_indices(heads, n_heads, head_size, already_pruned_heads):
    """Which of `heads` are still there, and the indices of the features that stay without them.

    Heads are counted as in the whole model; `already_pruned_heads` are gone, so later ones have moved down.
    """
    heads = set(heads) - set(already_pruned_heads)
    mask = torch.ones(n_heads, head_size)
    for head in heads:
        mask[head - sum(gone < head for gone in already_pruned_heads)] = 0
    return heads, torch.arange(mask.numel())[mask.flatten().bool()]


def prune_linear_layer(layer, index, dim=0):
    """A linear layer with only the outputs (`dim` 0) or inputs (1) at `index`."""
    index = index.to(layer.weight.device)
    weight = layer.weight.detach().index_select(dim, index)
    pruned = nn.Linear(weight.shape[1], weight.shape[0], layer.bias is not None)
    bias = None if layer.bias is None else (layer.bias.detach()[index] if dim == 0 else layer.bias.detach())
    return _filled(pruned, weight, bias)


def prune_conv1d_layer(layer, index, dim=1):
    """A `Conv1D` with only the inputs (`dim` 0) or outputs (1) at `index`."""
    index = index.to(layer.weight.device)
    weight = layer.weight.detach().index_select(dim, index)
    bias = layer.bias.detach()[index] if dim == 1 else layer.bias.detach()
    return _filled(Conv1D(weight.shape[1], weight.shape[0]), weight, bias)


def prune_layer(layer, index, dim=None):
    """`prune_linear_layer` or `prune_conv1d_layer`."""
    prune, default = (prune_conv1d_layer, 1) if isinstance(layer, Conv1D) else (prune_linear_layer, 0)
    return prune(layer, index, default if dim is None else dim)


def _filled(layer, weight, bias):
    layer.weight = nn.Parameter(weight.contiguous())
    layer.bias = None if bias is None else nn.Parameter(bias.clone().contiguous())
    return layer


def nested_detach(tensors):
    """Tensors without their gradients, also inside lists, tuples and mappings."""
    if isinstance(tensors, (list, tuple)):
        return type(tensors)(nested_detach(tensor) for tensor in tensors)
    if isinstance(tensors, dict):
        return {name: nested_detach(tensor) for name, tensor in tensors.items()}
    return tensors.detach() if isinstance(tensors, torch.Tensor) else tensors


is_torch_greater_or_equal_than_2_4 = is_torch_greater_or_equal_than_2_6 = True  # the least supported is later
