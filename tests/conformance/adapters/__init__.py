"""What the suite asks of a framework, one small class each; arrays in and out are NumPy."""

from importlib import import_module

FRAMEWORKS = ("torch", "jax", "tensorflow")


def adapter(name):
    """The adapter of a framework, which is imported only now.

    Every adapter has:
        ops, nn: the vocabulary.
        refused: {(case name, dtype name)} that the framework cannot do here; the suite checks that it refuses.
        array(value, dtype): a tensor of a NumPy array; integers of the framework's own width.
        numpy(tensor): the array of a tensor (bfloat16 through ml_dtypes).
        dtype_name(tensor): "float32", "int64", "bool", ...
        value_and_gradients(function, tensors, weights): outputs of function(*tensors), and the gradients of
            sum(weights * outputs) for each tensor, as NumPy; None where a gradient is None.
        layer(make, dtype, values, training): a layer with {name: array} loaded, in that dtype and mode.
        run_layer(layer, inputs, weights): outputs, gradients of the floating inputs, {name: gradient}, or without
            weights only the outputs.
        buffers(layer): {name: array}.
        seeded(seed, function): function() with the random stream started from `seed`.
    """
    return import_module(f"{__name__}.{name}").Adapter()
