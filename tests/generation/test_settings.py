"""GenerationConfig: the fields, defaults and file of the oracle; how a model finds and keeps its own."""

import json

import pytest
import torch
from transformers import GenerationConfig as Reference

import pytransformers as pt
from pytransformers.configs.generation import DEFAULTS, GenerationConfig

from .cases import BEAMS, CONTRASTIVE, PROCESSORS, SAMPLED, tokens

SETTINGS = {**PROCESSORS, **BEAMS, **SAMPLED, **CONTRASTIVE}
PROMPT = torch.from_numpy(tokens((2, 7)))


def fields(config):
    """What both have, as JSON keeps it."""
    values = json.loads(json.dumps({n: v for n, v in config.to_dict().items() if n in DEFAULTS}, default=str))
    return {name: sorted(v) if isinstance(v, set) else v for name, v in values.items()}


def test_defaults():
    ours, theirs = GenerationConfig().to_dict(), Reference().to_dict()
    assert {name: theirs.get(name) for name in DEFAULTS} == {name: ours[name] for name in DEFAULTS}
    assert not set(theirs) - set(ours) - {"_from_model_config", "is_assistant"}


# the oracle refuses to save top_k without sampling, and tuples as keys
SAVED = [n for n, s in SETTINGS.items() if n not in CONTRASTIVE and not isinstance(s.get("sequence_bias"), dict)]


@pytest.mark.parametrize("name", SAVED)
def test_files_go_both_ways(name, tmp_path):
    settings = SETTINGS[name]
    GenerationConfig(**settings).save_pretrained(tmp_path / "ours")
    Reference(**settings).save_pretrained(tmp_path / "theirs")
    assert fields(Reference.from_pretrained(tmp_path / "ours")) == fields(Reference(**settings))
    assert fields(GenerationConfig.from_pretrained(tmp_path / "theirs")) == fields(GenerationConfig(**settings))
    assert fields(GenerationConfig.from_pretrained(tmp_path / "ours")) == fields(GenerationConfig(**settings))


@pytest.mark.parametrize("name", SETTINGS)
def test_modes(name):
    if name == "default-length":
        assert GenerationConfig().get_generation_mode(assistant_model=object()) == "assisted_generation"
    theirs = Reference(**SETTINGS[name]).get_generation_mode()
    assert GenerationConfig(**SETTINGS[name]).get_generation_mode() == theirs.value


def test_biases_of_tuples_survive_a_file(tmp_path):
    config = GenerationConfig(sequence_bias={(3, 4): 1.5, (5,): -2.0})
    config.save_pretrained(tmp_path)
    again = GenerationConfig.from_pretrained(tmp_path)
    assert again.sequence_bias == [[[3, 4], 1.5], [[5], -2.0]]
    pt.SequenceBiasLogitsProcessor(again.sequence_bias)


def test_updates():
    config = GenerationConfig(top_k=5, own=3)
    assert config.own == 3 and config.update(top_p=0.5, own=4, model_argument=1) == {"model_argument": 1}
    assert (config.top_k, config.top_p, config.own) == (5, 0.5, 4)
    config, unused = GenerationConfig.from_dict({"num_beams": 3}, return_unused_kwargs=True, other=1, top_k=2)
    assert (config.num_beams, config.top_k, unused) == (3, 2, {"other": 1})
    assert config == GenerationConfig(num_beams=3, top_k=2) != GenerationConfig()


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(OSError, match="generation_config.json"):
        GenerationConfig.from_pretrained(tmp_path)
    (tmp_path / "generation_config.json").write_text("[1")
    with pytest.raises(OSError, match="generation_config.json"):
        GenerationConfig.from_pretrained(tmp_path)


@pytest.mark.parametrize("prefix", ("", "Flax", "TF"))
def test_a_model_keeps_its_own(prefix, oracle, tmp_path):
    """Loaded and saved with the model, the caller's own settings above it, and not changed by a call."""
    kind = getattr(pt, prefix + "GPT2LMHeadModel")
    model = kind.from_pretrained(oracle.folder / "gpt2")
    assert model.generation_config.eos_token_id == 99
    model.generation_config.update(max_new_tokens=3, repetition_penalty=1.2)
    before = model.generation_config.to_dict()
    model.save_pretrained(tmp_path)
    again = kind.from_pretrained(tmp_path)
    assert again.generation_config == model.generation_config
    assert Reference.from_pretrained(tmp_path).repetition_penalty == 1.2
    if not prefix:
        assert again.generate(PROMPT).shape == (2, 10)
        assert again.generate(PROMPT, max_new_tokens=5).shape == (2, 12)
        assert again.generate(PROMPT, generation_config=GenerationConfig(max_new_tokens=6)).shape == (2, 13)
        assert again.generate(PROMPT, generation_config=GenerationConfig(top_k=3)).shape == (2, 10)
        assert again.generation_config.to_dict() == before


def test_settings_of_older_checkpoints(oracle, tmp_path):
    """config.json held them before generation_config.json was."""
    model = oracle.model("gpt2")
    model.save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").unlink()
    values = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**values, "num_beams": 2, "max_length": 11}))
    again = type(model).from_pretrained(tmp_path)
    assert (again.generation_config.num_beams, again.generation_config.max_length) == (2, 11)
    assert again.generation_config.eos_token_id == 99
