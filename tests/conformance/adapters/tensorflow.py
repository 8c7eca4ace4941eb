import numpy as np
import tensorflow as tf

from pytransformers.backends.tensorflow import context, nn, ops
from pytransformers.backends.tensorflow.parameter import Parameter
from pytransformers.backends.tensorflow.pretrained import dtype_policy

from ..case import leaves


def dense(gradient):
    return None if gradient is None else tf.convert_to_tensor(gradient).numpy()


class Adapter:
    name = "tensorflow"
    ops, nn = ops, nn
    refused = frozenset()

    def array(self, value, dtype):
        return tf.constant(value)

    def numpy(self, tensor):
        return (tensor.stored if isinstance(tensor, Parameter) else tensor).numpy()

    def dtype_name(self, tensor):
        return tensor.dtype.name

    def _objective(self, outputs, weights):
        pairs = zip(leaves(outputs), weights, strict=True)
        return sum(tf.reduce_sum(tf.cast(o, tf.float64) * w) for o, w in pairs if w is not None)

    def value_and_gradients(self, function, tensors, weights):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            outputs = function(*tensors)
            objective = self._objective(outputs, weights)
        return outputs, [dense(g) for g in tape.gradient(objective, tensors)]

    def layer(self, make, dtype, values, training):
        with context.creating(dtype_policy(dtype), empty=False):
            layer = make(nn)
        layer.load_state_dict(values)
        vars(layer)["_mode"] = training
        return layer

    def run_layer(self, layer, inputs, weights=None):
        with context.calling(vars(layer).get("_mode", False), None, tf.constant([0, 0], tf.int64)):
            if weights is None:
                return layer(*inputs)
            floating = [x for x in inputs if x.dtype.is_floating]
            named = dict(layer.named_parameters())
            with tf.GradientTape() as tape:
                tape.watch(floating)
                outputs = layer(*inputs)
                objective = self._objective(outputs, weights)
        inner, parameters = tape.gradient(objective, [floating, [p.stored for p in named.values()]])
        return (
            outputs, [dense(g) for g in inner],
            {name: dense(g) for name, g in zip(named, parameters, strict=True)},
        )  # fmt: skip

    def buffers(self, layer):
        return {name: np.asarray(buffer.stored) for name, buffer in layer.named_buffers()}

    def seeded(self, seed, function):
        with context.calling(True, None, tf.constant([seed, 0], tf.int64)):
            return function()
