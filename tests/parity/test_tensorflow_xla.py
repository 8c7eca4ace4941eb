"""TensorFlow models in tf.function and under XLA equal eager ones."""

import keras
import numpy as np
import tensorflow as tf

from .checks import read
from .frameworks import TensorFlow, model_class
from .harness import assert_outputs, flatten


def load(case, oracle, **overrides):
    model = model_class("tensorflow", case).from_pretrained(oracle / case.name, **overrides)
    return model, TensorFlow.tensors(read(oracle / case.name, "inputs"))


def without_dropout(case, oracle):
    """XLA draws other numbers from the same seed."""
    config = model_class("tensorflow", case).config_class.from_pretrained(oracle / case.name)
    return {name: 0.0 for name in vars(config) if "drop" in name and isinstance(getattr(config, name), float)}


def numpy_outputs(output):
    found = {}
    flatten("", output, TensorFlow.to_numpy, found)
    return found


def test_xla(head_case, oracle):
    model, tensors = load(head_case, oracle)
    compiled = tf.function(lambda tensors: model(**tensors, **head_case.options), jit_compile=True)
    assert_outputs(numpy_outputs(compiled(tensors)), numpy_outputs(model(**tensors, **head_case.options)), 2e-5)


def test_unknown_sizes(training_case, oracle):
    """A graph traced for any batch and length."""
    model, tensors = load(training_case, oracle)
    signature = {
        name: tf.TensorSpec([None, None] + list(t.shape[2:]) if t.shape.rank > 1 else [None], t.dtype)
        for name, t in tensors.items()
    }
    compiled = tf.function(lambda tensors: model(**tensors), input_signature=[signature])
    assert_outputs(numpy_outputs(compiled(tensors)), numpy_outputs(model(**tensors)), 2e-5)


def test_training_step(training_case, oracle):
    """Keras' compiled training lowers the model's own loss, the same with XLA as without."""
    losses = {}
    for jit_compile in (False, True):
        model, tensors = load(training_case, oracle, **without_dropout(training_case, oracle))
        model.compile(optimizer=keras.optimizers.Adam(1e-3), jit_compile=jit_compile)
        losses[jit_compile] = [model.train_on_batch(tensors) for _ in range(3)]
    np.testing.assert_allclose(losses[True], losses[False], rtol=1e-4)
    assert losses[True][-1] < losses[True][0]
