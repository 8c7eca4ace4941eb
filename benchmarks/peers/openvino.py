"""OpenVINO, latency mode, float32; or int8 as NNCF makes it: quantised encoders, compressed weights of decoders."""

from __future__ import annotations

import os

import openvino

from ..models import Cell
from .onnx_file import decode, export


def quantised(model):
    path = model.scratch() / "openvino_int8.xml"
    if not path.exists():
        import nncf

        graph = openvino.Core().read_model(export(model))
        if model.kind == "decoder":
            graph = nncf.compress_weights(graph, mode=nncf.CompressWeightsMode.INT8_SYM)
        else:
            samples = [model.inputs(Cell(batch, 197 if model.kind == "vision" else 64)) for batch in (1, 2, 3, 4)]
            graph = nncf.quantize(
                graph, nncf.Dataset(samples), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(samples)
            )
        openvino.save_model(graph, path, compress_to_fp16=False)
    return path


class Peer:
    def __init__(self, model, variant):
        self.model = model
        settings = {"INFERENCE_NUM_THREADS": int(os.environ["OMP_NUM_THREADS"]), "PERFORMANCE_HINT": "LATENCY"}
        if variant == "float32":
            settings["INFERENCE_PRECISION_HINT"] = "f32"  # else bfloat16 where the processor has it
        path = quantised(model) if variant == "int8" else export(model)
        self.request = openvino.Core().compile_model(path, "CPU", settings).create_infer_request()

    def prepare(self, cell):
        if self.model.kind == "decoder":
            return decode(self.model, cell, lambda feeds: [*self.request.infer(feeds, share_inputs=True).values()])
        inputs = self.model.inputs(cell)
        return lambda: next(iter(self.request.infer(inputs, share_inputs=True, share_outputs=True).values()))
