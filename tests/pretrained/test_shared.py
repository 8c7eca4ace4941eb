"""What a pretrained model does alike in every framework: loading, saving, its embedding table, its options."""

import json
import os

import numpy as np
import pytest
from safetensors.numpy import load_file

from .frameworks import HEADS, inputs_of, make

VOCABULARY_HEADS = [head for head in HEADS if not head.startswith("ViT")]


def same(ours, theirs, tolerance=1e-5):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, atol=tolerance, rtol=tolerance, err_msg=name)


def embedding_name(framework, model):
    """The name of the token embedding's weight."""
    embedding = model.get_input_embeddings()
    return next(f"{name}.weight" for name, module in model.named_modules() if module is embedding)


def scores(framework, model, head):
    return framework.call(model, {k: v for k, v in inputs_of(head).items() if k != "labels" or "T5" in head})["logits"]


# -- loading and saving ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("head, shard", [*((head, "5GB") for head in HEADS), ("T5ForConditionalGeneration", "8KB")])
def test_round_trip(framework, head, shard, tmp_path):
    model = make(framework, head)
    files = model.save_pretrained(tmp_path, max_shard_size=shard)
    assert (len(files) > 1) == (shard == "8KB")
    again, info = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    same(framework.state(again), framework.state(model), 0)
    np.testing.assert_array_equal(scores(framework, again, head), scores(framework, model, head))
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == [head]


def test_base_loads_what_a_head_saved_and_the_other_way_round(framework, tmp_path):
    head = make(framework, "BertForMaskedLM")
    head.save_pretrained(tmp_path / "head")
    with pytest.warns(UserWarning, match="pooler.dense.weight"):
        base, info = framework.model("BertModel").from_pretrained(tmp_path / "head", output_loading_info=True)
    assert sorted(info["missing_keys"]) == ["pooler.dense.bias", "pooler.dense.weight"]
    assert info["unexpected_keys"] and all(name.startswith("cls.predictions.") for name in info["unexpected_keys"])
    base.save_pretrained(tmp_path / "base")
    classifier = framework.model("BertForSequenceClassification")
    with pytest.warns(UserWarning, match="newly initialised"):
        model, info = classifier.from_pretrained(tmp_path / "base", num_labels=4, output_loading_info=True)
    assert sorted(info["missing_keys"]) == ["classifier.bias", "classifier.weight"] and not info["unexpected_keys"]
    expected, found = framework.state(head), framework.state(model)
    name = "bert.encoder.layer.1.output.dense.weight"
    np.testing.assert_array_equal(found[name], expected[name])
    assert found["classifier.weight"].shape == (4, 16)
    assert 0.01 < found["classifier.weight"].std() < 0.03 and not found["classifier.bias"].any()


def test_other_sizes(framework, tmp_path):
    make(framework, "ViTForImageClassification").save_pretrained(tmp_path)
    cls = framework.model("ViTForImageClassification")
    with pytest.raises(OSError, match=r"model\.safetensors.*'classifier\.\w+'.*\(5,.*\(3,.*ignore_mismatched_sizes"):
        cls.from_pretrained(tmp_path, num_labels=5)
    with pytest.warns(UserWarning, match="other shapes"):
        model, info = cls.from_pretrained(
            tmp_path, num_labels=5, ignore_mismatched_sizes=True, output_loading_info=True
        )
    assert sorted(info["mismatched_keys"]) == [("classifier.bias", (3,), (5,)), ("classifier.weight", (3, 16), (5, 16))]
    state = framework.state(model)
    assert state["classifier.weight"].shape == (5, 16) and np.isfinite(state["classifier.weight"]).all()
    saved = load_file(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(state["vit.layernorm.bias"], saved["vit.layernorm.bias"])


def test_state_dict_instead_of_files(framework):
    model = make(framework, "BertForMaskedLM")
    again = type(model).from_pretrained(None, config=model.config, state_dict=framework.values(model))
    same(framework.state(again), framework.state(model), 0)


def test_arguments_of_the_constructor_and_of_the_config(framework, tmp_path):
    make(framework, "BertForMaskedLM").save_pretrained(tmp_path)
    cls = framework.model("BertModel")
    model, info = cls.from_pretrained(tmp_path, add_pooling_layer=False, layer_norm_eps=1e-3, output_loading_info=True)
    assert model.pooler is None and model.config.layer_norm_eps == 1e-3 and not info["missing_keys"]
    assert cls.from_pretrained(tmp_path, False).pooler is None
    with pytest.raises(TypeError, match="add_pooling_layer.*no_such_thing"):
        cls.from_pretrained(tmp_path, no_such_thing=1)
    config = cls.config_class.from_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path, False, config=config, layer_norm_eps=1e-2).config.layer_norm_eps == 1e-2
    assert config.layer_norm_eps == 1e-12


@pytest.mark.parametrize("moment", ["a tensor", "the switch"])
def test_interrupted_saving_leaves_the_old_files(framework, moment, tmp_path, monkeypatch):
    old = make(framework, "BertForMaskedLM")
    old.save_pretrained(tmp_path)
    before = {file: (tmp_path / file).read_bytes() for file in os.listdir(tmp_path)}
    new = framework.model("BertForMaskedLM").from_config(old.config)

    def fail(*arguments, **options):
        raise KeyboardInterrupt

    if moment == "a tensor":
        sources = list(new._sources())
        monkeypatch.setattr(type(sources[0]), "buffer", fail)
    else:
        monkeypatch.setattr("pytransformers.weights.save.os.replace", fail)
    with pytest.raises(KeyboardInterrupt):
        new.save_pretrained(tmp_path)
    monkeypatch.undo()
    assert all((tmp_path / file).read_bytes() == content for file, content in before.items())
    same(framework.state(type(old).from_pretrained(tmp_path)), framework.state(old), 0)
    new.save_pretrained(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(before)
    same(framework.state(type(old).from_pretrained(tmp_path)), framework.state(new), 0)


# -- embedding tables ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("head", VOCABULARY_HEADS)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_tied_weights(framework, head, tied, tmp_path):
    model = make(framework, head, tie_word_embeddings=tied)
    model.save_pretrained(tmp_path)
    model = type(model).from_pretrained(tmp_path)
    aliases = model.ties()
    assert bool(set(aliases) & set(type(model)._tied_weights_keys)) == tied
    saved = load_file(tmp_path / "model.safetensors")
    assert not set(saved) & set(aliases)
    name = embedding_name(framework, model)
    framework.set(model, name, np.zeros_like(framework.state(model)[name]))
    state = framework.state(model)
    for alias, source in aliases.items():
        np.testing.assert_array_equal(state[alias], state[source])
    projection = model.get_output_embeddings()
    weight = next(f"{n}.weight" for n, module in model.named_modules() if module is projection)
    assert state[weight].any() != tied


@pytest.mark.parametrize("size, multiple, expected", [(70, None, 70), (61, 8, 64), (None, 32, 64), (None, None, 60)])
def test_sizes_of_the_vocabulary(framework, size, multiple, expected):
    model = make(framework, "BertForMaskedLM")
    embedding = model.resize_token_embeddings(size, pad_to_multiple_of=multiple)
    assert embedding is model.get_input_embeddings()
    assert embedding.num_embeddings == model.config.vocab_size == tuple(embedding.weight.shape)[0] == expected


@pytest.mark.parametrize("head", VOCABULARY_HEADS)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_growing_the_vocabulary(framework, head, tied, tmp_path):
    model = make(framework, head, tie_word_embeddings=tied)
    name, before = embedding_name(framework, model), framework.state(model)
    old_scores = scores(framework, model, head)
    model.resize_token_embeddings(64)
    after = framework.state(model)[name]
    np.testing.assert_allclose(after[:60], before[name], rtol=1e-6)
    np.testing.assert_allclose(after[60:], np.tile(before[name].mean(0), (4, 1)), atol=1e-3)
    new_scores = scores(framework, model, head)
    assert new_scores.shape[-1] == 64
    np.testing.assert_allclose(new_scores[..., :60], old_scores, atol=1e-5, rtol=1e-5)
    assert framework.training_gradients(model, inputs_of(head))[name].shape == after.shape
    model.save_pretrained(tmp_path)
    again, info = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()) and again.config.vocab_size == 64
    np.testing.assert_array_equal(scores(framework, again, head), scores(framework, model.eval(), head))


@pytest.mark.parametrize("head", VOCABULARY_HEADS)
def test_shrinking_the_vocabulary(framework, head):
    model = make(framework, head)
    name, before = embedding_name(framework, model), framework.state(model)
    model.resize_token_embeddings(59)
    state = framework.state(model)
    np.testing.assert_array_equal(state[name], before[name][:59])
    assert {value.shape[0] for key, value in state.items() if before[key].shape[:1] == (60,)} == {59}
    assert model.get_output_embeddings().out_features == 59


def test_drawn_rows_and_refusals(framework):
    model = make(framework, "BertForMaskedLM")
    model.resize_token_embeddings(500, mean_resizing=False)
    rows = framework.state(model)[embedding_name(framework, model)][60:]
    assert 0.15 < rows.std() < 0.25
    with pytest.raises(ValueError, match="at least 1"):
        model.resize_token_embeddings(0)
    with pytest.raises(ValueError, match="ViTForImageClassification has no token embedding"):
        make(framework, "ViTForImageClassification").resize_token_embeddings(10)


def test_setting_the_embedding(framework):
    first, second = make(framework, "BertForMaskedLM"), make(framework, "BertForMaskedLM")
    name = embedding_name(framework, second)
    framework.set(second, name, 2 * framework.state(first)[name])
    first.set_input_embeddings(second.get_input_embeddings())
    first.tie_weights()
    assert first.get_input_embeddings() is second.get_input_embeddings()
    np.testing.assert_array_equal(*(scores(framework, m, "BertForMaskedLM") for m in (first, second)))


def test_counting_parameters(framework):
    model = make(framework, "BertForMaskedLM")
    distinct = {name: v.size for name, v in framework.state(model).items() if name not in model.ties()}
    assert model.num_parameters() == sum(distinct.values())
    tables = sum(size for name, size in distinct.items() if name.endswith("embeddings.weight"))
    assert model.num_parameters(exclude_embeddings=True) == sum(distinct.values()) - tables


# -- options ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("head", HEADS)
def test_gradient_checkpointing(framework, head):
    model = make(framework, head)
    plain = framework.training_gradients(model, inputs_of(head))
    model.gradient_checkpointing_enable()
    assert model.is_gradient_checkpointing
    same(framework.training_gradients(model, inputs_of(head)), plain, 1e-5)
    model.gradient_checkpointing_disable()
    assert not model.is_gradient_checkpointing
    assert any(np.abs(g).max() > 1e-4 for g in plain.values())


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(framework, head, dtype, tmp_path):
    model = make(framework, head)
    expected = scores(framework, model, head)
    model.save_pretrained(tmp_path)
    cls = type(model)
    half = cls.from_pretrained(tmp_path, torch_dtype=dtype)
    assert framework.dtypes(half) == {dtype}
    np.testing.assert_allclose(scores(framework, half, head), expected, atol=0.05 * np.abs(expected).max())
    half.save_pretrained(tmp_path / "half")
    assert json.loads((tmp_path / "half" / "config.json").read_text())["dtype"] == dtype
    assert framework.dtypes(cls.from_pretrained(tmp_path / "half")) == {"float32"}
    assert framework.dtypes(cls.from_pretrained(tmp_path / "half", dtype="auto")) == {dtype}
    with pytest.raises(ValueError, match=r"\[dtype\]|param_dtype"):
        cls.from_pretrained(tmp_path, torch_dtype="int8")


@pytest.mark.parametrize("head", HEADS)
def test_attention_by_name(framework, head, tmp_path):
    model = make(framework, head)
    expected = scores(framework, model, head)
    model.save_pretrained(tmp_path)
    for name in ("eager", "sdpa", "auto", "flash_attention_2", "native"):
        again = type(model).from_pretrained(tmp_path, attn_implementation=name)
        assert again.config.attn_implementation == name
        np.testing.assert_allclose(scores(framework, again, head), expected, atol=1e-5, rtol=1e-5)
        model.set_attn_implementation(name)
        np.testing.assert_allclose(scores(framework, model, head), expected, atol=1e-5, rtol=1e-5)
    model.set_attn_implementation("triton")  # asked for by name: it runs or it raises
    with pytest.raises(RuntimeError, match="triton kernel.*Choose 'sdpa'"):
        scores(framework, model, head)
    with pytest.raises(ValueError, match="attn_implementation.*fast"):
        type(model).from_pretrained(tmp_path, attn_implementation="fast")
    assert "attn_implementation" not in (tmp_path / "config.json").read_text()


def test_what_is_returned(framework, tmp_path):
    model = make(framework, "BertForMaskedLM")
    inputs = inputs_of("BertForMaskedLM")
    assert list(framework.call(model, inputs)) == ["loss", "logits"]
    asked = framework.call(model, inputs, output_attentions=True, output_hidden_states=True)
    assert list(asked) == ["loss", "logits", "hidden_states", "attentions"]
    assert [x.shape for x in asked["hidden_states"]] == [(2, 7, 16)] * 3
    assert [x.shape for x in asked["attentions"]] == [(2, 2, 7, 7)] * 2
    output = model(**framework.tensors(inputs), return_dict=False)
    assert type(output) is tuple and len(output) == 2
    model.save_pretrained(tmp_path)
    model = type(model).from_pretrained(tmp_path, output_attentions=True, return_dict=False)
    assert [type(value) is tuple for value in model(**framework.tensors(inputs))] == [False, False, True]


def test_embeddings_instead_of_ids(framework):
    model = make(framework, "BertForMaskedLM")
    ids = inputs_of("BertForMaskedLM")["input_ids"]
    table = framework.state(model)[embedding_name(framework, model)]
    by_ids = framework.call(model, {"input_ids": ids})["logits"]
    by_embeds = framework.call(model, {"inputs_embeds": table[ids]})["logits"]
    np.testing.assert_allclose(by_embeds, by_ids, atol=1e-5)
    for wrong in ({}, {"input_ids": ids, "inputs_embeds": table[ids]}):
        with pytest.raises(ValueError, match="one of input_ids and inputs_embeds"):
            framework.call(model, wrong)


def test_masks(framework):
    """What a padded row says does not depend on its padding, however the mask is written."""
    model = make(framework, "BertForMaskedLM")
    ids = inputs_of("BertForMaskedLM")["input_ids"]
    alone = framework.call(model, {"input_ids": ids[:, :4]})["logits"]
    kept = np.array([[1, 1, 1, 1, 0, 0, 0]] * 2)
    square = np.repeat(kept[:, None], 7, 1)
    additive = np.where(square[:, None] > 0, 0, np.finfo(np.float32).min).astype(np.float32)
    for mask in (kept, kept.astype(bool), kept.astype(np.float32), square, square[:, None], additive):
        found = framework.call(model, {"input_ids": ids, "attention_mask": mask})["logits"]
        np.testing.assert_allclose(found[:, :4], alone, atol=1e-5)
    with pytest.raises(ValueError, match=r"\[attention_mask\] expected 2, 3 or 4 dimensions, got 1"):
        framework.call(model, {"input_ids": ids, "attention_mask": np.ones(7, np.int64)})


def test_head_masks(framework):
    model = make(framework, "BertForMaskedLM")
    ids = {"input_ids": inputs_of("BertForMaskedLM")["input_ids"]}
    plain = framework.call(model, ids)["logits"]
    ones, without = np.ones(2, np.float32), np.array([[1, 0], [1, 1]], np.float32)
    np.testing.assert_allclose(framework.call(model, ids | {"head_mask": ones})["logits"], plain, atol=1e-6)
    masked = framework.call(model, ids | {"head_mask": without})["logits"]
    weight = "bert.encoder.layer.0.attention.self.value.weight"
    state = framework.state(model)
    for name in (weight, weight.replace("weight", "bias")):  # the second head says nothing
        value = state[name].copy()
        value[8:] = 0
        framework.set(model, name, value)
    np.testing.assert_allclose(framework.call(model, ids)["logits"], masked, atol=1e-5)
    assert np.abs(masked - plain).max() > 1e-3
    with pytest.raises(ValueError, match=r"\[head_mask\]"):
        framework.call(model, ids | {"head_mask": np.ones((1, 2, 1), np.float32)})
