"""`transformers` in PyTorch, as it comes (scaled_dot_product_attention) or under `torch.compile`."""

from __future__ import annotations

import torch
import transformers

from ..models import create
from . import Absent


def load(model, **settings):
    create(model)
    pooler = {} if model.kind == "decoder" else {"add_pooling_layer": False}
    return getattr(transformers, model.class_name).from_pretrained(model.folder(), **pooler, **settings).eval()


class Peer:
    def __init__(self, model, variant):
        self.model, self.compiled = model, variant == "compile"
        self.module = load(model)
        # One program for all sizes: compiling each of them would take longer than all the rest.
        self.forward = torch.compile(self.module, dynamic=True) if self.compiled else self.module

    def prepare(self, cell):
        if cell.new and self.compiled:
            raise Absent("its cache grows, so that every step would be compiled anew")
        inputs = {name: torch.from_numpy(array) for name, array in self.model.inputs(cell).items()}
        settings = {"logits_to_keep": 1, "use_cache": False} if self.model.kind == "decoder" else {}

        def generate():
            ids = inputs["input_ids"]
            return self.module.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=cell.new, min_new_tokens=cell.new,
                do_sample=False, pad_token_id=0)  # fmt: skip

        def call():
            with torch.inference_mode():
                return generate() if cell.new else self.forward(**inputs, **settings)[0]

        return call
