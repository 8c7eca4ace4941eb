"""The compiled kernels as JAX functions, through XLA's foreign function interface, one file for each family. CPU."""

from .library import available
from .norms import layer_norm, rms_norm

__all__ = ["available", "layer_norm", "rms_norm"]
