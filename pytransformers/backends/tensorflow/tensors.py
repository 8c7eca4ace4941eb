"""NumPy arrays to TensorFlow tensors and back."""

import numpy as np
import tensorflow as tf


def from_numpy(array):
    """An eager tensor; 64-bit integers become 32-bit, the width TensorFlow gives Python integers."""
    return tf.constant(array.astype(np.int32) if array.dtype == np.int64 else array)


def to_numpy(tensor):
    """A NumPy array of the same dtype (bfloat16 is ml_dtypes')."""
    return tensor.numpy()
