"""What the tests need of each framework."""

import numpy as np

from .cases import CASES


class Framework:
    """`prefix` of its public names; `tensor(array)`; `programs(model)`: how many a model's generation has compiled."""

    eager = False

    def public(self, name):
        import pytransformers

        return getattr(pytransformers, self.prefix + name)

    def model(self, oracle, name):
        return oracle.model(name, self.prefix)

    def generate(self, model, prompt=None, **settings):
        """Ids as an array; what is an array in `settings` becomes the framework's."""
        settings = {n: self.tensor(v) if isinstance(v, np.ndarray) else v for n, v in settings.items()}
        prompt = self.tensor(prompt) if prompt is not None else None
        return np.asarray(model.generate(prompt, **settings))

    def case(self, oracle, name):
        """(ours, the oracle's) ids of a case."""
        case = CASES[name]
        model = self.model(oracle, case.model)
        return np.asarray(model.generate(**case.arguments(model, self.tensor))), oracle.answer(case)["sequences"]


class Torch(Framework):
    name, prefix, eager = "torch", "", True

    @staticmethod
    def tensor(array):
        import torch

        return torch.from_numpy(np.ascontiguousarray(array))

    @staticmethod
    def seeded(seed):
        """Arguments of `generate`."""
        import torch

        torch.manual_seed(seed)
        return {}

    @staticmethod
    def jit(function):
        return function


class Jax(Framework):
    name, prefix = "jax", "Flax"

    @staticmethod
    def tensor(array):
        import jax.numpy as jnp

        return jnp.asarray(array)

    @staticmethod
    def seeded(seed):
        return {"seed": seed}

    @staticmethod
    def jit(function):
        import jax

        return jax.jit(function)

    @staticmethod
    def change(model, name, factor):
        """Multiply a parameter."""
        parameter = dict(model.named_parameters())[name]
        parameter.set_value(parameter.get_value() * factor)

    @staticmethod
    def programs(model):
        from pytransformers.backends.jax import decoding

        return sum(program._cache_size() for program in decoding._programs.get(model, {}).values())


class TensorFlow(Framework):
    name, prefix = "tensorflow", "TF"

    @staticmethod
    def tensor(array):
        import tensorflow as tf

        return tf.convert_to_tensor(array)

    @staticmethod
    def seeded(seed):
        return {"seed": seed}

    @staticmethod
    def jit(function):
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False)

    @staticmethod
    def change(model, name, factor):
        """Multiply a parameter."""
        parameter = dict(model.named_parameters())[name]
        parameter.assign(parameter * factor)

    @staticmethod
    def programs(model):
        from pytransformers.backends.tensorflow import decoding

        programs = decoding._programs.get(model, {}).values()
        return sum(program.experimental_get_tracing_count() for program in programs)


FRAMEWORKS = {"torch": Torch(), "jax": Jax(), "tensorflow": TensorFlow()}
