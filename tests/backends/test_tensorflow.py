"""What is TensorFlow's and Keras' own: calling styles, fit, policies, graphs, SavedModels, randomness, names."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytransformers.backends.tensorflow import context, nn, ops
from pytransformers.backends.tensorflow.models import bert, llama
from pytransformers.configs.bert import BertConfig
from pytransformers.configs.llama import LlamaConfig

SMALL = {
    "vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 32,
}  # fmt: skip
RNG = np.random.default_rng(0)
IDS = RNG.integers(1, 50, (4, 6))
MASK = np.array([[1] * 6, [1] * 5 + [0], [1] * 6, [1] * 3 + [0] * 3])
LABELS = np.array([0, 1, 1, 0])


def config(**values):
    return BertConfig(**{**SMALL, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, **values})


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(7)


@pytest.fixture
def model():
    return bert.BertForSequenceClassification(config(num_hidden_layers=1))


def same(x, y, tolerance=1e-6):
    np.testing.assert_allclose(np.asarray(x), np.asarray(y), atol=tolerance, rtol=0)


# -- calling -------------------------------------------------------------------------------------------------------
def test_calling_styles(model):
    expected = model(input_ids=IDS, attention_mask=MASK).logits
    for found in (
        model(IDS, attention_mask=MASK), model(IDS, MASK), model([IDS, MASK]), model((IDS, MASK)),
        model({"input_ids": IDS, "attention_mask": MASK}), model({"input_ids": IDS}, attention_mask=MASK),
        model(tf.constant(IDS, tf.int32), attention_mask=tf.constant(MASK, tf.int32)),
        model(IDS.tolist(), attention_mask=MASK.tolist()), model(IDS, attention_mask=MASK.astype(bool)),
        model(input_ids=IDS, attention_mask=MASK, training=False),
    ):  # fmt: skip
        same(found.logits, expected)
    logits, states = model(IDS, MASK, return_dict=False, output_hidden_states=True)
    same(logits, expected)
    assert len(states) == 2
    with pytest.raises(TypeError, match="attention_mask"):
        model({"input_ids": IDS, "attention_mask": MASK}, attention_mask=MASK)


def test_inside_a_functional_keras_model(model):
    ids = keras.Input((6,), dtype="int32", name="ids")
    mask = keras.Input((6,), dtype="int32", name="mask")
    states = model.bert(ids, attention_mask=mask, output_attentions=False).last_hidden_state
    outer = keras.Model([ids, mask], keras.layers.Dense(2)(states[:, 0]))
    assert outer([IDS, MASK]).shape == (4, 2)
    outer.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = outer.fit([IDS, MASK], LABELS, epochs=5, verbose=0, batch_size=4).history["loss"]
    assert history[-1] < history[0]
    weight = model.bert.pooler.dense.weight
    assert any(v is weight for v in outer.trainable_variables)


def test_mode_follows_call_and_keras():
    model = bert.BertModel(config(hidden_dropout_prob=0.5))
    plain = model(IDS).last_hidden_state
    same(plain, model(IDS).last_hidden_state)
    noisy = model(IDS, training=True).last_hidden_state
    assert np.abs(noisy - plain).max() > 0.1
    assert np.abs(model.train()(IDS).last_hidden_state - plain).max() > 0.1
    same(model(IDS, training=False).last_hidden_state, plain)
    same(model.eval()(IDS).last_hidden_state, plain)

    class Outer(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = model

        def call(self, ids):
            return self.inner(ids).last_hidden_state

    outer = Outer()
    same(outer(IDS), plain)
    assert np.abs(outer(IDS, training=True) - plain).max() > 0.1


# -- randomness ----------------------------------------------------------------------------------------------------
def dropping():
    return bert.BertModel(config(hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.2))


@pytest.mark.parametrize("seed", [keras.utils.set_random_seed, tf.random.set_seed])
def test_seeds_reproduce(seed):
    results = []
    for _ in range(2):
        seed(3)
        model = dropping()
        results.append([model(IDS, training=True).last_hidden_state for _ in range(2)])
    same(results[0][0], results[1][0], 0)
    same(results[0][1], results[1][1], 0)
    assert np.abs(results[0][0] - results[0][1]).max() > 0.1


def test_seed_of_one_call():
    model = dropping()
    first = model(IDS, training=True, seed=5).last_hidden_state
    same(first, model(IDS, training=True, seed=5).last_hidden_state, 0)
    assert np.abs(first - model(IDS, training=True, seed=6).last_hidden_state).max() > 0.1


@pytest.mark.parametrize("jit_compile", [False, True])
def test_graphs_draw_anew(jit_compile):
    model = dropping()
    function = tf.function(lambda ids: model(ids, training=True).last_hidden_state, jit_compile=jit_compile)
    assert np.abs(function(tf.constant(IDS)) - function(tf.constant(IDS))).max() > 0.1


def test_layers_draw_different_masks(monkeypatch):
    masks = []
    monkeypatch.setattr(
        nn.Dropout, "forward", lambda self, x: masks.append(ops.dropout(ops.ones_like(x), 0.5, self.training)) or x
    )
    bert.BertModel(config())(IDS, training=True)
    assert len(masks) == 5 and len({mask.numpy().tobytes() for mask in masks}) == 5


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("graph", [False, True])
def test_gradient_checkpointing_equals_plain(policy, graph):
    model = bert.BertForMaskedLM._create(config(hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.2), policy)
    weights = model.trainable_variables

    def step():
        with tf.GradientTape() as tape:
            loss = model(IDS, attention_mask=MASK, labels=IDS, training=True, seed=1).loss
        return loss, [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]

    run = tf.function(step) if graph else step
    plain = run()
    model.gradient_checkpointing_enable()
    again = (tf.function(step) if graph else step)()
    same(plain[0], again[0])
    tolerance = 1e-6 if policy == "float32" else 2e-3
    assert len(plain[1]) == len(again[1]) == len(weights)
    for a, b in zip(plain[1], again[1], strict=True):
        same(a, b, tolerance)


def test_checkpointing_draws_differ_between_layers():
    calls = []

    def layer(x):
        y = ops.dropout(x, 0.5, True)
        calls.append(y)
        return y

    class Two(nn.Module):
        def forward(self, x):
            return ops.checkpoint(layer, x) + 0 * ops.checkpoint(layer, x)

    with context.calling(True, None, tf.constant([1, 0], tf.int64)):
        Two()(tf.ones((200,)))
    assert not np.array_equal(calls[0], calls[1])


# -- graphs --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("jit_compile", [False, True])
def test_unknown_batch_and_length(model, jit_compile):
    spec = {name: tf.TensorSpec((None, None), tf.int32, name) for name in ("input_ids", "attention_mask")}
    traced = tf.function(model, input_signature=[spec], jit_compile=jit_compile)
    for size, length in ((4, 6), (2, 3)):
        ids, mask = IDS[:size, :length], MASK[:size, :length]
        inputs = {"input_ids": tf.constant(ids, tf.int32), "attention_mask": tf.constant(mask, tf.int32)}
        same(traced(inputs).logits, model(ids, mask).logits)
    assert traced.experimental_get_tracing_count() == 1


def decoder():
    return llama.LlamaForCausalLM(LlamaConfig(**SMALL, num_key_value_heads=1))


def test_cache_passes_through_functions():
    model = decoder()
    step = tf.function(lambda ids, past: model(ids, past_key_values=past), reduce_retracing=True)
    whole = model(IDS).logits
    past = tf.function(model)(tf.constant(IDS[:, :3])).past_key_values
    assert type(past).__name__ == "DynamicCache" and past.length == 3
    for position in range(3, 6):
        output = step(tf.constant(IDS[:, position : position + 1]), past)
        past = output.past_key_values
        same(output.logits[:, 0], whole[:, position], 1e-5)
    assert len(tf.nest.flatten(past)) == 4
    moved = tf.nest.map_structure(lambda x: x + 1, past)
    same(moved[0][0], past[0][0] + 1)


# -- fit -----------------------------------------------------------------------------------------------------------
def inputs(labels=False):
    given = {"input_ids": IDS, "attention_mask": MASK}
    return {**given, "labels": LABELS} if labels else given


def datasets():
    return {
        "inside": (inputs(labels=True), None),
        "y": (inputs(), LABELS),
        "y-dict": (inputs(), {"labels": LABELS}),
        "tf.data": (tf.data.Dataset.from_tensor_slices((inputs(labels=True),)).batch(2), None),
        "tf.data-y": (tf.data.Dataset.from_tensor_slices((inputs(), LABELS)).batch(2), None),
    }  # fmt: skip


@pytest.mark.parametrize("given", datasets())
def test_fit_with_own_loss(model, given):
    x, y = datasets()[given]
    model.compile(keras.optimizers.SGD(0.5))
    history = model.fit(x, y, epochs=8, verbose=0).history["loss"]
    assert history[-1] < history[0] - 0.05
    same(model.evaluate(x, y, verbose=0), model({**inputs(labels=True)}).loss, 1e-4)


@pytest.mark.parametrize("options", [{"jit_compile": True}, {"run_eagerly": True}, {"steps_per_execution": 2}])
def test_fit_options(model, options):
    model.compile(keras.optimizers.SGD(0.3), **options)
    history = model.fit(inputs(), LABELS, epochs=8, batch_size=2, shuffle=False, verbose=0).history["loss"]
    assert history[-1] < history[0] - 0.05


def test_fit_with_a_keras_loss_and_metrics(model):
    model.compile(
        keras.optimizers.SGD(0.5), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    history = model.fit(inputs(), LABELS, epochs=15, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] and history["accuracy"][-1] == 1.0
    loss, accuracy = model.evaluate(inputs(), LABELS, verbose=0)
    assert accuracy == 1.0
    same(loss, model({**inputs(labels=True)}).loss, 1e-4)


def test_metrics_beside_own_loss(model):
    model.compile(keras.optimizers.Adam(1e-2), metrics=["sparse_categorical_accuracy"])
    logs = model.evaluate(inputs(labels=True), verbose=0, return_dict=True)
    accuracy = np.mean(np.argmax(model(**inputs()).logits, -1) == LABELS)
    assert logs["sparse_categorical_accuracy"] == pytest.approx(accuracy)


def test_fit_without_labels_says_so(model):
    model.compile("adam")
    with pytest.raises(ValueError, match="expected labels"):
        model.fit(inputs(), verbose=0)


def test_predict(model):
    found = model.predict(inputs(), batch_size=2, verbose=0)
    assert isinstance(found["logits"], np.ndarray) and found.logits.shape == (4, 2)
    same(found.logits, model(**inputs()).logits)
    found = decoder().predict(IDS, batch_size=2, verbose=0)
    assert found.past_key_values.layers[0][0].shape[0] == 4


def test_frozen_parts_stay(model):
    model.bert.trainable = False
    before = model.bert.pooler.dense.weight.numpy().copy()
    head = model.classifier.weight.numpy().copy()
    assert model.num_parameters(only_trainable=True) == 2 * 16 + 2
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(inputs(), LABELS, verbose=0)
    same(model.bert.pooler.dense.weight, before, 0)
    assert np.abs(model.classifier.weight.numpy() - head).max() > 1e-3


def test_padding_row_stays():
    model = bert.BertForSequenceClassification(config())
    table = model.bert.embeddings.word_embeddings.weight
    ids = IDS.copy()
    ids[:, -2:] = 0
    with tf.GradientTape() as tape:
        loss = model(ids, labels=LABELS).loss
    gradient = tape.gradient(loss, table)
    assert isinstance(gradient, tf.IndexedSlices)  # no dense copy of the table
    gradient = tf.convert_to_tensor(gradient)
    assert not gradient.numpy()[0].any() and gradient.numpy()[IDS[0, 0]].any()


# -- dtypes --------------------------------------------------------------------------------------------------------
@pytest.fixture
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"], indirect=True)
def test_global_mixed_policy(policy):
    model = bert.BertForSequenceClassification(config(num_hidden_layers=1))
    compute = policy.removeprefix("mixed_")
    assert {p.stored.dtype for p in model.parameters()} == {tf.float32} and model.dtype == tf.float32
    output = model(IDS, attention_mask=MASK, labels=LABELS, output_hidden_states=True)
    assert output.logits.dtype == output.hidden_states[1].dtype == tf.as_dtype(compute)
    assert output.loss.dtype == tf.float32
    model.compile(keras.optimizers.Adam(1e-2))
    assert ("LossScale" in type(model.optimizer).__name__) == (compute == "float16")
    history = model.fit(inputs(), LABELS, epochs=8, verbose=0).history["loss"]
    assert np.isfinite(history).all() and history[-1] < history[0] - 0.05


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", tf.bfloat16])
def test_storage_dtype(dtype, tmp_path):
    full = bert.BertModel(config())
    full.save_pretrained(tmp_path)
    model = bert.BertModel.from_pretrained(tmp_path, dtype=dtype)
    assert model.dtype == tf.as_dtype(dtype) and {p.stored.dtype for p in model.parameters()} == {tf.as_dtype(dtype)}
    output = model(IDS, attention_mask=MASK)
    assert output.last_hidden_state.dtype == tf.as_dtype(dtype)
    same(tf.cast(output.last_hidden_state, tf.float32), full(IDS, MASK).last_hidden_state, 0.1)
    model.save_pretrained(tmp_path / "half")
    again = bert.BertModel.from_pretrained(tmp_path / "half", dtype="auto")
    assert again.dtype == model.dtype
    for a, b in zip(model.parameters(), again.parameters(), strict=True):
        assert np.array_equal(a.numpy(), b.numpy())


def test_policy_of_one_model(tmp_path):
    bert.BertModel(config()).save_pretrained(tmp_path)
    model = bert.BertModel.from_pretrained(tmp_path, dtype="mixed_bfloat16")
    assert model.dtype == tf.float32 and model(IDS).last_hidden_state.dtype == tf.bfloat16
    with pytest.raises(ValueError, match=r"\[dtype\]"):
        bert.BertModel.from_pretrained(tmp_path, dtype="int8")


# -- saving --------------------------------------------------------------------------------------------------------
def test_saved_model(model, tmp_path):
    model.save_pretrained(tmp_path, saved_model=True)
    assert (tmp_path / "model.safetensors").exists()
    tf.saved_model.save(model, str(tmp_path / "plain"))
    model.export(tmp_path / "exported", verbose=False)
    expected = model(IDS, MASK, np.zeros_like(IDS)).logits
    for folder in ("saved_model/1", "plain", "exported"):
        serve = tf.saved_model.load(str(tmp_path / folder)).signatures["serving_default"]
        found = serve(input_ids=tf.constant(IDS), attention_mask=tf.constant(MASK),
                      token_type_ids=tf.zeros(IDS.shape, tf.int64))  # fmt: skip
        same(found["logits"], expected, 1e-5)
        shorter = {name: tf.constant(x[:2, :4]) for name, x in inputs().items()}
        found = serve(**shorter, token_type_ids=tf.zeros((2, 4), tf.int64))
        same(found["logits"], model(**shorter).logits, 1e-5)


def test_keras_weights_files(model, tmp_path):
    model.save_weights(tmp_path / "w.weights.h5")
    keras.utils.set_random_seed(8)
    other = bert.BertForSequenceClassification(config(num_hidden_layers=1))
    assert np.abs(other(IDS).logits - model(IDS).logits).max() > 1e-4
    other.load_weights(tmp_path / "w.weights.h5")
    same(other(IDS).logits, model(IDS).logits)


def test_tf_checkpoint(model, tmp_path):
    tf.train.Checkpoint(model=model).save(str(tmp_path / "c"))
    keras.utils.set_random_seed(8)
    other = bert.BertForSequenceClassification(config(num_hidden_layers=1))
    tf.train.Checkpoint(model=other).restore(tf.train.latest_checkpoint(str(tmp_path))).assert_existing_objects_matched()
    same(other(IDS).logits, model(IDS).logits)


def test_keras_file(model, tmp_path):
    model.save(tmp_path / "m.keras")
    other = keras.models.load_model(
        tmp_path / "m.keras", custom_objects={"BertForSequenceClassification": bert.BertForSequenceClassification}
    )
    same(other(IDS).logits, model(IDS).logits)


# -- the model as an object ----------------------------------------------------------------------------------------
def test_tied_weights_are_one_variable():
    model = bert.BertForMaskedLM(config())
    tied = model.cls.predictions.decoder.weight
    assert tied is model.bert.embeddings.word_embeddings.weight
    assert model.cls.predictions.decoder.bias is model.cls.predictions.bias
    assert sum(v is tied for v in model.trainable_variables) == 1
    ours = {id(p) for p in model.parameters()}
    assert {id(v) for v in model.weights} == ours  # nothing replaced is left with Keras
    assert len({v.path for v in model.weights}) == len(ours)
    resized = model.resize_token_embeddings(60)
    assert resized.weight is model.cls.predictions.decoder.weight and tuple(resized.weight.shape) == (60, 16)
    assert model(IDS).logits.shape == (4, 6, 60)
    model.compile(keras.optimizers.SGD(1e-2))
    assert np.isfinite(model.fit({"input_ids": IDS, "labels": IDS}, verbose=0).history["loss"][0])


def test_empty_models_hold_no_values():
    model = bert.BertModel._create(config(), empty=True)
    assert all(p.is_empty for p in model.parameters())
    with pytest.raises(ValueError, match="empty parameter"):
        model(IDS)


def test_names_that_keras_reserves():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            for name in ("input", "output", "path", "dtype", "layers"):
                setattr(self, name, nn.Linear(2, 2))

        def forward(self, x):
            return self.output(self.input(self.layers(x)))

    odd = Odd()
    assert [name for name, _ in odd.named_modules()][1:4] == ["input", "output", "path"]
    assert odd(tf.ones((1, 2))).shape == (1, 2)
    assert len(odd.trainable_variables) == 10
    assert "layers.weight" in odd.state_dict() and "dtype.bias" in odd.state_dict()
    model = decoder()
    assert isinstance(model.model.layers, nn.ModuleList) and len(model.model.layers) == 2
    assert len(model.layers) == 2  # Keras' own, where a definition has no child of the name
    model.summary(print_fn=lambda *a, **k: None)


def test_replacing_a_module_forgets_the_old_one():
    model = bert.BertModel(config())
    old = model.get_input_embeddings().weight
    model.set_input_embeddings(nn.Embedding(70, 16))
    assert all(v is not old for v in model.weights)
    assert any(v is model.get_input_embeddings().weight for v in model.trainable_variables)


def test_batch_norm_statistics_follow_training_only():
    norm = nn.BatchNorm2d(3)
    x = tf.constant(RNG.standard_normal((4, 3, 5, 5)), tf.float32)
    norm(x)
    assert not norm.running_mean.numpy().any() and int(norm.num_batches_tracked.numpy()) == 0
    with context.calling(True, None):
        norm(x)
    assert norm.running_mean.numpy().all() and int(norm.num_batches_tracked.numpy()) == 1
    assert all(v is not norm.running_mean for v in norm.trainable_variables)


def test_another_keras_backend_is_refused():
    code = "import keras; import pytransformers.backends.tensorflow"
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert run.returncode and "expected Keras on TensorFlow" in run.stderr
