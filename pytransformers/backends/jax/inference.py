"""Running a JAX model for its results alone."""

import jax


def runner(model):
    """A function of the model's keyword inputs, compiled by `jax.jit` for each shape, without dropout."""
    apply, params = model.functional()
    compiled = jax.jit(apply)

    def run(**inputs):
        return jax.block_until_ready(compiled(params, **inputs))

    return run
