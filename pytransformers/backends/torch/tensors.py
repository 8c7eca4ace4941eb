"""NumPy arrays to PyTorch tensors and back."""

import torch


def from_numpy(array):
    """A CPU tensor that shares the array's memory where PyTorch allows."""
    return torch.from_numpy(array) if array.flags.writeable else torch.tensor(array)


def to_numpy(tensor):
    """A NumPy array; bfloat16, which NumPy lacks, comes as float32."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
