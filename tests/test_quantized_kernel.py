"""quantized_matmul: quantisers and layout, the kernel against the float64 reference on every path, and refusals."""

import hypothesis.strategies as st
import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from pytransformers import _native
from pytransformers.ops import quantized_matmul as contract

from .kernels import DTYPES, each_instruction_set

SMALL = [c for c in contract.CASES if not c.benchmark]
LAST = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.too_slow]}


def settings_of(case):
    return {"quantization": case.quantization, "group_size": case.group_size, "out_features": case.n,
            "activation": case.activation}


def reference(case, a, dtype):
    return contract.reference(a["x"], a["codes"], a["scales"], a["offsets"], case.quantization, case.group_size, case.n,
                              a["bias"], case.activation, dtype)


def check(case, a, dtype):
    """Error at most twice that of the naive float32 implementation, plus rounding of y to its dtype and of a few
    float32 sums as large as the largest result."""
    y = _native.quantized_matmul(a["x"], a["codes"], a["scales"], a["offsets"], a["bias"], **settings_of(case))
    exact, naive = reference(case, a, np.float64), reference(case, a, np.float32)
    assert y.shape == exact.shape and y.dtype == dtype
    error = np.abs(y.astype(np.float64) - exact)
    unit = float(ml_dtypes.finfo(dtype).eps)
    allowed = 2 * np.abs(naive - exact).max(initial=0) + unit * np.abs(exact)
    assert np.all(error <= allowed + 4 * np.finfo(np.float32).eps * np.abs(exact).max(initial=0)), error.max()


@pytest.mark.parametrize("case", contract.CASES, ids=str)
def test_against_float64(case):
    check(case, case.arrays(), np.float32)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_instruction_set(dtype):
    for _ in each_instruction_set():
        for case in SMALL:
            check(case, case.arrays(DTYPES[dtype], seed=1), DTYPES[dtype])


@settings(max_examples=150, **LAST)
@given(st.sampled_from(list(contract.QUANTIZATIONS)), st.integers(0, 40), st.integers(0, 300), st.integers(0, 70),
       st.sampled_from([0, 8, 32, 64, 128, 136]), st.booleans(), st.booleans(),
       st.sampled_from(list(contract.ACTIVATIONS)), st.sampled_from(["dense", "rows"]), st.integers(0, 4))
def test_drawn(quantization, rows, k, n, group_size, symmetric, bias, activation, layout, isa):
    if quantization == "int8_dynamic":
        group_size = 0
    symmetric = symmetric or quantization not in ("int8", "int4")
    case = contract.Case((rows,), k, n, quantization, group_size, symmetric, bias, activation, layout)
    best, names = _native.instruction_set(), _native.instruction_sets()
    try:
        _native.set_instruction_set(names[isa % len(names)])
        check(case, case.arrays(), np.float32)
    finally:
        _native.set_instruction_set(best)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("quantization", contract.QUANTIZATIONS)
def test_dequantize(quantization, dtype):
    rng = np.random.default_rng(0)
    for n, k, group_size in ((1, 1, 0), (33, 100, 0), (16, 64, 32), (47, 257, 64), (5, 0, 32), (0, 8, 0)):
        group_size = 0 if quantization == "int8_dynamic" else group_size
        for symmetric in (True, False) if quantization in ("int8", "int4") else (True,):
            packed = contract.quantize(rng.standard_normal((n, k)), quantization, group_size, symmetric=symmetric)
            want = contract.dequantize(*packed, quantization, group_size, n, k)
            for _ in each_instruction_set():
                got = _native.dequantize(*packed, quantization=quantization, group_size=group_size, n=n, k=k,
                                         dtype=np.dtype(DTYPES[dtype]))
                assert got.shape == (n, k) and got.dtype == DTYPES[dtype]
                unit = float(ml_dtypes.finfo(DTYPES[dtype]).eps) + 2 * np.finfo(np.float32).eps
                error = np.abs(got.astype(np.float64) - want).max(initial=0)
                assert error <= unit * np.abs(want).max(initial=0)


# ---- what quantising loses, and what packing keeps -----------------------------------------------


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("group_size", [0, 32, 128])
@pytest.mark.parametrize("quantization", contract.QUANTIZATIONS)
def test_quantize_takes_the_nearest_code(quantization, group_size, symmetric):
    if (quantization == "int8_dynamic" and (group_size or not symmetric)) or (quantization == "nf4" and not symmetric):
        return
    n, k = 19, 300
    weight = np.random.default_rng(0).standard_normal((n, k)).astype(np.float32)
    weight[3] = 0
    packed = contract.quantize(weight, quantization, group_size, symmetric=symmetric)
    assert (packed.codes.shape, packed.scales.shape) == contract.shapes(n, k, quantization, group_size)
    got = contract.dequantize(*packed, quantization, group_size, n, k)
    width = group_size or k
    scales = np.repeat(packed.scales.transpose(0, 2, 1).reshape(-1, packed.scales.shape[1])[:n], width, 1)[:, :k]
    step = scales * (max(np.diff(contract.NF4)) if quantization == "nf4" else 1)
    # A value that the finer of int4's scales clips lies past the last code by up to one step.
    clips = 2 if quantization == "int4" and symmetric else 1
    assert np.all(np.abs(got - weight) <= clips * np.abs(step) / 2 * 1.001 + 1e-6)
    assert np.all(got[3] == 0)
    assert (packed.offsets is None) == symmetric


def test_int4_takes_the_better_of_two_scales():
    weight = np.zeros((2, 32), np.float32)
    weight[0] = np.arange(32) % 16 - 8  # -8 to 7: exact at -8
    weight[1] = np.arange(32) % 15 - 7  # -7 to 7: exact at 7
    packed = contract.quantize(weight, "int4", 32)
    np.testing.assert_allclose(contract.dequantize(*packed, "int4", 32, 2, 32), weight, atol=1e-6)


@pytest.mark.parametrize("quantization", contract.QUANTIZATIONS)
def test_pack_and_unpack(quantization):
    rng = np.random.default_rng(0)
    n, k, group_size = 37, 90, 0 if quantization == "int8_dynamic" else 32
    low, high = (-128, 128) if quantization.startswith("int8") else (0, 16)
    values = rng.integers(low, high, (n, k))
    scales = rng.random((n, contract.groups(k, group_size)))
    packed = contract.pack(values, scales, quantization, group_size)
    np.testing.assert_array_equal(contract.unpack(packed.codes, quantization, n, k), values)
    np.testing.assert_array_equal(packed.scales.transpose(0, 2, 1).reshape(-1, scales.shape[1])[:n],
                                  scales.astype(np.float32))
    assert not packed.scales.transpose(0, 2, 1).reshape(-1, scales.shape[1])[n:].any()
    if quantization in ("int8", "int4"):
        zeros = rng.integers(low, high, scales.shape)
        packed = contract.pack(values, scales, quantization, group_size, zeros=zeros)
        want = (values - np.repeat(zeros, 32, 1)[:, :k]) * np.repeat(scales, 32, 1)[:, :k]
        np.testing.assert_allclose(contract.dequantize(*packed, quantization, group_size, n, k), want, atol=1e-5)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: contract.quantize(np.ones((2, 8)), "int5"), "a quantization of int8, int8_dynamic, int4, nf4"),
        (lambda: contract.quantize(np.ones((2, 8)), "int4", 12), "group_size that is a multiple of 8"),
        (lambda: contract.quantize(np.ones((2, 8)), "int8_dynamic", 32), "int8_dynamic with group_size 0"),
        (lambda: contract.quantize(np.ones((2, 8)), "nf4", symmetric=False), "nf4 to be symmetric"),
        (lambda: contract.quantize(np.ones(8), "int8"), r"expected a weight \(n, k\)"),
        (lambda: contract.quantize(np.full((2, 8), np.nan), "int8"), "finite weights"),
        (lambda: contract.pack(np.ones((2, 8)), np.ones((2, 1)), "int8"), "integer codes"),
        (lambda: contract.pack(np.full((2, 8), 16), np.ones((2, 1)), "int4"), "codes of 0 to 15, got 16 to 16"),
        (lambda: contract.pack(np.ones((2, 8), int), np.ones((2, 2)), "int8"), r"scales of shape \(2, 1\)"),
        (lambda: contract.pack(np.ones((2, 8), int), np.ones((2, 1)), "nf4", zeros=np.ones((2, 1))), "not for nf4"),
    ],
)
def test_contract_refuses(call, message):
    with pytest.raises(ValueError, match=rf"\[quantized_matmul\] .*{message}"):
        call()


# ---- special values --------------------------------------------------------------------------------


@pytest.mark.parametrize("quantization", contract.QUANTIZATIONS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_in_its_row(quantization, bad):
    rng = np.random.default_rng(0)
    packed = contract.quantize(rng.standard_normal((21, 100)), quantization)
    x = rng.standard_normal((9, 100)).astype(np.float32)
    good = dict(quantization=quantization, out_features=21)
    for _ in each_instruction_set():
        want = _native.quantized_matmul(x, *packed, **good)
        for rows in (1, 3, 9):
            spoilt = x[:rows].copy()
            spoilt[0, 99] = bad
            y = _native.quantized_matmul(spoilt, *packed, **good)
            assert not np.isfinite(y[0]).any()
            np.testing.assert_allclose(y[1:], want[1:rows], rtol=1e-5, atol=1e-5)


def test_int8_dynamic_rounds_as_the_contract_says():
    """Codes of x read off through the identity, and rows of zeros, of tiny and of huge values."""
    n = 48
    packed = contract.pack(np.eye(n, dtype=int), np.ones((n, 1)), "int8_dynamic")
    x = np.random.default_rng(0).standard_normal((7, n)).astype(np.float32)
    x[1], x[2], x[3], x[4] = 0, 1e-38, x[3] * 1e37, x[4] * 1e-29
    codes, scales = contract.round_rows(x)
    for _ in each_instruction_set():
        y = _native.quantized_matmul(x, *packed, quantization="int8_dynamic", out_features=n)
        np.testing.assert_array_equal(y, codes * scales)


# ---- refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(x=np.ones((3, 8))), "expected x .* of dtype float32, float16 or bfloat16"),
        (dict(x=np.ones((3, 8), np.int8)), "expected x .* of dtype float32, float16 or bfloat16"),
        (dict(x=np.array(1, np.float32)), "expected x"),
        (dict(x=np.ones((3, 9), np.float32)), r"expected codes of shape \(2, 3, 16, 4\) and dtype uint8"),
        (dict(x=np.ones((2, 3, 4, 8), np.float32)[:, ::2, ::2]), "expected x with its rows at one distance"),
        (dict(codes=np.ones((2, 2, 16, 4), np.int8)), "expected codes of shape .* and dtype uint8, got .* and int8"),
        (dict(codes=np.ones((2, 2, 16, 8), np.uint8)[..., ::2]), None),
        (dict(codes=np.ones((2, 2, 32, 4), np.uint8)[:, :, ::2]), "expected contiguous codes"),
        (dict(codes=np.ones((2, 2, 64), np.uint8)), "expected codes of shape"),
        (dict(scales=np.ones((2, 16), np.float32)), r"expected scales of shape \(2, 1, 16\)"),
        (dict(scales=np.ones((2, 1, 16), np.float16)), "expected scales of .* dtype float32, got .* float16"),
        (dict(offsets=np.ones((2, 2, 16), np.float32)), "expected offsets of shape"),
        (dict(bias=np.ones(16, np.float32)), r"expected bias of shape \(17,\)"),
        (dict(bias=np.ones(17, np.float16)), "expected bias of .* dtype float32"),
        (dict(out_features=33), r"expected codes of shape \(3, 2, 16, 4\)"),
        (dict(out_features=-1), "out_features of at least 0"),
        (dict(group_size=-8), "expected a group_size that is a multiple of 8"),
        (dict(group_size=9), "expected a group_size that is a multiple of 8"),
        (dict(quantization="int4"), r"expected codes of shape \(2, 1, 16, 4\)"),
        (dict(quantization="fp8"), "expected quantization int4, int8, int8_dynamic, nf4, got fp8"),
        (dict(quantization="int8_dynamic", group_size=32), "expected int8_dynamic with group_size 0"),
        (dict(quantization="int8_dynamic", offsets=np.ones((2, 1, 16), np.float32)), "without offsets"),
        (dict(activation="tanh"), "expected activation gelu, gelu_tanh, relu, silu, got tanh"),
    ],
)
def test_refuses(change, message):
    good = dict(x=np.ones((3, 8), np.float32), codes=np.ones((2, 2, 16, 4), np.uint8),
                scales=np.ones((2, 1, 16), np.float32), quantization="int8", out_features=17)
    assert _native.quantized_matmul(**good).shape == (3, 17)
    if message is None:  # the binding copies what is not contiguous in its last dimension
        assert _native.quantized_matmul(**good | change).shape == (3, 17)
        return
    with pytest.raises(ValueError, match=rf"(?s)\[quantized_matmul\] .*({message})"):
        _native.quantized_matmul(**good | change)


def test_results_do_not_depend_on_threads_or_rows_of_others():
    """Each row is computed alone: a batch gives what its rows give, up to the paths' order of sums."""
    for quantization in contract.QUANTIZATIONS:
        case = contract.Case((40,), 300, 200, quantization)
        a = case.arrays()
        whole = _native.quantized_matmul(a["x"], a["codes"], a["scales"], a["offsets"], a["bias"], **settings_of(case))
        for i in (0, 17, 39):
            one = _native.quantized_matmul(a["x"][i], a["codes"], a["scales"], a["offsets"], a["bias"],
                                           **settings_of(case))
            np.testing.assert_allclose(one, whole[i], rtol=1e-5, atol=1e-4)
