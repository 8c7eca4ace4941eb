"""quantized_matmul in the frameworks: kernel and reference against float64, gradients, transformations, refusals."""

import importlib
from functools import partial

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytransformers.ops import quantized_matmul as contract
from pytransformers.ops.selection import kernels

from .kernels import DTYPES, native, torch_tensor

FRAMEWORKS = ("torch", "jax", "tensorflow")
CASES = [case for case in contract.CASES if not case.benchmark]
FEW = [case for case in CASES if case.leading in ((2,), (3, 11))]
SMALL = [*CASES[:4], *FEW[1::2]]
# Every case where nothing is compiled for each, some of them where it is.
RUNS = [("torch", choice, case) for choice in ("native", "reference") for case in CASES]
RUNS += [(name, choice, case) for name in ("jax", "tensorflow") for choice in ("native", "reference") for case in SMALL]


def ops(framework):
    native(framework)
    return importlib.import_module(f"pytransformers.backends.{framework}.ops")


def options(case):
    return {"quantization": case.quantization, "group_size": case.group_size, "out_features": case.n,
            "activation": case.activation}  # fmt: skip


# ---- one runner for each framework: arrays in, {name: array} out, with gradients where dy is given ------------------


def run_torch(a, kw, dy=None, wrap=lambda f: f):
    t = {name: torch_tensor(value) for name, value in a.items()}
    function = wrap(partial(ops("torch").quantized_matmul, **kw))
    if dy is None:
        return {"y": function(**t).float().numpy()}
    leaves = {name: t[name].detach().requires_grad_() for name in ("x", "bias") if t[name] is not None}
    y = function(**{**t, **leaves})
    y.backward(torch_tensor(dy))
    return {"y": y.detach().float().numpy(), **{"d" + k: v.grad.float().numpy() for k, v in leaves.items()}}


def run_jax(a, kw, dy=None, wrap=None):
    import jax
    import jax.numpy as jnp

    wrap = jax.jit if wrap is None else wrap
    t = {name: None if value is None else jnp.asarray(value) for name, value in a.items()}
    function = partial(ops("jax").quantized_matmul, **kw)
    if dy is None:
        return {"y": np.asarray(wrap(lambda t: function(**t))(t), np.float32)}
    leaves = {name: t[name] for name in ("x", "bias") if t[name] is not None}

    def both(leaves, dy):
        y, pull = jax.vjp(lambda leaves: function(**{**t, **leaves}), leaves)
        return y, pull(dy)[0]

    y, grads = wrap(both)(leaves, jnp.asarray(dy))
    return {k: np.asarray(v, np.float32) for k, v in {"y": y, **{"d" + k: v for k, v in grads.items()}}.items()}


def run_tensorflow(a, kw, dy=None, wrap=lambda f: f):
    import tensorflow as tf

    t = {name: None if value is None else tf.constant(np.ascontiguousarray(value)) for name, value in a.items()}
    function = partial(ops("tensorflow").quantized_matmul, **kw)
    if dy is None:
        return {"y": tf.cast(wrap(lambda: function(**t))(), tf.float32).numpy()}
    leaves = {name: t[name] for name in ("x", "bias") if t[name] is not None}

    def both(leaves):
        with tf.GradientTape() as tape:
            tape.watch(leaves)
            y = function(**{**t, **leaves})
        return y, tape.gradient(y, leaves, output_gradients=tf.constant(dy))

    y, grads = wrap(both)(leaves)
    return {k: tf.cast(v, tf.float32).numpy() for k, v in {"y": y, **{"d" + k: v for k, v in grads.items()}}.items()}


RUN = {"torch": run_torch, "jax": run_jax, "tensorflow": run_tensorflow}

# ---- the bound -------------------------------------------------------------------------------------------------------


def derivative(y, activation):
    """Of an activation at y, by a central difference in float64."""
    step = 1e-6
    return (contract.activate(y + step, activation) - contract.activate(y - step, activation)) / (2 * step)


def expected(case, a, dtype, dy=None):
    """Results in `dtype` as float64, and for each the largest sum of magnitudes of the terms it is made of."""
    n, k = case.n, case.k
    packed = a["codes"], a["scales"], a["offsets"], case.quantization, case.group_size, n
    plain = contract.reference(a["x"], *packed, a["bias"], None, dtype)
    results = {"y": contract.activate(plain, case.activation)}
    weight = contract.dequantize(*packed, k, dtype)
    with np.errstate(all="ignore"):
        terms = {"y": np.abs(a["x"].astype(np.float64)) @ np.abs(weight.T.astype(np.float64))}
    if dy is not None:
        dplain = dy.astype(dtype) * derivative(plain.astype(np.float64), case.activation).astype(dtype)
        results["dx"] = dplain @ weight
        terms["dx"] = np.abs(dplain.astype(np.float64)) @ np.abs(weight.astype(np.float64))
        if a["bias"] is not None:
            results["dbias"] = dplain.reshape(-1, n).sum(0)
            terms["dbias"] = np.abs(dplain.astype(np.float64)).reshape(-1, n).sum(0)
    return {name: value.astype(np.float64) for name, value in results.items()}, terms


def inner_error(case, a, terms, dy):
    """What float32 loses of an activation's derivative, as large as dx and dbias see it."""
    if dy is None or case.activation is None:
        return dict.fromkeys(("y", "dx", "dbias"), 0.0)
    lost = 4 * np.finfo(np.float32).eps * (1 + terms["y"]) * np.abs(dy.astype(np.float64))
    packed = a["codes"], a["scales"], a["offsets"], case.quantization, case.group_size, case.n, case.k
    dx = lost @ np.abs(contract.dequantize(*packed))
    return {"y": 0.0, "dx": dx.max(), "dbias": lost.reshape(-1, case.n).sum(0).max()}


def check(case, a, results, dtype, dy=None):
    """Error at most twice the naive float32 implementation's, plus rounding: of the result to its dtype, of the float32
    terms, and in gradients of y, dy and W to x's dtype on the way."""
    (exact, terms), (naive, _) = expected(case, a, np.float64, dy), expected(case, a, np.float32, dy)
    assert set(results) == set(exact)
    inner = inner_error(case, a, terms, dy)
    unit, single = float(ml_dtypes.finfo(dtype).eps), float(np.finfo(np.float32).eps)
    for name, value in results.items():
        assert value.shape == exact[name].shape, name
        error = np.abs(value.astype(np.float64) - exact[name])
        largest = terms[name].max(initial=0)
        terms_lost = (8 if case.quantization == "int8_dynamic" else 4) * single * largest
        allowed = 2 * np.abs(naive[name] - exact[name]).max(initial=0) + unit * np.abs(exact[name]) + terms_lost
        if dy is not None:
            allowed += 2 * unit * largest + inner[name]
        assert np.all(error <= allowed), (name, error.max(), largest)


def draw(case, dtype):
    a = case.arrays(DTYPES[dtype])
    y = np.empty((*case.leading, case.n))
    return a, np.random.default_rng(1).standard_normal(y.shape).astype(DTYPES[dtype])


@pytest.mark.parametrize("framework, choice, case", RUNS, ids=str)
def test_against_float64(framework, choice, case):
    a, _ = draw(case, "float32")
    with kernels(choice):
        check(case, a, RUN[framework](a, options(case)), np.float32)


@pytest.mark.parametrize("choice", ["native", "reference"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients(dtype, framework, choice):
    for case in FEW if framework == "torch" else FEW[::2]:
        a, dy = draw(case, dtype)
        with kernels(choice):
            check(case, a, RUN[framework](a, options(case), dy), DTYPES[dtype], dy)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_any_sizes(data):
    quantization = data.draw(st.sampled_from(list(contract.QUANTIZATIONS)))
    dynamic = quantization == "int8_dynamic"
    case = contract.Case(
        leading=tuple(data.draw(st.lists(st.integers(0, 5), max_size=3))), k=data.draw(st.integers(1, 150)),
        n=data.draw(st.integers(1, 70)), quantization=quantization,
        group_size=0 if dynamic else 8 * data.draw(st.integers(0, 12)),
        symmetric=quantization not in ("int8", "int4") or data.draw(st.booleans()), bias=data.draw(st.booleans()),
        activation=data.draw(st.sampled_from(list(contract.ACTIVATIONS))),
        layout=data.draw(st.sampled_from(["dense", "rows"])),
    )  # fmt: skip
    dtype = data.draw(st.sampled_from(list(DTYPES)))
    a, _ = draw(case, dtype)
    for choice in ("native", "reference"):
        with kernels(choice):
            check(case, a, run_torch(a, options(case)), DTYPES[dtype])


@pytest.mark.parametrize("choice", ["native", "reference"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_rows_that_are_not_finite_or_zero(framework, choice):
    for quantization in contract.QUANTIZATIONS:
        case = contract.Case((5,), 40, 20, quantization)
        a, _ = draw(case, "float32")
        a["x"][0, 3], a["x"][1, 7], a["x"][2], a["x"][3] = np.nan, np.inf, 0, a["x"][3] * 1e30
        with kernels(choice):
            y = RUN[framework](a, options(case))["y"]
        exact = contract.reference(a["x"], a["codes"], a["scales"], None, quantization, 0, 20, a["bias"])
        assert not np.isfinite(y[:2]).any()
        np.testing.assert_array_equal(y[2], a["bias"])
        for row in (3, 4):
            np.testing.assert_allclose(y[row], exact[row], atol=1e-5 * np.abs(exact[row]).max())


# ---- tracing and transformations -------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", ["native", "reference"])
@pytest.mark.parametrize("framework", ["torch", "tensorflow"])
def test_compiled(framework, choice):
    if framework == "torch":
        import torch

        reset = torch._dynamo.reset
        wrap = partial(torch.compile, fullgraph=True, backend="aot_eager")
    else:
        import tensorflow as tf

        wrap, reset = tf.function, lambda: None
    for case in FEW[::4]:
        reset()
        a, dy = draw(case, "float32")
        with kernels(choice):
            check(case, a, RUN[framework](a, options(case), wrap=wrap), np.float32)
            check(case, a, RUN[framework](a, options(case), dy, wrap=wrap), np.float32, dy)


def test_tensorflow_takes_the_reference_under_xla():
    import tensorflow as tf

    for case in FEW[::3]:
        a, dy = draw(case, "float32")
        with kernels("native"):
            check(case, a, run_tensorflow(a, options(case), dy, wrap=partial(tf.function, jit_compile=True)),
                  np.float32, dy)  # fmt: skip


def test_tensorflow_shapes():
    import tensorflow as tf

    case = FEW[0]
    a, _ = draw(case, "float32")
    for choice in ("native", "reference"):
        with kernels(choice):
            function = tf.function(lambda x: ops("tensorflow").quantized_matmul(
                x, a["codes"], a["scales"], a["offsets"], a["bias"], **options(case)))
            concrete = function.get_concrete_function(tf.TensorSpec((None, 7, case.k)))
        assert tuple(concrete.outputs[0].shape) == (None, 7, case.n)


def test_torch_opcheck():
    import torch

    ops("torch")
    for case in (FEW[0], next(c for c in CASES if not c.symmetric)):
        a, _ = draw(case, "float32")
        t = {name: torch_tensor(value) for name, value in a.items()}
        number = contract.QUANTIZATIONS[case.quantization]
        packed = t["codes"], t["scales"], t["offsets"]
        check_op = partial(torch.library.opcheck, test_utils=("test_schema", "test_faketensor"))
        check_op(torch.ops.pytransformers.quantized_matmul.default,
                 (t["x"], *packed, t["bias"], number, case.group_size, case.n, 0))  # fmt: skip
        for dtype in (torch.float32, torch.bfloat16):
            check_op(torch.ops.pytransformers.dequantize.default,
                     (*packed, number, case.group_size, case.n, case.k, dtype))  # fmt: skip


def test_torch_columns_second_derivative_and_cast_models():
    import torch

    case = FEW[0]
    a, _ = draw(case, "float32")
    t = {name: torch_tensor(value) for name, value in a.items()}
    function = partial(ops("torch").quantized_matmul, **options(case) | {"activation": "silu"})
    with kernels("native"):
        x = t["x"].t().contiguous().t().requires_grad_()
        torch.testing.assert_close(function(**t | {"x": x}), function(**t))
        wide = x.detach().double().requires_grad_()
        loose = {"eps": 1e-2, "atol": 2e-1}  # the kernel has no float64
        assert torch.autograd.gradgradcheck(lambda x: function(**t | {"x": x.float()}).double(), wide, **loose)
        half = function(**t | {name: t[name].bfloat16() for name in ("x", "scales", "bias")})
        torch.testing.assert_close(half.float(), function(**t), atol=0.5, rtol=0.05)


@pytest.mark.parametrize("mapped", [("x",), ("codes", "scales"), ("x", "bias"), ("x", "codes", "scales", "bias")])
@pytest.mark.parametrize("choice", ["native", "reference"])
def test_jax_vmap(choice, mapped):
    import jax
    import jax.numpy as jnp

    case = contract.Case((3,), 40, 20, "int4", 16, activation="gelu")
    several = [case.arrays(seed=seed) for seed in range(4)]
    arguments = {name: jnp.stack([a[name] for a in several]) if name in mapped else jnp.asarray(several[0][name])
                 for name in ("x", "codes", "scales", "bias")}  # fmt: skip
    axes = ({name: 0 if name in mapped else None for name in arguments},)

    def loss(x, bias, codes, scales):
        y = ops("jax").quantized_matmul(x, codes, scales, None, bias, **options(case))
        return (y * jnp.arange(20)).sum(), y

    def step(a):
        return jax.value_and_grad(loss, (0, 1), has_aux=True)(a["x"], a["bias"], a["codes"], a["scales"])

    with kernels(choice):
        (_, y), grads = jax.jit(jax.vmap(step, axes))(arguments)
        twice = jax.vmap(jax.vmap(step, axes), (None,), axis_size=2)(arguments)
        for i in range(4):
            one = {name: value[i] if name in mapped else value for name, value in arguments.items()}
            (_, y_one), grads_one = step(one)
            for got, want in zip((y, *grads), (y_one, *grads_one), strict=True):
                np.testing.assert_allclose(got[i], want, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(twice[0][1][1], y, rtol=1e-5, atol=1e-5)


def test_jax_reference_has_a_forward_derivative():
    import jax
    import jax.numpy as jnp

    for case in [case for case in FEW if case.leading == (2,) and not case.group_size]:
        a, _ = draw(case, "float32")
        function = partial(ops("jax").quantized_matmul, **{k: a[k] for k in ("codes", "scales", "offsets", "bias")},
                           **options(case) | {"activation": None})  # fmt: skip
        with kernels("reference"):
            _, tangent = jax.jvp(function, (jnp.asarray(a["x"]),), (jnp.asarray(a["x"]),))
        weight = contract.dequantize(a["codes"], a["scales"], a["offsets"], case.quantization, case.group_size,
                                     case.n, case.k)  # fmt: skip
        np.testing.assert_allclose(tangent, a["x"] @ weight.T, rtol=1e-3, atol=1e-3)


# ---- bad input -------------------------------------------------------------------------------------------------------

BAD = {
    "columns": lambda a: a | {"x": a["x"][:, :-40]},
    "codes": lambda a: a | {"codes": a["codes"][:, :-1]},
    "scales": lambda a: a | {"scales": a["scales"][:-1]},
    "bias": lambda a: a | {"bias": a["bias"][:-1]},
    "rank": lambda a: a | {"scales": a["scales"][0]},
    "integers": lambda a: a | {"x": a["x"].astype(np.int32)},
}


@pytest.mark.parametrize("fault", BAD)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_refusals(framework, fault):
    case = contract.Case((4,), 64, 40, "int4", 32)
    a, _ = draw(case, "float32")
    with kernels("native"), pytest.raises(Exception, match=r"\[quantized_matmul\] expected|DT_INT32|int32"):
        RUN[framework](BAD[fault](a), options(case))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_unknown_options_are_refused(framework):
    case = contract.Case((4,), 64, 40, "int4", 32)
    a, _ = draw(case, "float32")
    for wrong in ({"quantization": "int3"}, {"activation": "mish"}, {"group_size": 12}, {"out_features": 90}):
        with kernels("native"), pytest.raises(Exception, match="int3|mish|expected"):
            RUN[framework](a, options(case) | wrong)
