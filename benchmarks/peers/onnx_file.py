"""A model of `transformers` as an ONNX file, for the runtimes that read one."""

from __future__ import annotations

import json
import os

import numpy as np
import torch
import transformers

from ..models import Cell
from .huggingface import load


class _Encoder(torch.nn.Module):
    def __init__(self, model, module):
        super().__init__()
        self.name = "pixel_values" if model.kind == "vision" else "input_ids"
        self.module = module

    def forward(self, first, *attention_mask):
        mask = {"attention_mask": attention_mask[0]} if attention_mask else {}
        return self.module(**{self.name: first}, **mask).last_hidden_state


class _Decoder(torch.nn.Module):
    """Tokens and a cache, as a flat list of keys and values, to the last token's logits and the longer cache."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, input_ids, *past):
        before, length = past[0].shape[2], input_ids.shape[1]
        position = torch.arange(before, before + length)
        # made here, since the exporter does not follow how the model would make it
        hidden = torch.arange(before + length)[None] > position[:, None]
        mask = torch.zeros(hidden.shape).masked_fill(hidden, torch.finfo(torch.float32).min)[None, None]
        cache = transformers.DynamicCache.from_legacy_cache(tuple(zip(past[::2], past[1::2], strict=True)))
        output = self.module(
            input_ids=input_ids, attention_mask=mask, position_ids=position[None], cache_position=position,
            past_key_values=cache, use_cache=True, logits_to_keep=1)  # fmt: skip
        return output.logits, *(x for pair in output.past_key_values.to_legacy_cache() for x in pair)


def empty_cache(model, batch):
    """{name of an input: keys or values (batch, heads, 0, head_dim)}."""
    config = json.loads((model.folder() / "config.json").read_text())
    heads = config.get("num_attention_heads") or config["n_head"]
    layers = config.get("num_hidden_layers") or config["n_layer"]
    width = (config.get("hidden_size") or config["n_embd"]) // heads
    shape = (batch, config.get("num_key_value_heads") or heads, 0, width)
    return {f"past_{i}": np.zeros(shape, np.float32) for i in range(2 * layers)}


def export(model):
    """Path of the file, written when first asked for. Attention is spelled out, as fusing optimisers expect it."""
    path = model.scratch() / "onnx" / "model.onnx"
    if not path.exists():
        partial = path.parent.with_name("onnx.partial")
        partial.mkdir(exist_ok=True)
        inputs = {name: torch.from_numpy(array) for name, array in model.inputs(Cell(2, 16)).items()}
        with torch.no_grad():
            write = _decoder if model.kind == "decoder" else _encoder
            write(model, load(model, attn_implementation="eager"), inputs, str(partial / "model.onnx"))
        os.replace(partial, path.parent)
    return path


def _encoder(model, module, inputs, path):
    sizes = {0: "batch"} if model.kind == "vision" else {0: "batch", 1: "length"}
    torch.onnx.export(
        _Encoder(model, module).eval(), tuple(inputs.values()), path, dynamo=False, opset_version=17,
        input_names=list(inputs), output_names=["output"], dynamic_axes=dict.fromkeys([*inputs, "output"], sizes),
    )  # fmt: skip


def _decoder(model, module, inputs, path):
    empty = empty_cache(model, 2)
    past = [torch.zeros(*x.shape[:2], 8, x.shape[3]) for x in empty.values()]
    present = [f"present_{i}" for i in range(len(empty))]
    sizes = dict.fromkeys(empty, {0: "batch", 2: "past"}) | dict.fromkeys(present, {0: "batch", 2: "total"})
    torch.onnx.export(
        _Decoder(module).eval(), (inputs["input_ids"], *past), path, dynamo=False, opset_version=17,
        input_names=["input_ids", *empty], output_names=["output", *present],
        dynamic_axes={"input_ids": {0: "batch", 1: "length"}, "output": {0: "batch"}, **sizes},
    )  # fmt: skip


def decode(model, cell, infer):
    """A call that reads the prompt and, with `cell.new`, generates so many tokens; `infer(feeds)` gives all outputs."""
    ids, empty = model.inputs(cell)["input_ids"], empty_cache(model, cell.batch)

    def call():
        logits, *cache = infer({"input_ids": ids, **empty})
        if not cell.new:
            return logits
        tokens = [logits[:, -1].argmax(-1)]
        while len(tokens) < cell.new:
            logits, *cache = infer({"input_ids": tokens[-1][:, None], **dict(zip(empty, cache, strict=True))})
            tokens.append(logits[:, -1].argmax(-1))
        return np.stack(tokens, 1)

    return call
