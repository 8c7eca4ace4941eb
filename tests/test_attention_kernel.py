"""attention: every binding against the float64 reference, forward and gradients, its options, and what it refuses."""

import importlib
import subprocess
import sys

import hypothesis.strategies as st
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings

from pytransformers import _native
from pytransformers.ops import attention as contract
from pytransformers.ops import selection

from .kernels import BINDINGS, DTYPES, each_instruction_set, native, torch_tensor

TESTED = [case for case in contract.CASES if case.scores <= 2**18]
FRAMEWORKS = [binding for binding in BINDINGS if binding != "numpy"]
GRADIENTS = ("dquery", "dkey", "dvalue", "dbias")


def ops_of(framework):
    native(framework)
    return importlib.import_module(f"pytransformers.backends.{framework}.ops")


def split(a):
    """(tensors of the call, the arriving gradient)."""
    return {name: x for name, x in a.items() if name != "dout"}, a["dout"]


# ---- one runner for each binding: arrays in, {name: array} out -----------------------------------


def run_numpy(a, options, **dropout):
    tensors, dout = split(a)
    options = {**options, **dropout}
    if "window" in options:
        options["window"] = contract.window_sides(options["window"])
    out, lse = _native.attention(**tensors, **options, with_lse=True)
    gradients = _native.attention_backward(dout=dout, out=out, lse=lse, **tensors, **options,
                                           want_bias="bias" in tensors)
    return {"out": out, "lse": lse, **dict(zip(GRADIENTS, gradients, strict=True))}


def leaves_of(tensors):
    return [name for name in ("query", "key", "value", "bias") if name in tensors]


def run_torch(a, options, wrap=lambda f: f):
    ops = ops_of("torch")
    tensors, dout = split({name: torch_tensor(x) for name, x in a.items()})
    leaves = {name: tensors[name].detach().requires_grad_() for name in leaves_of(tensors)}
    function = wrap(lambda tensors: ops.attention(**tensors, **options, implementation="native")[0])
    out = function(tensors | leaves)
    out.backward(dout)
    results = {"out": out.detach()} | {"d" + name: leaf.grad for name, leaf in leaves.items()}
    return {name: x.float().numpy() for name, x in results.items()}


def run_jax(a, options, wrap=None):
    import jax
    import jax.numpy as jnp

    ops = ops_of("jax")
    tensors, dout = split({name: jnp.asarray(np.ascontiguousarray(x)) for name, x in a.items()})
    leaves = {name: tensors.pop(name) for name in leaves_of(tensors)}

    def both(leaves, tensors, dout):
        out, pull = jax.vjp(lambda leaves: ops.attention(**leaves, **tensors, **options, implementation="native")[0],
                            leaves)
        return out, pull(dout)[0]

    out, gradients = (wrap or jax.jit)(both)(leaves, tensors, dout)
    return {"out": np.asarray(out)} | {"d" + name: np.asarray(x) for name, x in gradients.items()}


def run_tensorflow(a, options, wrap=lambda f: f):
    import tensorflow as tf

    ops = ops_of("tensorflow")
    tensors, dout = split({name: tf.constant(np.ascontiguousarray(x)) for name, x in a.items()})
    leaves = {name: tensors.pop(name) for name in leaves_of(tensors)}

    def both(leaves):
        with tf.GradientTape() as tape:
            tape.watch(leaves)
            out, _ = ops.attention(**leaves, **tensors, **options, implementation="native")
        return out, tape.gradient(out, leaves, output_gradients=dout)

    out, gradients = wrap(both)(leaves)
    return {"out": out.numpy()} | {"d" + name: x.numpy() for name, x in gradients.items()}


RUNNERS = {"numpy": run_numpy, "torch": run_torch, "jax": run_jax, "tensorflow": run_tensorflow}

# ---- the bound -----------------------------------------------------------------------------------


def expected(a, options, dtype, kept=None):
    tensors, dout = split(a)
    out, lse = contract.forward(**tensors, **options, kept=kept, dtype=dtype)
    gradients = contract.backward(dout, **tensors, **options, kept=kept, dtype=dtype)
    return {"out": out, "lse": lse, **dict(zip(GRADIENTS, gradients, strict=True))}


def roundings(a, options, kept, unit):
    """What each result may be off by as float32 sums round, and as a row's mean is taken of the rounded context.

    Each is a few units of the sum of the absolute values of the terms that the result is the sum of.
    """
    tensors, dout = split(a)
    query, key, value = (np.abs(tensors[name].astype(np.float64)) for name in ("query", "key", "value"))
    dout = np.abs(dout.astype(np.float64))
    weights, _, _ = contract.weights_of(**{n: x for n, x in tensors.items() if n != "value"}, **options)
    weights = weights if kept is None else weights * kept
    groups = query.shape[1] // key.shape[1]
    every_key, every_value = (np.repeat(x, groups, 1) for x in (key, value))
    scale = abs(options.get("scale", query.shape[-1] ** -0.5))
    # A weight is off by what its float32 score is, which the backward computes a second time.
    unsure = np.finfo(np.float32).eps * weights * (4 + 2 * scale * query @ np.swapaxes(every_key, -1, -2))
    dweights = dout @ np.swapaxes(every_value, -1, -2)
    dscores = unsure * (dweights + (weights * dweights).sum(-1, keepdims=True))
    context, _ = contract.forward(**tensors, **options, kept=kept)
    dscores = dscores + unit / 2 * weights * (dout * np.abs(context)).sum(-1, keepdims=True)

    def of_groups(x):
        return x.reshape(x.shape[0], key.shape[1], groups, *x.shape[2:]).sum(2)

    found = {
        "out": unsure @ every_value, "dvalue": of_groups(np.swapaxes(unsure, -1, -2) @ dout),
        "dquery": scale * dscores @ every_key, "dkey": of_groups(scale * np.swapaxes(dscores, -1, -2) @ query),
    }  # fmt: skip
    if "bias" in a:
        axes = tuple(i for i, n in enumerate(a["bias"].shape) if n == 1)
        found["dbias"] = dscores.sum(axes, keepdims=True)
    return found


def check(a, options, results, dtype, kept=None):
    """Error at most twice the naive implementation's, plus rounding of each result to its own dtype and `roundings`."""
    exact, naive = expected(a, options, np.float64, kept), expected(a, options, np.float32, kept)
    unsure = roundings(a, options, kept, float(ml_dtypes.finfo(dtype).eps))
    for name, value in results.items():
        if value is None:
            assert exact[name] is None, name
            continue
        value = np.asarray(value)
        assert value.shape == exact[name].shape, name
        rounded_to = {"lse": np.float32, "dbias": a["bias"].dtype if "bias" in a else dtype}.get(name, dtype)
        finite = np.isfinite(exact[name])
        np.testing.assert_array_equal(value[~finite].astype(np.float64), exact[name][~finite])
        close = np.where(finite, exact[name], 0)
        error = np.abs(np.where(finite, value.astype(np.float64), 0) - close)
        off = np.abs(np.where(finite, naive[name].astype(np.float64), 0) - close).max(initial=0)
        allowed = 2 * off + float(ml_dtypes.finfo(rounded_to).eps) * np.abs(close)
        allowed = allowed + unsure.get(name, 4 * np.finfo(np.float32).eps * np.abs(close).max(initial=0))
        assert np.all(error <= allowed), (name, error.max(), off, (error / allowed).max())


def parameters():
    for case in TESTED:
        for dtype in DTYPES:
            yield pytest.param(case, dtype, id=f"{case}-{dtype}")


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("case, dtype", list(parameters()))
def test_against_float64(binding, case, dtype):
    a = case.arrays(DTYPES[dtype])
    results = RUNNERS[binding](a, case.options())
    assert {"out", "dquery", "dkey", "dvalue"} | ({"dbias"} if case.bias else set()) <= set(results)
    check(a, case.options(), results, DTYPES[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_instruction_set(dtype):
    for _ in each_instruction_set():
        for case in TESTED:
            a = case.arrays(DTYPES[dtype], seed=1)
            check(a, case.options(), run_numpy(a, case.options()), DTYPES[dtype])


@st.composite
def calls(draw):
    """A case of any sizes, options and layout."""
    kv_heads, group = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    packed = tuple(draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 20)), max_size=4)))
    batch = 1 if packed else draw(st.integers(0, 3))
    q, k = np.sum(packed, 0).tolist() if packed else (draw(st.integers(0, 40)), draw(st.integers(0, 80)))
    limit = st.none() | st.integers(0, 12)
    return contract.AttentionCase(
        (batch, kv_heads * group, kv_heads, q, k, draw(st.integers(1, 70))), d_v=draw(st.none() | st.integers(1, 70)),
        mask=draw(st.sampled_from(["", "padding", "full", "rows"])),
        bias=draw(st.sampled_from(["", "", "bhqk", "hqk", "qk", "k", "h", "bk"])), float32_bias=draw(st.booleans()),
        causal=draw(st.booleans()), scale=draw(st.none() | st.sampled_from([0.3, 1.0])),
        window=draw(st.none() | st.tuples(limit, limit)), soft_cap=draw(st.none() | st.just(3.0)),
        alibi=draw(st.booleans()), packed=packed,
        layout=draw(st.sampled_from(["merged", "dense", "rows", "columns"])),
    )  # fmt: skip


@settings(max_examples=200, deadline=None, derandomize=True)
@given(calls(), st.sampled_from(list(DTYPES)), st.integers(0, 2**16))
def test_any_call(case, dtype, seed):
    a = case.arrays(DTYPES[dtype], seed)
    check(a, case.options(), run_numpy(a, case.options()), DTYPES[dtype])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(calls(), st.integers(0, 2**16))
def test_any_call_in_torch(case, seed):
    a = case.arrays(np.float32, seed)
    check(a, case.options(), run_torch(a, case.options()), np.float32)


# ---- dropout -------------------------------------------------------------------------------------


def kept_weights(case, dropout, seed):
    """What dropout multiplies each weight by, read from the kernel: with equal scores and the identity as values."""
    batch, heads, kv_heads, q, k, d = case.sizes
    flat = {"query": np.zeros((batch, heads, q, d), np.float32), "key": np.zeros((batch, kv_heads, k, d), np.float32),
            "value": np.broadcast_to(np.eye(k, dtype=np.float32), (batch, kv_heads, k, k))}  # fmt: skip
    return _native.attention(**flat, dropout=dropout, dropout_seed=seed) * k


@pytest.mark.parametrize("dtype", DTYPES)
def test_dropout(dtype):
    case = contract.AttentionCase((2, 4, 2, 37, 65, 24), causal=True, bias="hqk", mask="padding")
    for _ in each_instruction_set():
        kept = kept_weights(case, 0.3, 11)
        np.testing.assert_allclose(kept[kept > 0.5], 1 / 0.7, rtol=1e-5)
        assert abs((kept > 0.5).mean() - 0.7) < 0.02 and set(np.unique(kept > 0.5)) == {False, True}
        assert (np.abs((kept > 0.5).mean((0, 1)) - 0.7) < 0.6).all()  # no place is favoured
        other = kept_weights(case, 0.3, 12)
        assert 0.3 < ((kept > 0.5) != (other > 0.5)).mean() < 0.55  # 2 * 0.3 * 0.7 if independent
        assert 0.3 < ((kept[0] > 0.5) != (kept[1] > 0.5)).mean() < 0.55
        a = case.arrays(DTYPES[dtype])
        kept = np.where(kept > 0.5, 1 / 0.7, 0)
        check(a, case.options(), run_numpy(a, case.options(), dropout=0.3, dropout_seed=11), DTYPES[dtype], kept)


def one_gradient(framework, seed):
    """out and dvalue of a call with dropout, in a stream that begins at `seed`."""
    ops = ops_of(framework)
    q, k = np.zeros((1, 2, 30, 8), np.float32), np.zeros((1, 2, 40, 8), np.float32)
    v = np.random.default_rng(0).standard_normal((1, 2, 40, 40)).astype(np.float32)

    def call(v):
        return ops.attention(ops.tensor(q), ops.tensor(k), v, dropout_p=0.4, implementation="native")[0]

    if framework == "torch":
        import torch

        torch.manual_seed(seed)
        v = torch.tensor(v, requires_grad=True)
        out = call(v)
        out.sum().backward()
        return out.detach().numpy(), v.grad.numpy()
    if framework == "jax":
        import jax

        from pytransformers.backends.jax.context import Call, running

        with running(Call(key=jax.random.key(seed))):
            out, pull = jax.vjp(call, jax.numpy.asarray(v))
        return np.asarray(out), np.asarray(pull(jax.numpy.ones_like(out))[0])
    import tensorflow as tf

    tf.random.set_seed(seed)
    v = tf.constant(v)
    with tf.GradientTape() as tape:
        tape.watch(v)
        out = call(v)
    return out.numpy(), tape.gradient(out, v).numpy()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_dropout_follows_the_frameworks_stream(framework):
    """The same seed draws the same; and backward draws what forward drew: sum(out) is linear in v, with gradient dv."""
    out, dvalue = one_gradient(framework, 3)
    again, _ = one_gradient(framework, 3)
    other, _ = one_gradient(framework, 4)
    np.testing.assert_array_equal(out, again)
    assert np.abs(out - other).max() > 0.01
    v = np.random.default_rng(0).standard_normal((1, 2, 40, 40)).astype(np.float32)
    np.testing.assert_allclose((v * dvalue).sum(), out.sum(), rtol=1e-3)
    assert dvalue.std() > 0.05  # without dropout it is 30 / 40 everywhere


# ---- tracing and transformations -----------------------------------------------------------------

TRACED = [case for case in TESTED if 0 < case.scores < 4000 and case.magnitude == 1][::3]


@pytest.mark.parametrize("case", TRACED, ids=str)
@pytest.mark.parametrize("framework", ["torch", "tensorflow"])  # JAX runs under jit above
def test_compiled(framework, case):
    a = case.arrays()
    if framework == "torch":
        import torch

        torch._dynamo.reset()
        results = run_torch(a, case.options(), lambda f: torch.compile(f, fullgraph=True, backend="aot_eager"))
    else:
        import tensorflow as tf

        results = run_tensorflow(a, case.options(), tf.function)
    check(a, case.options(), results, np.float32)


def test_jax_without_jit():
    case = next(case for case in TRACED if case.mask)
    check(case.arrays(), case.options(), run_jax(case.arrays(), case.options(), lambda f: f), np.float32)


def test_torch_export_inductor_and_dropout():
    import torch

    ops = ops_of("torch")

    class Block(torch.nn.Module):
        def forward(self, x, mask, p=0.0):
            q = x.unflatten(-1, (4, -1)).transpose(1, 2)
            context, _ = ops.attention(q, q, q, mask=mask, causal=True, dropout_p=p, implementation="native")
            return context.transpose(1, 2).flatten(2) * 2

    block, x, mask = Block(), torch.randn(3, 5, 32), torch.rand(3, 1, 1, 5) < 0.9
    any_batch = {0: torch.export.Dim.AUTO}
    exported = torch.export.export(block, (x, mask), dynamic_shapes=(any_batch, any_batch))
    torch.testing.assert_close(exported.module()(x[:2], mask[:2]), block(x[:2], mask[:2]))
    torch._dynamo.reset()
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(block, fullgraph=True)(x, mask), block(x, mask))
        dropped = torch.compile(block, fullgraph=True)(x, mask, 0.5)
    assert dropped.isfinite().all() and not torch.allclose(dropped, block(x, mask))


def test_torch_opcheck():
    import torch

    native("torch")
    q, k = torch.randn(2, 4, 5, 8), torch.randn(2, 2, 7, 8)
    bias, mask = torch.randn(1, 4, 5, 7), torch.rand(2, 1, 1, 7) < 0.8
    slopes = torch.rand(4)
    library, tests = torch.ops.pytransformers, ("test_schema", "test_faketensor")
    for options in ({}, {"causal": True, "mask": mask}, {"bias": bias, "alibi_slopes": slopes, "window_left": 2},
                    {"dropout": 0.5, "seed": torch.tensor([3])}):
        torch.library.opcheck(library.attention.default, (q, k, k, 0.3), options, test_utils=tests)
        torch.library.opcheck(library.attention_with_lse.default, (q, k, k, 0.3), options, test_utils=tests)
        out, lse = library.attention_with_lse(q, k, k, 0.3, **options)
        arguments = (torch.randn_like(out), q, k, k, out, lse, "bias" in options, 0.3)
        torch.library.opcheck(library.attention_backward.default, arguments, options, test_utils=tests)


def test_torch_merging_heads_copies_nothing_and_inputs_may_have_any_strides():
    import torch

    ops = ops_of("torch")
    x = torch.randn(2, 7, 3, 4, 8)
    q, k, v = x.permute(2, 0, 3, 1, 4)
    context, _ = ops.attention(q, k, v, implementation="native")
    merged = context.transpose(1, 2).flatten(2)
    assert merged.data_ptr() == context.data_ptr() and merged.is_contiguous()
    torch.testing.assert_close(context, ops.attention(q, k, v, implementation="eager")[0], rtol=1e-4, atol=1e-5)


def test_torch_autocast_checkpoint_and_second_derivative():
    import torch

    ops = ops_of("torch")
    q, k = torch.randn(1, 2, 5, 8, requires_grad=True), torch.randn(1, 2, 5, 8)
    with torch.autocast("cpu", torch.bfloat16):
        context, _ = ops.attention(q.bfloat16(), k, k, implementation="native")
    assert context.dtype == torch.bfloat16

    def attend(q):
        return ops.attention(q, k, k, dropout_p=0.5, implementation="native")[0]

    gradients = []
    for function in (attend, lambda q: ops.checkpoint(attend, q)):
        torch.manual_seed(0)
        gradients += torch.autograd.grad(function(q).square().sum(), q)
    torch.testing.assert_close(*gradients)
    (dq,) = torch.autograd.grad(attend(q).square().sum(), q, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable|differentiate twice"):
        dq.sum().backward()


@pytest.mark.parametrize("axes", [(0, 0, 0), (0, None, None), (None, 1, 0), (None, None, 0)])
def test_jax_vmap(axes):
    import jax
    import jax.numpy as jnp

    ops = ops_of("jax")
    rng = np.random.default_rng(3)
    shapes = [(2, 4, 5, 8), (2, 2, 7, 8), (1, 4, 5, 7)]
    arguments = [jnp.asarray(rng.standard_normal(s if a is None else s[:a] + (3,) + s[a:]), jnp.float32)
                 for s, a in zip(shapes, axes, strict=True)]

    def loss(q, k, bias, implementation):
        out, _ = ops.attention(q, k, k, bias=bias, causal=True, mask=jnp.arange(7) != 1, implementation=implementation,
                               alibi_slopes=jnp.ones(4) / 8)
        return (out * jnp.arange(8)).sum()

    def steps(implementation):
        return jax.value_and_grad(lambda *a: loss(*a, implementation), (0, 1, 2))

    value, gradients = jax.jit(jax.vmap(steps("native"), axes))(*arguments)
    for i in range(3):
        one = [v if a is None else jnp.take(v, i, a) for v, a in zip(arguments, axes, strict=True)]
        v, g = steps("eager")(*one)
        np.testing.assert_allclose(value[i], v, rtol=1e-4)
        for got, want in zip(gradients, g, strict=True):
            np.testing.assert_allclose(got[i], want, rtol=1e-3, atol=1e-4)
    twice = jax.vmap(jax.vmap(lambda q, k: ops.attention(q, k, k, implementation="native")[0], (None, 0)), (0, None))
    q, k = (jnp.asarray(rng.standard_normal((n, 1, 2, 3, 4)), jnp.float32) for n in (2, 3))
    result = twice(q, k)
    for i, j in np.ndindex(2, 3):
        wanted = ops.attention(q[i], k[j], k[j], implementation="eager")[0]
        np.testing.assert_allclose(result[i, j], wanted, rtol=1e-4, atol=1e-5)


def test_tensorflow_unknown_shapes_xla_and_second_derivative():
    import tensorflow as tf

    ops = ops_of("tensorflow")

    def attend(x, implementation="native"):
        q = ops.transpose(ops.reshape(x, (*ops.shape(x)[:2], 4, 8)), 1, 2)
        context, _ = ops.attention(q, q, q, causal=True, implementation=implementation)
        return ops.flatten(ops.transpose(context, 1, 2), 2)

    x = tf.random.normal((2, 7, 32))
    wanted = attend(x, "eager")
    any_shape = tf.function(attend, input_signature=[tf.TensorSpec((None, None, 32))])
    np.testing.assert_allclose(any_shape(x), wanted, atol=1e-5)
    xla = tf.function(attend, jit_compile=True)
    np.testing.assert_allclose(xla(x), wanted, atol=1e-5)
    with tf.GradientTape() as outer, tf.GradientTape() as inner:
        outer.watch(x)
        inner.watch(x)
        dx = inner.gradient(tf.reduce_sum(attend(x) ** 2), x)
    with pytest.raises(NotImplementedError, match="differentiated once"):
        outer.gradient(dx, x)


# ---- which one runs ------------------------------------------------------------------------------


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_kernel_runs_where_it_is_asked_for(framework, monkeypatch):
    ops, module = ops_of(framework), native(framework)
    calls, real = [], module.attention
    monkeypatch.setattr(module, "attention", lambda *a, **k: calls.append(1) or real(*a, **k))
    x = ops.tensor(np.random.default_rng(0).standard_normal((1, 2, 5, 8)).astype(np.float32))

    def runs(**options):
        calls.clear()
        ops.attention(x, x, x, **options)
        return bool(calls)

    assert runs(implementation="native") and runs(implementation="flash_attention_2", causal=True)
    assert not runs(implementation="eager") and not runs(implementation="native", return_weights=True)
    with selection.kernels("native"):
        assert runs() and runs(implementation="sdpa") and not runs(implementation="eager")
    with selection.kernels("reference"):
        assert not runs() and runs(implementation="native")
    wide = ops.tensor(np.zeros((1, 1, 2, 300), np.float32))  # wider than the kernel's largest head
    assert ops.shape(ops.attention(wide, wide, wide)[0]) == (1, 1, 2, 300)
    with pytest.raises(ValueError, match=r"\[attention\] expected an implementation of .*got 'fast'"):
        ops.attention(x, x, x, implementation="fast")
    with pytest.raises(RuntimeError, match=rf"triton kernel for {framework}.*Choose 'sdpa'"):
        ops.attention(x, x, x, implementation="triton")


def test_a_compiled_program_holds_the_kernel():
    import jax
    import tensorflow as tf

    x = np.zeros((1, 2, 5, 8), np.float32)
    text = jax.jit(lambda x: ops_of("jax").attention(x, x, x, implementation="native")[0]).lower(x).as_text()
    assert text.count("pytransformers_attention") == 1
    function = tf.function(lambda x: ops_of("tensorflow").attention(x, x, x, implementation="native")[0])
    kinds = [op.type for op in function.get_concrete_function(tf.constant(x)).graph.get_operations()]
    assert kinds.count("PytransformersAttention") == 1


# ---- values, threads and memory ------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_and_infinity_stay_in_their_rows(dtype):
    case = contract.AttentionCase((1, 2, 2, 9, 40, 16), mask="padding")
    a, _ = split(case.arrays(DTYPES[dtype]))
    for bad in (np.nan, np.inf):
        for _ in each_instruction_set():
            clean = _native.attention(**a)
            a["query"][0, 1, 4, 3] = bad
            out = _native.attention(**a).astype(np.float32)
            a["query"][0, 1, 4, 3] = 0.5
            assert np.isnan(out[0, 1, 4]).all()
            out[0, 1, 4] = clean[0, 1, 4]
            np.testing.assert_array_equal(out, clean.astype(np.float32))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_rows_with_nothing_to_attend_to(framework):
    ops = ops_of(framework)
    x = np.random.default_rng(0).standard_normal((2, 2, 6, 8)).astype(np.float32)
    mask = np.ones((2, 1, 1, 6), bool)
    mask[1, ..., 4:] = False
    mask[0] = False
    results = [ops.attention(*[ops.tensor(x)] * 3, mask=ops.tensor(m), implementation="native")[0]
               for m in (mask, np.where(mask, 0, np.finfo(np.float32).min).astype(np.float32))]
    bool_mask, added = (np.asarray(r) for r in results)
    assert (bool_mask[0] == 0).all() and np.isfinite(added).all()
    np.testing.assert_allclose(bool_mask[1], added[1], atol=1e-5)


def test_results_do_not_depend_on_threads():
    import torch

    module = native("torch")
    q, k, v = torch.randn(1, 8, 70, 32), torch.randn(1, 2, 600, 32), torch.randn(1, 2, 600, 32)
    bias, results, before = torch.randn(1, 1, 70, 600), [], torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            leaves = [x.clone().requires_grad_() for x in (q, k, v, bias)]
            out = module.attention(*leaves[:3], 0.2, bias=leaves[3])
            results.append(torch.autograd.grad(out.square().sum(), leaves))
    finally:
        torch.set_num_threads(before)
    for gradients in results[1:]:
        assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in zip(gradients, results[0], strict=True))


def test_memory_is_linear_in_length():
    """The scores of 8192 by 8192 would take 256 MiB."""
    program = """
import resource
import numpy as np
from pytransformers import _native
q = np.ones((1, 1, 8192, 32), np.float32)
_native.attention(q[:, :, :64], q, q)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
out, lse = _native.attention(q, q, q, causal=True, with_lse=True)
_native.attention_backward(out, q, q, q, out, lse, causal=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown = int(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
    assert grown < 32 * 1024, f"{grown} KiB"


# ---- bad input -----------------------------------------------------------------------------------

BAD = {
    "rank": (lambda a: a | {"query": a["query"][0]}, "expected query of|expected value and query of|4 dimensions"),
    "key_rank": (lambda a: a | {"key": a["key"][0]}, "expected key "),
    "key_width": (lambda a: a | {"key": a["key"][..., 1:]}, "expected key "),
    "value_length": (lambda a: a | {"value": a["value"][:, :, 1:]}, "expected value "),
    "batch": (lambda a: a | {"key": a["key"][:1], "value": a["value"][:1]}, "expected key "),
    "heads": (lambda a: a | {n: np.repeat(a[n], 3, 1) for n in ("key", "value")}, "heads"),
    "dtype": (lambda a: {n: x.astype(np.int32) for n, x in a.items()}, "expected query of"),
    "mixed": (lambda a: a | {"key": a["key"].astype(np.float16)}, "expected key "),
    "mask": (lambda a: a | {"mask": np.ones((1, 1, 5, 6), bool)}, "expected mask of"),
    "bias": (lambda a: a | {"bias": np.ones((1, 3, 5, 7), np.float32)}, "expected bias of"),
    "slopes": (lambda a: a | {"alibi_slopes": np.ones(3, np.float32)}, "expected alibi_slopes of"),
    "offsets": (lambda a: a | {"query_offsets": np.array([0, 5], np.int32)}, "offsets"),
    "falling": (lambda a: {n: x[:1] for n, x in a.items()} | {
        "query_offsets": np.array([0, 6, 5], np.int32), "key_offsets": np.array([0, 3, 7], np.int32)}, "query_offsets"),
    "past_the_end": (lambda a: {n: x[:1] for n, x in a.items()} | {
        "query_offsets": np.array([0, 5], np.int32), "key_offsets": np.array([0, 8], np.int32)}, "key_offsets"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("binding", BINDINGS)
def test_bad_input_is_refused(binding, bad):
    change, words = BAD[bad]
    good = {"query": np.ones((2, 4, 5, 8)), "key": np.ones((2, 2, 7, 8)), "value": np.ones((2, 2, 7, 8))}
    a = change({name: x.astype(np.float32) for name, x in good.items()})
    message = rf"\[attention\] .*({words})"
    if binding == "numpy":
        with pytest.raises(ValueError, match=message):
            _native.attention(**a)
        return
    module = native(binding)
    refusals = (ValueError, RuntimeError)
    if binding == "torch":
        arguments = {name: torch_tensor(x) for name, x in a.items()}
    elif binding == "jax":
        import jax

        arguments = {name: jax.numpy.asarray(x) for name, x in a.items()}
    else:
        import tensorflow as tf

        arguments = {name: tf.constant(x) for name, x in a.items()}
        # TensorFlow checks dtypes and lists by the op's own definition before the kernel sees them.
        message += "|Value for attr|allowed values|cannot compute .* as input"
        refusals = (ValueError, TypeError, RuntimeError, tf.errors.InvalidArgumentError, tf.errors.NotFoundError)
    with pytest.raises(refusals, match=message):
        np.asarray(module.attention(**arguments, scale=0.5))


@pytest.mark.parametrize("options, words", [
    ({"scale": float("nan")}, "scale"), ({"soft_cap": -1.0}, "soft_cap"), ({"dropout": 1.0}, "dropout"),
    ({"dropout": -0.1}, "dropout"),
])  # fmt: skip
def test_bad_numbers_are_refused(options, words):
    x = np.ones((1, 1, 3, 4), np.float32)
    with pytest.raises(ValueError, match=rf"\[attention\] expected .*{words}"):
        _native.attention(x, x, x, **options)
