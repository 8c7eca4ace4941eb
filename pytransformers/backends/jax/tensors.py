"""NumPy arrays to JAX arrays and back."""

import jax
import numpy as np


def from_numpy(array):
    """An array on the default device; 64-bit integers become 32-bit, as JAX has no others by default."""
    # not jnp.asarray, which compiles a copy for each shape
    return jax.device_put(np.asarray(array, jax.dtypes.canonicalize_dtype(array.dtype)), may_alias=False)


def to_numpy(array):
    """A NumPy array of the same dtype (bfloat16 is ml_dtypes')."""
    return np.asarray(array)
