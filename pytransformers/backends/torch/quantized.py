"""quantized_matmul in PyTorch's own operations. Contract: `pytransformers/ops/quantized_matmul.py`."""

import torch

from pytransformers.ops.quantized_matmul import NF4


def product(x, codes, scales, offsets, quantization, out_features):
    """x `(..., k)` times W^T, in float32: `(..., out_features)`."""
    values = _values(codes, quantization)
    if quantization == "int8_dynamic":
        values, scales = values[:out_features, : x.shape[-1]], scales.flatten()[:out_features]
        return _RoundedProduct.apply(x.float(), values, scales)
    rows, groups = values.shape[0], scales.shape[1]
    values = values.reshape(rows, groups, values.shape[1] // groups)
    weight = values * _rows(scales)
    weight = weight if offsets is None else weight + _rows(offsets)
    return x.float() @ weight.flatten(1)[:out_features, : x.shape[-1]].t()


def _values(codes, quantization):
    """Tiles -> what the codes stand for: float32 (rows of all tiles, columns of all blocks)."""
    rows = codes.transpose(1, 2).flatten(2).flatten(0, 1)
    if quantization.startswith("int8"):
        return rows.view(torch.int8).float()
    halves = torch.stack((rows & 15, rows >> 4), -1).flatten(1)
    if quantization == "nf4":
        return torch.tensor(NF4, device=codes.device)[halves.int()]
    return halves.float() - 8


def _rows(tiles):
    """(tiles, groups, 16) -> (rows, groups, 1)."""
    return tiles.transpose(1, 2).flatten(0, 1).unsqueeze(-1)


class _RoundedProduct(torch.autograd.Function):
    """x, rounded row by row to integers, times integers: the sums are exact in float64. Rounding has gradient 1."""

    @staticmethod
    def forward(x, values, scales):
        largest = x.abs().amax(-1, keepdim=True) if x.shape[-1] else x.new_zeros((*x.shape[:-1], 1))
        finite = largest.isfinite()
        usable = finite & (largest >= 2.0**-100)
        rounded = torch.where(usable, (x * (127 / largest)).round(), 0.0)
        row_scales = torch.where(usable, largest / 127, 0.0).where(finite, torch.nan)
        return (rounded.double() @ values.double().t()).float() * row_scales * scales

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx, dy):
        values, scales = ctx.saved_tensors
        return (dy * scales) @ values, None, None
