"""What is particular to the JAX backend: pure functions, nnx transformations, keys, dtypes, sharding, loading."""

import copy
import os
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import nnx as flax_nnx
from pytransformers.backends.jax.layers.cache import DynamicCache

from pytransformers.backends.jax import nn, ops
from pytransformers.backends.jax.models import bert
from pytransformers.backends.jax.pretrained import PreTrainedModel
from pytransformers.backends.torch.models import bert as torch_bert
from pytransformers.configs.bert import BertConfig
from pytransformers.outputs import BaseModelOutput
from pytransformers.weights import tensor

HEADS = [
    "BertModel", "BertForPreTraining", "BertForMaskedLM", "BertLMHeadModel", "BertForNextSentencePrediction",
    "BertForSequenceClassification", "BertForMultipleChoice", "BertForTokenClassification", "BertForQuestionAnswering",
]  # fmt: skip
LABELS = {
    "BertForPreTraining": {"labels": (2, 7), "next_sentence_label": (2,)}, "BertForMaskedLM": {"labels": (2, 7)},
    "BertLMHeadModel": {"labels": (2, 7)}, "BertForNextSentencePrediction": {"labels": (2,)},
    "BertForSequenceClassification": {"labels": (2,)}, "BertForMultipleChoice": {"labels": (2,)},
    "BertForTokenClassification": {"labels": (2, 7)},
    "BertForQuestionAnswering": {"start_positions": (2,), "end_positions": (2,)},
}  # fmt: skip


def config(**kwargs):
    return BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=20,
        max_position_embeddings=20, **kwargs,
    )  # fmt: skip


def inputs(head="BertModel"):
    rng = np.random.default_rng(0)
    shape = (2, 3, 7) if head == "BertForMultipleChoice" else (2, 7)
    mask = np.ones(shape, np.int64)
    mask[1, ..., 5:] = 0
    return {
        "input_ids": rng.integers(1, 50, shape), "attention_mask": mask, "token_type_ids": rng.integers(0, 2, shape),
        **{name: rng.integers(0, 2, labels) for name, labels in LABELS.get(head, {}).items()},
    }  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return bert.BertForMaskedLM(config(), seed=1)


@pytest.fixture(scope="module")
def batch():
    return {name: jnp.asarray(value) for name, value in inputs("BertForMaskedLM").items()}


def flat(tree, prefix=""):
    if not isinstance(tree, dict):
        return {prefix: tree}
    return {k: v for name, sub in tree.items() for k, v in flat(sub, f"{prefix}.{name}" if prefix else name).items()}


def close(a, b, tolerance=1e-5):
    """Two trees of arrays."""
    a, b = jax.tree.leaves(a), jax.tree.leaves(b)
    assert len(a) == len(b) > 0
    for x, y in zip(a, b, strict=True):
        assert x.shape == y.shape
        assert np.abs(np.asarray(x, np.float32) - np.asarray(y, np.float32)).max(initial=0) <= tolerance


def test_heads_equal_torch():
    """Outputs, loss and every gradient with the same weights."""
    for head in HEADS:
        settings = config(is_decoder=head == "BertLMHeadModel", hidden_dropout_prob=0.0, attn_implementation="eager")
        theirs = getattr(torch_bert, head)(settings).eval()
        ours = getattr(bert, head)(settings)
        state = {name: value.numpy() for name, value in theirs.state_dict().items()}
        assert list(ours.state_dict()) == list(state), head
        ours.load_state_dict(state)
        given = inputs(head)
        expected = theirs(**{k: torch.from_numpy(v) for k, v in given.items()}, output_hidden_states=True,
                          output_attentions=True)  # fmt: skip
        found = ours(**given, output_hidden_states=True, output_attentions=True)
        assert list(found) == list(expected), head
        wanted = torch.utils._pytree.tree_leaves(expected)
        close(found, [leaf.detach().numpy() for leaf in wanted])
        if head not in LABELS:
            continue
        expected.loss.backward()
        apply, params = ours.functional()
        gradients = flat(jax.jit(jax.grad(lambda params, a=apply, g=given: a(params, **g).loss))(params))
        for name, parameter in theirs.named_parameters():
            if parameter.grad is not None:
                close(gradients[name], parameter.grad.numpy(), 1e-5)


def test_pure_function_under_transformations(model, batch):
    expected = model(**batch)
    apply, params = model.functional()
    close(apply(params, **batch), expected, 0)
    with jax.checking_leaks():
        compiled = jax.jit(apply)(params, **batch)
    assert type(compiled) is type(expected) and list(compiled) == ["loss", "logits"]
    close(compiled, expected)

    # vmap over examples, and over models
    ids, mask = batch["input_ids"], batch["attention_mask"]
    rows = jax.vmap(lambda i, m: apply(params, i[None], m[None]).logits[0])(ids, mask)
    close(rows, model(ids, mask).logits)
    doubled = jax.tree.map(lambda p: jnp.stack((p, 2 * p)), params)
    both = jax.vmap(lambda p: apply(p, ids).logits)(doubled)
    close(both[1], model(ids, params=jax.tree.map(lambda p: 2 * p, params)).logits)
    # it reads nothing of the model's own
    zeros = jax.tree.map(jnp.zeros_like, params)
    assert not apply(zeros, ids).logits.any()
    close(model(**batch), expected, 0)


def test_shared_parameters_come_once(model):
    names = flat(model.params)
    assert "bert.embeddings.word_embeddings.weight" in names and "cls.predictions.decoder.weight" not in names
    state = model.state_dict()
    assert state["cls.predictions.decoder.weight"] is state["bert.embeddings.word_embeddings.weight"]
    assert len(names) == len({id(v) for v in state.values()}) == len(list(model.parameters()))


def test_nnx_transformations(model, batch):
    expected = model(**batch)
    close(flax_nnx.jit(lambda m, b: m(**b))(model, batch), expected)
    graph, state = flax_nnx.split(model)
    close(flax_nnx.merge(graph, state)(**batch), expected, 0)
    merged = flax_nnx.merge(graph, state)
    assert merged.cls.predictions.decoder.weight is merged.bert.embeddings.word_embeddings.weight
    assert sorted(merged.state_dict()) == sorted(model.state_dict())
    by_nnx = flax_nnx.jit(flax_nnx.grad(lambda m: m(**batch).loss))(model)
    apply, params = model.functional()
    by_jax = flat(jax.jit(jax.grad(lambda p: apply(p, **batch).loss))(params))
    found = {".".join(map(str, path)): value[...] for path, value in flax_nnx.to_flat_state(by_nnx)}
    assert len(found) == len(by_jax)
    close(found["bert.encoder.layer.1.output.dense.weight"], by_jax["bert.encoder.layer.1.output.dense.weight"], 1e-6)
    assert all(isinstance(p, flax_nnx.Param) for p in model.parameters())


def test_training_with_nnx_optimizer(batch):
    model = bert.BertForMaskedLM(config())
    optimizer = flax_nnx.Optimizer(model, optax.adam(1e-2), wrt=flax_nnx.Param)

    @flax_nnx.jit
    def step(model, optimizer, key):
        loss, gradients = flax_nnx.value_and_grad(lambda m: m(**batch, train=True, dropout_rng=key).loss)(model)
        optimizer.update(model, gradients)
        return loss

    losses = [float(step(model, optimizer, jax.random.key(i))) for i in range(8)]
    assert losses[-1] < losses[0] - 0.5
    tied = model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    assert tied and model(**batch).loss < losses[0]


def test_checkpointing_replays_dropout(batch):
    model = bert.BertForMaskedLM(config(hidden_dropout_prob=0.3))
    results = []
    for enable in (False, True):
        (model.gradient_checkpointing_enable if enable else model.gradient_checkpointing_disable)()
        apply, params = model.functional()

        def loss(params, apply=apply):
            return apply(params, **batch, train=True, dropout_rng=jax.random.key(3)).loss

        assert ("remat" in str(jax.make_jaxpr(jax.grad(loss))(params))) == enable
        with jax.checking_leaks():
            results.append(jax.jit(jax.value_and_grad(loss))(params))
    close(*results, 1e-6)


def test_dropout_keys(batch):
    model = bert.BertForMaskedLM(config())

    def logits(**kwargs):
        return np.asarray(model(**batch, **kwargs).logits)

    key = jax.random.key(0)
    first = logits(train=True, dropout_rng=key)
    assert np.array_equal(first, logits(train=True, dropout_rng=key))
    assert not np.array_equal(first, logits(train=True, dropout_rng=jax.random.key(1)))
    assert np.array_equal(logits(dropout_rng=key), logits())
    with pytest.raises(ValueError, match="dropout_rng"):
        logits(train=True)
    # the module's own mode, as torch and nnx set it
    assert not model.training
    model.train()
    assert model.bert.encoder.layer[0].training and np.array_equal(first, logits(dropout_rng=key))
    assert np.array_equal(logits(train=False), logits(train=False, dropout_rng=key))
    model.eval()
    model.set_attributes(training=True)
    assert model.bert.encoder.training
    model.eval()
    apply, params = model.functional()
    assert np.array_equal(first, apply(params, **batch, train=True, dropout_rng=key).logits)
    keys = jax.random.split(key, 3)
    many = jax.vmap(lambda k: apply(params, **batch, train=True, dropout_rng=k).logits)(keys)
    assert not np.array_equal(many[0], many[1])


def test_compute_dtype(batch):
    model = bert.BertForMaskedLM(config(), dtype=jnp.bfloat16)
    assert model.dtype == jnp.bfloat16 and {str(p.dtype) for p in model.state_dict().values()} == {"float32"}
    reference = bert.BertForMaskedLM(config())
    output, wanted = model(**batch), reference(**batch)
    assert output.logits.dtype == jnp.bfloat16 and output.loss.dtype == jnp.float32
    close(output.logits, wanted.logits, 0.02)
    apply, params = model.functional()
    gradients = jax.eval_shape(jax.grad(lambda p: apply(p, **batch).loss), params)
    assert {str(g.dtype) for g in jax.tree.leaves(gradients)} == {"float32"}
    embeds = np.random.default_rng(0).standard_normal((2, 7, 16)).astype(np.float32)
    assert model(inputs_embeds=embeds).logits.dtype == jnp.bfloat16
    stored = bert.BertForMaskedLM(config(), param_dtype="bfloat16")
    assert stored.dtype == jnp.bfloat16 and stored(**batch).logits.dtype == jnp.bfloat16
    assert bert.BertForMaskedLM(config(), dtype="float32", param_dtype="float16")(**batch).logits.dtype == jnp.float32
    with pytest.raises(ValueError, match="floating"):
        bert.BertForMaskedLM(config(), dtype="int8")
    half = model.to_bf16(params)
    assert flat(half)["cls.predictions.bias"].dtype == jnp.bfloat16
    mask = jax.tree.map(lambda p: p.ndim == 2, params)
    some = flat(model.to_fp16(params, mask))
    assert some["cls.predictions.bias"].dtype == jnp.float32
    assert some["bert.embeddings.word_embeddings.weight"].dtype == jnp.float16
    assert flat(model.to_fp32(half))["cls.predictions.bias"].dtype == jnp.float32


def test_flax_calling_style(model, batch):
    ids = np.asarray(batch["input_ids"])
    expected = model(batch["input_ids"]).logits
    for given in (ids, ids.tolist(), ids.astype(np.int32)):
        close(model(given).logits, expected, 0)
    assert isinstance(model(ids, return_dict=False), tuple)
    other = bert.BertForMaskedLM(config(), seed=1)
    close(other.params, model.params, 0)  # the seed decides
    fresh = bert.BertForMaskedLM(config(), seed=2)
    assert not np.array_equal(fresh(ids).logits, expected)
    close(fresh(ids, params=model.params).logits, expected, 0)
    fresh.params = model.params
    close(fresh(ids).logits, expected, 0)
    with pytest.raises(KeyError, match="missing"):
        model(ids, params={})
    wrong = jax.tree.map(lambda p: p, model.params)
    wrong["cls"]["predictions"]["bias"] = jnp.zeros(3)
    with pytest.raises(ValueError, match="cls.predictions.bias"):
        model(ids, params=wrong)


def test_parts_may_be_absent_and_come_later():
    model = bert.BertModel(config(), add_pooling_layer=False)
    assert "pooler" not in model.params
    model.pooler = bert.BertModel(config()).pooler
    assert flax_nnx.jit(lambda m, x: m(x))(model, inputs()["input_ids"]).pooler_output.shape == (2, 16)


def test_empty_model(batch):
    model = bert.BertForMaskedLM(config(), _do_init=False)
    assert all(isinstance(v, jax.ShapeDtypeStruct) for v in model.state_dict().values())
    with pytest.raises(ValueError, match="empty"):
        model(**batch)
    apply, params = model.functional()
    shape = jax.eval_shape(apply, params, **batch)
    assert shape.logits.shape == (2, 7, 50)
    full = bert.BertForMaskedLM(config())
    close(model(**batch, params=full.params), full(**batch), 0)
    abstract = flax_nnx.eval_shape(lambda: bert.BertForMaskedLM(config()))
    assert abstract.state_dict()["cls.predictions.bias"].shape == (50,)


def test_cache_and_outputs_are_trees():
    model = bert.BertLMHeadModel(config(is_decoder=True))
    ids = jnp.asarray(inputs()["input_ids"])
    whole = model(ids).logits
    apply, params = model.functional()
    step = jax.jit(lambda ids, cache: apply(params, ids, past_key_values=cache, use_cache=True))
    first = step(ids[:, :4], None)
    assert isinstance(first.past_key_values, DynamicCache) and first.past_key_values.length == 4
    rest = step(ids[:, 4:], first.past_key_values)
    close(jnp.concatenate((first.logits, rest.logits), 1), whole)
    close(model(ids[:, 4:], past_key_values=first.past_key_values.to_legacy_cache()).logits, rest.logits)
    output = BaseModelOutput(jnp.ones(2), None, (jnp.ones(3),))
    names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(output)]
    assert names == ["['last_hidden_state']", "['attentions'][0]"]
    doubled = jax.tree.map(lambda x: 2 * x, output)
    assert isinstance(doubled, BaseModelOutput) and doubled.attentions[0][0] == 2 and doubled.hidden_states is None


class Counting(PreTrainedModel):
    """A model with running statistics."""

    config_class = BertConfig

    def __init__(self, config):
        super().__init__(config)
        self.gradient_checkpointing = False
        self.norm = nn.BatchNorm2d(3)
        self.scale = nn.Buffer(np.full(3, 2.0, np.float32), persistent=False)
        self.post_init()

    def init_weights(self, module, name):
        """Layers keep what they were made with."""

    def forward(self, x):
        y = ops.checkpoint(self.norm, x) if self.gradient_checkpointing else self.norm(x)
        return y * self.scale[:, None, None]


@pytest.mark.parametrize("checkpointing", [False, True])
def test_running_statistics(checkpointing):
    model = Counting(config())
    if checkpointing:
        model.gradient_checkpointing_enable()
    x = jnp.asarray(np.random.default_rng(0).standard_normal((4, 3, 2, 2)), jnp.float32) + 1
    theirs = torch.nn.BatchNorm2d(3)
    theirs(torch.from_numpy(np.array(x)))
    wanted = {name: buffer.numpy() for name, buffer in theirs.named_buffers()}

    apply, params = model.functional()
    assert list(params) == ["norm"]
    before = model.statistics
    output, after = jax.jit(apply, static_argnames="train")(params, x, train=True, buffers=before)
    for name, value in wanted.items():
        close(after[f"norm.{name}"], value, 1e-6)
    close(model.statistics, before, 0)
    close(apply(params, x, train=True), output)  # without buffers: one output, statistics dropped
    close(model.statistics, before, 0)
    evaluated, same = apply(params, x, buffers=after)
    close(same, after, 0)
    assert not np.allclose(evaluated, apply(params, x))

    flax_nnx.jit(lambda m: m(x, train=True))(model)  # a stateful call updates the model's own
    for name, value in wanted.items():
        close(model.statistics[f"norm.{name}"], value, 1e-6)
    assert sorted(model.state_dict()) == [
        "norm.bias", "norm.num_batches_tracked", "norm.running_mean", "norm.running_var", "norm.weight"
    ]  # fmt: skip


def test_kernel_and_attention_choice_reach_compiled_functions(model, batch):
    model, traced = copy.deepcopy(model), []

    @flax_nnx.jit
    def run(model, ids):
        traced.append(model.config.attn_implementation)
        return model(ids).logits

    ids = batch["input_ids"]
    first = run(model, ids)
    run(model, ids)
    model.set_attn_implementation("eager")
    assert model.bert.encoder.layer[0].attention.self.config.attn_implementation == "eager"
    close(run(model, ids), first)
    assert len(traced) == 2 and traced[1] == "eager"


def test_copies(model, batch):
    expected = model(**batch)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        close(other(**batch), expected, 0)
        assert other.cls.predictions.decoder.weight is other.bert.embeddings.word_embeddings.weight
        other.params = jax.tree.map(jnp.zeros_like, other.params)
    close(model(**batch), expected, 0)


def test_saving_and_loading(model, batch, tmp_path):
    model.save_pretrained(tmp_path)
    expected = model(**batch)
    loaded, info = bert.BertForMaskedLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    close(loaded(**batch), expected, 0)
    assert not loaded.training
    assert loaded.cls.predictions.decoder.weight is loaded.bert.embeddings.word_embeddings.weight
    computing = bert.BertForMaskedLM.from_pretrained(tmp_path, dtype=jnp.bfloat16)
    assert computing.dtype == jnp.bfloat16 and computing.cls.predictions.bias.dtype == jnp.float32
    storing = bert.BertForMaskedLM.from_pretrained(tmp_path, torch_dtype="bfloat16")
    assert storing.dtype == jnp.bfloat16 and storing.cls.predictions.bias.dtype == jnp.bfloat16
    close(storing(**batch).logits, expected.logits, 0.05)
    storing.save_pretrained(tmp_path / "half")
    auto = bert.BertForMaskedLM.from_pretrained(tmp_path / "half", dtype="auto")
    assert auto.cls.predictions.bias.dtype == jnp.bfloat16
    close(auto(**batch), storing(**batch), 0)
    given = bert.BertForMaskedLM.from_pretrained(None, config=model.config, state_dict=model.state_dict())
    close(given(**batch), expected, 0)


def test_missing_parameters_are_drawn_by_the_seed(model, tmp_path):
    model.save_pretrained(tmp_path)

    def head(**kwargs):
        with pytest.warns(UserWarning):
            return bert.BertForSequenceClassification.from_pretrained(tmp_path, **kwargs).params["classifier"]["weight"]

    first = head()
    assert np.array_equal(first, head(seed=0)) and not np.array_equal(first, head(seed=1))
    assert 0.01 < first.std() < 0.04


def test_resizing_keeps_ties(batch):
    model = bert.BertForMaskedLM(config())
    old = np.asarray(model.params["bert"]["embeddings"]["word_embeddings"]["weight"])
    assert model.resize_token_embeddings(53).weight.shape == (53, 16)
    assert model(**batch).logits.shape == (2, 7, 53) and model.config.vocab_size == 53
    new = model.cls.predictions.decoder.weight.get_raw_value()
    assert new is model.bert.embeddings.word_embeddings.weight.get_raw_value() and np.array_equal(new[:50], old)


@pytest.mark.parametrize("aligned", [True, False])
def test_loading_copies_nothing(model, tmp_path, monkeypatch, aligned):
    model.save_pretrained(tmp_path)
    if not aligned:
        file = tmp_path / "model.safetensors"
        content = file.read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = content[8 : 8 + length] + b" " * 8
        file.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
    places, read = [], tensor.LazyTensor.buffer

    def buffer(self, copy=False):
        data = read(self, copy)
        places.append((data.ctypes.data, copy))
        return data

    monkeypatch.setattr(tensor.LazyTensor, "buffer", buffer)
    loaded = bert.BertForMaskedLM.from_pretrained(tmp_path)
    arrays = jax.tree.leaves(loaded.params)
    pointers = {a.unsafe_buffer_pointer() for a in arrays}
    assert pointers <= {place for place, _ in places}
    # biases of odd sizes put what follows them off the boundary
    mapped = pointers & {place for place, copied in places if not copied}
    assert bool(mapped) == aligned and all(place % 64 == 0 for place in pointers)
    close(loaded.params, model.params, 0)
    # giving the memory away to a compiled step must not hurt the rest
    before = jax.tree.map(np.array, loaded.params)
    double = jax.jit(lambda p: jax.tree.map(lambda x: 2 * x, p), donate_argnums=0)
    twice = double(loaded.params)
    del loaded
    close(twice, jax.tree.map(lambda x: 2 * x, before), 0)


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from tests.backends.test_jax import config, inputs
from pytransformers.backends.jax.models.bert import BertForMaskedLM

assert jax.device_count() == 8
model = BertForMaskedLM(config())
batch = {name: jnp.asarray(np.repeat(value, 4, 0)) for name, value in inputs("BertForMaskedLM").items()}
apply, params = model.functional()
step = jax.jit(jax.value_and_grad(lambda p, b: apply(p, **b).loss))
expected, wanted = step(params, batch)
mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("data", "model"))

def place(p):
    return NamedSharding(mesh, P("model") if p.ndim == 2 and p.shape[0] % 2 == 0 else P())

sharded = jax.tree.map(lambda p: jax.device_put(p, place(p)), params)
rows = jax.device_put(batch, NamedSharding(mesh, P("data")))
loss, gradients = step(sharded, rows)
assert abs(loss - expected) < 1e-5
for g, w in zip(jax.tree.leaves(gradients), jax.tree.leaves(wanted), strict=True):
    assert np.abs(np.asarray(g) - np.asarray(w)).max() < 1e-5
query = sharded["bert"]["encoder"]["layer"]["0"]["attention"]["self"]["query"]["weight"]
assert query.addressable_shards[0].data.shape == (8, 16)
model.params = sharded
assert model.bert.encoder.layer[0].attention.self.query.weight.get_raw_value() is query
print("equal")
"""


def test_sharded_over_eight_devices():
    run = subprocess.run(
        [sys.executable, "-c", SHARDED], capture_output=True, text=True,
        env={**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"},
    )  # fmt: skip
    assert run.returncode == 0 and "equal" in run.stdout, run.stderr[-3000:]


def test_dispatch_of_the_pure_function_is_cheap(batch):
    """A compiled call costs well under what splitting an nnx module costs each time."""
    from time import perf_counter

    model = bert.BertModel(config())
    apply, params = model.functional()
    ids = batch["input_ids"]
    pure, by_nnx = jax.jit(apply), flax_nnx.jit(lambda m, ids: m(ids))

    def median(call):
        times = []
        for _ in range(30):
            start = perf_counter()
            jax.block_until_ready(call())
            times.append(perf_counter() - start)
        return sorted(times)[15]

    assert median(lambda: pure(params, ids)) < median(lambda: by_nnx(model, ids))
