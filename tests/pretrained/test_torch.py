"""What only a PyTorch model has: devices, autocast, and being an ordinary module."""

import copy
import io
import pickle

import pytest
import torch
from pytransformers.backends.torch.models.bert import BertForMaskedLM, BertModel

import pytransformers

from .frameworks import HEADS, Torch, inputs_of, make


@pytest.fixture
def saved(tmp_path):
    model = make(Torch(), "BertForMaskedLM")
    model.save_pretrained(tmp_path)
    return model, tmp_path


@pytest.mark.parametrize("device_map", ["cpu", {"": "cpu"}, "auto", "sequential", torch.device("cpu")])
def test_device_map_of_one_device(saved, device_map):
    model, folder = saved
    placed = BertForMaskedLM.from_pretrained(folder, device_map=device_map)
    assert placed.device.type == "cpu" and placed.hf_device_map
    torch.testing.assert_close(placed.state_dict(), model.state_dict())


def test_device_map_of_several_devices(saved, tmp_path):
    model, folder = saved
    plan = {"bert.embeddings": "cpu", "bert.encoder": "disk", "cls": "cpu"}
    placed = BertForMaskedLM.from_pretrained(folder, device_map=plan, offload_folder=tmp_path / "offload")
    ids = torch.from_numpy(inputs_of("BertForMaskedLM")["input_ids"])
    with torch.no_grad():
        torch.testing.assert_close(placed(ids).logits, model.eval()(ids).logits)


def test_device_map_without_accelerate(saved, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "accelerate", None)
    with pytest.raises(ImportError, match="pip install accelerate"):
        BertForMaskedLM.from_pretrained(saved[1], device_map={"bert": "cpu", "cls": "disk"})


@pytest.mark.parametrize("head", HEADS)
def test_autocast(head):
    model = make(Torch(), head)
    inputs = {name: torch.from_numpy(value) for name, value in inputs_of(head).items()}
    expected = model(**inputs)
    with torch.autocast("cpu", torch.bfloat16):
        output = model(**inputs)
    assert output.logits.dtype == torch.bfloat16 and output.loss.dtype == torch.float32
    error = (output.logits.float() - expected.logits).abs().max()
    assert error < 0.05 * expected.logits.abs().max()
    model.train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(**inputs).loss
    loss.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(g.dtype == torch.float32 and g.isfinite().all() for g in gradients) and len(gradients) > 5


def test_an_ordinary_module(saved):
    model, folder = saved
    model.eval()
    ids = torch.from_numpy(inputs_of("BertForMaskedLM")["input_ids"])
    expected = model(ids).logits
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    fresh = BertForMaskedLM(model.config).eval()
    fresh.load_state_dict(torch.load(file, weights_only=True))
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), fresh):
        torch.testing.assert_close(other(ids).logits, expected)
        assert other.cls.predictions.decoder.weight is other.bert.embeddings.word_embeddings.weight
    assert fresh.half().dtype == torch.float16 and fresh.to(torch.float64).dtype == torch.float64
    assert not BertForMaskedLM.from_pretrained(folder).training and BertForMaskedLM(model.config).training


def test_loading_leaves_no_trace(saved):
    """The default dtype and device stay, and changing a loaded weight never changes the file."""
    _, folder = saved
    before = (folder / "model.safetensors").read_bytes()
    model = BertForMaskedLM.from_pretrained(folder, dtype="bfloat16")
    assert torch.get_default_dtype() == torch.float32 and torch.zeros(1).device.type == "cpu"
    model = BertForMaskedLM.from_pretrained(folder)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert (folder / "model.safetensors").read_bytes() == before


def test_frozen_parameters_stay_frozen(saved):
    model = saved[0]
    model.bert.embeddings.requires_grad_(False)
    model.resize_token_embeddings(64)
    assert not model.bert.embeddings.word_embeddings.weight.requires_grad
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert model.num_parameters(only_trainable=True) == trainable < model.num_parameters()


def test_memory_footprint(saved):
    model = saved[0]
    held = sum(p.untyped_storage().nbytes() for p in model.parameters())  # a shared parameter comes once
    buffers = sum(b.untyped_storage().nbytes() for b in model.buffers())
    assert model.get_memory_footprint(return_buffers=False) == held
    assert model.get_memory_footprint() == held + buffers
    assert model.half().get_memory_footprint(return_buffers=False) == held // 2
    model.float()


def test_buffers_and_rotary_tables_keep_their_precision(tmp_path):
    make(Torch(), "LlamaForCausalLM").save_pretrained(tmp_path)
    half = pytransformers.LlamaForCausalLM.from_pretrained(tmp_path, dtype="bfloat16")
    assert {buffer.dtype for buffer in half.buffers()} <= {torch.float32, torch.int64}
    assert not any(buffer.is_meta for buffer in half.buffers())


def test_moving_the_base(saved):
    base = BertModel.from_pretrained(saved[1], add_pooling_layer=False)
    assert base.base_model is base and saved[0].base_model is saved[0].bert
