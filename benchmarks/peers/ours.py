"""Our models in PyTorch: the compiled kernels by name, what is chosen by itself, or quantised weights."""

from __future__ import annotations

from importlib import import_module

import torch

from pytransformers.ops import selection

from ..models import create


class Peer:
    def __init__(self, model, variant):
        create(model)
        self.model = model
        self.choice = "auto" if variant == "auto" else "native"
        name = model.class_name
        module = {"BertModel": "bert", "ViTModel": "vit", "GPT2LMHeadModel": "gpt2", "LlamaForCausalLM": "llama"}[name]
        cls = getattr(import_module(f"pytransformers.backends.torch.models.{module}"), name)
        attention = {} if variant == "auto" else {"attn_implementation": "native"}
        pooler = {} if model.kind == "decoder" else {"add_pooling_layer": False}
        self.module = cls.from_pretrained(model.folder(), **attention, **pooler).eval()
        if variant in ("int8_dynamic", "int4"):
            from pytransformers.quantization import quantize

            # for decoding also the projection to the vocabulary, as the peers do
            self.module = quantize(self.module, variant, skip=[] if model.kind == "decoder" else None)

    def prepare(self, cell):
        inputs = {name: torch.from_numpy(array) for name, array in self.model.inputs(cell).items()}
        settings = {"logits_to_keep": 1} if self.model.kind == "decoder" else {}

        def forward():
            return self.module(**inputs, **settings)[0]

        def generate():
            ids = inputs["input_ids"]
            return self.module.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=cell.new, min_new_tokens=cell.new,
                do_sample=False)  # fmt: skip

        def call():
            with torch.inference_mode(), selection.kernels(self.choice):
                return generate() if cell.new else forward()

        return call

    def native_calls(self, call):
        from ..clock import Call
        from ..kernels.torch import native_calls

        return native_calls(Call(call))
