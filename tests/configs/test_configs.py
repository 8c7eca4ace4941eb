"""Configurations: the fields, defaults and files of `transformers` 4.57.6, and one clear error for bad values."""

import importlib
import json
import os
import subprocess
import sys

import pytest

from pytransformers.configs.base import PretrainedConfig
from pytransformers.configs.bert import BertConfig
from pytransformers.configs.gpt2 import GPT2Config
from pytransformers.configs.llama import LlamaConfig
from pytransformers.configs.t5 import T5Config
from pytransformers.configs.vit import ViTConfig

# One row per architecture: our class, and settings that differ from every default they touch.
CHANGED = {
    "bert.BertConfig": {
        "hidden_size": 24, "num_attention_heads": 3, "is_decoder": True, "add_cross_attention": True,
        "position_embedding_type": "relative_key", "pad_token_id": 4, "classifier_dropout": 0.3,
        "problem_type": "regression", "architectures": ["BertForMaskedLM"], "dtype": "float16",
    },
    "albert.AlbertConfig": {"embedding_size": 8, "hidden_size": 32, "num_attention_heads": 4, "num_hidden_groups": 2},
    "distilbert.DistilBertConfig": {"hidden_size": 32, "n_heads": 4, "num_hidden_layers": 2, "activation": "relu",
                                    "sinusoidal_pos_embds": True, "seq_classif_dropout": 0.5, "num_labels": 3},
    "gpt2.GPT2Config": {
        "hidden_size": 32, "n_head": 4, "n_inner": 7, "summary_type": "mean", "scale_attn_weights": False,
        "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
    },
    "llama.LlamaConfig": {
        "hidden_size": 64, "num_attention_heads": 8, "num_key_value_heads": 2, "eos_token_id": [3, 4],
        "rope_scaling": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    },
    "t5.T5Config": {"feed_forward_proj": "gated-gelu", "d_model": 32, "num_decoder_layers": 2, "num_layers": 3,
                    "tie_word_embeddings": False, "decoder_start_token_id": 0},
    "vit.ViTConfig": {"image_size": [32, 48], "patch_size": 8, "qkv_bias": False, "hidden_size": 48,
                      "num_labels": 3, "output_hidden_states": True},
}  # fmt: skip
LABELS = {"id2label": {0: "no", 1: "yes", 2: "maybe"}, "label2id": {"no": 0, "yes": 1, "maybe": 2}}


@pytest.fixture(params=CHANGED)
def pair(request):
    """(our class, theirs, changed settings)"""
    import transformers

    module, name = request.param.split(".")
    ours = getattr(importlib.import_module(f"pytransformers.configs.{module}"), name)
    return ours, getattr(transformers, name), CHANGED[request.param]


def values(config):
    """Every setting as JSON would hold it, without the version stamp."""
    return {k: v for k, v in json.loads(json.dumps(config.to_dict())).items() if k != "transformers_version"}


def test_same_fields_and_defaults(pair):
    ours, theirs, changed = pair
    assert values(ours()) == values(theirs())
    assert values(ours(**changed)) == values(theirs(**changed))


def test_same_order_of_positional_arguments(pair):
    import inspect

    ours, theirs, _ = pair
    parameters = list(inspect.signature(theirs.__init__).parameters.values())[1:]
    wanted = [p.name for p in parameters if p.kind == p.POSITIONAL_OR_KEYWORD]
    assert list(ours.own_fields)[: len(wanted)] == wanted


@pytest.mark.parametrize("more", [{}, LABELS, {"my_own_key": {"a": [1]}, "max_length": 40}])
def test_files_go_both_ways(pair, tmp_path, more):
    ours, theirs, changed = pair
    changed = {**changed, **more}
    if "num_labels" in changed and "id2label" in more:
        del changed["num_labels"]
    first = theirs(**changed)
    first.architectures = ["X"]
    first.to_json_file(tmp_path / "config.json")
    config = ours.from_pretrained(tmp_path)
    assert config.name_or_path == str(tmp_path)
    assert {**values(config), "_name_or_path": ""} == values(first)
    config.save_pretrained(tmp_path / "again")
    back = theirs.from_pretrained(tmp_path / "again")
    assert {**values(back), "_name_or_path": ""} == values(first)
    written = json.loads((tmp_path / "again" / "config.json").read_text())
    assert written.keys() == json.loads((tmp_path / "config.json").read_text()).keys()
    assert {**values(ours.from_pretrained(tmp_path / "again")), "_name_or_path": ""} == values(first)


def test_aliases_of_attribute_map():
    config = GPT2Config(hidden_size=32, n_head=2)
    assert config.n_embd == config.hidden_size == 32 and config.num_attention_heads == 2
    config.num_hidden_layers = 5
    assert config.n_layer == 5 and "num_hidden_layers" not in config.to_dict()
    changed = GPT2Config.from_dict(config.to_dict(), hidden_size=64)
    assert changed.n_embd == 64


def test_labels():
    assert BertConfig().id2label == {0: "LABEL_0", 1: "LABEL_1"}
    config = BertConfig(num_labels=3)
    assert config.num_labels == 3 and config.label2id == {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}
    assert BertConfig(id2label={"0": "a", "1": "b"}).label2id == {"a": 0, "b": 1}
    saved = BertConfig(**LABELS).to_dict()
    assert BertConfig.from_dict(saved).id2label == LABELS["id2label"]
    assert BertConfig.from_dict(saved, num_labels=3).id2label == LABELS["id2label"]
    assert BertConfig.from_dict(saved, num_labels=5).id2label[4] == "LABEL_4"
    assert BertConfig.from_dict(saved, id2label={0: "x"}).label2id == {"x": 0}


@pytest.mark.parametrize("keys", [("dtype",), ("torch_dtype",), ("torch_dtype", "dtype")])
def test_dtype_is_text_whatever_was_given(keys):
    import ml_dtypes
    import numpy as np
    import torch

    for given in ("bfloat16", torch.bfloat16, np.dtype(ml_dtypes.bfloat16), ml_dtypes.bfloat16):
        config = BertConfig(**{**dict.fromkeys(keys[:-1], "float16"), keys[-1]: given})
        assert config.dtype == config.torch_dtype == "bfloat16"
        assert json.loads(config.to_json_string())["dtype"] == "bfloat16"


def test_overrides_and_unused_arguments(tmp_path):
    T5Config(feed_forward_proj="gated-gelu").save_pretrained(tmp_path)
    config, unused = T5Config.from_pretrained(
        tmp_path, hidden_size=32, feed_forward_proj="gated-silu", output_attentions=True, foo=1, local_files_only=True,
        return_unused_kwargs=True, attn_implementation="eager", dtype="float16",
    )  # fmt: skip
    assert unused == {"foo": 1, "dtype": "float16"}
    assert (config.d_model, config.dense_act_fn, config.is_gated_act) == (32, "silu", True)
    assert config.output_attentions and config.attn_implementation == "eager" and config.dtype == "float16"
    assert "attn_implementation" not in config.to_json_string()


def test_derived_fields():
    config = LlamaConfig(hidden_size=64, num_attention_heads=4)
    assert config.num_key_value_heads == 4 and config.head_dim == 16
    assert LlamaConfig(hidden_size=60, num_attention_heads=8, head_dim=10).head_dim == 10
    scaling = {"type": "linear", "factor": 2.0}
    assert LlamaConfig(rope_scaling=scaling).rope_scaling["rope_type"] == "linear"
    assert scaling == {"type": "linear", "factor": 2.0}
    assert ViTConfig(hidden_size=48).pooler_output_size == 48


def test_copies_are_equal_and_apart():
    import copy
    import pickle

    config = LlamaConfig(rope_scaling={"rope_type": "linear", "factor": 2.0}, note=[1])
    for other in (copy.deepcopy(config), pickle.loads(pickle.dumps(config)), LlamaConfig.from_dict(config.to_dict())):
        assert other == config and hash(other) == hash(config)
        other.rope_scaling["factor"] = 4.0
        assert other != config
    assert BertConfig() != PretrainedConfig()
    assert BertConfig().pruned_heads is not BertConfig().pruned_heads


BAD = [
    (BertConfig, {"hidden_size": 100, "num_attention_heads": 3}, "hidden_size to be a multiple of num_attention_heads"),
    (BertConfig, {"hidden_size": -8}, "hidden_size to be an integer of at least 1, got -8"),
    (BertConfig, {"num_attention_heads": 0}, "num_attention_heads to be an integer of at least 1"),
    (BertConfig, {"vocab_size": "many"}, "vocab_size to be an integer"),
    (BertConfig, {"hidden_dropout_prob": 1.5}, "hidden_dropout_prob to be a number between 0 and 1, got 1.5"),
    (BertConfig, {"layer_norm_eps": float("nan")}, "layer_norm_eps to be a number"),
    (BertConfig, {"hidden_act": "gelo"}, "hidden_act to be one of .* got 'gelo'; did you mean 'gelu'"),
    (BertConfig, {"position_embedding_type": "rotary"}, "position_embedding_type to be one of"),
    (BertConfig, {"pad_token_id": 30522}, r"pad_token_id to be None or below vocab_size \(30522\)"),
    (BertConfig, {"num_labels": 3, "id2label": {0: "a"}}, "num_labels to be the length of id2label, got 3 and 1"),
    (BertConfig, {"num_labels": -1}, "num_labels to be an integer of at least 0"),
    (BertConfig, {"id2label": {"first": "a"}}, "keys of id2label to be integers"),
    (BertConfig, {"id2label": ["a"]}, "id2label to be a dictionary"),
    (BertConfig, {"problem_type": "ranking"}, "problem_type to be one of regression"),
    (BertConfig, {"attn_implementation": "flash"}, "attn_implementation to be one of"),
    (BertConfig, {"to_dict": 1}, "no key 'to_dict'"),
    (BertConfig, {"use_return_dict": False}, "no key 'use_return_dict'"),
    (GPT2Config, {"n_embd": 10, "n_head": 3}, "n_embd to be a multiple of n_head"),
    (GPT2Config, {"summary_type": "max"}, "summary_type to be one of"),
    (LlamaConfig, {"num_attention_heads": 8, "num_key_value_heads": 3}, "multiple of num_key_value_heads, got 8 and 3"),
    (LlamaConfig, {"num_attention_heads": 7}, "hidden_size to be a multiple of num_attention_heads"),
    (LlamaConfig, {"head_dim": 5}, "head_dim to be even"),
    (LlamaConfig, {"rope_scaling": {"rope_type": "spiral", "factor": 2.0}}, "rope_type.* got 'spiral'"),
    (LlamaConfig, {"rope_scaling": {"rope_type": "linear"}}, "type 'linear' to hold factor"),
    (LlamaConfig, {"rope_scaling": {"rope_type": "yarn", "factor": 0.5}}, "'factor'.* of at least 1, got 0.5"),
    (LlamaConfig, {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "low_freq_factor, high_freq_factor"),
    (LlamaConfig, {"rope_scaling": {"type": "linear", "rope_type": "dynamic", "factor": 2.0}}, "to equal"),
    (LlamaConfig, {"rope_scaling": "linear"}, "rope_scaling to be None or a dictionary"),
    (T5Config, {"feed_forward_proj": "gated-gelu-new"}, "feed_forward_proj"),
    (T5Config, {"feed_forward_proj": "double-relu"}, "feed_forward_proj"),
    (ViTConfig, {"image_size": [224, 224, 3]}, "image_size to be a positive integer or a pair"),
    (ViTConfig, {"patch_size": 0}, "patch_size to be a positive integer"),
]


@pytest.mark.parametrize("cls, settings, message", BAD)
def test_bad_values_are_refused(cls, settings, message, tmp_path):
    with pytest.raises(ValueError, match=rf"\[{cls.__name__}\].*{message}"):
        cls(**settings)
    (tmp_path / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=rf"config\.json.*{message}") as error:
        cls.from_pretrained(tmp_path)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


def test_validate_finds_later_assignments():
    config = BertConfig()
    config.hidden_size = 7
    with pytest.raises(ValueError, match="multiple of num_attention_heads"):
        config.validate()
    with pytest.raises(ValueError, match="hidden_act"):
        BertConfig().update({"hidden_act": "nothing"})


def test_too_many_and_repeated_arguments():
    assert BertConfig(99, 24).hidden_size == 24
    with pytest.raises(TypeError, match="two values for vocab_size"):
        BertConfig(99, vocab_size=5)
    with pytest.raises(TypeError, match="at most 16 values, got 20"):
        BertConfig(*range(20))


@pytest.mark.parametrize(
    "content, message",
    [
        (b'{"hidden_size": 12,}', r"expected valid JSON, got a mistake at line 1, column \d+"),
        (b"", "expected valid JSON"),
        (b"[1, 2]", "expected a JSON object, got list"),
        (b'{"a": "\xff\xfe"}', "expected UTF-8 text, got byte 0xff"),
        (b"[" * 100_000, "endless nesting|expected valid JSON"),
    ],
)
def test_broken_files_are_named(tmp_path, content, message):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(OSError, match=message) as error:
        BertConfig.from_pretrained(tmp_path)
    assert str(tmp_path / "config.json") in str(error.value)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(OSError, match="config.json") as error:
        BertConfig.from_pretrained(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_another_model_type_warns(tmp_path, caplog):
    GPT2Config().save_pretrained(tmp_path)
    BertConfig.from_pretrained(tmp_path)
    assert "expected model_type 'bert'" in caplog.text


def test_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch):
    BertConfig(hidden_size=24).save_pretrained(tmp_path)
    before = (tmp_path / "config.json").read_bytes()

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        BertConfig(hidden_size=48).save_pretrained(tmp_path)
    assert (tmp_path / "config.json").read_bytes() == before
    assert os.listdir(tmp_path) == ["config.json"]


def test_saving_over_a_file_is_refused(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(NotADirectoryError, match="expected a folder"):
        BertConfig().save_pretrained(tmp_path / "taken")


def test_importing_a_configuration_loads_little():
    code = "import sys, pytransformers.configs.bert; print(len(sys.modules), *sys.modules)"
    bare = int(subprocess.check_output([sys.executable, "-S", "-c", "import sys; print(len(sys.modules))"]))
    count, *names = subprocess.check_output([sys.executable, "-S", "-c", code], text=True, cwd=os.getcwd()).split()
    assert not {"numpy", "torch", "jax", "tensorflow", "keras", "json", "dataclasses", "typing"} & set(names)
    assert int(count) <= bare + 12, names
