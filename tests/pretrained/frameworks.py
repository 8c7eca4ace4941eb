"""The same few actions on a model in each framework. Arrays in and out are NumPy."""

from importlib import import_module

import numpy as np

from pytransformers.auto.table import ARCHITECTURES
from tests.parity import frameworks as parity


class _Framework:
    def model(self, name):
        """A class of the definitions by its name without prefix, such as "BertModel"."""
        module = next(row["module"] for row in ARCHITECTURES.values() if name in row["heads"].values())
        return getattr(import_module(f"pytransformers.backends.{self.name}.models.{module}"), name)

    def call(self, model, inputs, **options):
        """{field: array} of one evaluation without its cache; tuples become lists of arrays."""
        output = model(**self.tensors(inputs), **options)
        return {name: self._numpy(value) for name, value in output.items() if name != "past_key_values"}

    def _numpy(self, value):
        return [self._numpy(item) for item in value] if isinstance(value, tuple) else self.to_numpy(value)

    def state(self, model):
        """{name: float32 array} of the parameters, shared ones under each of their names."""
        return {name: self.to_numpy(value) for name, value in self.values(model).items()}

    def dtypes(self, model):
        return {str(value.dtype).removeprefix("torch.") for value in self.values(model).values()}


class Torch(_Framework, parity.Torch):
    def values(self, model):
        return model.state_dict()

    def set(self, model, name, array):
        import torch

        with torch.no_grad():
            model.get_parameter(name).copy_(torch.from_numpy(array))

    def training_gradients(self, model, inputs):
        """{name: gradient} of the loss, with dropout from one seed."""
        import torch

        model.train().zero_grad()
        torch.manual_seed(5)
        model(**self.tensors(inputs)).loss.backward()
        return {name: p.grad.numpy().copy() for name, p in model.named_parameters() if p.grad is not None}


class Jax(_Framework, parity.Jax):
    def values(self, model):
        return model.state_dict()

    def set(self, model, name, array):
        model.load_state_dict({name: array}, strict=False)

    def training_gradients(self, model, inputs):
        import jax

        apply, params = model.functional()
        tensors = self.tensors(inputs)

        def loss(params):
            return apply(params, **tensors, dropout_rng=jax.random.key(5), train=True).loss

        return parity.flatten_params(jax.grad(loss)(params))


class TensorFlow(_Framework, parity.TensorFlow):
    def values(self, model):
        return {name: getattr(v, "stored", v) for name, v in model.state_dict().items()}

    def dtypes(self, model):
        return {value.dtype.name for value in self.values(model).values()}

    def to_numpy(self, tensor):
        import tensorflow as tf

        return tf.cast(tensor, tf.float32).numpy()

    def set(self, model, name, array):
        model.load_state_dict({name: array}, strict=False)

    def training_gradients(self, model, inputs):
        import tensorflow as tf

        named = dict(model.named_parameters())
        with tf.GradientTape() as tape:
            loss = model(**self.tensors(inputs), training=True, seed=5).loss
        found = tape.gradient(loss, [v.value for v in named.values()])
        return {n: tf.convert_to_tensor(g).numpy() for n, g in zip(named, found, strict=True) if g is not None}


FRAMEWORKS = {"torch": Torch, "jax": Jax, "tensorflow": TensorFlow}

SMALL = dict(
    vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
    max_position_embeddings=20,
)  # fmt: skip
# head -> values of its config; one head with labels for each architecture
HEADS = {
    "BertForMaskedLM": SMALL,
    "AlbertForMaskedLM": dict(SMALL, embedding_size=8, hidden_dropout_prob=0.1),
    "DistilBertForMaskedLM": dict(vocab_size=60, dim=16, n_layers=2, n_heads=2, hidden_dim=24),
    "GPT2LMHeadModel": dict(vocab_size=60, n_embd=16, n_layer=2, n_head=2, n_positions=20),
    "LlamaForCausalLM": dict(SMALL, num_key_value_heads=1, attention_dropout=0.1),
    "T5ForConditionalGeneration": dict(
        vocab_size=60, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2, decoder_start_token_id=0,
    ),
    "ViTForImageClassification": dict(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, image_size=8, patch_size=4,
        num_labels=3, hidden_dropout_prob=0.1,
    ),
}  # fmt: skip


def inputs_of(head):
    """Inputs and labels for a head of HEADS."""
    rng = np.random.default_rng(0)
    if head.startswith("ViT"):
        return {"pixel_values": rng.standard_normal((2, 3, 8, 8)).astype(np.float32), "labels": np.array([0, 2])}
    ids = rng.integers(3, 60, (2, 7))
    return {"input_ids": ids, "labels": ids}


def make(framework, head, **config):
    """A fresh model of HEADS, its parameters randomised so that each of them matters."""
    cls = framework.model(head)
    model = cls.from_config(cls.config_class(**{**HEADS[head], **config}))
    rng = np.random.default_rng(1)
    for name, parameter in model.named_parameters():
        centre = 1.0 if name.endswith("norm.weight") or name.endswith("Norm.weight") else 0.0
        framework.set(model, name, rng.normal(centre, 0.2, tuple(parameter.shape)).astype(np.float32))
    return getattr(model, "eval", lambda: model)()
