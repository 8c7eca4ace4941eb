"""SavedModels: a signature whose arguments are the names of the inputs and whose results are those of the outputs."""

import inspect

import tensorflow as tf

from .layers.cache import DynamicCache

# (batch, length) of ids unless listed
_SHAPES = {
    "pixel_values": lambda config: (None, config.num_channels, *_pair(config.image_size)),
}
_SERVED = (
    "input_ids", "attention_mask", "token_type_ids", "decoder_input_ids", "decoder_attention_mask", *_SHAPES,
)  # fmt: skip


def _pair(size):
    return (size, size) if isinstance(size, int) else tuple(size)


def input_signature(model):
    """{name: tf.TensorSpec} of the inputs that a served model takes, of any batch size and length."""
    base = model.base_model
    forward = getattr(base, "encode_decode", base.forward)
    rank = 3 if "MultipleChoice" in type(model).__name__ else 2
    specs = {}
    for name in inspect.signature(forward).parameters:
        if name not in _SERVED:
            continue
        if name in _SHAPES:
            specs[name] = tf.TensorSpec(_SHAPES[name](model.config), tf.float32, name)
        else:
            specs[name] = tf.TensorSpec((None,) * rank, tf.int64, name)
    return specs


def serving_function(model, specs=None):
    """A tf.function of one dict of inputs that gives a flat dict of tensors: what a signature may return."""
    specs = input_signature(model) if specs is None else specs

    @tf.function(input_signature=[specs], autograph=False)
    def serving_default(inputs):
        return flat(model(inputs, training=False, return_dict=True))

    return serving_default


def flat(output):
    """`hidden_states` becomes hidden_states_0, hidden_states_1, ...; a cache stays behind."""
    found = {}
    for name, value in output.items():
        if isinstance(value, (tuple, list)):
            found.update({f"{name}_{i}": x for i, x in enumerate(value)})
        elif not isinstance(value, DynamicCache):
            found[name] = value
    return found
