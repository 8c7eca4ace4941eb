"""The compiled kernels as JAX functions, through XLA's foreign function interface, one file for each family. CPU."""

from .attention import attention
from .library import available
from .linear import linear
from .norms import layer_norm, rms_norm
from .quantized import quantized_matmul
from .rotary import rotary_embedding

__all__ = ["attention", "available", "layer_norm", "linear", "quantized_matmul", "rms_norm", "rotary_embedding"]
