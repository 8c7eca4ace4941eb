"""The compiled kernels as PyTorch functions, one file for each family."""

from .attention import attention, suits_attention
from .library import available
from .linear import FUNCTIONS, linear, linears, suits_linear
from .norms import layer_norm, rms_norm, suits_layer_norm
from .quantized import quantized_matmul
from .rotary import rotary_embedding

__all__ = [
    "FUNCTIONS", "attention", "available", "layer_norm", "linear", "linears", "quantized_matmul", "rms_norm",
    "rotary_embedding", "suits_attention", "suits_layer_norm", "suits_linear",
]  # fmt: skip
