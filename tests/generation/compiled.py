"""Tests of what JAX and TensorFlow compile: once for a bucket of lengths, and not again."""

import numpy as np
import pytest

from .cases import ENDS, padded, tokens

CALLS = {
    "greedy": {"repetition_penalty": 1.2, "min_new_tokens": 2},
    "sample": {"do_sample": True, "top_k": 5, "top_p": 0.9},
    "beams": {"num_beams": 2, "min_length": 9},
    "time": {"max_time": 100.0, "return_dict_in_generate": True, "output_scores": True},
}


def lengths(result):
    result = getattr(result, "sequences", result)
    return np.asarray(result).shape


@pytest.mark.parametrize("name", CALLS)
def test_other_lengths_compile_nothing(name, fw, oracle):
    """Prompts up to 16 tokens and texts up to 32 share their programs; the next bucket makes as many again."""
    model = fw.public("GPT2LMHeadModel").from_pretrained(oracle.folder / "gpt2")
    settings = {"eos_token_id": None, "pad_token_id": 5, **CALLS[name]}

    def write(length, new):
        result = model.generate(fw.tensor(tokens((2, length))), max_new_tokens=new, **settings)
        assert lengths(result) == (2, length + new)
        return fw.programs(model)

    first = write(7, 12)
    assert 0 < first <= 3
    for length, new in ((9, 10), (3, 28), (16, 3)):
        assert write(length, new) == first, f"compiled anew for {length} + {new} tokens"
    assert write(20, 10) <= 2 * first
    assert write(17, 15) <= 2 * first


def test_other_prompts_compile_nothing(fw, oracle):
    """Neither do masks, encoder inputs of another length, seeds or new objects of the same settings."""
    t5 = fw.public("T5ForConditionalGeneration").from_pretrained(oracle.folder / "t5")
    settings = {"max_new_tokens": 6, "eos_token_id": ENDS}
    fw.generate(t5, **padded("t5"), **settings)
    first = fw.programs(t5)
    fw.generate(t5, **padded("t5", (9, 2, 11), seed=5), **settings)
    fw.generate(t5, **padded("t5", (3, 8, 8), seed=6), generation_config=fw_config(fw, settings))
    assert fw.programs(t5) == first == 1


def fw_config(fw, settings):
    from pytransformers import GenerationConfig

    return GenerationConfig(**settings)


def test_weights_are_no_constants(fw, oracle):
    """A program follows the model's weights."""
    model = fw.public("GPT2LMHeadModel").from_pretrained(oracle.folder / "gpt2")
    before = fw.generate(model, tokens((2, 7)), max_new_tokens=6)
    programs = fw.programs(model)
    fw.change(model, "transformer.ln_f.weight", -1.0)
    after = fw.generate(model, tokens((2, 7)), max_new_tokens=6)
    assert before.tolist() != after.tolist() and fw.programs(model) == programs
    model.save_pretrained(path := oracle.folder / f"changed-{fw.name}")
    again = fw.public("GPT2LMHeadModel").from_pretrained(path)
    assert after.tolist() == fw.generate(again, tokens((2, 7)), max_new_tokens=6).tolist()


def test_what_cannot_be_compiled_is_refused(fw, oracle):
    """Contrastive search weighs its candidates within the program."""
    model = fw.model(oracle, "gpt2")
    for settings in ({"prefix_allowed_tokens_fn": lambda batch, ids: [3]}, {"guidance_scale": 2.0}):
        with pytest.raises(ValueError, match=r"^\[contrastive_search\] expected processors that can be compiled"):
            fw.generate(model, tokens((1, 7)), penalty_alpha=0.5, top_k=3, max_new_tokens=3, **settings)
