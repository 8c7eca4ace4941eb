"""The operation vocabulary in PyTorch. Contract: `pytransformers/ops/__init__.pyi`."""

import sys
from contextlib import contextmanager
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint as _checkpoint

from ...ops import attention as contract
from ...ops import selection
from . import attention as compose
from . import native, quantized

float16, bfloat16, float32, float64 = torch.float16, torch.bfloat16, torch.float32, torch.float64
int32, int64, bool_ = torch.int32, torch.int64, torch.bool

_this = sys.modules[__name__]

# Same name, same arguments: the function itself.
abs, exp, log, sqrt, rsqrt, square, sin, cos = (
    torch.abs, torch.exp, torch.log, torch.sqrt, torch.rsqrt, torch.square, torch.sin, torch.cos,
)
floor, erf, pow, maximum, minimum = torch.floor, torch.erf, torch.pow, torch.maximum, torch.minimum
clamp, where, isfinite = torch.clamp, torch.where, torch.isfinite
logical_not, logical_and, logical_or = torch.logical_not, torch.logical_and, torch.logical_or
relu, silu, sigmoid, tanh, softplus = torch.relu, F.silu, torch.sigmoid, torch.tanh, F.softplus
gelu, leaky_relu, elu = F.gelu, F.leaky_relu, F.elu
amax, amin, argmax, cumsum, logsumexp = torch.amax, torch.amin, torch.argmax, torch.cumsum, torch.logsumexp
reshape, flatten, transpose, permute, unsqueeze = (
    torch.reshape, torch.flatten, torch.transpose, torch.permute, torch.unsqueeze,
)
squeeze, cat, stack, split, chunk, unbind = (
    torch.squeeze, torch.cat, torch.stack, torch.split, torch.chunk, torch.unbind,
)
flip, roll, tile, repeat_interleave = torch.flip, torch.roll, torch.tile, torch.repeat_interleave
gather, scatter, scatter_add, tril, triu = (
    torch.gather, torch.scatter, torch.scatter_add, torch.tril, torch.triu,
)
matmul, addmm, einsum = torch.matmul, torch.addmm, torch.einsum
conv1d, conv2d = F.conv1d, F.conv2d
max_pool2d, avg_pool2d, pixel_shuffle, group_norm = F.max_pool2d, F.avg_pool2d, F.pixel_shuffle, F.group_norm
mse_loss, l1_loss = F.mse_loss, F.l1_loss
is_floating_point = torch.is_floating_point


# -- dtype and shape
def dtype(x):
    return x.dtype


def cast(x, dtype):
    return x.to(dtype)


def finfo_min(dtype):
    return torch.finfo(dtype).min


def shape(x):
    return x.shape


def tolist(x):
    return x.tolist()


def size(x, dim):
    return x.shape[dim]


def expand(x, shape):
    return x.expand(shape)


def pad(x, pad, value=0.0):
    return F.pad(x, pad, value=value)


# -- creation
def _device(like):
    return None if like is None else like.device


def tensor(data, *, dtype=None, like=None):
    return torch.as_tensor(data, dtype=dtype, device=_device(like))


def arange(start, end=None, step=1, *, dtype=int64, like=None):
    if end is None:
        start, end = 0, start
    return torch.arange(start, end, step, dtype=dtype, device=_device(like))


def zeros(shape, *, dtype=float32, like=None):
    return torch.zeros(shape, dtype=dtype, device=_device(like))


def ones(shape, *, dtype=float32, like=None):
    return torch.ones(shape, dtype=dtype, device=_device(like))


def full(shape, value, *, dtype=float32, like=None):
    return torch.full(shape, value, dtype=dtype, device=_device(like))


def zeros_like(x, dtype=None):
    return torch.zeros_like(x, dtype=dtype)


def ones_like(x, dtype=None):
    return torch.ones_like(x, dtype=dtype)


def full_like(x, value, dtype=None):
    return torch.full_like(x, value, dtype=dtype)


def one_hot(x, num_classes, dtype=float32):
    return F.one_hot(x.long(), num_classes).to(dtype)


def floor_divide(x, y):
    return torch.div(x, y, rounding_mode="floor")


def softmax(x, dim=-1, dtype=None):
    return torch.softmax(x, dim, dtype)


def log_softmax(x, dim=-1, dtype=None):
    return torch.log_softmax(x, dim, dtype)


# -- reductions
def sum(x, dim=None, keepdim=False):
    return torch.sum(x, dim=dim, keepdim=keepdim)


def mean(x, dim=None, keepdim=False):
    return torch.mean(x, dim=dim, keepdim=keepdim)


def any(x, dim=None, keepdim=False):
    return torch.any(x, dim=dim, keepdim=keepdim)


def all(x, dim=None, keepdim=False):
    return torch.all(x, dim=dim, keepdim=keepdim)


def topk(x, k, dim=-1):
    return tuple(torch.topk(x, k, dim=dim))


def sort(x, dim=-1, descending=False):
    return tuple(torch.sort(x, dim=dim, descending=descending, stable=True))


# -- indexing
def take(x, indices, dim):
    if indices.dim() == 1:
        return x.index_select(dim, indices)
    dim = dim % x.dim()
    taken = x.index_select(dim, indices.reshape(-1))
    return taken.reshape(x.shape[:dim] + indices.shape + x.shape[dim + 1 :])


@lru_cache(maxsize=256)
def _places(index, device):
    return torch.tensor(index, dtype=torch.int64, device=device)


def index_fill(x, dim, index, value):
    return x.index_fill(dim, _places(tuple(index), x.device), value)


def update_slice(x, value, start, dim):
    x.narrow(dim, int(start), value.shape[dim]).copy_(value)
    return x


def embedding(ids, weight, padding_idx=None):
    return F.embedding(ids, weight, padding_idx)


# -- images
def interpolate(x, size, mode="bilinear", align_corners=False, antialias=False):
    corners = None if mode == "nearest" else align_corners
    return F.interpolate(x, size=tuple(size), mode=mode, align_corners=corners, antialias=antialias)


# -- losses
def cross_entropy(logits, labels, ignore_index=-100, label_smoothing=0.0):
    return F.cross_entropy(logits.float(), labels.long(), ignore_index=ignore_index, label_smoothing=label_smoothing)


def binary_cross_entropy_with_logits(logits, labels):
    return F.binary_cross_entropy_with_logits(logits.float(), labels.float())


# -- fused operations
@contextmanager
def _traced_as(choice):
    global _traced_choice
    before, _traced_choice = _traced_choice, choice
    try:
        yield
    finally:
        _traced_choice = before


# Dynamo cannot read a context variable. It reads and guards this global, so that another choice compiles anew.
_traced_choice = None
selection.mirror(_traced_as)


def _while_tracing(op, device, choice):
    return selection.chosen(op, "torch", device)


_while_tracing._dynamo_marked_constant = True  # torch.compiler.assume_constant_result, without importing the compiler


def _native(op, x):
    if torch.compiler.is_compiling():
        return _while_tracing(op, x.device.type, _traced_choice) == "native"
    return selection.chosen(op, "torch", x.device.type) == "native"


def _promoted(x, residual):
    """Both in the wider dtype: under autocast a projection is narrower than the sum it joins."""
    dtype = torch.promote_types(x.dtype, residual.dtype)
    return x.to(dtype), residual.to(dtype)


# A compiler fuses around its own matrix product, so a traced call never takes ours.
def _native_linear(x, *weights):
    return not torch.compiler.is_compiling() and native.suits_linear(x, *weights) and _native("linear", x)


def linear(x, weight, bias=None, activation=None):
    if _native_linear(x, weight):
        return native.linear(x, weight, bias, activation)
    y = F.linear(x, weight, bias)
    return y if activation is None else native.FUNCTIONS[activation](y)


def linears(x, weights, biases, activation=None):
    if _native_linear(x, *weights):
        return native.linears(x, weights, biases, activation)
    return [linear(x, weight, bias, activation) for weight, bias in zip(weights, biases, strict=True)]


def _single(x):
    """Float32, whatever a model was cast to."""
    return x if x is None or x.dtype is torch.float32 else x.float()


def quantized_matmul(x, codes, scales, offsets=None, bias=None, *, quantization, group_size, out_features,
                     activation=None):  # fmt: skip
    scales, offsets, bias = _single(scales), _single(offsets), _single(bias)
    if _native("quantized_matmul", x):
        return native.quantized_matmul(
            x, codes, scales, offsets, bias, quantization, group_size, out_features, activation
        )
    y = quantized.product(x, codes, scales, offsets, quantization, out_features)
    y = y if bias is None else y + bias
    return native.FUNCTIONS[activation](y).to(x.dtype)


def layer_norm(x, weight=None, bias=None, eps=1e-5, residual=None):
    if residual is not None and residual.dtype != x.dtype:
        x, residual = _promoted(x, residual)
    if _native("layer_norm", x) and (residual is not None or native.suits_layer_norm(x, weight, bias)):
        return native.layer_norm(x, weight, bias, eps, residual)
    if residual is None:
        return F.layer_norm(x, x.shape[-1:], weight, bias, eps)
    total = x + residual
    return F.layer_norm(total, total.shape[-1:], weight, bias, eps), total


def rms_norm(x, weight=None, eps=1e-6, residual=None):
    if residual is not None and residual.dtype != x.dtype:
        x, residual = _promoted(x, residual)
    if _native("rms_norm", x):
        return native.rms_norm(x, weight, eps, residual)
    total = x if residual is None else x + residual
    y = total.float()
    y = (y * torch.rsqrt(y.square().mean(-1, keepdim=True) + eps)).to(x.dtype)
    y = y if weight is None else y * weight
    return y if residual is None else (y, total)


def rotary_embedding(query, key, cos, sin, *, position_ids=None, interleaved=False):
    constant = not (torch.is_grad_enabled() and (cos.requires_grad or sin.requires_grad))
    if constant and query.dtype != torch.float64 and _native("rotary_embedding", query):
        return native.rotary_embedding(query, key, cos, sin, position_ids, interleaved)
    if position_ids is not None:
        cos, sin = cos[position_ids], sin[position_ids]
    cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    return _turn(query, cos, sin, interleaved), None if key is None else _turn(key, cos, sin, interleaved)


def _turn(x, cos, sin, interleaved):
    width, wide = 2 * cos.shape[-1], torch.promote_types(x.dtype, torch.float32)
    turned, rest = (x, None) if width == x.shape[-1] else (x[..., :width], x[..., width:])
    turned, cos, sin = turned.to(wide), cos.to(wide), sin.to(wide)
    first, second = (turned[..., 0::2], turned[..., 1::2]) if interleaved else turned.chunk(2, dim=-1)
    # addcmul: one pass over memory for a product and a sum
    pair = torch.addcmul(first * cos, second, sin, value=-1), torch.addcmul(second * cos, first, sin)
    turned = torch.stack(pair, dim=-1).flatten(-2) if interleaved else torch.cat(pair, dim=-1)
    turned = turned.to(x.dtype)
    return turned if rest is None else torch.cat((turned, rest), dim=-1)


def _attention_while_tracing(name, device, choice):
    return selection.chosen_attention(name, "torch", device)


_attention_while_tracing._dynamo_marked_constant = True


def attention(query, key, value, *, mask=None, bias=None, causal=False, scale=None, dropout_p=0.0,
              implementation="auto", return_weights=False, window=None, soft_cap=None, alibi_slopes=None,
              query_offsets=None, key_offsets=None):  # fmt: skip
    if torch.compiler.is_compiling():
        how = _attention_while_tracing(implementation, query.device.type, _traced_choice)
    else:
        how = selection.chosen_attention(implementation, "torch", query.device.type)
    placed = not (window is None and alibi_slopes is None and query_offsets is None)
    if how == "auto":
        special = placed or soft_cap is not None or bias is not None or (mask is not None and mask.is_floating_point())
        how = "native" if native.suits_attention(query, key, value, special) else "framework"
    if how == "native" and not return_weights and dropout_p < 1:
        return compose.native_attention(query, key, value, mask, bias, causal, scale, dropout_p, window, soft_cap,
                                        alibi_slopes, query_offsets, key_offsets), None  # fmt: skip
    if placed:
        mask, bias = contract.spelled_out(_this, query, key, mask, bias, causal, window, alibi_slopes, query_offsets,
                                          key_offsets)  # fmt: skip
        causal = False
    if return_weights or how != "framework" or soft_cap is not None:
        return compose.reference_attention(query, key, value, mask, bias, causal, scale, dropout_p, soft_cap,
                                           return_weights)  # fmt: skip
    return compose.sdpa(query, key, value, mask, bias, causal, scale, dropout_p), None


# -- randomness, control, autodiff
def dropout(x, p, training):
    return F.dropout(x, p, True) if training and p > 0 else x


def uniform(shape, *, dtype=float32, like=None):
    return torch.rand(shape, dtype=dtype, device=_device(like))


def multinomial(weights, num_samples):
    return torch.multinomial(weights, num_samples)


def stop_gradient(x):
    return x.detach()


def checkpoint(function, *args, **kwargs):
    return _checkpoint(function, *args, use_reentrant=False, **kwargs)


def cond(predicate, true_function, false_function, *operands):
    return torch.cond(predicate, true_function, false_function, operands)


def while_loop(condition, body, state):
    while condition(*state):
        state = body(*state)
    return state
