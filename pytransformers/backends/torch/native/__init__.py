"""The compiled kernels as PyTorch functions, one file for each family."""

from .library import available
from .linear import MAX_LINEAR_ROWS, linear, suits_linear
from .norms import layer_norm, rms_norm
from .quantized import quantized_matmul

__all__ = ["MAX_LINEAR_ROWS", "available", "layer_norm", "linear", "quantized_matmul", "rms_norm", "suits_linear"]
