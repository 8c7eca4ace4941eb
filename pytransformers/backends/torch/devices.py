"""What PyTorch says of the machine."""

import torch


def capability():
    """Compute capability of the first CUDA device, (0, 0) without one."""
    return torch.cuda.get_device_capability() if torch.cuda.is_available() else (0, 0)


# word of `utils.import_utils` -> its answer
QUESTIONS = {
    "torch_cuda": torch.cuda.is_available,
    "torch_mps": torch.backends.mps.is_available,
    "torch_xpu": torch.xpu.is_available,
    "torch_hpu": lambda: hasattr(torch, "hpu") and torch.hpu.is_available(),
    "torch_accelerator": torch.accelerator.is_available,
    "torch_bf16": lambda: True,  # every CPU has it
    "torch_bf16_cpu": lambda: True,
    "torch_bf16_gpu": lambda: torch.cuda.is_available() and torch.cuda.is_bf16_supported(),
    "torch_tf32": lambda: capability() >= (8, 0),
}
