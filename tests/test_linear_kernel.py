"""The compiled linear kernel: the float64 reference, refusals, and when PyTorch models take it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pytransformers.backends.torch import native, nn, ops
from pytransformers.ops import linear, selection

CASES = pytest.mark.parametrize("rows,k,n", linear.CASES)


def operands(rows, k, n):
    generator = np.random.default_rng(rows + k + n)
    return [torch.from_numpy(generator.standard_normal(s).astype(np.float32)) for s in ((rows, k), (n, k), (n,))]


@CASES
@pytest.mark.parametrize("with_bias", [False, True])
def test_against_float64(rows, k, n, with_bias):
    x, weight, bias = operands(rows, k, n)
    bias = bias if with_bias else None
    exact = linear.reference(x.numpy(), weight.numpy(), None if bias is None else bias.numpy())
    error = np.abs(native.linear(x, weight, bias).numpy() - exact).max()
    naive = np.abs(F.linear(x, weight, bias).numpy() - exact).max()
    assert error <= 2 * naive + 4 * np.finfo(np.float32).eps * np.abs(exact).max()


def test_strides_and_leading_dimensions():
    x, weight, bias = operands(24, 40, 17)
    for view in (x[::2], x[:, ::2], x.reshape(2, 3, 4, 40).transpose(0, 2), x[:, 3:23], x[0]):
        w = weight[:, : view.shape[-1]]
        torch.testing.assert_close(native.linear(view, w, bias), F.linear(view, w, bias), rtol=1e-5, atol=1e-5)
    assert native.linear(x[:0], weight, bias).shape == (0, 17)
    torch.testing.assert_close(native.linear(x[:, :0], weight[:, :0], bias), bias.expand(24, 17))


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda x, w, b: (x.double(), w, b), "x of dtype float32"),
        (lambda x, w, b: (x, w.half(), b), "weight of dtype float32"),
        (lambda x, w, b: (x, w[:, 1:], b), r"weight of shape \(n, 8\)"),
        (lambda x, w, b: (x, w, b[1:]), r"bias of shape \(5,\)"),
        (lambda x, w, b: (x, w, b.half()), "bias of dtype float32"),
        (lambda x, w, b: (x[0, 0], w, b), "other ranks"),
        (lambda x, w, b: (x.to("meta"), w, b), None),
    ],
)
def test_refuses(change, message):
    arguments = change(*operands(3, 8, 5))
    if message is None:
        assert native.linear(*[a.to("meta") for a in arguments]).shape == (3, 5)
    else:
        with pytest.raises(RuntimeError, match=message):
            native.linear(*arguments)


def test_used_only_where_it_may_be(monkeypatch):
    taken = []
    monkeypatch.setattr(native, "linear", lambda *a: taken.append(1) or F.linear(*a))
    layer = nn.Linear(8, 5)
    x = torch.randn(3, 8)

    def takes(call):
        taken.clear()
        call()
        return bool(taken)

    with torch.no_grad():
        assert takes(lambda: layer(x))
        assert not takes(lambda: layer(torch.randn(native.MAX_LINEAR_ROWS + 1, 8)))
        assert not takes(lambda: layer.double()(x.double()))
        layer.float()
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(x).dtype == torch.bfloat16
        with selection.kernels("reference"):
            assert not takes(lambda: layer(x))
        assert not takes(lambda: torch.compile(layer, backend="eager", fullgraph=True)(x))
    assert not takes(lambda: layer(x))
    x.requires_grad_()
    ops.linear(x, layer.weight, layer.bias).sum().backward()
    torch.testing.assert_close(x.grad, layer.weight.detach().sum(0).expand(3, 8))
