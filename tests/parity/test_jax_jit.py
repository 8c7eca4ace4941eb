"""JAX models under nnx.jit and in a training step equal eager ones."""

import jax
import numpy as np
import optax
from flax import nnx

from .checks import read
from .frameworks import Jax, model_class
from .harness import assert_outputs, flatten


def load(case, oracle):
    model = model_class("jax", case).from_pretrained(oracle / case.name)
    return model, Jax.tensors(read(oracle / case.name, "inputs"))


def numpy_outputs(output):
    found = {}
    flatten("", output, Jax.to_numpy, found)
    return found


def test_nnx_jit(head_case, oracle):
    model, tensors = load(head_case, oracle)
    compiled = nnx.jit(lambda model, tensors: model(**tensors, **head_case.options))
    assert_outputs(numpy_outputs(compiled(model, tensors)), numpy_outputs(model(**tensors, **head_case.options)), 2e-5)


def test_training_step(training_case, oracle):
    """Three steps of optax through nnx equal three through the pure function, and lower the loss."""
    model, tensors = load(training_case, oracle)
    apply, params = model.functional()
    start = float(apply(params, **tensors).loss)

    transform = optax.adam(1e-3)
    state = transform.init(params)

    @jax.jit
    def step(params, state):
        loss, gradients = jax.value_and_grad(lambda p: apply(p, **tensors).loss)(params)
        updates, state = transform.update(gradients, state, params)
        return optax.apply_updates(params, updates), state, loss

    optimizer = nnx.Optimizer(model, transform, wrt=nnx.Param)

    @nnx.jit
    def nnx_step(model, optimizer):
        loss, gradients = nnx.value_and_grad(lambda model: model(**tensors).loss)(model)
        optimizer.update(model, gradients)
        return loss

    for _ in range(3):
        params, state, loss = step(params, state)
        np.testing.assert_allclose(nnx_step(model, optimizer), loss, rtol=1e-4)
    assert float(loss) < start
