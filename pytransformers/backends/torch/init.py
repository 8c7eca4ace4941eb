"""Fill a parameter in place from a distribution. Contract: `nn.init` in `pytransformers/nn.pyi`."""

import torch
from torch.nn.init import constant_, normal_, ones_, trunc_normal_, uniform_, xavier_uniform_, zeros_

__all__ = ["constant_", "normal_", "ones_", "trunc_normal_", "uniform_", "xavier_uniform_", "zero_row_", "zeros_"]


def zero_row_(parameter, row):
    with torch.no_grad():
        parameter[row].zero_()
