"""The ways to compute attention in PyTorch. Contract: `pytransformers/ops/__init__.pyi`; `ops.attention` chooses."""

import torch
import torch.nn.functional as F

from ...ops.attention import window_sides
from . import native


def native_attention(query, key, value, mask, bias, causal, scale, dropout_p, window, soft_cap, alibi_slopes,
                     query_offsets, key_offsets):  # fmt: skip
    """The compiled kernel."""
    if torch.is_autocast_enabled(query.device.type) and query.dtype is not torch.float64:
        dtype = torch.get_autocast_dtype(query.device.type)
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    scale = query.shape[-1] ** -0.5 if scale is None else float(scale)
    if mask is not None and mask.dtype is not torch.bool:
        mask, bias = None, mask if bias is None else mask + bias
    if bias is not None and bias.dtype is not query.dtype:
        bias = bias.float()
    if window is None and soft_cap is None and alibi_slopes is None and query_offsets is None:
        return native.attention(query, key, value, scale, causal, _four(mask), _four(bias), dropout=dropout_p)
    left, right = window_sides(window)
    return native.attention(
        query, key, value, scale, causal, _four(mask), _four(bias), _as(alibi_slopes, torch.float32),
        _as(query_offsets, torch.int32), _as(key_offsets, torch.int32), soft_cap or 0.0, left, right, dropout_p,
    )  # fmt: skip


def _four(x):
    return x if x is None or x.dim() == 4 else x[(None,) * (4 - x.dim())]


def _as(x, dtype):
    return None if x is None else x.detach().to(dtype)


def sdpa(query, key, value, mask, bias, causal, scale, dropout_p):
    """PyTorch's fused attention."""
    if causal and query.shape[-2] == 1:
        causal = False  # one query at the end attends to every key
    if causal and (mask is not None or bias is not None or query.shape[-2] != key.shape[-2]):
        allowed = causal_mask(query, key)
        mask, causal = allowed if mask is None else _join(mask, allowed, query.dtype), False
    if bias is not None:
        mask = bias.to(query.dtype) if mask is None else _join(mask, bias, query.dtype)
    return F.scaled_dot_product_attention(
        query, key, value, mask, dropout_p, causal, scale=scale, enable_gqa=query.shape[1] != key.shape[1]
    )


def causal_mask(query, key):
    length, total = query.shape[-2], key.shape[-2]
    return torch.ones(length, total, dtype=torch.bool, device=query.device).tril(total - length)


def _join(mask, other, dtype):
    """Two masks, each bool (True attends) or additive, as one."""
    if mask.dtype == torch.bool and other.dtype == torch.bool:
        return mask & other
    if mask.dtype == torch.bool:
        return torch.where(mask, other.to(dtype), torch.finfo(dtype).min)
    if other.dtype == torch.bool:
        return torch.where(other, mask.to(dtype), torch.finfo(dtype).min)
    return mask.to(dtype) + other.to(dtype)


def reference_attention(query, key, value, mask, bias, causal, scale, dropout_p, soft_cap, return_weights):
    """Step by step: the context and the weights, or None unless asked for."""
    if query.shape[1] != key.shape[1]:
        groups = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = (query @ key.transpose(-1, -2)).float() * scale
    if soft_cap is not None:
        scores = soft_cap * torch.tanh(scores / soft_cap)
    if bias is not None:
        scores = scores + bias.float()
    lowest = torch.finfo(query.dtype).min
    if mask is not None:
        scores = scores.masked_fill(~mask, lowest) if mask.dtype == torch.bool else scores + mask.float()
    if causal:
        scores = scores.masked_fill(~causal_mask(query, key), lowest)
    weights = scores.softmax(-1).to(query.dtype)
    kept = F.dropout(weights, dropout_p, True) if dropout_p > 0 else weights
    return kept @ value, weights if return_weights else None
