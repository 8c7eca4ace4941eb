"""`compile` and `fit` with the model's own loss, and the calling styles of TensorFlow."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

LABELS = ("labels", "start_positions", "end_positions", "next_sentence_label", "mc_labels", "sentence_order_label")


def to_tensor(value, compute_dtype):
    """An input as the definitions expect it: integers int64, floats in the dtype of the computation."""
    if value is None or isinstance(value, (bool, int, float, str)) or keras.backend.is_keras_tensor(value):
        return value
    if not tf.is_tensor(value):
        value = tf.convert_to_tensor(value)
    if value.dtype.is_floating:
        return tf.cast(value, compute_dtype)
    return tf.cast(value, tf.int64) if value.dtype.is_integer else value


class Options:
    """Arguments of a call that hold no tensor, as one leaf for Keras."""

    def __init__(self, items):
        self.values = dict(items)


def has_tensor(value):
    return any(_is_array(x) for x in keras.tree.flatten(value))


def _is_array(value):
    return hasattr(value, "shape") and hasattr(value, "dtype")


def arguments(args, kwargs, compute_dtype):
    """(args, kwargs) of `forward` from model(ids, mask), model([ids, mask]), model({"input_ids": ids}), model(x=y)."""
    if isinstance(kwargs.get("options"), Options):  # a layer of a functional Keras model, run again on values
        args, tensors = args[0]
        kwargs = {**tensors, **kwargs["options"].values}
    first = args[0] if args else None
    if isinstance(first, Mapping):
        twice = first.keys() & kwargs.keys()
        if twice:
            raise TypeError(f"[call] got two values for {', '.join(sorted(twice))}: pass them once")
        args, kwargs = args[1:], {**first, **kwargs}
    elif isinstance(first, (list, tuple)) and any(_is_array(x) for x in first):
        args = (*first, *args[1:])
    args = tuple(_converted(x, compute_dtype) for x in args)
    # labels keep the precision of the loss
    return args, {k: _converted(v, tf.float32 if k in LABELS else compute_dtype) for k, v in kwargs.items()}


def _converted(value, compute_dtype):
    if isinstance(value, (list, tuple)) and not has_tensor(value):
        value = np.asarray(value)  # nested lists of numbers
    return keras.tree.map_structure(lambda x: to_tensor(x, compute_dtype), value)


class OwnLoss:
    """Steps of `fit`, `evaluate` and `predict`: without `compile(loss=...)`, the loss that the labels give.

    Labels may be among the inputs, or be y: an array is `labels`, a dict is merged into the inputs. With a Keras loss,
    and for metrics, the predictions are the `logits` where a model has one kind of them.
    """

    def train_step(self, data):
        return super().train_step(self._with_labels(data))

    def test_step(self, data):
        return super().test_step(self._with_labels(data))

    def _with_labels(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if self._compile_loss is None and y is not None:
            if not isinstance(x, Mapping):
                x = {self.main_input_name: x}
            x = {**x, **(y if isinstance(y, Mapping) else {"labels": y})}
        if y is None and isinstance(x, Mapping):
            y = x.get("labels")
        return x, y, sample_weight

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if self._compile_loss is not None:
            return super().compute_loss(x, y, _logits(y_pred), sample_weight, training)
        loss = y_pred.get("loss") if isinstance(y_pred, Mapping) else None
        if loss is None:
            raise ValueError(
                f"[{type(self).__name__}] expected labels, got none: give them with the inputs or as y"
            )
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, _logits(y_pred), sample_weight)


def _logits(outputs):
    if not isinstance(outputs, Mapping):
        return outputs
    found = [value for name, value in outputs.items() if name.endswith("logits")]
    return found[0] if len(found) == 1 else outputs
