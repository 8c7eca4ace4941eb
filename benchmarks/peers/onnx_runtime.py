"""ONNX Runtime: its optimiser of transformers' graphs, then float32, or its dynamic quantisation to int8."""

from __future__ import annotations

import json
import os

import onnxruntime

from .onnx_file import decode, export

TYPES = {"BertModel": "bert", "ViTModel": "vit"}


def optimised(model):
    """The exported graph with attention, GELU and layer norms fused; as it is where the optimiser has no such type."""
    exported = export(model)
    path = model.scratch() / "optimised.onnx"
    if model.class_name not in TYPES:
        return exported
    if not path.exists():
        from onnxruntime.transformers.optimizer import optimize_model

        config = json.loads((model.folder() / "config.json").read_text())
        graph = optimize_model(
            str(exported), model_type=TYPES[model.class_name],
            num_heads=config["num_attention_heads"], hidden_size=config["hidden_size"],
        )  # fmt: skip
        graph.save_model_to_file(str(path.with_suffix(".partial")))
        os.replace(path.with_suffix(".partial"), path)
    return path


def quantised(model):
    path = model.scratch() / "int8.onnx"
    if not path.exists():
        from onnx import TensorProto
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(
            str(optimised(model)), str(path), weight_type=QuantType.QInt8,
            use_external_data_format=model.gigabytes > 1.5,
            extra_options={"DefaultTensorType": TensorProto.FLOAT},  # what shape inference cannot tell of fused nodes
        )  # fmt: skip
    return path


def session(model):
    """Of a path, or of a serialised model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    options.log_severity_level = 3
    model = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class Peer:
    def __init__(self, model, variant):
        self.model = model
        self.session = session(quantised(model) if variant == "int8" else optimised(model))

    def prepare(self, cell):
        if self.model.kind == "decoder":
            return decode(self.model, cell, lambda feeds: self.session.run(None, feeds))
        inputs = self.model.inputs(cell)
        return lambda: self.session.run(None, inputs)[0]
