"""The linear layer whose weight is kept as codes."""

from .. import nn, ops


class QuantizedLinear(nn.Module):
    """y = x W^T + b with W as `ops.quantized_matmul` reads it. Gradients reach x and the bias, not W.

    Args:
        codes, scales, offsets: NumPy arrays of the tiles, as the contract's `quantize` gives them; offsets may be None.
        bias: of `out_features`, or None. A parameter is shared, not copied.
        quantization: "int8_dynamic", "int8", "int4" or "nf4".
        group_size: columns of W that share a scale.
    """

    def __init__(self, in_features, out_features, codes, scales, offsets=None, bias=None, *, quantization, group_size):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.quantization, self.group_size = quantization, group_size
        self.codes = nn.Buffer(codes)
        self.scales = nn.Buffer(scales)
        self.offsets = None if offsets is None else nn.Buffer(offsets)
        self.bias = bias

    def forward(self, x, activation=None):
        """x (..., in_features) -> (..., out_features), with an activation that `ops.quantized_matmul` may end with."""
        return ops.quantized_matmul(
            x, self.codes, self.scales, self.offsets, self.bias, quantization=self.quantization,
            group_size=self.group_size, out_features=self.out_features, activation=activation,
        )  # fmt: skip

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, {self.quantization}"
