"""x W^T by each library that multiplies by quantised weights: the peers of the family quantized_matmul."""

from __future__ import annotations

import copy
import os

import numpy as np
import torch
import torch.nn.functional as F

from . import Absent


def _inference(run):
    def call():
        with torch.inference_mode():
            return run()

    return call


class Torch:
    """The float32 product, for comparison."""

    def prepare(self, cell):
        x, weight = map(torch.from_numpy, cell.arrays())
        weights = [weight.clone() for _ in range(cell.layers)]
        return _inference(lambda: [F.linear(x, w) for w in weights][-1])


class Ours:
    """The compiled kernel, through the vocabulary."""

    def prepare(self, cell):
        from pytransformers.backends.torch import ops
        from pytransformers.ops import quantized_matmul, selection

        x, weight = cell.arrays()
        packed = quantized_matmul.quantize(weight, cell.quantization, cell.group)
        layers = [
            [None if array is None else torch.from_numpy(array.copy()) for array in packed]
            for _ in range(cell.layers)
        ]
        x = torch.from_numpy(x)

        def run():
            with selection.kernels("native"):
                return [
                    ops.quantized_matmul(x, codes, scales, offsets, None, quantization=cell.quantization,
                                         group_size=cell.group, out_features=cell.n)
                    for codes, scales, offsets in layers
                ][-1]  # fmt: skip

        return _inference(run)

    def native_calls(self, call):
        from ..clock import Call
        from ..kernels.torch import native_calls

        return native_calls(Call(call))


class TorchAO:
    def prepare(self, cell):
        from torchao.prototype.quantization.int4 import PrototypeInt4WeightOnlyConfig  # its int4 for the CPU
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig, Int8WeightOnlyConfig, quantize_

        if cell.quantization == "nf4":
            raise Absent("its nf4 is a tensor for fine-tuning that is decoded before each product")
        config = {
            "int8_dynamic": lambda: Int8DynamicActivationInt8WeightConfig(),
            "int8": lambda: Int8WeightOnlyConfig(),
            "int4": lambda: PrototypeInt4WeightOnlyConfig(group_size=cell.group),
        }[cell.quantization]()
        x, weight = map(torch.from_numpy, cell.arrays())
        layer = torch.nn.Linear(cell.k, cell.n, bias=False)
        layer.weight = torch.nn.Parameter(weight, requires_grad=False)
        dtype = torch.bfloat16 if cell.quantization == "int4" else torch.float32  # what its int4 on the CPU takes
        layer, x = torch.nn.Sequential(layer).to(dtype), x.to(dtype)
        quantize_(layer, config)
        layers = [copy.deepcopy(layer) for _ in range(cell.layers)]
        compiled = torch.compile(lambda x: [each(x) for each in layers])  # as its documentation asks; all are returned
        return _inference(lambda: compiled(x)[-1].float())


class OnnxRuntime:
    """MatMulNBits for weights alone, its dynamic quantisation for int8 by int8; one graph with all layers.

    Their weights differ, or one product would serve them all. The last has its rows in order.
    """

    def prepare(self, cell):
        import onnx

        from . import onnx_runtime

        x, weight = cell.arrays()
        nodes = [onnx.helper.make_node("MatMul", ["x", f"w{i}"], [f"y{i}"], f"product{i}") for i in range(cell.layers)]
        tensors = [
            onnx.numpy_helper.from_array(np.roll(weight, cell.layers - 1 - i, 0).T.copy(), f"w{i}")
            for i in range(cell.layers)
        ]
        shape = onnx.helper.make_tensor_value_info
        graph = onnx.helper.make_graph(
            nodes, "products", [shape("x", onnx.TensorProto.FLOAT, ["rows", cell.k])],
            [shape(f"y{i}", onnx.TensorProto.FLOAT, ["rows", cell.n]) for i in range(cell.layers)], tensors,
        )  # fmt: skip
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)], ir_version=10)
        session = onnx_runtime.session(_quantised(model, cell))
        return lambda: session.run(None, {"x": x})[-1]


def _quantised(model, cell):
    """The serialised model, quantised by ONNX Runtime's own tools."""
    import tempfile

    from onnxruntime.quantization import QuantType, matmul_nbits_quantizer, quantize_dynamic

    if cell.quantization == "int8_dynamic":
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "int8.onnx")
            quantize_dynamic(model, path, weight_type=QuantType.QInt8)
            with open(path, "rb") as file:
                return file.read()
    if cell.quantization == "nf4":
        from onnxruntime.quantization.matmul_bnb4_quantizer import MatMulBnb4Quantizer

        quantizer = MatMulBnb4Quantizer(model, MatMulBnb4Quantizer.NF4, cell.group)
    else:
        quantizer = matmul_nbits_quantizer.MatMulNBitsQuantizer(
            model, bits=int(cell.quantization[3]), block_size=cell.group or 128, is_symmetric=True, accuracy_level=4
        )
    quantizer.process()
    model = quantizer.model
    return getattr(model, "model", model).SerializeToString()
