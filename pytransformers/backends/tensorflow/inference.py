"""Running a TensorFlow model for its results alone."""

import tensorflow as tf


def runner(model):
    """A function of the model's keyword inputs, traced by `tf.function` for each shape, without dropout."""

    @tf.function
    def run(**inputs):
        return model(**inputs, training=False)

    return run


def host_runner(model, exact=False, **options):
    """A function of keyword inputs, arrays of NumPy or TensorFlow, of any length; its outputs are eager tensors.

    It is traced once for each set of inputs, with batch and length left open, so that no length traces it again and
    nothing need be padded; `exact` says nothing here. `options` go to every call.
    """
    traced = {}

    def run(**inputs):
        tensors = {name: tf.convert_to_tensor(value) for name, value in inputs.items()}
        key = tuple((name, tensor.dtype, _open(tensor)) for name, tensor in tensors.items())
        if key not in traced:
            function = tf.function(lambda **values: model(**values, **options, training=False))
            specs = {name: tf.TensorSpec(_open(tensor), tensor.dtype, name) for name, tensor in tensors.items()}
            traced[key] = function.get_concrete_function(**specs)
        return traced[key](**tensors)

    return run


def _open(tensor):
    """The shape with what varies left open: all of ids and masks, only the batch of images."""
    shape = tuple(tensor.shape)
    return (None,) * len(shape) if tensor.dtype.is_integer else (None, *shape[1:])


def to_device(values, device):
    """TensorFlow copies what an operation needs by itself."""
    return values


def to_host(values, device):
    """Reading an eager tensor copies it by itself."""
    return values


def place(model, device=None):
    """Where the model's calls shall run; its variables stay, and TensorFlow copies what it needs.

    Args:
        device: an index of a GPU (-1 is the CPU), or a name such as "cpu", "cuda:0" or "/GPU:1". None: where it is.
    """
    if device is None:
        return model.device
    if isinstance(device, int):
        return f"/GPU:{device}" if device >= 0 and tf.config.list_logical_devices("GPU") else "/CPU:0"
    kind, _, index = str(device).strip("/").removeprefix("device:").partition(":")
    name = f"/{kind.upper().replace('CUDA', 'GPU')}:{index or 0}"
    known = [found.name.removeprefix("/device:") for found in tf.config.list_logical_devices()]
    if name.strip("/") not in known:
        raise ValueError(f"[device] expected a device there is, got {device!r}; there is {', '.join(known)}")
    return name


def on_device(device):
    """Operations inside run on `device`."""
    return tf.device(device)
