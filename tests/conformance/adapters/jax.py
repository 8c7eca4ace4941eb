import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from pytransformers.backends.jax import nn, ops
from pytransformers.backends.jax.context import Call, Creation, creating, running

from ..case import leaves


class Adapter:
    """Values are computed eagerly and gradients compiled, so both ways are covered, and few programs compiled."""

    name = "jax"
    ops, nn = ops, nn
    refused = frozenset()

    def array(self, value, dtype):
        return jnp.asarray(value)

    def numpy(self, tensor):
        return np.asarray(tensor)

    def dtype_name(self, tensor):
        return str(tensor.dtype)

    def _objective(self, outputs, weights):
        pairs = zip(leaves(outputs), weights, strict=True)
        return sum((o.astype(jnp.float32) * w.astype(np.float32)).sum() for o, w in pairs if w is not None)

    def value_and_gradients(self, function, tensors, weights):
        def objective(tensors):
            outputs = function(*tensors)
            return self._objective(outputs, weights), outputs

        gradients, outputs = jax.jit(jax.grad(objective, has_aux=True))(list(tensors))
        return outputs, [np.asarray(g) for g in gradients]

    def layer(self, make, dtype, values, training):
        with creating(Creation(dtype)):
            layer = make(nn)
        layer.load_state_dict(values)
        return layer.train(training)

    def run_layer(self, layer, inputs, weights=None):
        if weights is None:
            return layer(*inputs)
        floating = [i for i, x in enumerate(inputs) if jnp.issubdtype(x.dtype, jnp.floating)]

        def objective(layer, chosen):
            arguments = list(inputs)
            for place, x in zip(floating, chosen, strict=True):
                arguments[place] = x
            outputs = layer(*arguments)
            return self._objective(outputs, weights), outputs

        differentiated = (0, 1) if floating else 0
        run = nnx.jit(nnx.grad(objective, argnums=differentiated, has_aux=True))
        gradients, outputs = run(layer, [inputs[i] for i in floating])
        state, inner = gradients if floating else (gradients, [])
        parameters = {".".join(map(str, path)): np.asarray(v[...]) for path, v in nnx.to_flat_state(state)}
        return outputs, [np.asarray(g) for g in inner], parameters

    def buffers(self, layer):
        return {name: np.asarray(buffer.get_raw_value()) for name, buffer in layer.named_buffers()}

    def seeded(self, seed, function):
        with running(Call(key=jax.random.key(seed))):
            return function()
