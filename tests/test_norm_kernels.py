"""layer_norm and rms_norm: every binding against the float64 reference, forward and gradients, and what it refuses."""

import os
import re
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

from pytransformers import _native
from pytransformers.ops import layer_norm, rms_norm
from pytransformers.ops.case import NormCase

from .kernels import BINDINGS, DTYPES, each_instruction_set, native, torch_tensor

CONTRACTS = {"layer_norm": layer_norm, "rms_norm": rms_norm}


def optional(op, a):
    """Weights by name, as the op takes them."""
    return {k: a[k] for k in (("weight", "bias") if op == "layer_norm" else ("weight",))}


def operands(op, a):
    """Names of what the op takes and this case has."""
    return [k for k in ("x", "residual", *optional(op, a)) if a[k] is not None]


# ---- one runner for each binding: arrays in, {name: array} out -----------------------------------


def run_numpy(op, a, eps):
    out = getattr(_native, op)(a["x"], eps=eps, residual=a["residual"], **optional(op, a))
    y, s = (out, a["x"]) if a["residual"] is None else out
    wants = {f"want_{k}": v is not None for k, v in optional(op, a).items()}
    dx, *rest = getattr(_native, f"{op}_backward")(a["dy"], s, weight=a["weight"], dsum=a["dsum"], eps=eps, **wants)
    results = {"y": y, "dx": dx, **dict(zip(["dweight", "dbias"], rest, strict=False))}
    return results | ({} if a["residual"] is None else {"s": s})


def run_torch(op, a, eps, wrap=lambda f: f):
    module = native("torch")
    t = {k: torch_tensor(v) for k, v in a.items()}
    leaves = {k: t[k].detach().requires_grad_() for k in operands(op, a)}
    function = wrap(lambda kw: getattr(module, op)(eps=eps, **kw))
    out = function(leaves)
    y, s = out if "residual" in leaves else (out, None)
    with_sum = s is not None
    ((y * t["dy"]).sum() + ((s * t["dsum"]).sum() if with_sum else 0)).backward()
    results = {"y": y.detach(), "dx": leaves["x"].grad}
    results |= {"d" + k: leaves[k].grad for k in leaves if k != "x"}
    if with_sum:
        results["s"] = s.detach()
    return {k: v.float().numpy() for k, v in results.items()}


def run_jax(op, a, eps, wrap=lambda f: f):
    import jax
    import jax.numpy as jnp

    module = native("jax")
    leaves = {k: jnp.asarray(np.ascontiguousarray(a[k])) for k in operands(op, a)}

    def both(leaves, arriving):
        out, pull = jax.vjp(lambda kw: getattr(module, op)(eps=eps, **kw), leaves)
        return out, pull(arriving)[0]

    dy = jnp.asarray(a["dy"])
    out, grads = wrap(both)(leaves, dy if a["residual"] is None else (dy, jnp.asarray(a["dsum"])))
    results = {"y": out} if a["residual"] is None else {"y": out[0], "s": out[1]}
    return {k: np.asarray(v) for k, v in (results | {"d" + k: v for k, v in grads.items()}).items()}


def run_tensorflow(op, a, eps, wrap=lambda f: f):
    import tensorflow as tf

    module = native("tensorflow")
    leaves = {k: tf.constant(np.ascontiguousarray(a[k])) for k in operands(op, a)}

    def both(leaves):
        with tf.GradientTape() as tape:
            tape.watch(leaves)
            out = getattr(module, op)(eps=eps, **leaves)
        outs = [out] if a["residual"] is None else list(out)
        arriving = [tf.constant(a["dy"])] + ([] if a["residual"] is None else [tf.constant(a["dsum"])])
        return outs, tape.gradient(outs, leaves, output_gradients=arriving)

    outs, grads = wrap(both)(leaves)
    results = dict(zip(["y", "s"], outs, strict=False)) | {"d" + k: v for k, v in grads.items()}
    return {k: v.numpy() for k, v in results.items()}


RUNNERS = {"numpy": run_numpy, "torch": run_torch, "jax": run_jax, "tensorflow": run_tensorflow}

# ---- the bound -----------------------------------------------------------------------------------


def expected(op, case, a, eps, dtype):
    """Reference results in `dtype`, as float64 and named like the runners'."""
    contract, weights = CONTRACTS[op], optional(op, a)
    y, s = contract.forward(a["x"], eps=eps, residual=a["residual"], dtype=dtype, **weights)
    dx, *rest = contract.backward(a["dy"], s, weight=a["weight"], eps=eps, dsum=a["dsum"], dtype=dtype)
    results = {"y": y, "dx": dx, **dict(zip(["dweight", "dbias"], rest, strict=False))}
    if case.residual:
        results |= {"s": s, "dresidual": dx}
    return {k: v.astype(np.float64) for k, v in results.items()}


def cancelling(op, a, eps):
    """Largest of the terms whose difference dx is: dy * weight / standard deviation."""
    _, s = CONTRACTS[op].forward(a["x"], eps=eps, residual=a["residual"])
    spread = s.std(-1) if op == "layer_norm" else np.sqrt((s * s).mean(-1))
    g = a["dy"].astype(np.float64) * (1.0 if a["weight"] is None else a["weight"].astype(np.float64))
    return (np.abs(g).max(-1, initial=0) / np.sqrt(spread**2 + eps)).max(initial=0)


def check(op, case, a, results, eps, dtype):
    """Error at most twice the naive float32 implementation's, plus rounding: of each result to its dtype, and of the
    float32 terms that cancel in dx."""
    exact, naive = expected(op, case, a, eps, np.float64), expected(op, case, a, eps, np.float32)
    for name, value in results.items():
        if value is None:
            continue
        value = np.asarray(value)
        assert value.shape == exact[name].shape, name
        is_weight = name in ("dweight", "dbias")
        unit = float(ml_dtypes.finfo(np.float32 if is_weight and case.float32_weights else dtype).eps)
        error = np.abs(value.astype(np.float64) - exact[name])
        allowed = 2 * np.abs(naive[name] - exact[name]).max(initial=0) + unit * np.abs(exact[name])
        scale = np.abs(exact[name]).max(initial=0)
        if name in ("dx", "dresidual"):
            scale = max(scale, cancelling(op, a, eps))
        assert np.all(error <= allowed + 4 * np.finfo(np.float32).eps * scale), (name, error.max())


def parameters():
    for op, contract in CONTRACTS.items():
        for case in contract.CASES:
            for dtype in DTYPES:
                yield pytest.param(op, case, dtype, id=f"{op}-{case}-{dtype}")


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("op, case, dtype", list(parameters()))
def test_against_float64(binding, op, case, dtype):
    a = case.arrays(DTYPES[dtype])
    results = RUNNERS[binding](op, a, 1e-5)
    expected_names = {"y", "dx"} | {f"d{k}" for k, v in optional(op, a).items() if v is not None}
    assert expected_names <= {k for k, v in results.items() if v is not None}
    check(op, case, a, results, 1e-5, DTYPES[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_instruction_set(dtype):
    for _ in each_instruction_set():
        for op, contract in CONTRACTS.items():
            for case in contract.CASES:
                a = case.arrays(DTYPES[dtype], seed=1)
                check(op, case, a, run_numpy(op, a, 1e-5), 1e-5, DTYPES[dtype])


@pytest.mark.parametrize("op", CONTRACTS)
@pytest.mark.parametrize("features", [5, 64, 1000])
def test_a_mean_guessed_far_off(op, features):
    """Sums are about the mean of four places of a row; here these four lie far from the rest."""
    case = NormCase((3, features), bias=op == "layer_norm", residual=True)
    a = case.arrays()
    a["x"][:, [i * features // 4 for i in range(4)]] = [[1e3], [-30.0], [1e5]]
    for _ in each_instruction_set():
        check(op, case, a, run_numpy(op, a, 1e-5), 1e-5, np.float32)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("op", CONTRACTS)
def test_results_beyond_the_caches_are_those_of_small_calls(op, dtype):
    """Large results are stored past the caches; each row is as in a call of its own."""
    import torch

    function = getattr(native("torch"), op)
    width = 4096 if dtype == "float32" else 8192
    x, residual, dy = (torch.randn(2100, width).to(getattr(torch, dtype)) for _ in range(3))
    weight = torch.randn(width).to(x.dtype)
    for _ in each_instruction_set():
        for other in (None, residual):
            leaf = x.detach().requires_grad_()
            out = function(leaf, weight, residual=other)
            y, *s = (out,) if other is None else out
            y.backward(dy)
            for rows in (slice(0, 3), slice(1040, 1060), slice(2090, 2100)):
                part = x[rows].detach().requires_grad_()
                out = function(part, weight, residual=None if other is None else other[rows])
                y_part, *s_part = (out,) if other is None else out
                y_part.backward(dy[rows])
                assert torch.equal(y[rows], y_part) and torch.equal(leaf.grad[rows], part.grad)
                assert not s or torch.equal(s[0][rows], s_part[0])


def run_alone(code, **environment):
    """(stdout, stderr) of a Python process of its own."""
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True,
                          check=True)  # fmt: skip
    return done.stdout.strip(), done.stderr.strip()


def test_instruction_set_of_the_environment():
    code = "from pytransformers import _native; print(_native.instruction_set())"
    names = _native.instruction_sets()
    for name in names:
        assert run_alone(code, PYTRANSFORMERS_INSTRUCTION_SET=name) == (name, "")
    assert run_alone(code, PYTRANSFORMERS_INSTRUCTION_SET="") == (names[-1], "")
    found, said = run_alone(code, PYTRANSFORMERS_INSTRUCTION_SET="sse9")
    message = r"\[PYTRANSFORMERS_INSTRUCTION_SET\] expected baseline.* on this processor, got sse9, running on "
    assert found == names[-1] and re.fullmatch(message + found, said)


def test_number_of_threads_of_the_environment():
    code = ("import numpy, os; from pytransformers import _native; _native.rms_norm(numpy.ones((9000, 64), 'float32'));"
            "print(len(os.listdir('/proc/self/task')))")  # fmt: skip
    # NumPy may have threads of its own.
    (alone, _), (three, said) = (run_alone(code, PYTRANSFORMERS_NUM_THREADS=n, OMP_NUM_THREADS="1",
                                           OPENBLAS_NUM_THREADS="1") for n in ("1", "3"))  # fmt: skip
    assert int(three) == int(alone) + 2 and not said
    for bad in ("0", "-2", "two", "3x", "1000", "99999999999999999999"):
        _, said = run_alone(code, PYTRANSFORMERS_NUM_THREADS=bad)
        assert f"[PYTRANSFORMERS_NUM_THREADS] expected a number from 1 to 256, got {bad}, running on" in said


def test_unknown_instruction_set():
    names = _native.instruction_sets()
    assert names[0] == "baseline" and names[-1] == _native.instruction_set()
    with pytest.raises(ValueError, match="expected baseline.* on this processor, got avx9, name one of these"):
        _native.set_instruction_set("avx9")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_conversions_round_as_numpy_does(dtype):
    """Every 16-bit pattern through s = x + 0, and sums that need rounding, overflow or go subnormal."""
    kind = DTYPES[dtype]
    patterns = np.arange(65536, dtype=np.uint16).view(kind)
    x, residual = np.tile(patterns, 3), np.concatenate([np.zeros_like(patterns), np.roll(patterns, 77), patterns[::-1]])
    with np.errstate(all="ignore"):
        wanted = (x.astype(np.float32) + residual.astype(np.float32)).astype(kind)
    for _ in each_instruction_set():
        _, s = _native.rms_norm(x.reshape(3, -1), residual=residual.reshape(3, -1))
        np.testing.assert_array_equal(s.reshape(-1).astype(np.float32), wanted.astype(np.float32))


# ---- tracing and transformations -----------------------------------------------------------------

TRACED = [c for c in layer_norm.CASES if c.shape in ((2, 3, 16), (3, 7), (16, 384))]


@pytest.mark.parametrize("op", CONTRACTS)
@pytest.mark.parametrize("case", TRACED, ids=str)
@pytest.mark.parametrize("binding", ["torch", "jax", "tensorflow"])
def test_compiled(binding, op, case):
    a = case.arrays()
    if binding == "torch":
        import torch

        torch._dynamo.reset()
        results = run_torch(op, a, 1e-5, lambda f: torch.compile(f, fullgraph=True, backend="aot_eager"))
    elif binding == "jax":
        import jax

        results = run_jax(op, a, 1e-5, jax.jit)
    else:
        import tensorflow as tf

        results = run_tensorflow(op, a, 1e-5, tf.function)
    check(op, case, a, results, 1e-5, np.float32)


def test_torch_export_and_inductor():
    import torch

    module = native("torch")

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = torch.nn.LayerNorm(24)

        def forward(self, x, r):
            y, s = module.layer_norm(x, self.norm.weight, self.norm.bias, 1e-5, r)
            return module.rms_norm(y * 2, None, 1e-6) + s

    block, x, r = Block(), torch.randn(3, 5, 24), torch.randn(3, 5, 24)
    any_batch = {0: torch.export.Dim.AUTO}
    exported = torch.export.export(block, (x, r), dynamic_shapes=(any_batch, any_batch))
    torch.testing.assert_close(exported.module()(x[:2], r[:2]), block(x[:2], r[:2]))
    torch._dynamo.reset()
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(block, fullgraph=True)(x, r), block(x, r))


def test_torch_opcheck_autocast_and_second_derivative():
    import torch

    module = native("torch")
    x, w, b = torch.randn(3, 9), torch.randn(9), torch.randn(9)
    for arguments, name in (((x, w, b, 1e-5), "layer_norm"), ((x, x, w, b, 1e-5), "add_layer_norm"),
                            ((x, x, None, 1e-5), "add_rms_norm")):
        operator = getattr(torch.ops.pytransformers, name).default
        torch.library.opcheck(operator, arguments, test_utils=("test_schema", "test_faketensor"))
    with torch.autocast("cpu", torch.bfloat16):
        y = module.layer_norm(x.bfloat16(), w.requires_grad_(), b)
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert w.grad.dtype == torch.float32
    x.requires_grad_()
    (dx,) = torch.autograd.grad(module.rms_norm(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable|differentiate twice"):
        dx.sum().backward()


def test_torch_result_is_dense_for_columns_and_gradient_stops_where_not_needed():
    import torch

    module = native("torch")
    x = torch.randn(8, 6).t().requires_grad_()
    w = torch.ones(8)
    y = module.layer_norm(x, w)
    assert y.is_contiguous()
    y.sum().backward()
    assert x.grad is not None and w.grad is None
    # Only s is used: y's gradient never arrives.
    _, s = module.rms_norm(x, residual=x.detach())
    x.grad = None
    s.sum().backward()
    torch.testing.assert_close(x.grad, torch.ones_like(x))


@pytest.mark.parametrize("axes", [(0, None, None), (0, 0, None), (None, 0, 0), (1, None, 0)])
@pytest.mark.parametrize("op", CONTRACTS)
def test_jax_vmap(op, axes):
    import jax
    import jax.numpy as jnp

    module = native("jax")
    rng = np.random.default_rng(3)
    shapes = [(4, 6), (6,), (4, 6)]
    arguments = [jnp.asarray(rng.standard_normal(s if a is None else s[:a] + (5,) + s[a:]), jnp.float32)
                 for s, a in zip(shapes, axes, strict=True)]

    def loss(x, w, r):
        y, s = getattr(module, op)(x, w, residual=r)
        return (y * jnp.arange(6)).sum() + (s * s).sum()

    step = jax.value_and_grad(loss, (0, 1, 2))
    value, grads = jax.jit(jax.vmap(step, axes))(*arguments)
    for i in range(5):
        one = [v if a is None else jnp.take(v, i, a) for v, a in zip(arguments, axes, strict=True)]
        v, g = step(*one)
        np.testing.assert_allclose(value[i], v, rtol=1e-4)
        for got, want in zip(grads, g, strict=True):
            np.testing.assert_allclose(got[i], want, rtol=1e-4, atol=1e-4)


def test_tensorflow_knows_xla():
    import tensorflow as tf

    from pytransformers.ops import selection

    native("tensorflow")
    seen = []

    def look(x):
        seen.append(selection.chosen("layer_norm", "tensorflow"))
        return x + 1

    with selection.kernels("native"):
        look(tf.zeros(3))
        tf.function(look)(tf.zeros(3))
        tf.function(look, jit_compile=True)(tf.zeros(3))
        inner = tf.function(look, jit_compile=True)
        tf.function(lambda x: inner(x) * 2)(tf.zeros(2))
        tf.function(look, jit_compile=True).get_concrete_function(tf.TensorSpec((4,)))
    assert seen == ["native", "native", "reference", "reference", "reference"]


def test_tensorflow_shapes_and_second_derivative():
    import tensorflow as tf

    module = native("tensorflow")
    spec = tf.TensorSpec((None, 7, 12))
    concrete = tf.function(lambda x: module.layer_norm(x, residual=x)).get_concrete_function(spec)
    assert [tuple(o.shape) for o in concrete.outputs] == [(None, 7, 12)] * 2
    x = tf.ones((2, 4))
    with tf.GradientTape() as outer, tf.GradientTape() as inner:
        outer.watch(x)
        inner.watch(x)
        y = tf.reduce_sum(module.rms_norm(x) ** 2)
        dx = inner.gradient(y, x)
    with pytest.raises(NotImplementedError, match="differentiated once"):
        outer.gradient(dx, x)


def test_jax_choice_is_part_of_the_jit_key():
    import jax

    from pytransformers.ops import selection

    native("jax")
    seen = []

    @jax.jit
    def f(x):
        seen.append(selection.chosen("rms_norm", "jax"))
        return x

    for choice in ("native", "reference", "native", "auto", "reference"):
        with selection.kernels(choice):
            f(1.0)
    assert seen == ["native", "reference", "native"]


# ---- bad input -----------------------------------------------------------------------------------

BAD = {
    "weight_size": (lambda x, w: (x, w[:-1]), "expected weight of shape"),
    "weight_rank": (lambda x, w: (x, w[None]), "expected weight of shape"),
    "x_dtype": (lambda x, w: (x.astype(np.int32), None), "expected x of dtype float32, float16 or bfloat16"),
    "x_float64": (lambda x, w: (x.astype(np.float64), None), "expected x of dtype float32, float16 or bfloat16"),
    "weight_dtype": (lambda x, w: (x, w.astype(np.float16)), "expected weight of dtype float32, got float16"),
    "scalar": (lambda x, w: (x[0, 0], None), "expected x of 1 to 16 dimensions"),
}


@pytest.mark.parametrize("op", CONTRACTS)
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("binding", BINDINGS)
def test_bad_input_is_refused(binding, bad, op):
    x, w = BAD[bad][0](np.ones((3, 8), np.float32), np.ones(8, np.float32))
    x = np.asarray(x)
    message = rf"\[{op}\] .*{BAD[bad][1]}"
    if binding == "numpy":
        with pytest.raises(ValueError, match=message):
            getattr(_native, op)(x, w)
    elif binding == "torch":
        with pytest.raises(RuntimeError, match=message):
            getattr(native("torch"), op)(torch_tensor(x), torch_tensor(w))
    elif binding == "jax":
        import jax

        with jax.enable_x64(bad == "x_float64"), pytest.raises((ValueError, RuntimeError), match=message):
            arguments = [None if v is None else jax.numpy.asarray(v) for v in (x, w)]
            jax.block_until_ready(getattr(native("jax"), op)(*arguments))
    else:
        import tensorflow as tf

        # TensorFlow checks dtypes and ranks by the op's own definition before the kernel sees them.
        message += "|Value for attr 'T'|allowed values|must be at least rank 1"
        refusals = (tf.errors.InvalidArgumentError, tf.errors.NotFoundError, TypeError, ValueError)
        with pytest.raises(refusals, match=message):
            getattr(native("tensorflow"), op)(tf.constant(x), None if w is None else tf.constant(w))


@pytest.mark.parametrize("op", CONTRACTS)
def test_bad_residual_eps_and_objects(op):
    call = getattr(_native, op)
    x = np.ones((3, 8), np.float32)
    for residual in (x[:2], x.astype(np.float16), np.ones((3, 8, 1), np.float32)):
        with pytest.raises(ValueError, match=rf"\[{op}\] expected residual of x's"):
            call(x, residual=residual)
    for eps in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=rf"\[{op}\] expected a finite eps"):
            call(x, eps=eps)
    with pytest.raises(TypeError, match=rf"\[{op}\] expected x to be a NumPy array or to speak DLPack, got list"):
        call([1.0])
    with pytest.raises(ValueError, match="expected x of dtype"):
        call(x.astype(">f4"))


def test_dlpack_in_numpy_out():
    import torch

    x = torch.randn(6, 10)[::2].bfloat16()
    y = _native.layer_norm(x)
    assert y.dtype == ml_dtypes.bfloat16 and y.shape == (3, 10)
    exact, _ = layer_norm.forward(x.float().numpy())
    np.testing.assert_allclose(y.astype(np.float64), exact, atol=0.02)
    unaligned = np.frombuffer(b"\0" + np.arange(12, dtype=np.float32).tobytes(), np.uint8)[1:].view(np.float32)
    np.testing.assert_array_equal(_native.rms_norm(unaligned), _native.rms_norm(unaligned.copy()))


def test_results_do_not_depend_on_threads():
    import torch

    module = native("torch")
    x, dy = torch.randn(3000, 130), torch.randn(3000, 130)
    gradients, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            w, b = torch.ones(130, requires_grad=True), torch.zeros(130, requires_grad=True)
            module.layer_norm(x, w, b).backward(dy)
            gradients.append((w.grad, b.grad))
    finally:
        torch.set_num_threads(before)
    for dw, db in gradients[1:]:
        assert torch.equal(dw, gradients[0][0]) and torch.equal(db, gradients[0][1])


# ---- selection -----------------------------------------------------------------------------------


def test_selection(caplog):
    from pytransformers.ops import selection

    selection.register("an_op", "torch", devices=("cpu",))
    selection.register("a_broken_op", "torch", reason="it was not built")
    try:
        assert selection.chosen("an_op", "torch", "cpu") == "native"
        with caplog.at_level("INFO", "pytransformers.ops.selection"):
            for _ in range(2):
                assert selection.chosen("an_op", "torch", "cuda") == "reference"
                assert selection.chosen("a_broken_op", "torch") == "reference"
        assert len(caplog.records) == 2 and "it was not built" in caplog.text
        with selection.kernels("reference"):
            assert selection.chosen("an_op", "torch") == "reference"
            with selection.kernels("native"):
                assert selection.chosen("an_op", "torch") == "native"
            assert selection.current() == "reference"
        with selection.kernels("native"), pytest.raises(RuntimeError, match="it was not built"):
            selection.chosen("a_broken_op", "torch")
        with selection.kernels("triton"), pytest.raises(RuntimeError, match="there is no triton kernel for torch"):
            selection.chosen("an_op", "torch")
        with pytest.raises(ValueError, match=r"\[kernels\] expected one of .*, got 'fast'"):
            selection.kernels("fast")
        rows = {row["op"]: row["state"] for row in selection.explain()}
        assert rows["an_op"] == "ready" and rows["a_broken_op"] == "it was not built"
    finally:
        for op in ("an_op", "a_broken_op"):
            del selection._registered[op, "torch", "native"]
