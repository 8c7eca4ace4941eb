"""Parameters and buffers: Keras variables that may exist before their values do."""

import keras
import numpy as np
import tensorflow as tf

from . import context


class Parameter(keras.Variable):
    """A trained variable, stored in the dtype that models are being created with.

    Args:
        value: its values, or a function of `shape` and `dtype` that draws them.
        shape: needed with a function.
    """

    _cast_to_policy = True
    _may_be_empty = True

    def __init__(self, value, shape=None, dtype=None, trainable=True, autocast=True):
        if not callable(value):
            value = _tensor(value, context.variable_dtype() if self._cast_to_policy else None)
            shape, dtype, given = value.shape, value.dtype.name, value

            def value(shape, dtype):
                return given

        super().__init__(
            value, shape=shape, dtype=dtype or context.variable_dtype(), trainable=trainable, autocast=autocast,
            name="parameter",
        )  # fmt: skip

    def _initialize_with_initializer(self, initializer):
        if context.creation.empty and self._may_be_empty:
            self._value, self._initializer = None, self._refuse
        else:
            self._initialize(tf.cast(initializer(self._shape, self._dtype), self._dtype))

    def _refuse(self, shape, dtype):
        raise ValueError(f"[{self.path}] expected values, got an empty parameter: load or initialise the model first")

    def _direct_assign(self, value):
        if self._value is None:
            self._initialize(tf.cast(value, self._dtype))
            self._initializer = None
        else:
            super()._direct_assign(value)

    @property
    def is_empty(self):
        return self._value is None

    @property
    def stored(self):
        """The tf.Variable itself: no autocast, and lookups in it have sparse gradients."""
        return self._value if self._value is not None else self.value

    @property
    def stored_dtype(self):
        """The name of its dtype in memory; `dtype` is what it is read as."""
        return self._dtype

    @property
    def requires_grad(self):
        """torch's name of `trainable`."""
        return self.trainable

    @requires_grad.setter
    def requires_grad(self, value):
        self.trainable = value

    def replace(self, array):
        """Take values of another shape; optimizers and traced functions that hold the old ones go stale."""
        self._shape, self._value = tuple(array.shape), None
        self._ndim = len(self._shape)
        self._initialize(tf.cast(tf.convert_to_tensor(array), self._dtype))

    def rename(self, path):
        """Called by the module that gets it, and by the model with the whole path."""
        self._path = path
        self._name = path.rpartition("/")[2]


class Buffer(Parameter):
    """A variable that is not trained, of its value's own dtype; saved with the weights unless `persistent=False`."""

    _cast_to_policy = False
    _may_be_empty = False

    def __init__(self, value, persistent=True):
        super().__init__(value, trainable=False, autocast=False)
        self.persistent = persistent


def _tensor(value, float_dtype):
    if isinstance(value, keras.Variable):
        value = value.value
    tensor = tf.convert_to_tensor(np.asarray(value) if isinstance(value, (list, tuple, float, int)) else value)
    return tf.cast(tensor, float_dtype) if float_dtype is not None and tensor.dtype.is_floating else tensor
