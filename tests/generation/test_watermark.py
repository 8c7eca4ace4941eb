"""Marked texts and what the detector finds in them, as with the reference, in both directions."""

import numpy as np
import pytest
import torch
import transformers

import pytransformers
from pytransformers import GenerationConfig, WatermarkDetector, WatermarkingConfig, WatermarkLogitsProcessor

SCHEMES = {
    "left": {"bias": 3.0},
    "left-wide": {"context_width": 3, "greenlist_ratio": 0.4, "hashing_key": 99991},
    "self": {"bias": 2.5, "seeding_scheme": "selfhash"},
    "self-wide": {"bias": 4.0, "seeding_scheme": "selfhash", "context_width": 4, "greenlist_ratio": 0.5},
}
GENERATE = {
    "greedy": {},
    "beams": {"num_beams": 3},
    "sample": {"do_sample": True, "top_k": 8, "temperature": 0.7},
    "renormalized": {"num_beams": 2, "renormalize_logits": True},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """(ours, theirs) with the same weights, by name."""
    torch.manual_seed(0)
    shapes = {"vocab_size": 120, "n_positions": 64, "n_embd": 16, "n_layer": 1, "n_head": 2}
    t5 = {"vocab_size": 120, "d_model": 16, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    theirs = {
        "gpt2": transformers.GPT2LMHeadModel(transformers.GPT2Config(**shapes, bos_token_id=1, eos_token_id=119)),
        "t5": transformers.T5ForConditionalGeneration(
            transformers.T5Config(**t5, decoder_start_token_id=0, pad_token_id=0, eos_token_id=119)
        ),
    }
    both = {}
    for name, model in theirs.items():
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, 0, 0.3)
        folder = tmp_path_factory.mktemp(name)
        model.eval().save_pretrained(folder)
        both[name] = getattr(pytransformers, type(model).__name__).from_pretrained(folder), model
    return both


@pytest.mark.parametrize("name", ("gpt2", "t5"))
@pytest.mark.parametrize("mode", GENERATE)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_writes_and_finds_as_the_reference(scheme, mode, name, models):
    ours, theirs = models[name]
    ids = torch.tensor([[1, 17, 5, 88], [1, 64, 33, 2]])
    settings = {"max_new_tokens": 12, "pad_token_id": 0, **GENERATE[mode]}
    config, reference = WatermarkingConfig(**SCHEMES[scheme]), transformers.WatermarkingConfig(**SCHEMES[scheme])
    torch.manual_seed(4)
    found = ours.generate(ids, watermarking_config=config, **settings)
    torch.manual_seed(4)
    expected = theirs.generate(ids, watermarking_config=reference, **settings)
    assert found.tolist() == expected.tolist()
    torch.manual_seed(4)
    assert found.tolist() != ours.generate(ids, **settings).tolist()

    detect = WatermarkDetector(ours.config, "cpu", config)
    detect_too = transformers.WatermarkDetector(theirs.config, "cpu", reference)
    result, result_too = detect(found, return_dict=True), detect_too(found, return_dict=True)
    for field, value in vars(result_too).items():
        np.testing.assert_allclose(getattr(result, field), value, rtol=1e-12, err_msg=field)
    assert detect(found, z_threshold=1.0).tolist() == (result.z_score > 1.0).tolist()


def test_detects(models):
    """Long marked texts are found, others are not."""
    model = models["gpt2"][0]
    ids = torch.tensor([[1, 17, 5, 88]])
    settings = {"max_new_tokens": 56, "do_sample": True, "pad_token_id": 0, "eos_token_id": []}
    marks = WatermarkingConfig(bias=6.0)
    detect = WatermarkDetector(model.config, "cpu", marks.to_dict(), ignore_repeated_ngrams=True)
    torch.manual_seed(0)
    assert detect(model.generate(ids, watermarking_config=marks, **settings)[:, 4:]).tolist() == [True]
    assert detect(model.generate(ids, **settings)[:, 4:]).tolist() == [False]


def test_repeated_ngrams_count_once(models):
    detect = WatermarkDetector(models["gpt2"][0].config, "cpu", {}, ignore_repeated_ngrams=True)
    found = detect(torch.tensor([[7, 8, 7, 8, 7, 8, 9]]), return_dict=True)
    assert found.num_tokens_scored.tolist() == [3]  # 7 8, 8 7 and 8 9


@pytest.mark.parametrize("scheme", SCHEMES)
def test_processor_equals_the_reference(scheme):
    ours = WatermarkLogitsProcessor(300, "cpu", **SCHEMES[scheme])
    theirs = transformers.WatermarkLogitsProcessor(300, "cpu", **SCHEMES[scheme])
    generator = torch.Generator().manual_seed(0)
    for length in range(1, 8):  # shorter than the context first
        ids = torch.randint(0, 300, (3, length), generator=generator)
        scores = torch.randn(3, 300, generator=generator)
        assert torch.equal(ours(ids, scores), theirs(ids, scores))


def test_config_as_data(tmp_path):
    marks = {"greenlist_ratio": 0.3, "bias": 1.5}
    config = GenerationConfig(watermarking_config=marks)
    assert config.watermarking_config == WatermarkingConfig(**marks)
    config.save_pretrained(tmp_path)
    assert GenerationConfig.from_pretrained(tmp_path) == config
    config.update(watermarking_config={"bias": 9.0})
    assert config.watermarking_config.bias == 9.0
    assert dict(config.watermarking_config) == config.watermarking_config.to_dict()
    assert transformers.WatermarkingConfig(**marks).to_dict() == WatermarkingConfig(**marks).to_dict()


@pytest.mark.parametrize("bad", (
    {"greenlist_ratio": 1.0}, {"greenlist_ratio": 0.0}, {"seeding_scheme": "hash"}, {"context_width": 0},
    {"ngram_len": 5},
))  # fmt: skip
def test_bad_settings(bad):
    with pytest.raises(ValueError, match=r"\[watermarking_config\] expected"):
        GenerationConfig(watermarking_config=bad)
    with pytest.raises(ValueError, match="expected watermarking_config to be"):
        GenerationConfig(watermarking_config=3)


def test_bad_texts(models):
    detect = WatermarkDetector(models["gpt2"][0].config, "cpu", {"context_width": 4})
    with pytest.raises(ValueError, match="expected more than context_width=4 tokens, got 4"):
        detect(torch.tensor([[1, 5, 6, 7, 8]]))  # the start does not count


@pytest.mark.parametrize("prefix", ("Flax", "TF"))
def test_other_frameworks_refuse(prefix):
    config = pytransformers.GPT2Config(vocab_size=20, n_positions=16, n_embd=8, n_layer=1, n_head=2)
    model = getattr(pytransformers, prefix + "GPT2LMHeadModel")(config)
    with pytest.raises(ValueError, match=r"\[watermarking_config\] expected a PyTorch model"):
        model.generate(np.array([[1, 2]]), watermarking_config={"bias": 1.0})
