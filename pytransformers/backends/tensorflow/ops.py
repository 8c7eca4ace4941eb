"""The operation vocabulary in TensorFlow. Contract: `pytransformers/ops/__init__.pyi`.

Integers are int64 unless asked otherwise, sizes in a graph included, so that ids, positions and sizes mix as in torch.
"""

import builtins
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla

from ...ops import selection
from . import native, quantized, randomness, rotary
from .attention import attention
from .convolution import avg_pool2d, conv1d, conv2d, group_norm, interpolate, max_pool2d, pixel_shuffle

__all__ = ["attention", "avg_pool2d", "conv1d", "conv2d", "group_norm", "interpolate", "max_pool2d", "pixel_shuffle"]

float16, bfloat16, float32, float64 = tf.float16, tf.bfloat16, tf.float32, tf.float64
int32, int64, bool_ = tf.int32, tf.int64, tf.bool

# Same meaning, same arguments: the function itself.
abs, exp, log, sqrt, rsqrt, square, sin, cos = (
    tf.abs, tf.exp, tf.math.log, tf.sqrt, tf.math.rsqrt, tf.square, tf.sin, tf.cos,
)
floor, maximum, minimum = tf.floor, tf.maximum, tf.minimum
floor_divide, isfinite = tf.math.floordiv, tf.math.is_finite
logical_not, logical_and, logical_or = tf.logical_not, tf.logical_and, tf.logical_or
relu, sigmoid, tanh = tf.nn.relu, tf.sigmoid, tf.tanh
stop_gradient = tf.stop_gradient

GPU = bool(tf.config.list_physical_devices("GPU"))  # where a graph's nodes go, unless said otherwise


def _tensor(x):
    return x if isinstance(x, tf.Tensor) else tf.convert_to_tensor(x)


def _known(x):
    return None if x is None else _tensor(x)


def _wide(function, x):
    """`function` in float32 for the 16-bit floats, back in x's dtype."""
    x = _tensor(x)
    return tf.cast(function(tf.cast(x, tf.float32)), x.dtype) if x.dtype in (float16, bfloat16) else function(x)


# -- dtype and shape
def dtype(x):
    return tf.as_dtype(x.dtype)


def cast(x, dtype):
    return tf.cast(x, dtype)


def is_floating_point(x):
    return dtype(x).is_floating


def finfo_min(dtype):
    return float(tf.as_dtype(dtype).min)


def shape(x):
    x = _tensor(x)
    static = x.shape
    if static.is_fully_defined():
        return tuple(static)
    sizes = tf.shape(x, out_type=tf.int64)
    return tuple(sizes[i] if n is None else n for i, n in enumerate(static))


def size(x, dim):
    x = _tensor(x)
    static = x.shape[dim]
    return tf.shape(x, out_type=tf.int64)[dim] if static is None else static


def tolist(x):
    return x.numpy().tolist()


def reshape(x, shape):
    return tf.reshape(x, shape)


def flatten(x, start_dim=0, end_dim=-1):
    sizes = shape(x)
    start, end = start_dim % len(sizes), end_dim % len(sizes)
    middle = sizes[start : end + 1]
    known = all_static(middle)
    # a product of known sizes keeps the shape known; -1 stands for at most one that is not
    length = int(np.prod(middle)) if known else -1
    if not known and not all_static(sizes[:start] + sizes[end + 1 :]):
        length = middle[0]
        for n in middle[1:]:
            length = length * n
    return tf.reshape(x, sizes[:start] + (length,) + sizes[end + 1 :])


def all_static(sizes):
    return not builtins.any(isinstance(n, tf.Tensor) for n in sizes)


def transpose(x, dim0, dim1):
    x = _tensor(x)
    order = list(range(x.shape.rank))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return tf.transpose(x, order)


def permute(x, dims):
    return tf.transpose(x, dims)


def unsqueeze(x, dim):
    return tf.expand_dims(x, dim)


def squeeze(x, dim):
    x = _tensor(x)
    return tf.squeeze(x, dim) if x.shape[dim] in (1, None) else x


def expand(x, shape):
    x = _tensor(x)
    own = globals()["shape"](x)
    new = len(shape) - len(own)
    kept = [n if not (isinstance(n, int) and n == -1) else own[i - new] for i, n in enumerate(shape)]
    return tf.broadcast_to(x, kept)


def cat(tensors, dim=0):
    return tf.concat(tensors, dim)


def stack(tensors, dim=0):
    return tf.stack(tensors, dim)


def split(x, split_size, dim=0):
    if isinstance(split_size, int):
        total = _static_size(x, dim, "split")
        split_size = [min(split_size, total - start) for start in range(0, total, split_size)]
    return tuple(tf.split(x, list(split_size), dim))


def chunk(x, chunks, dim=0):
    total = _static_size(x, dim, "chunk")
    return split(x, builtins.max(1, -(-total // chunks)), dim)


def unbind(x, dim=0):
    _static_size(x, dim, "unbind")
    return tuple(tf.unstack(x, axis=dim))


def _static_size(x, dim, where):
    total = x.shape[dim]
    if total is None:
        raise ValueError(f"[{where}] expected a length known when tracing, got None for dimension {dim}: fix the shape")
    return total


def flip(x, dims):
    return tf.reverse(x, dims)


def roll(x, shifts, dims):
    return tf.roll(x, shifts, dims)


def pad(x, pad, value=0.0):
    x = _tensor(x)
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    return tf.pad(x, [(0, 0)] * (x.shape.rank - len(pairs)) + pairs, constant_values=tf.cast(value, x.dtype))


def tile(x, repeats):
    x = _tensor(x)
    missing = len(repeats) - x.shape.rank
    if missing > 0:
        x = tf.reshape(x, (1,) * missing + shape(x))
    return tf.tile(x, [1] * -missing + list(repeats))


def repeat_interleave(x, repeats, dim):
    return tf.repeat(x, repeats, dim)


# -- creation
def tensor(data, *, dtype=None, like=None):
    if not isinstance(data, (tf.Tensor, np.ndarray, np.generic)):
        data = tf.convert_to_tensor(data, None if dtype is None else dtype)
        wide = {tf.int32: tf.int64}.get(data.dtype, data.dtype)
        return tf.cast(data, wide if dtype is None else dtype)
    return tf.convert_to_tensor(data) if dtype is None else tf.cast(data, dtype)


def arange(start, end=None, step=1, *, dtype=int64, like=None):
    if end is None:
        start, end = 0, start
    return tf.range(*(tf.cast(n, dtype) for n in (start, end, step)))


def zeros(shape, *, dtype=float32, like=None):
    return tf.zeros(shape, dtype)


def ones(shape, *, dtype=float32, like=None):
    return tf.ones(shape, dtype)


def full(shape, value, *, dtype=float32, like=None):
    return tf.fill(shape, tf.cast(value, dtype))


def zeros_like(x, dtype=None):
    return tf.zeros_like(x, dtype)


def ones_like(x, dtype=None):
    return tf.ones_like(x, dtype)


def full_like(x, value, dtype=None):
    return tf.fill(shape(x), tf.cast(value, x.dtype if dtype is None else dtype))


def one_hot(x, num_classes, dtype=float32):
    return tf.one_hot(x, num_classes, dtype=dtype)


# -- element by element
def erf(x):
    return _wide(tf.math.erf, x)


def pow(x, exponent):
    return tf.pow(x, exponent)


def clamp(x, min=None, max=None):
    x = x if min is None else tf.maximum(x, tf.cast(min, x.dtype))
    return x if max is None else tf.minimum(x, tf.cast(max, x.dtype))


def where(condition, x, y):
    kind = next((dtype(v) for v in (x, y) if hasattr(v, "dtype")), None)
    return tf.where(condition, *(v if hasattr(v, "dtype") else tf.constant(v, kind) for v in (x, y)))


# -- activations
def gelu(x, approximate="none"):
    return _wide(lambda x: tf.nn.gelu(x, approximate=approximate == "tanh"), x)


def silu(x):
    return _wide(tf.nn.silu, x)


# What `linear` and `quantized_matmul` may end with.
_ACTIVATIONS = {
    None: lambda x: x, "relu": relu, "gelu": gelu, "gelu_tanh": partial(gelu, approximate="tanh"), "silu": silu,
}  # fmt: skip


def softplus(x):
    return _wide(tf.math.softplus, x)


def leaky_relu(x, negative_slope=0.01):
    return tf.nn.leaky_relu(x, negative_slope)


def elu(x, alpha=1.0):
    return _wide(lambda x: tf.where(x > 0, x, alpha * tf.math.expm1(tf.minimum(x, 0.0))), x)


def softmax(x, dim=-1, dtype=None):
    return _wide(lambda x: tf.nn.softmax(x, dim), x if dtype is None else tf.cast(x, dtype))


def log_softmax(x, dim=-1, dtype=None):
    return _wide(lambda x: tf.nn.log_softmax(x, dim), x if dtype is None else tf.cast(x, dtype))


# -- reductions
def _countable(x):
    x = _tensor(x)
    return tf.cast(x, tf.int64) if x.dtype == tf.bool or x.dtype.is_integer else x


def sum(x, dim=None, keepdim=False):
    return _wide(lambda x: tf.reduce_sum(x, dim, keepdim), _countable(x))


def mean(x, dim=None, keepdim=False):
    return _wide(lambda x: tf.reduce_mean(x, dim, keepdim), x)


def amax(x, dim=None, keepdim=False):
    return tf.reduce_max(x, dim, keepdim)


def amin(x, dim=None, keepdim=False):
    return tf.reduce_min(x, dim, keepdim)


def any(x, dim=None, keepdim=False):
    return tf.reduce_any(tf.cast(x, tf.bool), dim, keepdim)


def all(x, dim=None, keepdim=False):
    return tf.reduce_all(tf.cast(x, tf.bool), dim, keepdim)


def argmax(x, dim):
    return tf.argmax(x, dim, output_type=tf.int64)


def cumsum(x, dim):
    return _wide(lambda x: tf.cumsum(x, dim), _countable(x))


def logsumexp(x, dim, keepdim=False):
    return _wide(lambda x: tf.reduce_logsumexp(x, dim, keepdim), x)


def _last(x, dim):
    """`dim` moved to the end by one swap, and the function that undoes it."""
    if dim % x.shape.rank == x.shape.rank - 1:
        return x, lambda y: y
    return transpose(x, dim, -1), lambda y: transpose(y, dim, -1)


def topk(x, k, dim=-1):
    x, back = _last(x, dim)
    values, indices = tf.math.top_k(x, k)
    return back(values), back(tf.cast(indices, tf.int64))


def sort(x, dim=-1, descending=False):
    x, back = _last(x, dim)
    order = tf.argsort(x, stable=True, direction="DESCENDING" if descending else "ASCENDING")
    return back(tf.gather(x, order, batch_dims=x.shape.rank - 1)), back(tf.cast(order, tf.int64))


# -- indexing
def take(x, indices, dim):
    return tf.gather(x, indices, axis=dim)


def gather(x, dim, index):
    x, back = _last(_tensor(x), dim)
    index, _ = _last(index, dim)
    if x.shape[:-1] != index.shape[:-1] or not x.shape[:-1].is_fully_defined():
        x = tf.slice(x, [0] * x.shape.rank, shape(index)[:-1] + (-1,))
    return back(tf.gather(x, index, batch_dims=x.shape.rank - 1))


def _scatter(write, x, dim, index, src):
    x, back = _last(_tensor(x), dim)
    index, src = _last(index, dim)[0], _last(_tensor(src), dim)[0]
    places = tf.meshgrid(*(tf.range(n, dtype=tf.int64) for n in shape(index)), indexing="ij")
    places[-1] = tf.cast(index, tf.int64)
    return back(write(x, tf.stack(places, -1), src))


def scatter(x, dim, index, src):
    return _scatter(tf.tensor_scatter_nd_update, x, dim, index, src)


def scatter_add(x, dim, index, src):
    return _scatter(tf.tensor_scatter_nd_add, x, dim, index, src)


def index_fill(x, dim, index, value):
    x, back = _last(_tensor(x), dim)
    count = size(x, -1)
    marked = tf.reduce_any(tf.range(count, dtype=tf.int64)[:, None] == tf.constant(list(index), tf.int64)[None], -1)
    return back(tf.where(marked, tf.cast(value, x.dtype), x))


def update_slice(x, value, start, dim):
    start = tf.cast(start, tf.int64)
    if native.under_xla():
        dim = dim % x.shape.rank
        starts = [start if axis == dim else tf.zeros((), tf.int64) for axis in range(x.shape.rank)]
        return xla.dynamic_update_slice(x, value, tf.stack(starts))
    x, back = _last(_tensor(x), dim)
    value, _ = _last(value, dim)
    length = size(value, -1)
    written = tf.concat((x[..., :start], value, x[..., start + length :]), -1)
    return back(tf.ensure_shape(written, x.shape))


def embedding(ids, weight, padding_idx=None):
    # from the variable itself, and cast afterwards: the gradient stays sparse, and no whole table is cast
    table = weight.stored if hasattr(weight, "stored") else weight
    rows = tf.gather(table, ids)
    if padding_idx is not None:
        padding = (ids == tf.cast(padding_idx % weight.shape[0], ids.dtype))[..., None]
        rows = tf.where(padding, tf.stop_gradient(rows), rows)
    return tf.cast(rows, weight.dtype)


def _triangle(x, diagonal, below):
    x = _tensor(x)
    rows, columns = size(x, -2), size(x, -1)
    offset = arange(columns)[None, :] - arange(rows)[:, None]
    return tf.where(offset <= diagonal if below else offset >= diagonal, x, tf.zeros((), x.dtype))


def tril(x, diagonal=0):
    return _triangle(x, diagonal, True)


def triu(x, diagonal=0):
    return _triangle(x, diagonal, False)


def matmul(x, y):
    x, y = _tensor(x), _tensor(y)
    if y.shape.rank == 1:
        return tf.linalg.matvec(x, y) if x.shape.rank > 1 else tf.reduce_sum(x * y)
    return tf.linalg.matvec(y, x, transpose_a=True) if x.shape.rank == 1 else tf.matmul(x, y)


def einsum(equation, *operands):
    return tf.einsum(equation, *operands)


def addmm(bias, x, y):
    return tf.nn.bias_add(tf.matmul(x, y), bias)


def _native_linear(x, weight):
    """The library has threads of its own beside TensorFlow's, so the kernel runs only where it is asked for by name."""
    return (selection.current() == "native" and x.dtype == weight.dtype == float32
            and selection.chosen("linear", "tensorflow") == "native")  # fmt: skip


def linear(x, weight, bias=None, activation=None):
    # as one matrix product: a batched one would multiply, and sum the gradient, row by row of the batch
    x, weight = _tensor(x), _tensor(weight)
    if _native_linear(x, weight):
        return native.linear(x, weight, None if bias is None else _tensor(bias), activation)
    rank = x.shape.rank
    y = tf.matmul(x if rank == 2 else tf.reshape(x, (-1, weight.shape[1])), weight, transpose_b=True)
    if bias is not None:
        y = tf.nn.bias_add(y, bias)
    y = _ACTIVATIONS[activation](y)
    return y if rank == 2 else tf.reshape(y, shape(x)[:-1] + (weight.shape[0],))


def linears(x, weights, biases, activation=None):
    return [linear(x, weight, bias, activation) for weight, bias in zip(weights, biases, strict=True)]


# -- losses
def cross_entropy(logits, labels, ignore_index=-100, label_smoothing=0.0):
    logits, labels = tf.cast(logits, tf.float32), tf.cast(labels, tf.int64)
    kept = labels != ignore_index
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.where(kept, labels, 0), logits)
    if label_smoothing:
        uniform = -tf.reduce_mean(tf.nn.log_softmax(logits), -1)
        losses = (1 - label_smoothing) * losses + label_smoothing * uniform
    kept = tf.cast(kept, tf.float32)
    return tf.reduce_sum(losses * kept) / tf.reduce_sum(kept)


def binary_cross_entropy_with_logits(logits, labels):
    labels, logits = tf.cast(labels, tf.float32), tf.cast(logits, tf.float32)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))


def mse_loss(x, y):
    return tf.reduce_mean(tf.math.squared_difference(x, y))


def l1_loss(x, y, reduction="mean"):
    reduce = {"mean": tf.reduce_mean, "sum": tf.reduce_sum, "none": tf.identity}[reduction]
    return reduce(tf.abs(x - y))


# -- fused operations
def _native(op, x):
    """Whether the compiled kernel takes this call; it has no float64."""
    placed_on_gpu = "GPU" in x.device if x.device else GPU
    return x.dtype != float64 and selection.chosen(op, "tensorflow", "cuda" if placed_on_gpu else "cpu") == "native"


def quantized_matmul(x, codes, scales, offsets=None, bias=None, *, quantization, group_size, out_features,
                     activation=None):  # fmt: skip
    codes, scales, offsets, bias = (_known(t) for t in (codes, scales, offsets, bias))
    bias = None if bias is None else tf.cast(bias, tf.float32)
    if _native("quantized_matmul", x):
        return native.quantized_matmul(
            x, codes, scales, offsets, bias, quantization, group_size, out_features, activation
        )
    y = quantized.product(x, codes, scales, offsets, quantization, out_features)
    y = y if bias is None else y + bias
    return tf.cast(_ACTIVATIONS[activation](y), x.dtype)


def layer_norm(x, weight=None, bias=None, eps=1e-5, residual=None):
    if _native("layer_norm", x):
        return native.layer_norm(x, _known(weight), _known(bias), eps, residual)
    total = x if residual is None else x + residual
    y = tf.cast(total, tf.float32) if total.dtype.size == 2 else total
    mean = tf.reduce_mean(y, -1, keepdims=True)
    centred = y - mean
    y = centred * tf.math.rsqrt(tf.reduce_mean(tf.square(centred), -1, keepdims=True) + eps)
    y = y if weight is None else y * tf.cast(weight, y.dtype)
    y = tf.cast(y if bias is None else y + tf.cast(bias, y.dtype), total.dtype)
    return y if residual is None else (y, total)


def rms_norm(x, weight=None, eps=1e-6, residual=None):
    if _native("rms_norm", x):
        return native.rms_norm(x, _known(weight), eps, residual)
    total = x if residual is None else x + residual
    y = tf.cast(total, tf.float32) if total.dtype.size == 2 else total
    y = tf.cast(y * tf.math.rsqrt(tf.reduce_mean(tf.square(y), -1, keepdims=True) + eps), total.dtype)
    y = y if weight is None else y * weight
    return y if residual is None else (y, total)


def rotary_embedding(query, key, cos, sin, *, position_ids=None, interleaved=False):
    run = native.rotary_embedding if _native("rotary_embedding", query) else rotary.rotary_embedding
    return run(query, key, cos, sin, position_ids, interleaved)


# -- randomness, control, autodiff
def dropout(x, p, training):
    return randomness.dropout(x, p) if training and p > 0 else x


def uniform(shape, *, dtype=float32, like=None):
    return tf.cast(tf.random.stateless_uniform(shape, randomness.seed()), dtype)


def multinomial(weights, num_samples):
    """By the Gumbel trick: the largest of perturbed log-weights are a draw without replacement."""
    drawn = tf.random.stateless_uniform(shape(weights), randomness.seed(), np.finfo(np.float32).tiny, 1.0)
    noise = -tf.math.log(-tf.math.log(drawn))
    return topk(tf.math.log(tf.cast(weights, tf.float32)) + noise, num_samples)[1]


def checkpoint(function, *args, **kwargs):
    """Only floating-point tensors pass through the gradient; all else, and the random stream, is closed over."""
    again = randomness.replayed()
    leaves, structure = _flatten((args, kwargs))
    moving = [i for i, leaf in enumerate(leaves) if tf.is_tensor(leaf) and leaf.dtype.is_floating]
    result_structure = None

    def run(*tensors):
        nonlocal result_structure
        filled = list(leaves)
        for i, x in zip(moving, tensors, strict=True):
            filled[i] = x
        args, kwargs = keras.tree.pack_sequence_as(structure, filled)
        with again():
            result = function(*args, **kwargs)
        results, result_structure = _flatten(result)
        return [x for x in results if x is not None]

    found = iter(tf.recompute_grad(run)(*(leaves[i] for i in moving)))
    empty = keras.tree.flatten(result_structure)
    return keras.tree.pack_sequence_as(result_structure, [None if x is None else next(found) for x in empty])


def _flatten(structure):
    return keras.tree.flatten(structure), structure


def cond(predicate, true_function, false_function, *operands):
    return tf.cond(predicate, lambda: true_function(*operands), lambda: false_function(*operands))


def while_loop(condition, body, state):
    def step(count, *state):
        # a graph traces the body once: the count is what makes its draws differ
        with randomness.iteration(count):
            return count + 1, *body(*state)

    count = tf.zeros((), tf.int64)
    return tuple(tf.while_loop(lambda count, *state: condition(*state), step, (count, *state))[1:])
