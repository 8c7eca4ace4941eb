"""The operation vocabulary in JAX. Contract: `pytransformers/ops/__init__.pyi`."""

import builtins
import math
import sys
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from ...ops import attention as contract
from ...ops import selection
from . import attention as compose
from . import native, quantized, rotary
from .context import Call, ambient, running
from .images import avg_pool2d, conv1d, conv2d, interpolate, max_pool2d, pad, pixel_shuffle  # noqa: F401

float16, bfloat16, float32 = jnp.dtype("float16"), jnp.dtype(jnp.bfloat16), jnp.dtype("float32")
int32, bool_ = jnp.dtype("int32"), jnp.dtype("bool")
float64 = jax.dtypes.canonicalize_dtype("float64")
int64 = jax.dtypes.canonicalize_dtype("int64")

_this = sys.modules[__name__]

# Same arguments: the function itself.
abs, exp, log, sqrt, rsqrt, square, sin, cos = (
    jnp.abs, jnp.exp, jnp.log, jnp.sqrt, lax.rsqrt, jnp.square, jnp.sin, jnp.cos,
)
floor, pow, maximum, minimum = jnp.floor, jnp.power, jnp.maximum, jnp.minimum
clamp, where, isfinite, floor_divide, tanh = jnp.clip, jnp.where, jnp.isfinite, jnp.floor_divide, jnp.tanh
logical_not, logical_and, logical_or = jnp.logical_not, jnp.logical_and, jnp.logical_or
relu, leaky_relu, matmul, einsum = jax.nn.relu, jax.nn.leaky_relu, jnp.matmul, jnp.einsum
reshape, stop_gradient = jnp.reshape, lax.stop_gradient


def _widened(function, x, **kwargs):
    """`function` in float32 for narrower dtypes, rounded once at the end."""
    x = jnp.asarray(x)
    if x.dtype in (float16, bfloat16):
        return function(x.astype(float32), **kwargs).astype(x.dtype)
    return function(x, **kwargs)


# -- dtype and shape
def dtype(x):
    return x.dtype


def cast(x, dtype):
    return jnp.asarray(x).astype(dtype)


def is_floating_point(x):
    return jnp.issubdtype(x.dtype, jnp.floating)


def finfo_min(dtype):
    return float(jnp.finfo(dtype).min)


def shape(x):
    return x.shape


def tolist(x):
    return x.tolist()


def size(x, dim):
    return x.shape[dim]


def flatten(x, start_dim=0, end_dim=-1):
    start, end = start_dim % x.ndim, end_dim % x.ndim
    return jnp.reshape(x, (*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


def transpose(x, dim0, dim1):
    return jnp.swapaxes(x, dim0, dim1)


def permute(x, dims):
    return jnp.transpose(x, dims)


def unsqueeze(x, dim):
    return jnp.expand_dims(x, dim)


def squeeze(x, dim):
    return jnp.squeeze(x, dim) if x.shape[dim] == 1 else x


def expand(x, shape):
    new = len(shape) - x.ndim
    return jnp.broadcast_to(x, [x.shape[i - new] if n == -1 else n for i, n in enumerate(shape)])


def cat(tensors, dim=0):
    return jnp.concatenate(tensors, dim)


def stack(tensors, dim=0):
    return jnp.stack(tensors, dim)


def split(x, split_size, dim=0):
    length = x.shape[dim]
    if isinstance(split_size, int):
        ends = list(range(split_size, length, split_size))
    else:
        if builtins.sum(split_size) != length:
            raise ValueError(f"[split] expected sizes that add up to {length}, got {tuple(split_size)}")
        ends = [builtins.sum(split_size[: i + 1]) for i in range(len(split_size) - 1)]
    return tuple(jnp.split(x, ends, dim))


def chunk(x, chunks, dim=0):
    return split(x, -(-x.shape[dim] // chunks), dim)


def unbind(x, dim=0):
    return tuple(jnp.moveaxis(x, dim, 0))


def flip(x, dims):
    return jnp.flip(x, dims)


def roll(x, shifts, dims):
    return jnp.roll(x, shifts, dims)


def tile(x, repeats):
    return jnp.tile(x, repeats)


def repeat_interleave(x, repeats, dim):
    return jnp.repeat(x, repeats, dim)


# -- creation
def tensor(data, *, dtype=None, like=None):
    return jnp.asarray(data, dtype)


def arange(start, end=None, step=1, *, dtype=int64, like=None):
    return jnp.arange(start, end, step, dtype)


def zeros(shape, *, dtype=float32, like=None):
    return jnp.zeros(shape, dtype)


def ones(shape, *, dtype=float32, like=None):
    return jnp.ones(shape, dtype)


def full(shape, value, *, dtype=float32, like=None):
    return jnp.full(shape, value, dtype)


def zeros_like(x, dtype=None):
    return jnp.zeros_like(x, dtype)


def ones_like(x, dtype=None):
    return jnp.ones_like(x, dtype)


def full_like(x, value, dtype=None):
    return jnp.full_like(x, value, dtype)


def one_hot(x, num_classes, dtype=float32):
    return jax.nn.one_hot(x, num_classes, dtype=dtype)


# -- activations
def erf(x):
    return _widened(jax.scipy.special.erf, x)


def gelu(x, approximate="none"):
    return _widened(jax.nn.gelu, x, approximate=approximate == "tanh")


def silu(x):
    return _widened(jax.nn.silu, x)


# What `linear` and `quantized_matmul` may end with.
_ACTIVATIONS = {
    None: lambda x: x, "relu": relu, "gelu": gelu, "gelu_tanh": partial(gelu, approximate="tanh"), "silu": silu,
}  # fmt: skip


def sigmoid(x):
    return _widened(jax.nn.sigmoid, x)


def softplus(x):
    return _widened(jax.nn.softplus, x)


def elu(x, alpha=1.0):
    return _widened(jax.nn.elu, x, alpha=alpha)


def softmax(x, dim=-1, dtype=None):
    return _widened(jax.nn.softmax, x if dtype is None else cast(x, dtype), axis=dim)


def log_softmax(x, dim=-1, dtype=None):
    return _widened(jax.nn.log_softmax, x if dtype is None else cast(x, dtype), axis=dim)


# -- reductions
def _axis(dim):
    return tuple(dim) if isinstance(dim, (list, tuple)) else dim


def sum(x, dim=None, keepdim=False):
    return jnp.sum(x, _axis(dim), keepdims=keepdim)


def mean(x, dim=None, keepdim=False):
    return jnp.mean(x, _axis(dim), keepdims=keepdim)


def amax(x, dim=None, keepdim=False):
    return jnp.max(x, _axis(dim), keepdims=keepdim)


def amin(x, dim=None, keepdim=False):
    return jnp.min(x, _axis(dim), keepdims=keepdim)


def any(x, dim=None, keepdim=False):
    return jnp.any(x, dim, keepdims=keepdim)


def all(x, dim=None, keepdim=False):
    return jnp.all(x, dim, keepdims=keepdim)


def argmax(x, dim):
    return jnp.argmax(x, dim)


def cumsum(x, dim):
    return _widened(jnp.cumsum, x, axis=dim)


def logsumexp(x, dim, keepdim=False):
    return _widened(jax.nn.logsumexp, x, axis=dim, keepdims=keepdim)


def topk(x, k, dim=-1):
    values, indices = lax.top_k(jnp.moveaxis(x, dim, -1), k)
    return jnp.moveaxis(values, -1, dim), jnp.moveaxis(indices, -1, dim)


def sort(x, dim=-1, descending=False):
    indices = jnp.argsort(x, dim, stable=True, descending=descending)
    return jnp.take_along_axis(x, indices, dim), indices


# -- indexing
def take(x, indices, dim):
    return jnp.take(x, indices, dim)


def gather(x, dim, index):
    dim = dim % x.ndim
    x = x[tuple(slice(None) if axis == dim else slice(n) for axis, n in enumerate(index.shape))]
    return jnp.take_along_axis(x, index, dim)


def _along(x, dim, index):
    """What x.at[...] takes for `index` along `dim`."""
    dim = dim % x.ndim
    grid = jnp.meshgrid(*(jnp.arange(n) for n in index.shape), indexing="ij", sparse=True)
    return tuple(index if axis == dim else places for axis, places in enumerate(grid))


def scatter(x, dim, index, src):
    return x.at[_along(x, dim, index)].set(src)


def scatter_add(x, dim, index, src):
    return x.at[_along(x, dim, index)].add(src)


def index_fill(x, dim, index, value):
    return x.at[(slice(None),) * (dim % x.ndim) + (jnp.asarray(index, int32),)].set(value)


def update_slice(x, value, start, dim):
    return lax.dynamic_update_slice_in_dim(x, value, start, dim)


def embedding(ids, weight, padding_idx=None):
    rows = jnp.take(weight, ids, 0)
    if padding_idx is None or not isinstance(rows, jax.core.Tracer):
        return rows
    padding = (ids == padding_idx % weight.shape[0])[..., None]
    return jnp.where(padding, stop_gradient(rows), rows)


def tril(x, diagonal=0):
    return jnp.tril(x, diagonal)


def triu(x, diagonal=0):
    return jnp.triu(x, diagonal)


# -- linear algebra
def addmm(bias, x, y):
    return bias + jnp.matmul(x, y)


def _native_linear(x, weight):
    """XLA's own product fuses with what stands around it, so the kernel runs only where it is asked for by name."""
    return (selection.current() == "native" and x.dtype == weight.dtype == float32
            and selection.chosen("linear", "jax") == "native")  # fmt: skip


def linear(x, weight, bias=None, activation=None):
    x, weight = jnp.asarray(x), jnp.asarray(weight)
    if _native_linear(x, weight):
        return native.linear(x, weight, bias, activation)
    y = lax.dot_general(x, weight, (((x.ndim - 1,), (1,)), ((), ())))
    return _ACTIVATIONS[activation](y if bias is None else y + bias)


def linears(x, weights, biases, activation=None):
    return [linear(x, weight, bias, activation) for weight, bias in zip(weights, biases, strict=True)]


def group_norm(x, num_groups, weight, bias, eps=1e-5):
    groups = jnp.reshape(x, (x.shape[0], num_groups, -1)).astype(float32)
    y = jnp.reshape(_standardised(groups, eps), x.shape)
    per_channel = (-1,) + (1,) * (x.ndim - 2)
    y = y if weight is None else y * jnp.reshape(weight, per_channel)
    y = y if bias is None else y + jnp.reshape(bias, per_channel)
    return y.astype(x.dtype)


# -- losses
def cross_entropy(logits, labels, ignore_index=-100, label_smoothing=0.0):
    scores = jax.nn.log_softmax(logits.astype(float32))
    counted = labels != ignore_index
    loss = -jnp.take_along_axis(scores, jnp.where(counted, labels, 0)[:, None], 1)[:, 0]
    if label_smoothing:
        loss = (1 - label_smoothing) * loss - label_smoothing * jnp.mean(scores, -1)
    return jnp.sum(jnp.where(counted, loss, 0.0)) / jnp.sum(counted)


def binary_cross_entropy_with_logits(logits, labels):
    logits, labels = logits.astype(float32), labels.astype(float32)
    return -jnp.mean(labels * jax.nn.log_sigmoid(logits) + (1 - labels) * jax.nn.log_sigmoid(-logits))


def mse_loss(x, y):
    return jnp.mean(jnp.square(x.astype(float32) - y.astype(float32)))


def l1_loss(x, y, reduction="mean"):
    distance = jnp.abs(x.astype(float32) - y.astype(float32))
    return {"mean": jnp.mean, "sum": jnp.sum, "none": jnp.asarray}[reduction](distance)


# -- fused operations
def _standardised(x, eps):
    centred = x - jnp.mean(x, -1, keepdims=True)
    return centred * lax.rsqrt(jnp.mean(jnp.square(centred), -1, keepdims=True) + eps)


def quantized_matmul(x, codes, scales, offsets=None, bias=None, *, quantization, group_size, out_features,
                     activation=None):  # fmt: skip
    bias = None if bias is None else bias.astype(float32)
    if selection.chosen("quantized_matmul", "jax", jax.default_backend()) == "native":
        return native.quantized_matmul(
            x, codes, scales, offsets, bias, quantization, group_size, out_features, activation
        )
    y = quantized.product(x, codes, scales, offsets, quantization, out_features)
    y = y if bias is None else y + bias
    return _ACTIVATIONS[activation](y).astype(x.dtype)


def layer_norm(x, weight=None, bias=None, eps=1e-5, residual=None):
    if selection.chosen("layer_norm", "jax", jax.default_backend()) == "native":
        return native.layer_norm(x, weight, bias, eps, residual)
    total = x if residual is None else x + residual
    y = _standardised(total.astype(float32), eps)
    y = y if weight is None else y * weight
    y = (y if bias is None else y + bias).astype(x.dtype)
    return y if residual is None else (y, total)


def rms_norm(x, weight=None, eps=1e-6, residual=None):
    if selection.chosen("rms_norm", "jax", jax.default_backend()) == "native":
        return native.rms_norm(x, weight, eps, residual)
    total = x if residual is None else x + residual
    y = total.astype(float32)
    y = (y * lax.rsqrt(jnp.mean(jnp.square(y), -1, keepdims=True) + eps)).astype(x.dtype)
    y = y if weight is None else y * weight
    return y if residual is None else (y, total)


def rotary_embedding(query, key, cos, sin, *, position_ids=None, interleaved=False):
    chosen = selection.chosen("rotary_embedding", "jax", jax.default_backend())
    run = native.rotary_embedding if chosen == "native" and query.dtype != jnp.float64 else rotary.rotary_embedding
    return run(query, key, cos, sin, position_ids, interleaved)


def attention(query, key, value, *, mask=None, bias=None, causal=False, scale=None, dropout_p=0.0,
              implementation="auto", return_weights=False, window=None, soft_cap=None, alibi_slopes=None,
              query_offsets=None, key_offsets=None):  # fmt: skip
    how = selection.chosen_attention(implementation, "jax", jax.default_backend())
    if how == "auto":
        how = "native" if compose.suits_native(query, value) else "framework"
    if how == "native" and not return_weights and dropout_p < 1:
        seed = jax.random.bits(_call().next_key("dropout"), (2,)) if dropout_p > 0 else None
        return compose.native_attention(query, key, value, mask, bias, causal, scale, dropout_p, seed, window, soft_cap,
                                        alibi_slopes, query_offsets, key_offsets), None  # fmt: skip
    if not (window is None and alibi_slopes is None and query_offsets is None):
        mask, bias = contract.spelled_out(_this, query, key, mask, bias, causal, window, alibi_slopes, query_offsets,
                                          key_offsets)  # fmt: skip
        causal = False

    def dropped(weights):
        return dropout(weights, dropout_p, dropout_p > 0)

    context, weights = compose.composed_attention(query, key, value, mask, bias, causal, scale, soft_cap, dropped)
    return context, weights if return_weights else None


# -- randomness, control, autodiff
def _call():
    return ambient.call or Call()


def dropout(x, p, training):
    if not training or p == 0:
        return x
    kept = jax.random.bernoulli(_call().next_key("dropout"), 1 - p, x.shape)
    return jnp.where(kept, x / (1 - p), jnp.zeros((), x.dtype)) if p < 1 else jnp.zeros_like(x)


def uniform(shape, *, dtype=float32, like=None):
    return jax.random.uniform(_call().next_key("uniform"), tuple(shape), float32).astype(dtype)


def multinomial(weights, num_samples):
    """By the Gumbel trick: the largest of perturbed log-weights are a draw without replacement."""
    noise = jax.random.gumbel(_call().next_key("multinomial"), weights.shape, float32)
    return lax.top_k(jnp.log(weights.astype(float32)) + noise, num_samples)[1].astype(int64)


def checkpoint(function, *args, **kwargs):
    outer = _call()
    leaves, tree = jax.tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, jax.Array)]
    writes = {}

    # A new function each time: jax.checkpoint remembers traces by function, and this one reads the call around it.
    def region(key, arrays):
        inputs = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            inputs[place] = array
        args, kwargs = jax.tree.unflatten(tree, inputs)
        with running(outer.inner(key)) as inner:
            output = function(*args, **kwargs)
        outer.draws = inner.draws
        writes.update(inner.written)
        return output, {name: value for name, (_, value) in inner.written.items()}

    output, written = jax.checkpoint(region)(outer.key, [leaves[i] for i in places])
    for name, value in written.items():
        outer.write(writes[name][0], value)
    return output


def cond(predicate, true_function, false_function, *operands):
    outer, draws = _call(), []

    def branch(function):
        def run(*operands):
            with running(outer.inner(outer.key)) as inner:
                output = function(*operands)
            draws.append(inner.draws)
            return output

        return run

    output = lax.cond(predicate, branch(true_function), branch(false_function), *operands)
    outer.draws = max(draws)
    return output


def while_loop(condition, body, state):
    outer = _call()
    key = None if outer.key is None else outer.next_key("while_loop")

    def step(carry):
        key, state = carry
        following, own = (None, None) if key is None else jax.random.split(key)
        with running(outer.inner(own)):
            return following, tuple(body(*state))

    return lax.while_loop(lambda carry: condition(*carry[1]), step, (key, tuple(state)))[1]
