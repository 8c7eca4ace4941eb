"""What generation needs of PyTorch: its steps run as they come, lengths are numbers."""

from contextlib import nullcontext

import numpy as np
import torch

from .watermark import WatermarkLogitsProcessor

eager = True
no_gradient = torch.no_grad


def ids(values, model):
    """Token ids, or a mask, from an array or nested lists, on the model's device."""
    values = torch.as_tensor(values, device=model.device)
    return values if values.is_floating_point() or values.dtype == torch.bool else values.long()


def host(values):
    """A NumPy array of tensors, arrays or nested lists."""
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def first(x, length):
    """The first `length` places (rows, length, ...)."""
    return x[:, :length]


def scalar(value):
    """A length for the search: here a number."""
    return value


def stream(arguments):
    """The random stream that the arguments of `generate` choose: none, it is torch's own."""
    return None


def fold(random, turn):
    """The random stream of one turn."""
    return None


def compiled(model, key, function, donate=False):
    """`function(model, state)` as a function of (random, state)."""
    return lambda random, state: function(model, state)


def outside(random):
    """The context of operations on tensors between compiled functions."""
    return nullcontext()


def watermark(config, model):
    """The processor that marks texts as a WatermarkingConfig says, or None."""
    if config is None:
        return None
    return WatermarkLogitsProcessor(model.config.vocab_size, model.device, **config.to_dict())


def returned(sequences):
    """What `generate` returns when nothing but ids (rows, length) is asked for."""
    return sequences
