"""quantized_matmul. Contract: `pytransformers/ops/quantized_matmul.py`. Gradients reach x and the bias."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from pytransformers.ops.quantized_matmul import ACTIVATIONS, QUANTIZATIONS

from .library import needs_gradient, operators

_ACTIVATE = {None: lambda x: x, "relu": F.relu, "gelu": F.gelu, "silu": F.silu,
             "gelu_tanh": lambda x: F.gelu(x, approximate="tanh")}  # fmt: skip


def quantized_matmul(x, codes, scales, offsets, bias, quantization, group_size, out_features, activation):
    """x `(..., k)` -> activation(x W^T + bias) `(..., out_features)`, of x's dtype; bias float32 or None."""
    number = QUANTIZATIONS[quantization]
    if needs_gradient(x, bias):
        y = _QuantizedMatmul.apply(x, bias, codes, scales, offsets, number, group_size, out_features)
        return _ACTIVATE[activation](y)
    return _quantized_matmul(
        x, codes, scales, offsets, bias, number, group_size, out_features, ACTIVATIONS[activation]
    )


class _QuantizedMatmul(torch.autograd.Function):
    @staticmethod
    def forward(x, bias, codes, scales, offsets, quantization, group_size, out_features):
        return _quantized_matmul(x, codes, scales, offsets, bias, quantization, group_size, out_features, 0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, _, codes, scales, offsets, quantization, group_size, out_features = inputs
        ctx.save_for_backward(codes, scales, offsets)
        ctx.options = quantization, group_size, out_features, x.shape[-1]

    @staticmethod
    def backward(ctx, dy):
        needs_x, needs_bias = ctx.needs_input_grad[:2]
        dx = dy @ _dequantize(*ctx.saved_tensors, *ctx.options, dy.dtype) if needs_x else None
        dbias = dy.flatten(0, -2).sum(0, dtype=torch.float32) if needs_bias else None
        return dx, dbias, None, None, None, None, None, None


_quantized_matmul, _dequantize = operators("quantized_matmul", {
    "quantized_matmul": lambda x, codes, scales, offsets, bias, quantization, group_size, out_features, activation: (
        x.new_empty((*x.shape[:-1], out_features))),
    "dequantize": lambda codes, scales, offsets, quantization, group_size, out_features, in_features, dtype: (
        scales.new_empty((out_features, in_features), dtype=dtype)),
})  # fmt: skip
