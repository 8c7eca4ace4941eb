"""Quantised models in every framework, against the same model with the values that the codes stand for."""

import numpy as np
import pytest

from pytransformers.ops import quantized_matmul as contract
from pytransformers.ops.selection import kernels
from pytransformers.quantization import quantize
from tests.pretrained.frameworks import FRAMEWORKS, inputs_of, make

# head -> linear layers but for the projection to the vocabulary
LAYERS = {"BertForMaskedLM": 13, "GPT2LMHeadModel": 8, "LlamaForCausalLM": 14, "T5ForConditionalGeneration": 32,
          "ViTForImageClassification": 13}  # fmt: skip
WEIGHT_ONLY = [("int8", {}), ("int4", {"group_size": 8}), ("int4", {"symmetric": False}), ("nf4", {})]


@pytest.fixture(params=FRAMEWORKS)
def framework(request):
    return FRAMEWORKS[request.param]()


def plain(framework, head):
    """A model whose training draws no random numbers."""
    names = {"Bert": ("hidden_dropout_prob", "attention_probs_dropout_prob"), "ViT": ("hidden_dropout_prob",),
             "GPT2": ("resid_pdrop", "embd_pdrop", "attn_pdrop"), "T5": ("dropout_rate",), "Llama": ()}  # fmt: skip
    return make(framework, head, **dict.fromkeys(next(v for k, v in names.items() if head.startswith(k)), 0.0))


def quantized_layers(model):
    return {name: m for name, m in model.named_modules() if type(m).__name__ == "QuantizedLinear"}


def array(buffer):
    """Of bytes and floats alike, from a variable of any framework."""
    return None if buffer is None else np.asarray(getattr(buffer, "stored", buffer))


def pair(framework, head, quantization, **options):
    """A quantised model, and one with the values of its codes."""
    model, twin = plain(framework, head), plain(framework, head)
    assert quantize(model, quantization, **options) is model
    for name, layer in quantized_layers(model).items():
        weight = contract.dequantize(array(layer.codes), array(layer.scales), array(layer.offsets), quantization,
                                     layer.group_size, layer.out_features, layer.in_features, np.float32)  # fmt: skip
        transposed = type(twin.get_submodule(name)).__name__ == "Conv1D"
        framework.set(twin, f"{name}.weight", np.ascontiguousarray(weight.T if transposed else weight))
    return model, twin


def logits(framework, model, inputs):
    return framework.call(model, inputs)["logits"]


def assert_near(found, wanted, tolerance=1e-4):
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * max(1, np.abs(wanted).max()))


# All in PyTorch; where every model is compiled, as many as meet each format and each kind of layer once.
RUNS = [("torch", head, *way) for head in LAYERS for way in WEIGHT_ONLY]
RUNS += [(name, *run) for name in ("jax", "tensorflow") for run in (
    ("GPT2LMHeadModel", "int8", {}), ("GPT2LMHeadModel", "nf4", {}), ("T5ForConditionalGeneration", *WEIGHT_ONLY[1]),
)]  # fmt: skip


@pytest.mark.parametrize("name, head, quantization, options", RUNS, ids=str)
def test_equals_the_model_with_the_values_of_its_codes(name, head, quantization, options):
    framework, inputs = FRAMEWORKS[name](), inputs_of(head)
    model, twin = pair(framework, head, quantization, **options)
    layers = quantized_layers(model)
    assert len(layers) == LAYERS[head]
    assert not [name for name in framework.values(model) if name.rpartition(".")[0] in layers and "weight" in name]
    wanted = logits(framework, twin, inputs)
    with kernels("native"):
        assert_near(logits(framework, model, inputs), wanted)
    with kernels("reference"):
        assert_near(logits(framework, model, inputs), wanted)


def test_rounded_activations_stay_close(framework):
    head = "GPT2LMHeadModel"
    inputs, model = inputs_of(head), plain(framework, head)
    before = logits(framework, model, inputs).ravel()
    after = logits(framework, quantize(model, "int8_dynamic"), inputs).ravel()
    assert before @ after > 0.995 * np.linalg.norm(before) * np.linalg.norm(after)
    assert not np.array_equal(before, after)


def test_gradients_reach_what_is_not_quantized(framework):
    head = "GPT2LMHeadModel"
    model, twin = pair(framework, head, "int4", group_size=8)
    found, wanted = (framework.training_gradients(m, inputs_of(head)) for m in (model, twin))
    assert set(found) == {name for name in wanted if name.removesuffix(".weight") not in quantized_layers(model)}
    for name, gradient in found.items():
        assert_near(gradient, wanted[name], 1e-3)


def test_generates(framework):
    model, twin = pair(framework, "LlamaForCausalLM", "int4", group_size=8)
    ids = framework.tensors({"ids": inputs_of("LlamaForCausalLM")["input_ids"]})["ids"]
    options = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    first, second = (framework.to_numpy(getattr(out, "sequences", out))
                     for out in (m.generate(ids, **options) for m in (model, twin)))  # fmt: skip
    np.testing.assert_array_equal(first, second)


def test_generates_anew_after_it_was_quantized():
    """A compiled program of TensorFlow holds the variables that it was traced with."""
    framework = FRAMEWORKS["tensorflow"]()
    model = plain(framework, "GPT2LMHeadModel")
    ids = framework.tensors({"ids": inputs_of("GPT2LMHeadModel")["input_ids"]})["ids"]
    options = {"max_new_tokens": 4, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    before = np.asarray(model.generate(ids, **options))
    for name, _ in model.named_parameters():
        if "mlp" in name:
            framework.set(model, name, -10 * framework.to_numpy(model.get_parameter(name)))
    quantize(model, "int8")
    assert not np.array_equal(model.generate(ids, **options), before)


def test_compiled(framework):
    head = "GPT2LMHeadModel"
    inputs, model = inputs_of(head), quantize(plain(framework, head), "int8_dynamic")
    tensors = framework.tensors({"input_ids": inputs["input_ids"]})
    wanted = logits(framework, model, inputs)
    if framework.name == "torch":
        import torch

        torch._dynamo.reset()
        with torch.no_grad():
            found = [torch.compile(model, backend="aot_eager")(**tensors)]
    elif framework.name == "jax":
        from flax import nnx

        found = [nnx.jit(lambda model, ids: model(ids))(model, tensors["input_ids"])]
    else:
        import tensorflow as tf

        found = [tf.function(model, jit_compile=xla)(**tensors) for xla in (False, True)]
    for output in found:
        assert_near(framework.to_numpy(output.logits), wanted)


@pytest.mark.parametrize("quantization, options", [("int8_dynamic", {}), ("int4", {"symmetric": False})], ids=str)
def test_loads_again_in_every_framework(framework, tmp_path, quantization, options):
    head = "GPT2LMHeadModel"
    inputs, model = inputs_of(head), quantize(plain(framework, head), quantization, skip=["h.0.attn"], **options)
    wanted = logits(framework, model, inputs)
    model.save_pretrained(tmp_path)
    for other in FRAMEWORKS.values():
        again, info = other().model(head).from_pretrained(tmp_path, output_loading_info=True)
        assert not any(info.values())
        assert set(quantized_layers(again)) == set(quantized_layers(model))
        assert_near(logits(other(), again, inputs), wanted, 1e-2 if quantization == "int8_dynamic" else 1e-4)


def test_skips(framework):
    names = set(quantized_layers(quantize(plain(framework, "BertForMaskedLM"), skip=("attention", "layer.0"))))
    assert names == {"bert.encoder.layer.1.intermediate.dense", "bert.encoder.layer.1.output.dense",
                     "cls.predictions.transform.dense"}  # fmt: skip
    untied = make(framework, "LlamaForCausalLM", tie_word_embeddings=False)
    assert "lm_head" in quantized_layers(quantize(untied, "int8", skip=()))
    tied = make(framework, "LlamaForCausalLM", tie_word_embeddings=True)
    assert "lm_head" not in quantized_layers(quantize(tied, "int8", skip=()))


def test_refusals(framework):
    model = plain(framework, "BertForMaskedLM")
    with pytest.raises(ValueError, match=r"\[quantize\] expected one of int8_dynamic, .*, got 'int3'"):
        quantize(model, "int3")
    with pytest.raises(ValueError, match=r"\[quantized_matmul\] expected a group_size"):
        quantize(model, "int4", group_size=12)
    with pytest.raises(ValueError, match=r"int8_dynamic with group_size 0"):
        quantize(model, "int8_dynamic", group_size=32)
    with pytest.raises(ValueError, match=r"got none that `skip` leaves"):
        quantize(model, skip=["bert", "cls"])
    with pytest.raises(ValueError, match=r"write skip=\['bert'\]"):
        quantize(model, skip="bert")
    assert not quantized_layers(model)
    quantize(model)
    with pytest.raises(ValueError, match="load it again"):
        quantize(model)


def test_torch_dtypes_modes_and_hooks():
    import torch

    framework = FRAMEWORKS["torch"]()
    model = quantize(plain(framework, "LlamaForCausalLM"), "int8")
    assert not any(module.training for module in model.modules())
    inputs = inputs_of("LlamaForCausalLM")
    wanted = logits(framework, model, inputs)
    assert_near(logits(framework, model.to(torch.bfloat16), inputs), wanted, 0.1)
    with torch.autocast("cpu", torch.bfloat16):
        assert_near(logits(framework, model.float(), inputs), wanted, 0.1)
    ids = torch.from_numpy(inputs["input_ids"])
    embeddings = model.get_input_embeddings()(ids).detach().requires_grad_()
    model(inputs_embeds=embeddings).logits.sum().backward()
    assert embeddings.grad.abs().max() > 0
    wanted = logits(framework, model, inputs)
    gate, seen = model.get_submodule("model.layers.0.mlp.gate_proj"), []
    hook = gate.register_forward_hook(lambda layer, args, output: seen.append((args[0], output.detach())))
    assert_near(logits(framework, model, inputs), wanted)
    hook.remove()
    torch.testing.assert_close(seen[0][1], gate(seen[0][0]).detach())
