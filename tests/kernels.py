"""What the tests of the compiled kernels share."""

import importlib
import warnings

import ml_dtypes
import numpy as np

from pytransformers import _native

DTYPES = {"float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
BINDINGS = ("numpy", "torch", "jax", "tensorflow")


def native(binding):
    """The kernels of a backend; fails, with the reason, where they cannot run."""
    module = importlib.import_module(f"pytransformers.backends.{binding}.native")
    ready, reason = module.available()
    assert ready, reason
    return module


def each_instruction_set():
    """Every one that this processor has, in force while the loop's body runs."""
    best = _native.instruction_set()
    try:
        for name in _native.instruction_sets():
            _native.set_instruction_set(name)
            yield name
    finally:
        _native.set_instruction_set(best)


def torch_tensor(array):
    """The same memory, strides and all."""
    import torch

    if array is None:
        return None
    if array.dtype == ml_dtypes.bfloat16:
        return torch_tensor(array.view(np.int16)).view(torch.bfloat16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an expanded array is not writable, and is not written
        return torch.from_numpy(array)
