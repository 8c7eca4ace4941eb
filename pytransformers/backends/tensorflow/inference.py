"""Running a TensorFlow model for its results alone."""

import tensorflow as tf


def runner(model):
    """A function of the model's keyword inputs, traced by `tf.function` for each shape, without dropout."""

    @tf.function
    def run(**inputs):
        return model(**inputs, training=False)

    return run
