"""What Llama and GPT-2 do beyond one forward pass: caches, padding, older checkpoints, argument order, bad input."""

from importlib import import_module

import numpy as np
import pytest

from pytransformers.configs.gpt2 import GPT2Config
from pytransformers.configs.llama import LlamaConfig
from tests.parity.frameworks import Jax, TensorFlow, Torch

LLAMA = {
    "vocab_size": 99, "hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 40, "initializer_range": 0.2,
}  # fmt: skip
GPT2 = {
    "vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 40, "initializer_range": 0.2,
    "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
DECODERS = {
    "llama": ("llama", "LlamaForCausalLM", LlamaConfig, LLAMA),
    "llama-yarn": (
        "llama", "LlamaForCausalLM", LlamaConfig, LLAMA | {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}
    ),
    "gpt2": ("gpt2", "GPT2LMHeadModel", GPT2Config, GPT2),
    "gpt2-layer-scale": ("gpt2", "GPT2LMHeadModel", GPT2Config, GPT2 | {"scale_attn_by_inverse_layer_idx": True}),
}  # fmt: skip


@pytest.fixture(params=[Torch, Jax, TensorFlow], ids=lambda framework: framework.name)
def framework(request):
    return request.param


def create(framework, module, name, config):
    definition = import_module(f"pytransformers.backends.{framework.name}.models.{module}")
    return getattr(definition, name).from_config(config).eval()


def call(framework, model, *args, **inputs):
    """Arguments by position are arrays or None."""
    args = [None if x is None else framework.tensors({"x": x})["x"] for x in args]
    arrays = {name: value for name, value in inputs.items() if isinstance(value, np.ndarray)}
    return model(*args, **{**inputs, **framework.tensors(arrays)})


def ids(length, rows=2, seed=0):
    return np.random.default_rng(seed).integers(3, 99, (rows, length))


def assert_same(framework, ours, expected):
    np.testing.assert_allclose(framework.to_numpy(ours), framework.to_numpy(expected), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("padding", ["none", "right", "left"])
def test_steps_with_a_cache_equal_one_pass(framework, decoder, padding):
    module, name, config, values = DECODERS[decoder]
    model = create(framework, module, name, config(**values))
    tokens, mask = ids(9), np.ones((2, 9), np.int64)
    if padding == "left":
        mask[1, :3] = 0
    elif padding == "right":
        mask[1, 2:5] = 0  # of the prompt: what follows it is text again
    given = {} if padding == "none" else {"attention_mask": mask}
    whole = call(framework, model, tokens, **given).logits

    past, start = None, 0
    for end in (5, 6, 9):  # a prompt, a step, several at once
        given = {} if padding == "none" else {"attention_mask": mask[:, :end]}
        if start == 6:
            past = past.to_legacy_cache()
        output = call(framework, model, tokens[:, start:end], past_key_values=past, **given)
        assert_same(framework, output.logits[:, -1], whole[:, end - 1])
        if start:
            assert_same(framework, output.logits, whole[:, start:end])
        past, start = output.past_key_values, end
    assert past.get_seq_length() == 9


@pytest.mark.parametrize("decoder", ["llama", "gpt2"])
def test_padding_says_nothing(framework, decoder):
    module, name, config, values = DECODERS[decoder]
    model = create(framework, module, name, config(**values))
    tokens, mask = ids(9), np.ones((2, 9), np.int64)
    mask[:, :3] = 0
    positions = np.maximum(np.cumsum(mask, 1) - 1, 0)
    padded = call(framework, model, tokens, attention_mask=mask, position_ids=positions).logits
    assert_same(framework, padded[:, 3:], call(framework, model, tokens[:, 3:]).logits)
    other = np.where(mask, tokens, 7)
    again = call(framework, model, other, attention_mask=mask, position_ids=positions).logits
    assert_same(framework, again[:, 3:], padded[:, 3:])


@pytest.mark.parametrize("decoder", ["llama", "gpt2"])
def test_cache_position_places_the_tokens(framework, decoder):
    module, name, config, values = DECODERS[decoder]
    model = create(framework, module, name, config(**values))
    places = np.arange(4, 13)
    by_cache = call(framework, model, input_ids=ids(9), cache_position=places).logits
    by_ids = call(framework, model, input_ids=ids(9), position_ids=np.stack([places] * 2)).logits
    assert_same(framework, by_cache, by_ids)


def test_cross_attention_is_projected_once(framework):
    config = GPT2Config(**GPT2, add_cross_attention=True)
    model = create(framework, "gpt2", "GPT2LMHeadModel", config)
    encoder = np.random.default_rng(1).standard_normal((2, 5, 32)).astype(np.float32)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    given = {"encoder_attention_mask": mask}
    whole = call(framework, model, ids(8), encoder_hidden_states=encoder, **given).logits
    first = call(framework, model, ids(8)[:, :6], encoder_hidden_states=encoder, **given)
    # From now on the keys and values come from the cache, whatever states are given.
    second = call(
        framework, model, ids(8)[:, 6:], past_key_values=first.past_key_values, encoder_hidden_states=0 * encoder,
        **given,
    )  # fmt: skip
    assert_same(framework, second.logits, whole[:, 6:])


@pytest.mark.parametrize("decoder", ["llama", "gpt2"])
def test_gradient_checkpointing_keeps_no_cache(framework, decoder):
    module, name, config, values = DECODERS[decoder]
    model = create(framework, module, name, config(**values))
    model.gradient_checkpointing_enable()
    assert call(framework, model, ids(4)).past_key_values is not None
    base = model.base_model
    base.train()
    try:
        assert base.gradient_checkpointing
        if framework is Torch:
            assert call(framework, model, ids(4)).past_key_values is None
        else:
            flag = {"train": True, "dropout_rng": _key()} if framework is Jax else {"training": True}
            assert call(framework, model, ids(4), **flag).past_key_values is None
    finally:
        base.eval()


def _key():
    import jax

    return jax.random.key(0)


def test_dynamic_scaling_begins_beyond_the_trained_length(framework):
    scaled = LlamaConfig(**LLAMA, rope_scaling={"rope_type": "dynamic", "factor": 2.0})
    model = create(framework, "llama", "LlamaModel", scaled)
    rotary = model.rotary_emb

    def frequencies(length):
        return framework.to_numpy(rotary.frequencies(framework.tensors({"x": np.arange(length)[None]})["x"]))

    plain = 10000.0 ** (-np.arange(0, 8, 2) / 8)
    np.testing.assert_allclose(frequencies(40), plain, rtol=1e-6)
    base = 10000.0 * (2.0 * 60 / 40 - 1) ** (8 / 6)
    np.testing.assert_allclose(frequencies(60), base ** (-np.arange(0, 8, 2) / 8), rtol=1e-6)
    np.testing.assert_allclose(frequencies(10), plain, rtol=1e-6)  # nothing is kept from a longer text


def test_older_checkpoints_hold_buffers(framework):
    """Llama once saved its inverse frequencies, GPT-2 its causal masks: neither is a surprise."""
    extras = {
        "llama": {"model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(4, np.float32)},
        "gpt2": {"transformer.h.0.attn.bias": np.ones((1, 1, 40, 40), np.uint8),
                 "transformer.h.0.attn.masked_bias": np.float32(-1e4)},
    }  # fmt: skip
    for decoder, extra in extras.items():
        module, name, config, values = DECODERS[decoder]
        model = create(framework, module, name, config(**values))
        weights = {key: framework.to_numpy(value) for key, value in model.state_dict().items()}
        _, info = type(model).from_pretrained(
            None, config=config(**values), state_dict=weights | extra, output_loading_info=True
        )
        assert not info["unexpected_keys"] and not info["missing_keys"]


@pytest.mark.parametrize("name", ["GPT2ForSequenceClassification", "GPT2ForTokenClassification"])
def test_classifiers_take_the_mask_third(framework, name):
    model = create(framework, "gpt2", name, GPT2Config(**GPT2, pad_token_id=0))
    mask = np.array([[0] * 3 + [1] * 6, [1] * 9])
    by_name = call(framework, model, ids(9), attention_mask=mask).logits
    assert_same(framework, call(framework, model, ids(9), None, mask).logits, by_name)


def test_question_answering_takes_the_mask_second(framework):
    model = create(framework, "gpt2", "GPT2ForQuestionAnswering", GPT2Config(**GPT2))
    mask = np.array([[0] * 3 + [1] * 6, [1] * 9])
    by_name = call(framework, model, ids(9), attention_mask=mask).start_logits
    assert_same(framework, call(framework, model, ids(9), mask).start_logits, by_name)


def test_bad_input_is_refused(framework):
    embeds = np.zeros((2, 4, 32), np.float32)
    for decoder in ("llama", "gpt2"):
        module, name, config, values = DECODERS[decoder]
        model = create(framework, module, name, config(**values))
        with pytest.raises(ValueError, match="one of input_ids and inputs_embeds"):
            call(framework, model, input_ids=ids(4), inputs_embeds=embeds)
        with pytest.raises(ValueError, match="expected 2, 3 or 4 dimensions, got 1"):
            call(framework, model, input_ids=ids(4), attention_mask=np.ones(4, np.int64))
    with pytest.raises(ValueError, match="add_cross_attention=True"):
        call(framework, model, input_ids=ids(4), encoder_hidden_states=embeds)
    with pytest.raises(ValueError, match=r"\[summary_type\] expected last, first, mean or cls_index, got 'attn'"):
        create(framework, "gpt2", "GPT2DoubleHeadsModel", GPT2Config(**GPT2, summary_type="attn"))


def test_rotary_tables_stay_in_float32():
    """bfloat16 positions would repeat from 256 on."""
    import torch
    from pytransformers.backends.torch.models.llama import LlamaModel

    model = LlamaModel.from_config(LlamaConfig(**LLAMA), dtype="bfloat16")
    cos, sin = model.rotary_emb(torch.arange(500)[None])
    assert cos.dtype == sin.dtype == torch.float32 and model.embed_tokens.weight.dtype == torch.bfloat16
    angles = np.arange(500)[:, None] * 10000.0 ** (-np.arange(0, 8, 2) / 8)
    np.testing.assert_allclose(cos[0].numpy(), np.cos(angles), atol=5e-5)
    np.testing.assert_allclose(sin[0].numpy(), np.sin(angles), atol=5e-5)
