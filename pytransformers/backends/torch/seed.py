"""PyTorch's random numbers."""

import torch


def set_seed(seed, deterministic=False):
    """Seed the generators of all devices; `deterministic` refuses operations whose results vary."""
    torch.manual_seed(seed)
    if deterministic:
        torch.use_deterministic_algorithms(True)
