"""What T5 does beyond one forward pass: buckets, caches, the caller's encoder outputs, float16, bad input."""

from importlib import import_module

import numpy as np
import pytest

from pytransformers.configs.t5 import T5Config
from tests.parity.frameworks import Jax, TensorFlow, Torch

CONFIG = {
    "vocab_size": 99, "d_model": 32, "d_kv": 10, "d_ff": 37, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 4,
    "decoder_start_token_id": 0, "relative_attention_num_buckets": 8, "relative_attention_max_distance": 12,
}  # fmt: skip


@pytest.fixture(params=[Torch, Jax, TensorFlow], ids=lambda framework: framework.name)
def framework(request):
    return request.param


def definition(framework):
    return import_module(f"pytransformers.backends.{framework.name}.models.t5")


def create(framework, name="T5ForConditionalGeneration", dtype=None, **config):
    model = getattr(definition(framework), name).from_config(T5Config(**{**CONFIG, **config}), dtype=dtype)
    return model.eval() if hasattr(model, "eval") else model


def call(framework, model, **inputs):
    arrays = {name: value for name, value in inputs.items() if isinstance(value, np.ndarray)}
    return model(**{**inputs, **framework.tensors(arrays)})


def ids(length, rows=2, seed=0):
    return np.random.default_rng(seed).integers(2, 99, (rows, length))


@pytest.mark.parametrize("is_decoder", [False, True])
@pytest.mark.parametrize(
    "buckets, farthest", [(32, 128), (8, 12), (8, 20), (12, 50), (16, 100), (32, 256), (64, 128), (64, 800)]
)
def test_buckets_are_the_oracle_s(buckets, farthest, is_decoder):
    import torch
    from transformers.models.t5.modeling_t5 import T5Attention

    position = np.arange(-2 * farthest, 2 * farthest + 1)
    expected = T5Attention._relative_position_bucket(torch.from_numpy(position), not is_decoder, buckets, farthest)
    table = definition(Torch).position_buckets(buckets, farthest, is_decoder)
    np.testing.assert_array_equal(table[np.clip(position, -farthest, farthest) + farthest], expected.numpy())


def test_steps_with_a_cache_equal_one_pass(framework):
    model = create(framework)
    source, target = ids(9), ids(8, seed=1)
    mask = np.ones_like(source)
    mask[1, 6:] = 0
    whole = call(framework, model, input_ids=source, attention_mask=mask, decoder_input_ids=target).logits
    first = call(framework, model, input_ids=source, attention_mask=mask, decoder_input_ids=target[:, :4])
    cache, encoded, logits = first.past_key_values, first.encoder_last_hidden_state, [framework.to_numpy(first.logits)]
    for start, end in ((4, 5), (5, 8)):
        legacy = cache.to_legacy_cache() if start == 5 else cache
        out = call(
            framework, model, attention_mask=mask, encoder_outputs=(encoded,), past_key_values=legacy,
            decoder_input_ids=target[:, start:end],
        )  # fmt: skip
        cache = out.past_key_values
        logits.append(framework.to_numpy(out.logits))
    np.testing.assert_allclose(np.concatenate(logits, 1), framework.to_numpy(whole), rtol=1e-4, atol=1e-3)
    assert first.past_key_values.length == 4, "an update changed the cache it was given"
    assert len(cache) == 3 and [tuple(x.shape) for x in cache[0]] == [(2, 4, 8, 10)] * 2 + [(2, 4, 9, 10)] * 2


def test_encoder_outputs_of_the_caller(framework):
    model = create(framework)
    source, target = ids(9), ids(5, seed=1)
    encoded = call(framework, model.get_encoder(), input_ids=source)
    expected = framework.to_numpy(call(framework, model, input_ids=source, decoder_input_ids=target).logits)
    for given in (encoded, encoded.to_tuple(), (encoded[0],)):
        out = call(framework, model, encoder_outputs=given, decoder_input_ids=target)
        np.testing.assert_allclose(framework.to_numpy(out.logits), expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(*map(framework.to_numpy, (out.encoder_last_hidden_state, encoded[0])))


def test_one_head_mask_is_for_both_halves(framework):
    model = create(framework, "T5Model", num_decoder_layers=2)
    inputs = {"input_ids": ids(9), "decoder_input_ids": ids(5, seed=1)}
    mask = np.random.default_rng(0).random((2, 4)).astype(np.float32)
    one = call(framework, model, **inputs, head_mask=mask)[0]
    two = call(framework, model, **inputs, head_mask=mask, decoder_head_mask=mask)[0]
    np.testing.assert_array_equal(framework.to_numpy(one), framework.to_numpy(two))


def test_float16_stays_finite(framework):
    """A feed-forward block that overflows leaves the largest numbers, not infinities that end in nan."""
    model = create(framework, "T5EncoderModel", dtype="float16" if framework is Torch else None)
    finite = definition(framework).finite
    values = np.array([1.0, -65504.0, 65504.0], np.float16)
    tensors = framework.tensors({"fine": values, "over": np.append(values, np.float16(np.inf))})
    np.testing.assert_array_equal(framework.to_numpy(finite(tensors["fine"])), values)
    over = framework.to_numpy(finite(tensors["over"]))
    np.testing.assert_array_equal(over, np.array([1, -64504, 64504, 64504], np.float16).astype(np.float32))
    if framework is Torch:
        import torch

        with torch.no_grad():
            model.encoder.block[0].layer[1].DenseReluDense.wo.weight.fill_(3e4)
            assert torch.isfinite(model(torch.from_numpy(ids(9))).last_hidden_state).all()


def test_a_checkpoint_written_after_use_is_whole(framework, tmp_path):
    model = create(framework, "T5ForSequenceClassification")
    inputs = {"input_ids": ids(9)}
    if framework is Jax:  # nnx sorts the attributes of what passes through it
        from flax import nnx

        nnx.jit(lambda model, x: model(input_ids=x).logits)(model, Jax.tensors(inputs)["input_ids"])
    before = framework.to_numpy(call(framework, model, **inputs).logits)
    model.save_pretrained(tmp_path)
    again, info = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    np.testing.assert_allclose(framework.to_numpy(call(framework, again, **inputs).logits), before, atol=1e-6)


def test_resized_embeddings_serve_both_halves(framework):
    model = create(framework, tie_word_embeddings=False)
    model.resize_token_embeddings(120)
    out = call(framework, model, input_ids=ids(9) + 20, decoder_input_ids=ids(5) + 20)
    assert tuple(out.logits.shape) == (2, 5, 120)


def test_bad_input_is_explained(framework):
    model = create(framework)
    with pytest.raises(ValueError, match="one of input_ids and inputs_embeds"):
        call(framework, model, decoder_input_ids=ids(5))
    with pytest.raises(ValueError, match="one of decoder_input_ids and decoder_inputs_embeds"):
        call(framework, model, input_ids=ids(5))
    with pytest.raises(ValueError, match="set decoder_start_token_id"):
        call(framework, create(framework, decoder_start_token_id=None), input_ids=ids(5), labels=ids(4))
    with pytest.raises(ValueError, match="expected input_ids"):
        embeds = np.zeros((2, 5, 32), np.float32)
        call(framework, create(framework, "T5ForSequenceClassification"), inputs_embeds=embeds)


def test_gradient_checkpointing_changes_no_gradient():
    import torch

    model = create(Torch, dropout_rate=0.0).train()
    inputs = Torch.tensors({"input_ids": ids(9), "labels": ids(5)})

    def gradients():
        model.zero_grad()
        model(**inputs).loss.backward()
        return {name: p.grad.clone() for name, p in model.named_parameters()}

    expected = gradients()
    model.gradient_checkpointing_enable()
    assert model(**inputs).past_key_values is None
    for name, gradient in gradients().items():
        torch.testing.assert_close(gradient, expected[name])
