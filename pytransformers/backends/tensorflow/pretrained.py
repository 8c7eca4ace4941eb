"""The base of every TensorFlow model: a `keras.Model` that loads, saves, trains under `fit` and is served."""

import keras
import numpy as np
import tensorflow as tf

from pytransformers.quantization import prepared
from pytransformers.weights.pretrained import PreTrainedMixin
from pytransformers.weights.tensor import ALIGNMENT, LazyTensor, LoadedBytes

from . import context, decoding, saved_model, trees
from .generation.generate import GenerationMixin
from .module import Free, Module
from .training import Options, OwnLoss, arguments, has_tensor

trees.register()

# Bytes of these come through an unsigned integer of their width: NumPy has no such dtype, DLPack no such exchange.
_CARRIERS = {1: (np.uint8, tf.uint8), 2: (np.uint16, tf.uint16)}


def dtype_policy(dtype):
    """A Keras dtype policy from its name ("mixed_bfloat16"), a dtype or a dtype's name; None is the global policy."""
    if dtype is None:
        return keras.config.dtype_policy()
    if isinstance(dtype, keras.DTypePolicy):
        return dtype
    name = dtype.name if isinstance(dtype, tf.DType) else str(dtype).removeprefix("torch.")
    try:
        policy = keras.DTypePolicy(name)
        floating = tf.as_dtype(policy.variable_dtype).is_floating
    except (TypeError, ValueError):
        floating = False
    if not floating:
        raise ValueError(f"[dtype] expected a floating-point dtype or a policy such as 'mixed_bfloat16', got {dtype!r}")
    return policy


class PreTrainedModel(OwnLoss, GenerationMixin, PreTrainedMixin, Module, keras.Model):
    """`TFX(config)`; call it as model(ids, attention_mask=...), model([ids, mask]) or model({"input_ids": ids}).

    Inputs are tensors, NumPy arrays or lists; integers become int64 and floats the dtype of the computation. Besides
    the arguments of `forward` a call takes `training` (default: Keras' own context, else that of `train()`, else
    False) and `seed`, an integer that fixes its random numbers.
    """

    _backend_arguments = ()

    layers = Free()

    def __init__(self, config):
        super().__init__(dtype=context.creation.policy)
        self.config = config
        self._training_default = False
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        # from TensorFlow's own stream, so that tf.random.set_seed is enough
        seed = tf.random.uniform((), 1, 2**31 - 1, tf.int32)
        self._random = keras.random.SeedGenerator(int(seed))

    # -- calling -----------------------------------------------------------------------------------------------------
    @tf.autograph.experimental.do_not_convert
    def __call__(self, *args, training=None, seed=None, **kwargs):
        if context.call.active:
            return self.forward(*args, **kwargs)
        args, kwargs = arguments(args, kwargs, self.compute_dtype)
        # Keras wants tensors apart from all else
        tensors = {name: value for name, value in kwargs.items() if has_tensor(value)}
        options = Options((name, value) for name, value in kwargs.items() if name not in tensors)
        mode = {} if training is None else {"training": bool(training)}
        return keras.Model.__call__(self, (args, tensors), options=options, seed=seed, **mode)

    def call(self, inputs, options, training=None, seed=None):
        args, tensors = inputs
        training = self._training_default if training is None else training
        if seed is not None:
            seed = tf.stack((tf.cast(seed, tf.int64), tf.zeros((), tf.int64)))
        with context.calling(training, self._random.next, seed):
            return self.forward(*args, **tensors, **options.values)

    def train(self, mode=True):
        """What calls without `training=` do."""
        self._training_default = mode
        return self

    def eval(self):
        return self.train(False)

    @property
    def dtype(self):
        """That of the first floating-point parameter."""
        found = (tf.as_dtype(p.stored_dtype) for p in self.parameters())
        return next((dtype for dtype in found if dtype.is_floating), tf.float32)

    @property
    def device(self):
        return next(self.parameters()).stored.device

    def post_init(self):
        super().post_init()
        for name, variable in (*self.named_parameters(), *self.named_buffers()):
            variable.rename(f"{self.name}/{name.replace('.', '/')}")

    # -- Keras saving ------------------------------------------------------------------------------------------------
    def __dir__(self):
        """Keras saves what this names, and would follow `base_model` from a model to itself."""
        return [name for name in super().__dir__() if name != "base_model"]

    def get_config(self):
        return {"config": self.config.to_dict()}

    @classmethod
    def from_config(cls, config, **kwargs):
        """A fresh model, from a configuration or from what `get_config` gave."""
        if isinstance(config, dict):
            config = cls.config_class.from_dict(config["config"])
        return super().from_config(config, **kwargs)

    @property
    def input_signature(self):
        """{name: tf.TensorSpec} of the inputs of a served model."""
        return saved_model.input_signature(self)

    @property
    def _default_save_signature(self):
        return saved_model.serving_function(self)

    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **kwargs):
        """As Keras' `export`; `input_signature` is {name: tf.TensorSpec}, by default of any batch size and length."""
        if format != "tf_saved_model":
            return super().export(filepath, format, verbose, input_signature, **kwargs)
        served = saved_model.serving_function(self, input_signature)
        tf.saved_model.save(self, str(filepath), {"serving_default": served})

    def save_pretrained(self, save_directory, *args, saved_model=False, signatures=None, **kwargs):
        """As every model's; with `saved_model` also a SavedModel under saved_model/1, as TensorFlow Serving wants it.

        Args:
            signatures: for `tf.saved_model.save`; default: "serving_default" over `input_signature`.
        """
        files = super().save_pretrained(save_directory, *args, **kwargs)
        if saved_model:
            signatures = self._default_save_signature if signatures is None else signatures
            tf.saved_model.save(self, f"{save_directory}/saved_model/1", signatures)
        return files

    def replace_module(self, name, module):
        super().replace_module(name, module)
        for leaf, variable in (*module.named_parameters(), *module.named_buffers()):
            variable.rename(f"{self.name}/{name}/{leaf}".replace(".", "/"))
        self._forget_programs()

    # -- for the mixin -----------------------------------------------------------------------------------------------
    @classmethod
    def _creation(cls, backend):
        return {}

    @classmethod
    def _create(cls, config, dtype=None, empty=False, **arguments):
        policy = dtype_policy(dtype)
        with context.creating(policy, empty):
            model = cls(config, **arguments)
            model = prepared(model) if empty else model
        config.dtype = policy.variable_dtype
        return model

    def _is_empty(self):
        return any(parameter.is_empty for parameter in self.parameters())

    def _tensors(self):
        """{name: parameter or persistent buffer}, each shared one under one name."""
        ties = self.ties()
        return {name: variable for name, variable in self.state_dict().items() if name not in ties}

    def _specs(self):
        return {name: (tuple(v.shape), v.stored_dtype) for name, v in self._tensors().items()}

    def _materialize(self, names):
        tensors = self._tensors()
        for name in names:
            variable = tensors[name]
            if variable.is_empty:
                variable.assign(tf.zeros(variable.shape, variable.stored_dtype))
        self.tie_weights()

    def _assign(self, found):
        tensors = self._tensors()
        for name, source in found.items():
            tensors[name].assign(_read(source))

    def _share(self, name, source):
        owner, _, leaf = name.rpartition(".")
        setattr(self.get_submodule(owner), leaf, self.get_parameter(source))

    @classmethod
    def _from_state_dict(cls, state_dict):
        return {name: _lazy(name, value) for name, value in state_dict.items()}

    def _loaded(self, backend):
        """Nothing is left to do."""

    def _sources(self, state_dict=None):
        for name, value in (self._tensors() if state_dict is None else state_dict).items():
            yield _lazy(name, value)

    def _array(self, name):
        return tf.cast(self._tensors()[name].stored, tf.float32).numpy()

    def _replace(self, name, array):
        self._tensors()[name].replace(array)
        self._forget_programs()

    def _forget_programs(self):
        """They were traced with variables that are no longer the model's."""
        self.train_function = self.test_function = self.predict_function = None
        decoding.forget(self)


def _read(source):
    """A tensor on the bytes of a checkpoint: the mapped file's own where aligned as TensorFlow wants, else one copy."""
    dtype = tf.as_dtype(source.dtype)
    raw = source.buffer()
    if raw.ctypes.data % ALIGNMENT:
        raw = source.buffer(copy=True)
    if raw.nbytes == 0 or dtype == tf.bool:
        return tf.constant(raw.view(dtype.as_numpy_dtype).reshape(source.shape))
    try:
        array, carrier = raw.view(dtype.as_numpy_dtype), None
        capsule = array.__dlpack__()
    except BufferError:
        numpy_type, carrier = _CARRIERS[dtype.size]
        capsule = raw.view(numpy_type).__dlpack__()
    tensor = tf.experimental.dlpack.from_dlpack(capsule)
    if carrier is not None:
        tensor = tf.bitcast(tensor, dtype)
    return tf.reshape(tensor, source.shape)


def _lazy(name, value):
    """A tensor for the file layer; its bytes are taken when they are read."""
    value = value.stored if isinstance(value, keras.Variable) else value
    if not hasattr(value, "dtype"):
        value = np.asarray(value)

    def load():
        array = np.ascontiguousarray(value.numpy() if hasattr(value, "numpy") else value)
        return array.reshape(-1).view(np.uint8)

    dtype = value.dtype.name if hasattr(value.dtype, "name") else str(value.dtype).removeprefix("torch.")
    return LazyTensor(name, tuple(value.shape), dtype, None, LoadedBytes(load))
