"""Who is timed, each in a process of its own."""

from __future__ import annotations

from importlib import import_module

# name in the table: (module here, variant)
MODEL_PEERS = {
    "native": ("ours", "native"),
    "auto": ("ours", "auto"),
    "int8": ("ours", "int8_dynamic"),
    "int4": ("ours", "int4"),
    "transformers": ("huggingface", "eager"),
    "torch.compile": ("huggingface", "compile"),
    "ONNX Runtime": ("onnx_runtime", "float32"),
    "OpenVINO": ("openvino", "float32"),
    "CTranslate2": ("ctranslate2", "float32"),
    "ONNX Runtime int8": ("onnx_runtime", "int8"),
    "OpenVINO int8": ("openvino", "int8"),
    "CTranslate2 int8": ("ctranslate2", "int8"),
}
PRODUCT_PEERS = {
    "native": ("products", "Ours"),
    "F.linear": ("products", "Torch"),
    "torchao": ("products", "TorchAO"),
    "ONNX Runtime": ("products", "OnnxRuntime"),
}


class Absent(Exception):
    """A cell that a peer does not do, and why."""


def load(name, subject):
    """The peer `name` for a model, or for the quantised products; it has `prepare(cell)`, which gives a call."""
    from ..models import MODELS

    if subject == "quantized_matmul":
        module, variant = PRODUCT_PEERS[name]
        return getattr(import_module(f".{module}", __package__), variant)()
    module, variant = MODEL_PEERS[name]
    return import_module(f".{module}", __package__).Peer(MODELS[subject], variant)
