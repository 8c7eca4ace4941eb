"""The compiled linear kernel: against float64 on each instruction set, refusals, gradients, and when models take it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import forward_ad

from pytransformers import BertConfig, BertModel, _native
from pytransformers.backends.torch import native, nn, ops
from pytransformers.ops import linear, selection

CASES = pytest.mark.parametrize("rows,k,n", linear.CASES)
ACTIVATIONS = pytest.mark.parametrize("activation", linear.ACTIVATIONS)


def operands(rows, k, n):
    generator = np.random.default_rng(rows + k + n)
    return [torch.from_numpy(generator.standard_normal(s).astype(np.float32)) for s in ((rows, k), (n, k), (n,))]


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def instruction_set(request):
    before = _native.instruction_set()
    if request.param not in _native.instruction_sets():
        pytest.skip(f"this processor lacks {request.param}")
    _native.set_instruction_set(request.param)
    yield request.param
    _native.set_instruction_set(before)


def assert_as_exact_as_torch(y, x, weight, bias=None, activation=None):
    """At most twice the error of PyTorch's own operations, and four roundings of the largest result."""
    exact = linear.reference(x.numpy(), weight.numpy(), None if bias is None else bias.numpy(), activation)
    naive = native.FUNCTIONS[activation](F.linear(x, weight, bias)).numpy()
    if exact.size:
        error, naive_error = np.abs(y.numpy() - exact).max(), np.abs(naive - exact).max()
        assert error <= 2 * naive_error + 4 * np.finfo(np.float32).eps * np.abs(exact).max()
    assert y.shape == exact.shape


@CASES
@pytest.mark.parametrize("with_bias", [False, True])
def test_against_float64(rows, k, n, with_bias, instruction_set):
    x, weight, bias = operands(rows, k, n)
    bias = bias if with_bias else None
    assert_as_exact_as_torch(native.linear(x, weight, bias), x, weight, bias)


@ACTIVATIONS
@pytest.mark.parametrize("rows", [3, 45])
def test_activations(rows, activation, instruction_set):
    x, weight, bias = operands(rows, 33, 51)
    for scale in (0.01, 1.0, 30.0):  # of the results: near zero, usual, saturated
        y = native.linear(scale * x, weight, scale * bias, activation)
        assert_as_exact_as_torch(y, scale * x, weight, scale * bias, activation)


@ACTIVATIONS
def test_special_values(activation, instruction_set):
    """Products with one term: infinities, NaN, huge, tiny and saturating values as PyTorch has them."""
    special = [0.0, -0.0, 1e-30, -1e-30, 1e-3, 0.5, 0.9, -0.9, 3.9, -4.1, 5.6, -5.7, 9.0, -20.0, 88.0, -88.0, -90.0,
               104.0, 1e20, -1e20, 3e38, float("inf"), -float("inf"), float("nan")]
    weight = torch.tensor(special)[:, None]
    expected = native.FUNCTIONS[activation](weight.double().T).float()
    for rows in (1, 41):
        y = native.linear(torch.ones(rows, 1), weight, None, activation)
        torch.testing.assert_close(y, expected.expand(rows, -1), rtol=1e-5, atol=3e-7, equal_nan=True)


def test_infinity_meets_nothing_else(instruction_set):
    """What stands beside a row, a column or the end of k does not leak into it."""
    for rows, k, n in ((5, 19, 7), (43, 19, 50)):
        x, weight, _ = operands(rows + 1, k + 1, n + 1)
        x[rows], x[:, k], weight[n], weight[:, k] = float("nan"), float("inf"), float("nan"), float("inf")
        y = native.linear(x[:rows, :k], weight[:n, :k])
        assert_as_exact_as_torch(y, x[:rows, :k], weight[:n, :k])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    leading=st.lists(st.integers(0, 7), max_size=3), k=st.integers(0, 70),
    n=st.lists(st.integers(0, 60), min_size=1, max_size=4), step=st.integers(1, 2), gap=st.integers(0, 3),
    activation=st.sampled_from(list(linear.ACTIVATIONS)), with_bias=st.booleans(),
)  # fmt: skip
def test_any_shape(leading, k, n, step, gap, activation, with_bias):
    generator = torch.Generator().manual_seed(k)
    x = torch.randn(*leading, (k + gap) * step, generator=generator)[..., : k * step : step]
    weights = [torch.randn(size, k + gap, generator=generator)[:, :k] for size in n]
    biases = [torch.randn(size, generator=generator) if with_bias else None for size in n]
    for y, weight, bias in zip(native.linears(x, weights, biases, activation), weights, biases, strict=True):
        assert_as_exact_as_torch(y, x, weight, bias, activation)
        assert torch.equal(y, native.linear(x, weight, bias, activation))


def test_strides_and_leading_dimensions():
    x, weight, bias = operands(96, 40, 17)
    for view in (x[::2], x[::4], x[:, ::2], x.reshape(6, 4, 4, 40).transpose(0, 2), x[:, 3:23], x[0]):
        w = weight[:, : view.shape[-1]]
        assert_as_exact_as_torch(native.linear(view, w, bias), view, w, bias)


def test_rows_do_not_depend_on_each_other_or_on_threads():
    x, weight, bias = operands(300, 400, 210)
    threads, y = torch.get_num_threads(), native.linear(x, weight, bias)
    try:
        torch.set_num_threads(1)
        assert torch.equal(native.linear(x, weight, bias), y)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(native.linear(x[:77], weight, bias), y[:77])
    assert torch.equal(native.linear(x[:9], weight, bias)[:2], native.linear(x[:2], weight, bias))


REFUSALS = pytest.mark.parametrize(
    "change, message",
    [
        (lambda x, w, b: (x.double(), w, b), "x of dtype float32"),
        (lambda x, w, b: (x, w.half(), b), "weight of dtype float32"),
        (lambda x, w, b: (x, w[:, 1:], b), r"weight of shape \(n, 8\)"),
        (lambda x, w, b: (x, w, b[1:]), r"bias of shape \(5,\)"),
        (lambda x, w, b: (x, w, b.half()), "bias of dtype float32"),
        (lambda x, w, b: (x[0, 0], w, b), "other ranks"),
        (lambda x, w, b: (x, w[0], b), "other ranks"),
    ],
)


@REFUSALS
def test_refuses(change, message):
    x, weight, bias = change(*operands(3, 8, 5))
    with pytest.raises(RuntimeError, match=message):
        native.linear(x, weight, bias)
    with pytest.raises(RuntimeError, match=message):
        native.linears(x, [weight, weight], [bias, bias])


def test_refuses_counts_and_activations():
    x, weight, bias = operands(3, 8, 5)
    linears = torch.ops.pytransformers.linears.default
    for weights, biases in (([], []), ([weight] * 9, []), ([weight], [bias, bias])):
        with pytest.raises(RuntimeError, match=r"\[linear\] expected 1 to 8 weights"):
            linears(x, weights, biases, 0)
    with pytest.raises(RuntimeError, match=r"\[linear\] expected an activation"):
        torch.ops.pytransformers.linear.default(x, weight, bias, 9)
    assert len(native.linears(x, [weight] * 9, [bias] * 9)) == 9
    assert native.linear(*[a.to("meta") for a in (x, weight, bias)]).shape == (3, 5)


@pytest.mark.parametrize("rows", [3, 50])
def test_opcheck(rows):
    x, weight, bias = operands(rows, 8, 5)
    for arguments in ((x, weight, bias, 2), (x, weight, None), (x.reshape(1, rows, 8), weight, bias)):
        torch.library.opcheck(torch.ops.pytransformers.linear.default, arguments)
    torch.library.opcheck(torch.ops.pytransformers.linears.default, (x, [weight, weight[:2]], [bias, bias[:2]], 1))


@ACTIVATIONS
def test_gradients(activation):
    x, weight, bias = (t.double().float().requires_grad_() for t in operands(6, 9, 7))
    with selection.kernels("native"):
        ops.linear(x.reshape(2, 3, 9), weight, bias, activation).square().sum().backward()
    ours = [t.grad for t in (x, weight, bias)]
    wide = [t.detach().double().requires_grad_() for t in (x, weight, bias)]
    native.FUNCTIONS[activation](F.linear(*wide)).square().sum().backward()
    for mine, exact in zip(ours, wide, strict=True):
        torch.testing.assert_close(mine, exact.grad.float(), rtol=1e-4, atol=1e-4)


def test_gradients_of_gradients_and_of_some():
    x, weight, bias = operands(4, 5, 3)
    weight.requires_grad_()
    (first,) = torch.autograd.grad(native.linear(x, weight, bias).pow(3).sum(), weight, create_graph=True)
    first.sum().backward()
    ours, weight.grad = weight.grad, None
    (first,) = torch.autograd.grad(F.linear(x, weight, bias).pow(3).sum(), weight, create_graph=True)
    first.sum().backward()
    torch.testing.assert_close(ours, weight.grad)


def test_under_functional_transforms():
    x, weight, bias = operands(6, 5, 3)
    for transform in (torch.func.vmap, lambda f: torch.func.vmap(torch.func.grad(lambda row: f(row).sum()))):
        ours, theirs = (transform(lambda row, f=f: f(row, weight, bias))(x) for f in (ops.linear, F.linear))
        torch.testing.assert_close(ours, theirs)
    tangent = torch.randn_like(x)
    for f in (ops.linear, F.linear):
        out, turned = torch.func.jvp(lambda x, f=f: f(x, weight, bias), (x,), (tangent,))
        torch.testing.assert_close(turned, tangent @ weight.T)
        with forward_ad.dual_level():
            dual = f(forward_ad.make_dual(x, tangent), weight, bias)
            torch.testing.assert_close(forward_ad.unpack_dual(dual).tangent, turned)


def test_used_only_where_it_may_be(monkeypatch):
    taken = []
    monkeypatch.setattr(native, "linear", lambda *a: taken.append(1) or F.linear(*a[:3]))
    layer = nn.Linear(8, 5)
    x = torch.randn(3, 8)

    def takes(call):
        taken.clear()
        call()
        return bool(taken)

    with torch.no_grad():
        assert takes(lambda: layer(x))
        assert takes(lambda: layer(torch.randn(4000, 8)))
        assert not takes(lambda: layer.double()(x.double()))
        layer.float()
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(x).dtype == torch.bfloat16
        with selection.kernels("reference"):
            assert not takes(lambda: layer(x))
        assert not takes(lambda: torch.compile(layer, backend="eager", fullgraph=True)(x))
    assert not takes(lambda: layer(x))
    with selection.kernels("native"):
        assert takes(lambda: layer(x))


def test_blocks_fuse_only_plain_layers(monkeypatch):
    """Projections, and a layer with its activation, are one call each; hooks and other classes are still called."""
    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12)
    model = BertModel(config, add_pooling_layer=False).eval()
    layer, ids = model.encoder.layer[0], torch.arange(6)[None]
    calls = []
    for name in ("linear", "linears"):
        function = getattr(native, name)
        monkeypatch.setattr(native, name, lambda *a, n=name, f=function: calls.append((n, a[-1])) or f(*a))

    def run():
        calls.clear()
        with torch.no_grad():
            return model(ids).last_hidden_state

    with selection.kernels("reference"):
        expected = run()
    torch.testing.assert_close(run(), expected)
    assert calls == [("linears", None), ("linear", None), ("linear", "gelu"), ("linear", None)]
    seen = []
    handles = [layer.attention.self.key.register_forward_hook(lambda *a: seen.append("key")),
               layer.intermediate.dense.register_forward_pre_hook(lambda *a: seen.append("dense"))]
    torch.testing.assert_close(run(), expected)
    assert seen == ["key", "dense"] and [name for name, _ in calls] == ["linear"] * 6
    for handle in handles:
        handle.remove()
    layer.intermediate.dense = torch.nn.Sequential(layer.intermediate.dense)
    torch.testing.assert_close(run(), expected)
    assert ("linear", "gelu") not in calls and ("linears", None) in calls
