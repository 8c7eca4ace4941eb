"""Fill a parameter in place from a distribution. Contract: `nn.init` in `pytransformers/nn.pyi`."""

import torch
from torch.nn.init import constant_, normal_, ones_, trunc_normal_, uniform_, xavier_uniform_, zeros_

__all__ = [
    "constant_", "copy_", "normal_", "ones_", "trunc_normal_", "uniform_", "xavier_uniform_", "zero_row_", "zeros_",
]  # fmt: skip


def zero_row_(parameter, row):
    with torch.no_grad():
        parameter[row].zero_()


def copy_(parameter, array):
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(array))
