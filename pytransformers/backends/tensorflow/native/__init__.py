"""The compiled kernels as TensorFlow ops, eager and in `tf.function`, with registered gradients. CPU.

XLA can not call them: a function compiled with `jit_compile=True` takes the reference while it is traced.
"""

from .attention import attention
from .library import available, under_xla
from .linear import linear
from .norms import layer_norm, rms_norm
from .quantized import quantized_matmul
from .rotary import rotary_embedding

__all__ = [
    "attention", "available", "layer_norm", "linear", "quantized_matmul", "rms_norm", "rotary_embedding", "under_xla",
]  # fmt: skip
