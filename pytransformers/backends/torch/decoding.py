"""Running a search in PyTorch: one step after another."""

import torch

eager = True  # steps are run as they come: a bucket of lengths has no use
no_gradient = torch.no_grad


def ids(values, model):
    """Token ids, or a mask, from an array or nested lists, on the model's device."""
    values = torch.as_tensor(values, device=model.device)
    return values if values.is_floating_point() or values.dtype == torch.bool else values.long()


def scalar(value):
    """A length for the search: here a number."""
    return value


def run(model, search, key, inputs, listener, random):
    """The last state of `search`. `listener(seen)` is called after every token."""
    state, seen = search.start(model, inputs)
    if listener is not None:
        listener(seen)
    while search.running(state):
        state, seen = search.advance(model, state)
        if listener is not None:
            listener(seen)
    return state


def stream(arguments):
    """The arguments of `generate` that choose the random stream: here none, it is torch's own."""
    return None


def returned(sequences):
    """What `generate` returns when nothing but ids (rows, length) is asked for."""
    return sequences
