"""rotary_embedding: every binding against the float64 reference, forward and gradients, and what it refuses."""

import importlib

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytransformers import _native
from pytransformers.ops import rotary_embedding as contract
from pytransformers.ops import selection
from pytransformers.ops.rotary_embedding import RotaryCase

from .kernels import DTYPES, each_instruction_set, native, torch_tensor

FRAMEWORKS = ("torch", "jax", "tensorflow")


def operands(a):
    return [a[name] for name in ("query", "key", "cos", "sin")]


# ---- one runner for each binding: arrays in, {name: array} out -----------------------------------


def named(outs, gradients):
    results = dict(zip(("query", "key", "dquery", "dkey"), (*outs, *gradients), strict=True))
    return {name: value for name, value in results.items() if value is not None}


def run_numpy(a, interleaved):
    options = {"position_ids": a["position_ids"], "interleaved": interleaved}
    outs = _native.rotary_embedding(*operands(a), **options)
    return named(outs, _native.rotary_embedding(a["dquery"], a["dkey"], a["cos"], a["sin"], inverse=True, **options))


def run_torch(a, interleaved, wrap=lambda f: f):
    t = {k: torch_tensor(v) for k, v in a.items()}
    leaves = [None if t[k] is None else t[k].detach().requires_grad_() for k in ("query", "key")]
    module = native("torch")
    function = wrap(lambda q, k: module.rotary_embedding(q, k, t["cos"], t["sin"], t["position_ids"], interleaved))
    outs = function(*leaves)
    sum((o * d).sum() for o, d in zip(outs, (t["dquery"], t["dkey"]), strict=True) if o is not None).backward()
    for out, leaf in zip(outs, leaves, strict=True):
        if out is not None and out.numel():  # it lies as its input did
            assert [s for n, s in zip(out.shape, out.stride(), strict=True) if n > 1] == [
                s for n, s in zip(leaf.shape, leaf.stride(), strict=True) if n > 1]
    return named(*([None if v is None else v.detach().float().numpy() for v in values]
                   for values in (outs, [leaf if leaf is None else leaf.grad for leaf in leaves])))


def run_jax(a, interleaved, wrap=lambda f: f):
    import jax
    import jax.numpy as jnp

    a = {k: None if v is None else jnp.asarray(np.ascontiguousarray(v)) for k, v in a.items()}

    def both(leaves, arriving):
        outs, pull = jax.vjp(lambda q, k: native("jax").rotary_embedding(
            q, k, a["cos"], a["sin"], a["position_ids"], interleaved), *leaves)
        return outs, pull(arriving)

    return {k: np.asarray(v) for k, v in named(*wrap(both)((a["query"], a["key"]), (a["dquery"], a["dkey"]))).items()}


def run_tensorflow(a, interleaved, wrap=lambda f: f):
    import tensorflow as tf

    a = {k: None if v is None else tf.constant(np.ascontiguousarray(v)) for k, v in a.items()}

    def both():
        present = [a["query"]] if a["key"] is None else [a["query"], a["key"]]
        with tf.GradientTape() as tape:
            tape.watch(present)
            outs = native("tensorflow").rotary_embedding(*operands(a), a["position_ids"], interleaved)
            outs = [o for o in outs if o is not None]
        arriving = [d for d in (a["dquery"], a["dkey"]) if d is not None]
        return outs, tape.gradient(outs, present, output_gradients=arriving)

    absent = [None] * (a["key"] is None)
    outs, gradients = ([*values, *absent] for values in wrap(both)())
    return {k: v.numpy() for k, v in named(outs, gradients).items()}


RUNNERS = {"numpy": run_numpy, "torch": run_torch, "jax": run_jax, "tensorflow": run_tensorflow}

# ---- the bound -----------------------------------------------------------------------------------


def expected(case, a, dtype):
    options = {"position_ids": a["position_ids"], "interleaved": case.interleaved, "dtype": dtype}
    outs = contract.forward(*operands(a), **options)
    return named(outs, contract.backward(a["dquery"], a["dkey"], a["cos"], a["sin"], **options))


def check(case, a, results, dtype):
    """Error at most twice the naive float32 implementation's, plus rounding: of each result to its dtype, and of the
    two float32 products that cancel in it."""
    exact, naive = expected(case, a, np.float64), expected(case, a, np.float32)
    assert results.keys() == exact.keys()
    for name, value in results.items():
        assert value.shape == exact[name].shape, name
        error = np.abs(value.astype(np.float64) - exact[name])
        allowed = 2 * np.abs(naive[name] - exact[name]).max(initial=0)
        allowed = allowed + float(ml_dtypes.finfo(dtype).eps) / 2 * np.abs(exact[name])
        source = a[name].astype(np.float64)
        allowed = allowed + np.finfo(np.float32).eps * np.abs(source).max(initial=0) + 2.0**-25 * (dtype == np.float16)
        assert np.all(error <= allowed), (name, error.max())


EVERY = [pytest.param(case, dtype, id=f"{case}-{dtype}") for case in contract.CASES for dtype in DTYPES]


@pytest.mark.parametrize("binding", RUNNERS)
@pytest.mark.parametrize("case, dtype", EVERY)
def test_against_float64(binding, case, dtype):
    a = case.arrays(DTYPES[dtype])
    check(case, a, RUNNERS[binding](a, case.interleaved), DTYPES[dtype])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_every_instruction_set(data):
    """Any shape, strides and options, on every instruction set."""
    small = st.integers(0, 4)
    d = data.draw(st.one_of(st.integers(0, 70), st.sampled_from([128, 160, 256])))
    shape = tuple(data.draw(st.tuples(small, small, st.integers(0, 40), st.just(d))))
    flags = {name: data.draw(st.booleans()) for name in ("interleaved", "split", "tables", "alike", "shared")}
    case = RotaryCase(shape, data.draw(small), data.draw(st.integers(0, d // 2)), **flags)
    dtype = DTYPES[data.draw(st.sampled_from(list(DTYPES)))]
    a = case.arrays(dtype, seed=data.draw(st.integers(0, 99)))
    step = data.draw(st.sampled_from([1, 2]))  # gaps between heads and between positions
    for name in ("query", "key", "dquery", "dkey"):
        if a[name] is not None:
            padded = np.zeros((*a[name].shape[:-1], step * d), dtype)[..., :d]
            padded[...] = a[name]
            a[name] = padded
    for _ in each_instruction_set():
        check(case, a, run_numpy(a, case.interleaved), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_not_a_number_stays_in_its_pair(dtype):
    for _ in each_instruction_set():
        for interleaved in (False, True):
            case = RotaryCase((1, 2, 3, 70), 1, 33, interleaved)
            a = case.arrays(DTYPES[dtype])
            clean = run_numpy(a, interleaved)
            a["query"] = a["query"].copy()
            a["query"][0, 1, 2, [4, 68]] = np.nan, np.inf
            found = run_numpy(a, interleaved)
            pair = [4, 5] if interleaved else [4, 37]
            assert np.isnan(found["query"][0, 1, 2, pair].astype(np.float32)).all()
            assert np.isinf(found["query"][0, 1, 2, 68])
            found["query"][0, 1, 2, [*pair, 68]] = clean["query"][0, 1, 2, [*pair, 68]]
            np.testing.assert_array_equal(found["query"].astype(np.float32), clean["query"].astype(np.float32))


def test_turning_back_restores():
    rng = np.random.default_rng(0)
    x, angles = rng.standard_normal((2, 3, 50, 64)).astype(np.float32), rng.standard_normal((1, 50, 32))
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    turned, none = _native.rotary_embedding(x, None, cos, sin)
    assert none is None
    np.testing.assert_allclose(_native.rotary_embedding(turned, None, cos, sin, inverse=True)[0], x, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=-1), np.linalg.norm(x, axis=-1), rtol=1e-6)


# ---- tracing and transformations -----------------------------------------------------------------

TRACED = [c for c in contract.CASES if c.shape in ((2, 3, 5, 8), (2, 2, 7, 33), (1, 4, 3, 40))]


@pytest.mark.parametrize("case", TRACED, ids=str)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_compiled(framework, case):
    a = case.arrays()
    if framework == "torch":
        import torch

        torch._dynamo.reset()
        results = run_torch(a, case.interleaved, lambda f: torch.compile(f, fullgraph=True, backend="aot_eager"))
    elif framework == "jax":
        import jax

        results = run_jax(a, case.interleaved, jax.jit)
    else:
        import tensorflow as tf

        results = run_tensorflow(a, case.interleaved, tf.function)
    check(case, a, results, np.float32)


@pytest.mark.parametrize("case", TRACED, ids=str)
def test_torch_opcheck(case):
    import torch

    native("torch")
    t = {k: torch_tensor(v) for k, v in case.arrays().items()}
    arguments = (t["query"], t["key"], t["cos"], t["sin"], t["position_ids"], case.interleaved, False)
    torch.library.opcheck(torch.ops.pytransformers.rotary_embedding.default, arguments,
                          test_utils=("test_schema", "test_faketensor"))


def test_torch_reads_any_strides_and_keeps_the_order():
    import torch

    cos, sin = torch.randn(1, 5, 4), torch.randn(1, 5, 4)
    fused = torch.randn(2, 5, 3, 6, 8)  # queries, keys and values of one projection
    columns = torch.randn(2, 8, 6, 5).permute(0, 2, 3, 1)
    for x in (fused[:, :, 1].transpose(1, 2), fused[:1, :, 1].transpose(1, 2).expand(2, 6, 5, 8), columns,
              torch.randn(2, 6, 10, 16)[:, :, ::2, 3:11]):
        y, _ = native("torch").rotary_embedding(x, None, cos, sin)
        exact, _ = contract.forward(x.numpy(), None, cos.numpy(), sin.numpy())
        np.testing.assert_allclose(y.numpy(), exact, atol=1e-6)
    y, _ = native("torch").rotary_embedding(fused[:, :, 0].transpose(1, 2), None, cos, sin)
    assert y.transpose(1, 2).is_contiguous()


def test_torch_gradients_of_one_result_and_of_any_order():
    import torch

    function, (cos, sin) = native("torch").rotary_embedding, torch.randn(2, 1, 5, 4, dtype=torch.float32)
    q, k = (torch.randn(2, 3, 5, 8, requires_grad=True) for _ in range(2))
    for place, other in ((0, 1), (1, 0)):
        gradients = torch.autograd.grad(function(q, k, cos, sin)[place].sum(), (q, k), allow_unused=True)
        wanted = contract.backward(np.ones((2, 3, 5, 8)), None, cos.numpy(), sin.numpy())[0]
        np.testing.assert_allclose(gradients[place], wanted, atol=1e-6)
        assert gradients[other] is None
    (first,) = torch.autograd.grad(function(q, k, cos, sin)[0].pow(2).sum(), q, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), q)
    scale = (2 * (cos**2 + sin**2)).repeat(1, 1, 2)[:, None].expand_as(q)
    torch.testing.assert_close(second, scale)
    frozen = q.detach()
    assert torch.autograd.grad(function(frozen, k, cos, sin)[1].sum(), k)[0] is not None
    assert function(frozen, k, cos, sin)[0].shape == q.shape


def test_torch_inductor_and_export_with_a_dynamic_length():
    import torch

    module = native("torch")

    class Block(torch.nn.Module):
        def forward(self, x, cos, sin):
            heads = x.unflatten(-1, (3, 8)).transpose(1, 2)
            q, k = module.rotary_embedding(heads, heads * 2, cos, sin)
            return (q + k).transpose(1, 2).flatten(2)

    block, arguments = Block(), (torch.randn(2, 6, 24), torch.randn(1, 6, 4), torch.randn(1, 6, 4))
    length = {1: torch.export.Dim("length", min=2, max=64)}
    exported = torch.export.export(block, arguments, dynamic_shapes=({1: length[1]},) * 3).module()
    shorter = tuple(a[:, :4] for a in arguments)
    torch.testing.assert_close(exported(*shorter), block(*shorter))
    torch._dynamo.reset()
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(block, fullgraph=True)(*arguments), block(*arguments))


@pytest.mark.parametrize("axes", [(0, 0, None), (0, None, 1), (None, 0, None), (2, 1, 0)])
def test_jax_vmap(axes):
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(3)
    shapes = [(2, 3, 4, 6), (2, 1, 4, 6), (1, 4, 3)]
    arguments = [jnp.asarray(rng.standard_normal(s if a is None else s[:a] + (5,) + s[a:]), jnp.float32)
                 for s, a in zip(shapes, axes, strict=True)]

    def loss(q, k, cos):
        turned = native("jax").rotary_embedding(q, k, cos, cos * 0.5)
        return sum((t**2 * jnp.arange(6)).sum() for t in turned)

    step = jax.value_and_grad(loss, (0, 1))
    doubled = jax.vmap(jax.vmap(step, axes), (None, None, 0))
    twice, twice_grads = jax.jit(doubled)(*arguments[:2], jnp.stack([arguments[2], 2 * arguments[2]]))
    value, grads = jax.jit(jax.vmap(step, axes))(*arguments)
    for i in range(5):
        one = [v if a is None else jnp.take(v, i, a) for v, a in zip(arguments, axes, strict=True)]
        v, g = step(*one)
        np.testing.assert_allclose([value[i], twice[0, i]], [v, v], rtol=1e-4)
        for got, nested, want in zip(grads, twice_grads, g, strict=True):
            np.testing.assert_allclose(got[i], want, rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(nested[0, i], want, rtol=1e-4, atol=1e-4)


def test_jax_gradients_of_tables_and_of_second_order():
    """What the kernel has no gradient for comes from the reference."""
    import jax
    import jax.numpy as jnp

    from pytransformers.backends.jax import ops

    rng = np.random.default_rng(4)
    q, k = (jnp.asarray(rng.standard_normal((2, h, 3, 6)), jnp.float32) for h in (2, 1))
    cos, sin = (jnp.asarray(rng.standard_normal((1, 3, 2)), jnp.float32) for _ in range(2))

    def loss(*arguments):
        query, key = ops.rotary_embedding(*arguments)
        return (query**3).sum() + (key[..., 1:] ** 2).sum()

    def slope(*arguments):
        return sum((g**2).sum() for g in jax.grad(loss, (0, 1))(*arguments))

    for function in (loss, slope):
        found, wanted = [], []
        for choice, results in (("native", found), ("reference", wanted)):
            with selection.kernels(choice):
                results.append(jax.grad(function, (0, 1, 2, 3))(q, k, cos, sin))
                results.append(jax.jit(jax.grad(function, (0, 3)))(q, k, cos, sin))
                results.append(jax.grad(lambda q, f=function: f(q, k, cos, sin))(q))
        for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_jax_reuses_memory_only_of_what_nobody_needs():
    import jax
    import jax.numpy as jnp

    q = jnp.ones((1, 2, 3, 4))
    cos, sin = jnp.full((1, 3, 2), 0.6), jnp.full((1, 3, 2), 0.8)

    @jax.jit
    def step(q):
        projected = jnp.swapaxes(q, 1, 2).reshape(1, 3, 8) * 2
        heads = jnp.swapaxes(projected.reshape(1, 3, 2, 4), 1, 2)
        return native("jax").rotary_embedding(heads, None, cos, sin)[0], heads, q

    turned, heads, same = step(q)
    np.testing.assert_allclose(heads, 2.0)
    np.testing.assert_array_equal(same, 1.0)
    np.testing.assert_allclose(turned[0, 0, 0], [-0.4, -0.4, 2.8, 2.8], rtol=1e-6)
    native("jax").rotary_embedding(q, q, cos, sin)
    np.testing.assert_array_equal(q, 1.0)


def test_tensorflow_shapes_and_gradients_of_tables():
    import tensorflow as tf

    from pytransformers.backends.tensorflow import ops

    spec = [tf.TensorSpec((None, 4, None, 6)), tf.TensorSpec((None, 2, None, 6)), tf.TensorSpec((1, None, 3))]
    function = tf.function(lambda q, k, c: native("tensorflow").rotary_embedding(q, k, c, c))
    concrete = function.get_concrete_function(*spec)
    assert [tuple(o.shape) for o in concrete.outputs] == [(None, 4, None, 6), (None, 2, None, 6)]
    rng = np.random.default_rng(5)
    q, k, cos, sin = (tf.constant(rng.standard_normal(s), tf.float32) for s in
                      ((2, 2, 3, 6), (2, 1, 3, 6), (1, 3, 2), (1, 3, 2)))

    def gradients(q, k, cos, sin):
        watched = (q, k, cos, sin)
        with tf.GradientTape() as outer:
            outer.watch(watched)
            with tf.GradientTape() as inner:
                inner.watch(watched)
                query, key = ops.rotary_embedding(*watched)
                loss = tf.reduce_sum(query**3) + tf.reduce_sum(key[..., 1:] ** 2)
            slopes = inner.gradient(loss, (q, k))
            steep = tf.add_n([tf.reduce_sum(s**2) for s in slopes])
        return slopes + outer.gradient(steep, watched)

    for run in (gradients, tf.function(gradients)):
        found = run(q, k, cos, sin)
        with selection.kernels("reference"):
            wanted = gradients(q, k, cos, sin)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_tensorflow_under_xla_takes_the_reference():
    import tensorflow as tf

    from pytransformers.backends.tensorflow import ops

    a = contract.CASES[2].arrays()
    call = [tf.constant(np.ascontiguousarray(v)) for v in operands(a)]
    run = tf.function(lambda *t: ops.rotary_embedding(*t)[0], jit_compile=True)
    np.testing.assert_allclose(run(*call), contract.forward(*operands(a))[0], atol=1e-6)


# ---- selection and bad input ---------------------------------------------------------------------


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_chosen_by_ops(framework, monkeypatch):
    module = native(framework)
    ops = importlib.import_module(f"pytransformers.backends.{framework}.ops")
    calls, run = [], module.rotary_embedding
    monkeypatch.setattr(module, "rotary_embedding", lambda *a: calls.append(1) or run(*a))
    a = {k: None if v is None else ops.tensor(np.ascontiguousarray(v)) for k, v in contract.CASES[4].arrays().items()}
    results = []
    for choice in ("native", "reference", "auto"):
        with selection.kernels(choice):
            results.append(ops.rotary_embedding(*operands(a), position_ids=a["position_ids"]))
    assert len(calls) == 2
    for native_out, reference_out in zip(results[0], results[1], strict=True):
        np.testing.assert_allclose(np.asarray(native_out), np.asarray(reference_out), atol=1e-6)


def test_torch_tables_that_are_learnt_take_the_reference():
    import torch

    from pytransformers.backends.torch import ops

    q, cos, sin = torch.randn(1, 2, 3, 4), torch.randn(1, 3, 2, requires_grad=True), torch.randn(1, 3, 2)
    with selection.kernels("native"):
        ops.rotary_embedding(q, None, cos, sin)[0].sum().backward()
    assert cos.grad is not None
    double = ops.rotary_embedding(q.double(), None, cos, sin)[0]
    assert double.dtype == torch.float64


def changed(**changes):
    """A good call but for the changes: name=function of the array, or None."""
    a = RotaryCase((2, 3, 4, 8), 1, 4, split=False, tables="position_ids" in changes).arrays()
    for name, change in changes.items():
        a[name] = change(a[name])
    return a


BAD = {
    "query_rank": ({"query": lambda x: x[0]}, r"query of shape \(batch, heads, length, d\)|query and key \(batch"),
    "key_rank": ({"key": lambda x: x[0]}, r"key of shape \(batch, heads, length, d\)|query and key \(batch"),
    "key_length": ({"key": lambda x: x[:, :, 1:]}, "key of query's batch, length and d"),
    "key_dtype": ({"key": lambda x: x.astype(np.float16)}, "key of query's dtype float32, got float16"),
    "cos_length": ({"cos": lambda x: x[:, 1:]}, r"cos of shape \(batch or 1, length, r\)"),
    "cos_batch": ({"cos": lambda x: np.repeat(x, 3, 0)}, r"cos of shape \(batch or 1, length, r\)"),
    "cos_rank": ({"cos": lambda x: x[0]}, r"cos of shape \(batch or 1, length, r\)"),
    "cos_dtype": ({"cos": lambda x: x.astype(np.float16)}, "cos of query's dtype float32 or float32, got float16"),
    "sin_r": ({"sin": lambda x: x[..., 1:]}, "sin of cos' shape"),
    "r": ({"cos": lambda x: np.tile(x, 2), "sin": lambda x: np.tile(x, 2)}, "cos for at most half of d = 8 features"),
    "integers": ({"query": lambda x: x.astype(np.int32)}, "query of dtype float32, float16 or bfloat16"),
    "position_high": ({"position_ids": lambda x: x * 0 + 9}, "positions from 0 to 8, the rows of cos, got 9"),
    "position_low": ({"position_ids": lambda x: x * 0 - 1}, "positions from 0 to 8, the rows of cos, got -1"),
    "position_shape": ({"position_ids": lambda x: x[:, 1:]}, r"positions of shape \(batch or 1, length\)"),
    "position_dtype": ({"position_ids": lambda x: x.astype(np.int8)}, "positions of dtype int32 or int64, got int8"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("binding", RUNNERS)
def test_bad_input_is_refused(binding, bad):
    changes, message = BAD[bad]
    a = changed(**changes)
    message = rf"\[rotary_embedding\] expected {message}"
    if binding == "numpy":
        with pytest.raises(ValueError, match=message):
            _native.rotary_embedding(*operands(a), position_ids=a["position_ids"])
    elif binding == "torch":
        with pytest.raises(RuntimeError, match=message):
            native("torch").rotary_embedding(*map(torch_tensor, operands(a)), torch_tensor(a["position_ids"]))
    elif binding == "jax":
        import jax

        with pytest.raises((ValueError, RuntimeError), match=message):
            arguments = [None if v is None else jax.numpy.asarray(v) for v in (*operands(a), a["position_ids"])]
            jax.block_until_ready(native("jax").rotary_embedding(*arguments))
    else:
        import tensorflow as tf

        # TensorFlow checks dtypes and ranks by the op's own definition before the kernel sees them.
        message += "|for attr '[TCP]'|allowed values|must be at least rank 4|expected to be a"
        refusals = (tf.errors.InvalidArgumentError, tf.errors.NotFoundError, TypeError, ValueError)
        with pytest.raises(refusals, match=message):
            native("tensorflow").rotary_embedding(
                *[None if v is None else tf.constant(v) for v in (*operands(a), a["position_ids"])])


def test_results_do_not_depend_on_threads():
    import torch

    x, angles = torch.randn(2, 8, 700, 64), torch.randn(1, 700, 32)
    results, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(native("torch").rotary_embedding(x, None, angles.cos(), angles.sin())[0])
    finally:
        torch.set_num_threads(before)
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])
