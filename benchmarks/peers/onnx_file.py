"""A model of `transformers` as an ONNX file, for the runtimes that read one."""

from __future__ import annotations

import os

import torch

from ..models import Cell
from .huggingface import load


class _Forward(torch.nn.Module):
    """What the table compares, with tensors alone as arguments."""

    def __init__(self, model, module):
        super().__init__()
        self.kind, self.module = model.kind, module

    def forward(self, first, attention_mask=None):
        if self.kind == "vision":
            return self.module(pixel_values=first).last_hidden_state
        if self.kind == "encoder":
            return self.module(input_ids=first, attention_mask=attention_mask).last_hidden_state
        return self.module(input_ids=first, use_cache=False, logits_to_keep=1).logits


def export(model):
    """Path of the file, written when first asked for. Attention is spelled out, as fusing optimisers expect it."""
    path = model.scratch() / "onnx" / "model.onnx"
    if not path.exists():
        partial = path.parent.with_name("onnx.partial")
        partial.mkdir(exist_ok=True)
        inputs = {name: torch.from_numpy(array) for name, array in model.inputs(Cell(2, 16)).items()}
        sizes = {0: "batch"} if model.kind == "vision" else {0: "batch", 1: "length"}
        if model.kind == "decoder":  # its masks are made by code that only the newer exporter follows
            dynamic = {"dynamo": True, "dynamic_shapes": [{i: torch.export.Dim(name) for i, name in sizes.items()}]}
        else:
            dynamic = {"dynamo": False, "opset_version": 17,
                       "dynamic_axes": {**dict.fromkeys(inputs, sizes), "output": sizes}}  # fmt: skip
        with torch.no_grad():
            torch.onnx.export(
                _Forward(model, load(model, attn_implementation="eager")).eval(), tuple(inputs.values()),
                str(partial / "model.onnx"), input_names=list(inputs), output_names=["output"], **dynamic,
            )  # fmt: skip
        os.replace(partial, path.parent)
    return path
