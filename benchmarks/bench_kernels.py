"""The compiled kernels beside PyTorch's own operations."""

import pytest
import torch
import torch.nn.functional as F
from side_by_side import report

from pytransformers.backends.torch import native


@pytest.mark.parametrize("rows,width", [(16, 384), (128, 768), (4096, 1024)])
@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
def test_layer_norm(benchmark, rows, width, residual):
    x, r, weight, bias = torch.randn(rows, width), torch.randn(rows, width), torch.randn(width), torch.randn(width)
    with torch.inference_mode():
        if residual:
            calls = {
                "ours": lambda: native.layer_norm(x, weight, bias, 1e-5, r),
                "torch": lambda: F.layer_norm(x + r, (width,), weight, bias),
            }
        else:
            calls = {
                "ours": lambda: native.layer_norm(x, weight, bias),
                "torch": lambda: F.layer_norm(x, (width,), weight, bias),
            }
        calls["copy (the floor)"] = x.clone
        report(benchmark, f"layer_norm {(rows, width)} {'with residual' if residual else ''}", calls, 100)


@pytest.mark.parametrize("rows,width", [(16, 384), (128, 768), (4096, 1024)])
def test_rms_norm(benchmark, rows, width):
    x, weight = torch.randn(rows, width), torch.randn(width)
    with torch.inference_mode():
        calls = {
            "ours": lambda: native.rms_norm(x, weight),
            "torch": lambda: F.rms_norm(x, (width,), weight, 1e-6),
            "copy (the floor)": x.clone,
        }
        report(benchmark, f"rms_norm {(rows, width)}", calls, 100)


@pytest.mark.parametrize("rows", [1, 4, 16, 32, 64, 128])
@pytest.mark.parametrize("k,n", [(384, 384), (384, 1536), (1536, 384), (768, 3072)])
def test_linear(benchmark, rows, k, n):
    """Six layers of weights in turn, as a model reads them."""
    x, bias, weights = torch.randn(rows, k), torch.randn(n), [torch.randn(n, k) for _ in range(6)]
    with torch.inference_mode():
        calls = {
            "ours": lambda: [native.linear(x, weight, bias) for weight in weights],
            "torch": lambda: [F.linear(x, weight, bias) for weight in weights],
            "reading W (the floor)": lambda: [weight.sum() for weight in weights],
        }
        report(benchmark, f"linear {(rows, k, n)}", calls, 50)
