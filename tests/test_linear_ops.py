"""linear in NumPy, JAX and TensorFlow: float64, gradients, compilation, transformations and refusals."""

import numpy as np
import pytest

from pytransformers import _native
from pytransformers.ops import linear, selection

ACTIVATIONS = pytest.mark.parametrize("activation", linear.ACTIVATIONS)


def operands(rows, k, n):
    generator = np.random.default_rng(rows + k + n)
    return [generator.standard_normal(shape).astype(np.float32) for shape in ((rows, k), (n, k), (n,))]


def assert_exact(y, x, weight, bias=None, activation=None):
    """At most twice the error of NumPy's float32, and four roundings of the largest result."""
    exact, naive = (linear.reference(x, weight, bias, activation, dtype) for dtype in (np.float64, np.float32))
    bound = 2 * np.abs(naive - exact).max() + 4 * np.finfo(np.float32).eps * np.abs(exact).max()
    assert y.shape == exact.shape and np.abs(np.asarray(y) - exact).max() <= bound


def gradients_in_float64(x, weight, bias, activation):
    """Of the sum of squares, by central differences in float64."""
    arrays = [a.astype(np.float64) for a in (x, weight, bias)]
    results = []
    for array in arrays:
        gradient = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            value, loss = array[place], []
            for step in (1e-6, -1e-6):
                array[place] = value + step
                loss.append(np.square(linear.reference(*arrays, activation)).sum())
            array[place], gradient[place] = value, (loss[0] - loss[1]) / 2e-6
        results.append(gradient)
    return results


@pytest.mark.parametrize("rows,k,n", linear.CASES)
def test_numpy(rows, k, n):
    x, weight, bias = operands(rows, k, n)
    first, second = _native.linears(x, [weight, weight[::2]], [bias, None])
    assert_exact(first, x, weight, bias)
    assert_exact(second, x, weight[::2])
    (y,) = _native.linears(x[None], [weight], activation=linear.ACTIVATIONS["gelu"])
    assert_exact(y, x[None], weight, None, "gelu")


def test_numpy_refuses():
    x, weight, bias = operands(2, 3, 4)
    for arguments, message in (
        ((x, []), "expected 1 to 8 weights"),
        ((x, [weight] * 9), "expected 1 to 8 weights"),
        ((x, [weight], [bias, bias]), "a bias or None for each"),
        ((x, [weight[0]]), "other ranks"),
        ((x, [weight[:, 1:]]), r"weight of shape \(n, 3\)"),
        ((x.astype(np.float64), [weight]), "x of dtype float32"),
        ((x, [weight], [bias], 7), "an activation"),
    ):
        with pytest.raises(ValueError, match=r"\[linear\] .*" + message):
            _native.linears(*arguments)


@pytest.fixture
def jax_ops():
    pytest.importorskip("jax")
    from pytransformers.backends.jax import ops

    with selection.kernels("native"):
        yield ops


@pytest.fixture
def tf_ops():
    pytest.importorskip("tensorflow")
    from pytransformers.backends.tensorflow import ops

    with selection.kernels("native"):
        yield ops


@ACTIVATIONS
@pytest.mark.parametrize("rows", [3, 45])
def test_jax(jax_ops, rows, activation):
    import jax

    x, weight, bias = operands(rows, 17, 50)
    for call in (jax_ops.linear, jax.jit(jax_ops.linear, static_argnames="activation")):
        assert_exact(call(x, weight, bias, activation=activation), x, weight, bias, activation)
        assert_exact(call(x[:, None], weight, None, activation=activation), x[:, None], weight, None, activation)
    assert "pytransformers_linear" in jax.jit(jax_ops.linear).lower(x, weight, bias).as_text()
    with selection.kernels("auto"):  # XLA fuses around its own product
        assert "pytransformers_linear" not in jax.jit(jax_ops.linear).lower(x, weight, bias).as_text()


@ACTIVATIONS
def test_jax_gradients_and_vmap(jax_ops, activation):
    import jax

    x, weight, bias = operands(4, 5, 3)

    def loss(x, weight, bias):
        return (jax_ops.linear(x, weight, bias, activation) ** 2).sum()

    for call in (jax.grad(loss, (0, 1, 2)), jax.jit(jax.grad(loss, (0, 1, 2)))):
        for ours, exact in zip(call(x, weight, bias), gradients_in_float64(x, weight, bias, activation), strict=True):
            np.testing.assert_allclose(ours, exact, rtol=1e-4, atol=1e-4)
    weights = np.stack([weight, 2 * weight])
    mapped = jax.vmap(lambda x, w: jax_ops.linear(x, w, bias, activation), (None, 0))(x, weights)
    for y, w in zip(mapped, weights, strict=True):
        assert_exact(y, x, w, bias, activation)
    assert_exact(jax.vmap(lambda row: jax_ops.linear(row, weight, bias, activation))(x), x, weight, bias, activation)


def test_jax_refuses(jax_ops):
    from pytransformers.backends.jax import native

    x, weight, bias = operands(2, 3, 4)
    for arguments, message in (((x, weight[0]), "reshape"), ((x, weight[:, 1:]), r"weight of shape \(n, 3\)"),
                               ((x, weight, bias[1:]), r"bias of shape \(4,\)")):  # fmt: skip
        with pytest.raises(Exception, match=r"\[linear\] .*" + message):
            native.linear(*arguments).block_until_ready()


@ACTIVATIONS
@pytest.mark.parametrize("rows", [3, 45])
def test_tensorflow(tf_ops, rows, activation):
    import tensorflow as tf

    x, weight, bias = operands(rows, 17, 50)
    graph = tf.function(lambda x, w, b: tf_ops.linear(x, w, b, activation))
    for call in (lambda *a: tf_ops.linear(*a, activation), graph):
        assert_exact(call(x, weight, bias).numpy(), x, weight, bias, activation)
    assert_exact(tf_ops.linear(x[:, None], weight, None, activation).numpy(), x[:, None], weight, None, activation)
    concrete = graph.get_concrete_function(tf.TensorSpec((None, 17)), tf.TensorSpec((50, 17)), tf.TensorSpec((50,)))
    assert concrete.output_shapes.as_list() == [None, 50]
    assert "PytransformersLinear" in {op.type for op in concrete.graph.get_operations()}
    compiled = tf.function(lambda x, w, b: tf_ops.linear(x, w, b, activation), jit_compile=True)
    assert_exact(compiled(x, weight, bias).numpy(), x, weight, bias, activation)


@ACTIVATIONS
def test_tensorflow_gradients(tf_ops, activation):
    import tensorflow as tf

    arrays = operands(4, 5, 3)

    def gradients(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            loss = tf.reduce_sum(tf_ops.linear(tensors[0][None], *tensors[1:], activation) ** 2)
        return tape.gradient(loss, tensors)

    exact = gradients_in_float64(*arrays, activation)
    for call in (gradients, tf.function(gradients)):
        for ours, wanted in zip(call(*map(tf.constant, arrays)), exact, strict=True):
            np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-4)


def test_tensorflow_refuses(tf_ops):
    import tensorflow as tf

    x, weight, bias = operands(2, 3, 4)
    for arguments, message in (((x, weight[:, 1:]), r"weight of shape \(n, 3\)"), ((x[0, 0], weight), "1 to 16"),
                               ((x, weight, bias[1:]), r"bias of shape \(4,\)")):  # fmt: skip
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[linear\] .*" + message):
            tf_ops.linear(*map(tf.constant, arguments))
