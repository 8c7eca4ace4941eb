"""The vocabulary in NumPy float64, where NumPy has no function of that meaning. Plain loops; clarity over speed."""

from math import erf as _erf
from math import sqrt

import numpy as np

erf = np.vectorize(_erf, otypes=[float])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.logaddexp(x, 0)


def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + erf(x / sqrt(2)))


ACTIVATIONS = {None: lambda x: x, "relu": lambda x: np.maximum(x, 0), "gelu": gelu,
               "gelu_tanh": lambda x: gelu(x, "tanh"), "silu": lambda x: x * sigmoid(x)}


def logsumexp(x, dim, keepdim=False):
    top = x.max(dim, keepdims=True)
    total = np.log(np.exp(x - top).sum(dim, keepdims=True)) + top
    return total if keepdim else total.squeeze(dim)


def log_softmax(x, dim=-1, dtype=None):
    return x - logsumexp(x, dim, keepdim=True)


def softmax(x, dim=-1, dtype=None):
    return np.exp(log_softmax(x, dim))


def split(x, split_size, dim=0):
    if isinstance(split_size, int):
        return tuple(np.split(x, range(split_size, x.shape[dim], split_size), dim))
    return tuple(np.split(x, np.cumsum(split_size)[:-1], dim))


def chunk(x, chunks, dim=0):
    return split(x, -(-x.shape[dim] // chunks), dim)


def pad(x, pad, value=0.0):
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    return np.pad(x, [(0, 0)] * (x.ndim - len(pairs)) + pairs, constant_values=value)


def sort(x, dim=-1, descending=False):
    order = np.argsort(-x if descending else x, dim, kind="stable")
    return np.take_along_axis(x, order, dim), order


def topk(x, k, dim=-1):
    values, order = sort(x, dim, descending=True)
    chosen = [slice(None)] * x.ndim
    chosen[dim] = slice(k)
    return values[tuple(chosen)], order[tuple(chosen)]


def scatter(x, dim, index, src, add=False):
    out = x.copy()
    for place in np.ndindex(index.shape):
        target = (*place[:dim], index[place], *place[dim + 1 :])
        out[target] = out[target] * add + src[place]
    return out


def gather(x, dim, index):
    out = np.empty(index.shape, x.dtype)
    for place in np.ndindex(index.shape):
        source = list(place)
        source[dim] = index[place]
        out[place] = x[tuple(source)]
    return out


def linear(x, weight, bias=None, activation=None):
    return ACTIVATIONS[activation](x @ weight.T + (0 if bias is None else bias))


def pair(value, rank=2):
    return (value,) * rank if isinstance(value, int) else tuple(value)


def convolution(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """x (batch, channels, *space), weight (out, channels / groups, *window)."""
    window = weight.shape[2:]
    rank = len(window)
    stride, dilation = pair(stride, rank), pair(dilation, rank)
    spans = [(w - 1) * d + 1 for w, d in zip(window, dilation, strict=True)]
    if padding == "same":
        edges = [((s - 1) // 2, s - 1 - (s - 1) // 2) for s in spans]
    else:
        edges = [(p, p) for p in pair(0 if padding == "valid" else padding, rank)]
    x = np.pad(x, [(0, 0), (0, 0), *edges])
    sizes = [(n - s) // step + 1 for n, s, step in zip(x.shape[2:], spans, stride, strict=True)]
    out = np.zeros((x.shape[0], weight.shape[0], *sizes), x.dtype)
    inner, outer = weight.shape[1], weight.shape[0] // groups
    for place in np.ndindex(*sizes):
        corner = [p * s for p, s in zip(place, stride, strict=True)]
        window_of = tuple(slice(c, c + s, d) for c, s, d in zip(corner, spans, dilation, strict=True))
        patch = x[(slice(None), slice(None), *window_of)]
        for group in range(groups):
            rows = slice(group * outer, (group + 1) * outer)
            taken = patch[:, group * inner : (group + 1) * inner].reshape(x.shape[0], -1)
            out[(slice(None), rows, *place)] = taken @ weight[rows].reshape(outer, -1).T
    return out if bias is None else out + bias.reshape(-1, *(1,) * rank)


def pool(x, kernel_size, stride, padding, fill, reduce):
    window = pair(kernel_size)
    stride = window if stride is None else pair(stride)
    edges = [(p, p) for p in pair(padding)]
    x = np.pad(x, [(0, 0), (0, 0), *edges], constant_values=fill)
    sizes = [(n - w) // s + 1 for n, w, s in zip(x.shape[2:], window, stride, strict=True)]
    out = np.empty((*x.shape[:2], *sizes), x.dtype)
    for i, j in np.ndindex(*sizes):
        top, left = i * stride[0], j * stride[1]
        out[:, :, i, j] = reduce(x[:, :, top : top + window[0], left : left + window[1]], (2, 3))
    return out


def max_pool2d(x, kernel_size, stride=None, padding=0):
    return pool(x, kernel_size, stride, padding, -np.inf, np.max)


def avg_pool2d(x, kernel_size, stride=None, padding=0):
    return pool(x, kernel_size, stride, padding, 0.0, np.mean)


def interpolate(x, size, mode="bilinear", align_corners=False, antialias=False):
    """torch's own, in float64: the vocabulary promises its numbers."""
    import torch

    corners = None if mode == "nearest" else align_corners
    return torch.nn.functional.interpolate(
        torch.from_numpy(x), tuple(size), mode=mode, align_corners=corners, antialias=antialias
    ).numpy()


def pixel_shuffle(x, upscale_factor):
    batch, channels, height, width = x.shape
    r = upscale_factor
    out = np.empty((batch, channels // r**2, height * r, width * r), x.dtype)
    for i, j in np.ndindex(r, r):
        out[:, :, i::r, j::r] = x[:, i * r + j :: r * r]
    return out


def standardised(x, axes, eps):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def group_norm(x, num_groups, weight, bias, eps=1e-5):
    y = standardised(x.reshape(x.shape[0], num_groups, -1), -1, eps).reshape(x.shape)
    shape = (-1,) + (1,) * (x.ndim - 2)
    return y * (1 if weight is None else weight.reshape(shape)) + (0 if bias is None else bias.reshape(shape))


def layer_norm(x, weight=None, bias=None, residual=None, eps=1e-5):
    total = x if residual is None else x + residual
    y = standardised(total, -1, eps) * (1 if weight is None else weight) + (0 if bias is None else bias)
    return y if residual is None else (y, total)


def rms_norm(x, weight=None, residual=None, eps=1e-6):
    total = x if residual is None else x + residual
    y = total / np.sqrt((total**2).mean(-1, keepdims=True) + eps) * (1 if weight is None else weight)
    return y if residual is None else (y, total)


def batch_norm(p, x, training, eps=1e-5):
    mean = x.mean((0, 2, 3)) if training else p["running_mean"]
    variance = x.var((0, 2, 3)) if training else p["running_var"]
    def channels(v):
        return v[:, None, None]

    return (x - channels(mean)) / np.sqrt(channels(variance) + eps) * channels(p["weight"]) + channels(p["bias"])


def rotary_embedding(query, key, cos, sin, position_ids=None, interleaved=False):
    if position_ids is not None:
        cos, sin = cos[position_ids], sin[position_ids]
    half = cos.shape[-1]
    pairs = [(2 * i, 2 * i + 1) if interleaved else (i, i + half) for i in range(half)]

    def turned(x):
        out = x.copy()
        for i, (a, b) in enumerate(pairs):
            c, s = cos[:, None, :, i], sin[:, None, :, i]
            out[..., a], out[..., b] = x[..., a] * c - x[..., b] * s, x[..., b] * c + x[..., a] * s
        return out

    return turned(query), None if key is None else turned(key)


def attention(query, key, value, mask=None, bias=None, causal=False, scale=None, window=None, soft_cap=None,
              alibi_slopes=None, query_offsets=None, key_offsets=None, return_weights=False, **_):  # fmt: skip
    heads, length, total = query.shape[1], query.shape[2], key.shape[2]
    key, value = (np.repeat(t, heads // t.shape[1], 1) for t in (key, value))
    scores = query @ key.swapaxes(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if soft_cap is not None:
        scores = soft_cap * np.tanh(scores / soft_cap)
    scores = scores + (0 if bias is None else bias)
    if mask is not None:
        scores = np.where(mask, scores, -1e30) if mask.dtype == bool else scores + mask
    left, right = (None, None) if window is None else window
    allowed, distance = np.zeros((length, total), bool), np.zeros((length, total))
    query_ends, key_ends = ((0, n) if o is None else o for n, o in ((length, query_offsets), (total, key_offsets)))
    for first, last, start, end in zip(query_ends, query_ends[1:], key_ends, key_ends[1:], strict=False):
        for i in range(first, last):
            for j in range(start, end):
                ahead = (j - start) - (i - first + (end - start) - (last - first))
                distance[i, j] = abs(ahead)
                within = (left is None or -ahead <= left) and (right is None or ahead <= right)
                allowed[i, j] = within and not (causal and ahead > 0)
    if alibi_slopes is not None:
        scores = scores - alibi_slopes[:, None, None] * distance
    weights = softmax(np.where(allowed, scores, -1e30))
    return weights @ value, weights if return_weights else None


def cross_entropy(logits, labels, ignore_index=-100, label_smoothing=0.0):
    scores = log_softmax(logits)
    losses = [
        -(1 - label_smoothing) * row[label] - label_smoothing * row.mean()
        for row, label in zip(scores, labels, strict=True) if label != ignore_index
    ]  # fmt: skip
    return np.mean(losses)


def binary_cross_entropy_with_logits(logits, labels):
    return np.mean(np.logaddexp(0, logits) - labels * logits)
