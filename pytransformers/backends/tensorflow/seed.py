"""TensorFlow's random numbers."""

import tensorflow as tf


def set_seed(seed, deterministic=False):
    """Seed the global generator; `deterministic` asks for operations whose results do not vary."""
    tf.random.set_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
