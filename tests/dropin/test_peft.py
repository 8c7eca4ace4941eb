"""peft, unmodified: LoRA on BERT, Llama and GPT-2 trains, saves, loads and merges as on the real `transformers`."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from .running import dropin, python, succeed

SCRIPT = Path(__file__).with_name("adapters.py")
BASES = """
import sys, torch
from pytransformers import BertConfig, BertForSequenceClassification, GPT2Config, GPT2LMHeadModel
from pytransformers import LlamaConfig, LlamaForCausalLM
torch.manual_seed(0)
small = dict(vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
special = dict(bos_token_id=1, eos_token_id=None, pad_token_id=0)
for name, model in {
    "bert": BertForSequenceClassification(BertConfig(**small, num_labels=3)),
    "llama": LlamaForCausalLM(LlamaConfig(**small, **special, num_key_value_heads=1)),
    "gpt2": GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=16, n_layer=2, n_head=2, n_positions=32, **special)),
}.items():
    model.save_pretrained(f"{sys.argv[1]}/{name}")
"""
NAMES = ("bert", "llama", "gpt2")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("peft")
    succeed(python("-c", BASES, folder / "bases"))
    theirs = python(SCRIPT, folder / "bases", folder / "theirs", hidden=False, USE_TF="0", USE_FLAX="0")
    ours = dropin(SCRIPT, folder / "bases", folder / "ours")
    return folder, *(json.loads(succeed(done).splitlines()[-1]) for done in (theirs, ours))


@pytest.mark.parametrize("name", NAMES)
def test_trains_saves_loads_and_merges(results, name):
    _, _, ours = results
    assert ours[name]["class"].startswith("pytransformers.backends.torch.models.")
    assert ours[name]["active"] == ["default"]
    assert ours[name]["learned"] > 1e-4
    for step, difference in ours[name]["differences"].items():
        assert difference < 1e-6, step


@pytest.mark.parametrize("name", NAMES)
def test_equals_the_real_one(results, name):
    _, theirs, ours = results
    assert ours[name]["trainable"] == theirs[name]["trainable"]
    assert ours[name]["loss"] == pytest.approx(theirs[name]["loss"], abs=1e-5)
    np.testing.assert_allclose(ours[name]["logits"], theirs[name]["logits"], atol=1e-5)
    assert ours[name].get("generated") == theirs[name].get("generated")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", ["", "-inside"])
def test_files_equal_the_real_ones(results, name, suffix):
    folder, _, _ = results
    files = [folder / side / (name + suffix) for side in ("theirs", "ours")]
    theirs, ours = (load_file(file / "adapter_model.safetensors") for file in files)
    assert set(ours) == set(theirs)
    for key in ours:
        np.testing.assert_allclose(ours[key], theirs[key], atol=1e-5, err_msg=key)
    theirs, ours = (json.loads((file / "adapter_config.json").read_text()) for file in files)
    assert ours["target_modules"] and set(ours["target_modules"]) == set(theirs["target_modules"])
    assert ours["base_model_name_or_path"] == theirs["base_model_name_or_path"]
    assert ours["task_type"] == theirs["task_type"] and ours.keys() == theirs.keys()


def test_adapters_by_name(tmp_path):
    code = """
import pytest, torch
from peft import LoraConfig
from transformers import BertConfig, BertModel
config = BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
model = BertModel(config).eval()
ids = torch.arange(10)[None]
with pytest.raises(ValueError, match="the model has none"):
    model.set_adapter("a")
with pytest.raises(OSError, match="expected adapter_config.json"):
    model.load_adapter(".")
plain = model(ids)[0]
model.add_adapter(LoraConfig(init_lora_weights=False), "a")
model.add_adapter(LoraConfig(init_lora_weights=False), "b")
assert model.active_adapters() == ["b"]
outputs = {}
for name in ("a", "b", ["a", "b"]):
    model.set_adapter(name)
    outputs[str(name)] = model(ids)[0]
assert len({tuple(x.flatten().tolist()) for x in (plain, *outputs.values())}) == 4
with pytest.raises(ValueError, match="'b', which is taken"):
    model.add_adapter(LoraConfig(), "b")
with pytest.raises(ValueError, match="expected one of a, b, got c"):
    model.set_adapter("c")
with pytest.raises(TypeError, match="expected a peft.PeftConfig, got dict"):
    model.add_adapter({}, "d")
state = model.get_adapter_state_dict("a")
other = BertModel(config).eval()
other.load_state_dict({k: v for k, v in model.state_dict().items() if "lora" not in k}, strict=False)
other.load_adapter(peft_config=model.peft_config["a"], adapter_state_dict=state)
assert list(other.peft_config) == ["default"]
state["encoder.layer.0.attention.self.query.lora_X.weight"] = torch.zeros(1)
model.delete_adapter("b")
assert list(model.peft_config) == ["a"]
model.delete_adapter(["a"])
assert torch.equal(model(ids)[0], plain) or (model(ids)[0] - plain).abs().max() < 1e-6
print("done")
"""
    assert succeed(dropin("-c", code)).endswith("done\n")
