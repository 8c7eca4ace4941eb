"""What a parity test does with a framework: load, run, differentiate. Arrays in and out are NumPy."""

from importlib import import_module

import numpy as np

from .harness import cotangent, flatten


def model_class(framework, case):
    return getattr(import_module(f"pytransformers.backends.{framework}.models.{case.module}"), case.model)


def outputs_of(output, to_numpy, case):
    found = {}
    flatten("", output, to_numpy, found)
    return {name: v.astype(np.float32) for name, v in found.items() if name.split(".")[0] not in case.skip_outputs}


def settings(case):
    """The options that change the answer; differentiation asks for no further outputs, so that fused ops take part."""
    return {name: value for name, value in case.options.items() if not name.startswith("output_")}


class Torch:
    name = "torch"

    @staticmethod
    def seed(seed):
        import torch

        torch.manual_seed(seed)

    @staticmethod
    def tensors(inputs):
        import torch

        return {name: torch.from_numpy(value) for name, value in inputs.items()}

    @staticmethod
    def to_numpy(tensor):
        return tensor.detach().float().numpy()

    @classmethod
    def run(cls, model, inputs, case):
        return outputs_of(model(**cls.tensors(inputs), **case.options), cls.to_numpy, case)

    @classmethod
    def gradients(cls, model, inputs, case):
        return cls.gradients_of(model(**cls.tensors(inputs), **settings(case)), model)

    @staticmethod
    def gradients_of(output, model):
        """Of the loss, or of the weighted first output."""
        import torch

        objective = output.get("loss")
        if objective is None:
            objective = (output[0] * torch.from_numpy(cotangent(output[0].shape))).sum()
        model.zero_grad()
        objective.backward()
        return {name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None}

    @staticmethod
    def parameters(model):
        return {name: p.detach().numpy() for name, p in model.named_parameters()}


class Jax:
    name = "jax"

    @staticmethod
    def seed(seed):
        """Models take their own seed."""

    @staticmethod
    def tensors(inputs):
        import jax.numpy as jnp

        return {name: jnp.asarray(value) for name, value in inputs.items()}

    @staticmethod
    def to_numpy(array):
        return np.asarray(array, np.float32)

    @classmethod
    def run(cls, model, inputs, case):
        return outputs_of(model(**cls.tensors(inputs), **case.options), cls.to_numpy, case)

    @classmethod
    def gradients(cls, model, inputs, case):
        import jax

        apply, params = model.functional()
        tensors = cls.tensors(inputs)

        @jax.jit
        def objective(params):
            output = apply(params, **tensors, **settings(case))
            loss = output.get("loss")
            return loss if loss is not None else (output[0] * cotangent(output[0].shape)).sum()

        return flatten_params(jax.grad(objective)(params))

    @staticmethod
    def parameters(model):
        return {name: np.asarray(p) for name, p in model.state_dict().items()}


class TensorFlow:
    name = "tensorflow"

    @staticmethod
    def seed(seed):
        import keras

        keras.utils.set_random_seed(seed)

    @staticmethod
    def tensors(inputs):
        import tensorflow as tf

        return {name: tf.constant(value) for name, value in inputs.items()}

    @staticmethod
    def to_numpy(tensor):
        return np.asarray(tensor, np.float32)

    @classmethod
    def run(cls, model, inputs, case):
        return outputs_of(model(**cls.tensors(inputs), **case.options), cls.to_numpy, case)

    @classmethod
    def gradients(cls, model, inputs, case):
        import tensorflow as tf

        named = dict(model.named_parameters())
        with tf.GradientTape() as tape:
            output = model(**cls.tensors(inputs), **settings(case))
            objective = output.get("loss")
            if objective is None:
                objective = tf.reduce_sum(output[0] * cotangent(output[0].shape))
        found = tape.gradient(objective, [v.value for v in named.values()])
        return {
            name: tf.convert_to_tensor(g).numpy() for name, g in zip(named, found, strict=True) if g is not None
        }

    @staticmethod
    def parameters(model):
        return {name: np.asarray(p) for name, p in model.state_dict().items()}


def flatten_params(tree, prefix=""):
    """{dotted name: array} of nested dicts."""
    if not isinstance(tree, dict):
        return {prefix: np.asarray(tree)}
    found = {}
    for key, value in tree.items():
        found.update(flatten_params(value, f"{prefix}.{key}" if prefix else str(key)))
    return found
