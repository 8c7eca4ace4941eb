"""One checkpoint for all: what a framework saves, the others and `transformers` load, and the other way round."""

import os

import numpy as np
import pytest

from .frameworks import FRAMEWORKS, HEADS, inputs_of, make

os.environ.update(USE_TF="0", USE_FLAX="0")


@pytest.fixture(scope="module")
def transformers():
    return pytest.importorskip("transformers", minversion="4.57")


@pytest.mark.parametrize("head", HEADS)
def test_saved_in_one_and_loaded_in_the_others(framework, head, tmp_path):
    model = make(framework, head)
    model.save_pretrained(tmp_path)
    expected = framework.state(model)
    for name in FRAMEWORKS:
        other = FRAMEWORKS[name]()
        again, info = other.model(head).from_pretrained(tmp_path, output_loading_info=True)
        assert not any(info.values()), (name, info)
        found = other.state(again)
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            np.testing.assert_array_equal(found[key], value, err_msg=f"{name}: {key}")
        if head == "BertForMaskedLM":
            ours, theirs = other.call(again, inputs_of(head)), framework.call(model, inputs_of(head))
            np.testing.assert_allclose(ours["logits"], theirs["logits"], atol=1e-5)
            np.testing.assert_allclose(ours["loss"], theirs["loss"], atol=1e-5)


def test_bfloat16_between_frameworks(framework, tmp_path):
    model = make(framework, "BertForMaskedLM")
    model.save_pretrained(tmp_path / "full")
    half = type(model).from_pretrained(tmp_path / "full", torch_dtype="bfloat16")
    half.save_pretrained(tmp_path / "half")
    for name in FRAMEWORKS:
        other = FRAMEWORKS[name]()
        again = other.model("BertForMaskedLM").from_pretrained(tmp_path / "half", dtype="auto")
        assert other.dtypes(again) == {"bfloat16"}
        for key, value in framework.state(half).items():
            np.testing.assert_array_equal(other.state(again)[key], value, err_msg=f"{name}: {key}")


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_transformers_loads_ours(framework, head, tied, tmp_path, transformers):
    import torch

    model = make(framework, head, **({} if head.startswith("ViT") else {"tie_word_embeddings": tied}))
    model.save_pretrained(tmp_path)
    theirs, info = getattr(transformers, head).from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    with torch.no_grad():
        expected = theirs.eval()(**{name: torch.from_numpy(value) for name, value in inputs_of(head).items()})
    found = framework.call(model, inputs_of(head))
    np.testing.assert_allclose(found["logits"], expected.logits.numpy(), atol=2e-5, rtol=1e-4)
    np.testing.assert_allclose(found["loss"], expected.loss.numpy(), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "bin"])
@pytest.mark.parametrize("head", HEADS)
def test_ours_load_what_transformers_saves(framework, head, safe, tmp_path, transformers):
    config = getattr(transformers, framework.model(head).config_class.__name__)(**HEADS[head])
    theirs = getattr(transformers, head)(config)
    theirs.save_pretrained(tmp_path, safe_serialization=safe, max_shard_size="8KB")
    model, info = framework.model(head).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    state = framework.state(model)
    for name, value in theirs.state_dict().items():
        np.testing.assert_array_equal(state[name], value.numpy(), err_msg=name)
