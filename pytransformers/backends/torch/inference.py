"""Running a PyTorch model for its results alone."""

from contextlib import contextmanager

import torch
from torch.utils import _pytree

from pytransformers.outputs import ModelOutput


def runner(model):
    """A function of the model's keyword inputs, without gradients or dropout."""
    model.eval()

    def run(**inputs):
        with torch.inference_mode():
            return model(**inputs)

    return run


def host_runner(model, exact=False, **options):
    """A function of keyword inputs, arrays of NumPy or PyTorch, of any length; its outputs lie on the CPU.

    Runs eagerly, so no shape costs more than another and `exact` says nothing here. `options` go to every call.
    """
    model.eval()

    def run(**inputs):
        with torch.no_grad():
            device, dtype = model.device, model.dtype
            placed = {name: _placed(value, device, dtype) for name, value in inputs.items()}
            return to_host(model(**placed, **options), device)

    return run


def _placed(value, device, dtype):
    tensor = torch.as_tensor(value)
    return tensor.to(device, dtype) if tensor.is_floating_point() else tensor.to(device)


def to_device(values, device):
    """The same nested mappings and sequences, with every tensor on `device`."""
    if isinstance(values, dict) and not isinstance(values, ModelOutput):
        return {name: to_device(value, device) for name, value in values.items()}
    return _pytree.tree_map_only(torch.Tensor, lambda tensor: tensor.to(device), values)


def to_host(values, device):
    """The same nested mappings and sequences, with every tensor on the CPU; `device` is where they come from."""
    return values if device.type == "cpu" else to_device(values, "cpu")


def place(model, device=None):
    """Move a model and return where it is now.

    Args:
        device: an index (-1 is the CPU), a name, or a torch.device. None is the accelerator, where there is one.
    """
    if getattr(model, "hf_device_map", None) is not None:
        if device is not None:
            raise ValueError(f"[device] expected none beside a device map, got {device!r}; leave one of them out")
        return model.device
    device = 0 if device is None else device
    if isinstance(device, int):
        found = torch.accelerator.current_accelerator(check_available=True) if device >= 0 else None
        device = "cpu" if found is None else f"{found.type}:{device}"
    device = torch.device(device)
    if model.device != device:
        try:
            model.to(device)
        except (AssertionError, RuntimeError) as error:
            raise ValueError(f"[device] expected a device there is, got {str(device)!r}: {error}") from error
    return device


@contextmanager
def on_device(device):
    """No gradients inside; new tensors of an accelerator on `device`."""
    with torch.no_grad():
        if device.type == "cpu":
            yield
        else:
            with torch.get_device_module(device).device(device):
                yield
