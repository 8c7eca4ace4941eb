"""Running a JAX model for its results alone."""

import jax
import numpy as np

# Values that stand in the padding of these inputs; other inputs of (batch, length) are never padded.
PADDING = {"attention_mask": 0, "token_type_ids": 0, "input_ids": None}
SHORTEST = 8


def runner(model):
    """A function of the model's keyword inputs, compiled by `jax.jit` for each shape, without dropout."""
    apply, params = model.functional()
    compiled = jax.jit(apply)

    def run(**inputs):
        return jax.block_until_ready(compiled(params, **inputs))

    return run


def bucket(size, least=1, most=None):
    """The least of 1, 2, 3, 4, 6, 8, 12, 16, ... (powers of two and their halves more) that holds `size`."""
    found = least
    while found < size:
        power = 1 << (found.bit_length() - 1)
        found = power * 3 // 2 if found == power and power > 1 else power * 2
    return found if most is None or size > most else min(found, most)


def host_runner(model, exact=False, **options):
    """A function of keyword inputs, arrays of NumPy or JAX, of any length; its outputs are NumPy arrays.

    Batch and length are padded to the next bucket, so that few shapes are compiled, and the padding is cut from the
    outputs. Padding is masked: it changes results by rounding only.

    Args:
        exact: never pad lengths, for heads that cannot tell padding from text.
        options: static arguments of every call.
    """
    apply, _ = model.functional()
    named = list(model.named_parameters())

    @jax.jit
    def compiled(values, inputs):
        return apply(_tree(zip((name for name, _ in named), values, strict=True)), **inputs, **options)

    axes = {}  # kind of inputs -> for each output the axes that follow batch and length

    def run(**inputs):
        inputs = {name: np.asarray(value) for name, value in inputs.items()}
        values = [variable.get_raw_value() for _, variable in named]
        sizes, padded = _padded(inputs, model.config, exact)
        outputs = compiled(values, padded)
        wanted = {1: sizes[0], 2: sizes[1]}
        if all(array.shape == padded[name].shape for name, array in inputs.items()):
            return jax.tree.map(np.asarray, outputs)
        key = tuple((name, array.dtype, array.shape[2:]) for name, array in padded.items())
        if key not in axes:
            axes[key] = _axes(compiled, values, padded)
        leaves, structure = jax.tree.flatten(outputs)
        cut = [tuple(slice(wanted.get(kind)) for kind in kinds) for kinds in axes[key]]
        leaves = [np.asarray(leaf)[index] for leaf, index in zip(leaves, cut, strict=True)]
        return jax.tree.unflatten(structure, leaves)

    return run


def _tree(pairs):
    """Nested dicts of (dotted name, value)."""
    tree = {}
    for name, value in pairs:
        *path, leaf = name.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[leaf] = value
    return tree


def _padded(inputs, config, exact):
    """((batch, length), the inputs in their bucket); length is None where it is not padded."""
    first = next(iter(inputs.values()))
    batch, length = first.shape[0], None
    ids = inputs.get("input_ids")
    pad = getattr(config, "pad_token_id", None)
    sequences = [name for name, array in inputs.items() if array.ndim == 2]
    if ids is not None and ids.ndim == 2 and not exact and all(name in PADDING for name in sequences):
        length = ids.shape[1]
        inputs.setdefault("attention_mask", np.ones_like(ids))
    rows = bucket(batch)
    columns = None if length is None else bucket(length, SHORTEST, getattr(config, "max_position_embeddings", None))
    padded = {}
    for name, array in inputs.items():
        if length is not None and name in PADDING:
            fill = PADDING[name] if PADDING[name] is not None else pad or 0
            array = np.pad(array, ((0, 0), (0, columns - length)), constant_values=fill)
        padded[name] = np.pad(array, [(0, rows - batch)] + [(0, 0)] * (array.ndim - 1), mode="edge")
    return (batch, length), padded


def _axes(function, values, inputs):
    """For each output, and each of its axes: 1 if it follows the batch, 2 if it follows the length, else 0.

    Told by shapes alone: traced with one row more and two columns less, axes grow by 1 or shrink by 2.
    """

    def shapes(rows, columns):
        specs = {}
        for name, array in inputs.items():
            size = (array.shape[0] + rows, *array.shape[1:])
            if name in PADDING and array.ndim == 2:
                size = (size[0], size[1] + columns)
            specs[name] = jax.ShapeDtypeStruct(size, array.dtype)
        return [leaf.shape for leaf in jax.tree.leaves(jax.eval_shape(function, values, specs))]

    kinds = {1: 1, -2: 2}
    pairs = zip(shapes(0, 0), shapes(1, -2), strict=True)
    return [[kinds.get(b - a, 0) for a, b in zip(before, after, strict=True)] for before, after in pairs]


def to_device(values, device):
    """JAX copies what a call needs by itself."""
    return values


def to_host(values, device):
    """Reading an array copies it by itself."""
    return values


def place(model, device=None):
    """Move a model's parameters and return where they are.

    Args:
        device: an index (-1 is the CPU), a name such as "cpu" or "cuda:0", or a jax.Device. None: where they are.
    """
    if device is None:
        return next(iter(next(model.parameters()).get_raw_value().devices()))
    if isinstance(device, int):
        found = jax.devices("cpu") if device < 0 else jax.devices()
        device = found[0 if found[0].platform == "cpu" else max(device, 0)]
    elif isinstance(device, str):
        platform, _, index = device.partition(":")
        try:
            device = jax.devices(platform)[int(index or 0)]
        except (RuntimeError, IndexError) as error:
            raise ValueError(f"[device] expected a device there is, got {device!r}: {error}") from error
    for parameter in model.parameters():
        parameter.set_raw_value(jax.device_put(parameter.get_raw_value(), device))
    return device


def on_device(device):
    """New arrays inside lie on `device`."""
    return jax.default_device(device)
