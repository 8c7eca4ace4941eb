"""NumPy arrays to JAX arrays and back."""

import jax.numpy as jnp
import numpy as np


def from_numpy(array):
    """An array on the default device; 64-bit integers become 32-bit, as JAX has no others by default."""
    return jnp.asarray(array.astype(np.int32) if array.dtype == np.int64 else array)


def to_numpy(array):
    """A NumPy array of the same dtype (bfloat16 is ml_dtypes')."""
    return np.asarray(array)
