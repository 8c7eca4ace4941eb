"""Every op of the vocabulary, in every framework and dtype, against NumPy float64: values and gradients."""

import ast
from pathlib import Path

import numpy as np
import pytest

import pytransformers
from pytransformers.ops.selection import kernels

from .case import BACKWARD, DTYPES, FORWARD, assert_close, cotangents, is_floating, leaves, numerical_gradients, wide
from .cases import BY_HAND, OPS

RUNS = [(case, dtype, choice) for case in OPS for dtype in case.dtypes for choice in case.kernels]


def call(framework, case, inputs):
    if case.call is not None:
        return case.call(framework.ops, *inputs)
    kwargs = dict(case.kwargs)
    if "dtype" in kwargs:
        kwargs["dtype"] = getattr(framework.ops, kwargs["dtype"])
    return getattr(framework.ops, case.op)(*inputs, **kwargs)


def tensors(framework, inputs, dtype):
    return [
        [framework.array(item, dtype) for item in value] if isinstance(value, list) else framework.array(value, dtype)
        for value in inputs
    ]


@pytest.mark.parametrize("case, dtype, choice", [r for r in RUNS if r[0].op not in BY_HAND],
                         ids=lambda v: getattr(v, "name", v))  # fmt: skip
def test_op(framework, case, dtype, choice):
    inputs = case.draw(dtype)
    with kernels(choice):
        if (case.name, dtype) in framework.refused:
            with pytest.raises(Exception):  # noqa: B017 - each framework has its own
                leaves(call(framework, case, tensors(framework, inputs, dtype)))[0].numpy()
            return
        outputs = [framework.numpy(o) for o in leaves(call(framework, case, tensors(framework, inputs, dtype)))]
    expected = [np.asarray(o) for o in leaves(case.reference(*[wide(v) for v in inputs], **case.kwargs))]
    assert len(outputs) == len(expected)
    for index, (found, wanted) in enumerate(zip(outputs, expected, strict=True)):
        assert_close(f"output {index}", found, wanted, dtype, case.noise * FORWARD[dtype])
        if is_floating(wanted) and not _widens(case):
            assert found.dtype == DTYPES[dtype], f"output {index} is {found.dtype}"


def _widens(case):
    """Losses are float32, and some cases name a dtype."""
    return "dtype" in case.kwargs or case.op in ("cross_entropy", "binary_cross_entropy_with_logits", "mse_loss",
                                                 "l1_loss", "one_hot")  # fmt: skip


@pytest.mark.parametrize("case, dtype, choice", [r for r in RUNS if r[0].gradient and r[0].op not in BY_HAND],
                         ids=lambda v: getattr(v, "name", v))  # fmt: skip
def test_gradient(framework, case, dtype, choice):
    if (case.name, dtype) in framework.refused:
        return  # test_op holds that it refuses
    inputs = case.draw(dtype)
    flat = [item for value in inputs for item in (value if isinstance(value, list) else [value])]
    chosen = [i for i, value in enumerate(flat) if is_floating(value)]
    assert chosen, "the case has nothing to differentiate: say gradient=False"

    def nested(items):
        items = iter(items)
        return [[next(items) for _ in value] if isinstance(value, list) else next(items) for value in inputs]

    given = [framework.array(value, dtype) for value in flat]
    wide_flat = [wide(value) for value in flat]

    def run(*differentiated):
        values = list(given)
        for place, value in zip(chosen, differentiated, strict=True):
            values[place] = value
        return call(framework, case, nested(values))

    def run_reference(*differentiated):
        values = list(wide_flat)
        for place, value in zip(chosen, differentiated, strict=True):
            values[place] = value
        return case.reference(*nested(values), **case.kwargs)

    weights = cotangents(leaves(run_reference(*[wide_flat[i] for i in chosen])))
    with kernels(choice):
        _, found = framework.value_and_gradients(run, [given[i] for i in chosen], weights)
    expected = numerical_gradients(run_reference, [wide_flat[i] for i in chosen], weights)
    # One array's gradient may vanish in theory (an added constant before a softmax), so all share a scale.
    scale = max(np.abs(e).max() for e in expected) or 1.0
    for index, (gradient, wanted) in enumerate(zip(found, expected, strict=True)):
        if gradient is None:
            assert not wanted.any(), f"input {chosen[index]} has no gradient"
            continue
        assert gradient.dtype == DTYPES[dtype]
        assert_close(f"gradient {chosen[index]}", gradient / scale, wanted / scale, dtype, case.noise * BACKWARD[dtype])


# -- what a table cannot say
def test_dtypes_have_torchs_names(framework):
    ops = framework.ops
    for name in ("float32", "float16", "bfloat16", "int32", "bool_"):
        dtype = getattr(ops, name)
        x = ops.zeros((2, 3), dtype=dtype)
        assert ops.dtype(x) == dtype
        assert framework.dtype_name(x) == name.strip("_")
        assert ops.is_floating_point(x) == ("float" in name)
        assert tuple(ops.shape(x)) == (2, 3) and ops.size(x, -1) == 3
        if "float" in name:
            import ml_dtypes

            assert ops.finfo_min(dtype) == float(ml_dtypes.finfo(DTYPES[name]).min)
    assert ops.dtype(ops.arange(3)) == ops.int64


def test_padding_row_has_no_gradient(framework):
    ids = framework.array(np.array([[0, 2], [2, 1]]), "float32")
    weight = framework.array(np.ones((3, 2), np.float32), "float32")
    outputs, (gradient,) = framework.value_and_gradients(
        lambda w: framework.ops.embedding(ids, w, 2), [weight], [np.ones((2, 2, 2))]
    )
    assert np.array_equal(framework.numpy(outputs), np.ones((2, 2, 2)))
    assert np.array_equal(gradient, [[1, 1], [1, 1], [0, 0]])


def test_stop_gradient(framework):
    x = framework.array(np.array([2.0, 3.0], np.float32), "float32")
    outputs, (gradient,) = framework.value_and_gradients(
        lambda x: x * framework.ops.stop_gradient(x), [x], [np.ones(2)]
    )
    assert np.array_equal(framework.numpy(outputs), [4, 9]) and np.array_equal(gradient, [2, 3])


@pytest.mark.parametrize("dtype", DTYPES)
def test_dropout(framework, dtype):
    ops, size = framework.ops, 20000
    x = framework.array(np.full(size, 2.0).astype(DTYPES[dtype]), dtype)
    first = framework.numpy(framework.seeded(1, lambda: ops.dropout(x, 0.25, True)))
    again = framework.numpy(framework.seeded(1, lambda: ops.dropout(x, 0.25, True)))
    other = framework.numpy(framework.seeded(2, lambda: ops.dropout(x, 0.25, True)))
    assert first.dtype == DTYPES[dtype]
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    kept = first != 0
    assert abs(kept.mean() - 0.75) < 5 * np.sqrt(0.25 * 0.75 / size)
    assert np.all(first[kept] == np.asarray(2 / 0.75, DTYPES[dtype]))
    assert np.array_equal(framework.numpy(ops.dropout(x, 0.25, False)), framework.numpy(x))
    assert not framework.numpy(framework.seeded(1, lambda: ops.dropout(x, 1.0, True))).any()


def test_draws_of_one_call_differ(framework):
    def two():
        return framework.ops.uniform((1000,)), framework.ops.uniform((1000,))

    first, second = (framework.numpy(u) for u in framework.seeded(3, two))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.15
    assert first.min() >= 0 and first.max() < 1 and abs(first.mean() - 0.5) < 0.06


def test_tolist(framework):
    assert framework.ops.tolist(framework.ops.tensor([[1, 2], [3, 4]])) == [[1, 2], [3, 4]]


def test_multinomial_draws_by_weight_without_replacement(framework):
    ops = framework.ops
    weights = framework.array(np.tile(np.array([[0.0, 1.0, 3.0, 0.0, 4.0]], np.float32), (4000, 1)), "float32")
    drawn = framework.numpy(framework.seeded(0, lambda: ops.multinomial(weights, 2)))
    assert drawn.shape == (4000, 2) and (drawn[:, 0] != drawn[:, 1]).all()
    share = np.bincount(drawn[:, 0], minlength=5) / 4000
    assert np.allclose(share, [0, 1 / 8, 3 / 8, 0, 4 / 8], atol=0.04)
    second = np.bincount(drawn[drawn[:, 0] == 4, 1], minlength=5) / (drawn[:, 0] == 4).sum()
    assert np.allclose(second, [0, 1 / 4, 3 / 4, 0, 0], atol=0.06)


def test_attention_dropout_scales_what_is_kept(framework):
    ops = framework.ops
    q, k = (framework.array(np.zeros((1, 1, 40, 4), np.float32), "float32") for _ in range(2))
    v = framework.array(np.ones((1, 1, 40, 4), np.float32), "float32")
    for implementation in ("eager", "auto"):
        context, _ = framework.seeded(
            0, lambda name=implementation: ops.attention(q, k, v, dropout_p=0.5, implementation=name)
        )
        context = framework.numpy(context)
        assert abs(context.mean() - 1) < 0.15 and context.std() > 0.02


def test_checkpoint_replays_randomness(framework):
    """Same value and gradient as without it, though the mask is drawn again."""
    ops = framework.ops
    x = framework.array(np.linspace(0.5, 2, 64, dtype=np.float32), "float32")

    def function(x, flag, *, scale):
        assert flag is None
        return ops.dropout(ops.sin(x) * scale, 0.5, True), None

    results = []
    for run in (ops.checkpoint, lambda f, *a, **k: f(*a, **k)):
        results.append(framework.seeded(5, lambda run=run: framework.value_and_gradients(
            lambda x: run(function, x, None, scale=2.0)[0], [x], [np.ones(64)])))  # fmt: skip
    (value, (gradient,)), (plain_value, (plain_gradient,)) = results
    assert np.array_equal(framework.numpy(value), framework.numpy(plain_value))
    assert np.allclose(gradient, plain_gradient, atol=1e-6)
    dropped = framework.numpy(value) == 0
    assert 10 < dropped.sum() < 54 and not gradient[dropped].any() and gradient[~dropped].all()


def test_cond_and_while_loop(framework):
    ops = framework.ops
    x = framework.array(np.array([1.0, 2.0], np.float32), "float32")
    for sign in (1.0, -1.0):
        found = ops.cond(ops.sum(x * sign) > 0, lambda x: x * 2, lambda x: x - 1, x)
        assert np.array_equal(framework.numpy(found), [2, 4] if sign > 0 else [0, 1])
    count, total = ops.while_loop(
        lambda count, total: count < 4, lambda count, total: (count + 1, total * 2), (ops.tensor(0), x)
    )
    assert int(framework.numpy(count)) == 4 and np.array_equal(framework.numpy(total), [16, 32])


def test_while_loop_draws_anew(framework):
    ops = framework.ops

    def run():
        def body(step, kept, before):
            return step + 1, before, ops.uniform((8,))

        return ops.while_loop(lambda step, *_: step < 2, body, (ops.tensor(0), ops.zeros((8,)), ops.zeros((8,))))

    _, first, second = framework.seeded(0, run)
    first, second = framework.numpy(first), framework.numpy(second)
    assert first.any() and not np.array_equal(first, second)


def vocabulary(file, kind):
    tree = ast.parse((Path(pytransformers.__file__).parent / file).read_text())
    return {node.name for node in tree.body if isinstance(node, kind) and not node.name.startswith("_")}


def test_every_op_has_a_case_and_exists(framework):
    names = vocabulary("ops/__init__.pyi", ast.FunctionDef)
    assert names - BY_HAND == {case.op for case in OPS} - BY_HAND
    assert BY_HAND <= names
    missing = [name for name in names if not callable(getattr(framework.ops, name, None))]
    assert not missing
