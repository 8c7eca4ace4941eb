"""Attention masks. True attends; a float mask is added to the scores."""

from .. import ops


def padding(attention_mask):
    """What a user gives as `attention_mask`, made to fit (batch, heads, query, key).

    Args:
        attention_mask: None, or (batch, key), (batch, query, key), (batch, heads | 1, query, key); nonzero attends. A
            float mask of four dimensions is additive and passes as it is.
    """
    if attention_mask is None:
        return None
    rank = len(ops.shape(attention_mask))
    if rank not in (2, 3, 4):
        raise ValueError(f"[attention_mask] expected 2, 3 or 4 dimensions, got {rank}: pass (batch, length) as a start")
    if rank == 4 and ops.is_floating_point(attention_mask):
        return attention_mask
    mask = attention_mask if ops.dtype(attention_mask) == ops.bool_ else attention_mask != 0
    if rank == 2:
        return mask[:, None, None, :]
    return mask[:, None] if rank == 3 else mask


def causal(query_length, key_length, offset, like):
    """(1, 1, query, key): the query at i stands at position `offset + i` of the keys."""
    queries = ops.arange(query_length, like=like) + offset
    return (ops.arange(key_length, like=like)[None, :] <= queries[:, None])[None, None]


def decoder(attention_mask, query_length, cache, like):
    """The mask of a causal decoder, and whether the op is to be causal itself.

    Args:
        attention_mask: as for `padding`; a mask of two dimensions covers the cache and the new positions. One of three
            or four dimensions is taken as the whole mask.
        query_length: length of the new positions.
        cache: a cache of `layers.cache` or None.
        like: a tensor on the device of the model.
    Returns:
        mask (or None) and causal, for `ops.attention`.
    """
    mask = padding(attention_mask)
    if mask is not None and len(ops.shape(attention_mask)) > 2:
        return mask, False
    past = 0 if cache is None else cache.length
    if cache is None or cache.aligned:
        if mask is None:
            return None, True
        if isinstance(query_length, int) and query_length == 1:
            return mask, False
    allowed = causal(query_length, query_length if cache is None else cache.key_length(query_length), past, like)
    return allowed if mask is None else ops.logical_and(mask, allowed), False


def biased(mask, bias):
    """`bias` (a float tensor added to the scores) under `mask`, as one additive mask of the bias's dtype."""
    if mask is None:
        return bias
    if ops.dtype(mask) != ops.bool_:
        return bias + ops.cast(mask, ops.dtype(bias))
    return ops.where(mask, bias, ops.full_like(bias[:1, :1, :1, :1], ops.finfo_min(ops.dtype(bias))))


def head_mask(mask, num_layers):
    """A scale per head for each layer, or None for each.

    Args:
        mask: None, (heads,) or (layers, heads); 1 keeps a head, 0 removes it.
    Returns:
        `num_layers` tensors of (1, heads, 1, 1), or Nones.
    """
    if mask is None:
        return (None,) * num_layers
    rank = len(ops.shape(mask))
    if rank not in (1, 2):
        raise ValueError(f"[head_mask] expected (heads,) or (layers, heads), got {rank} dimensions")
    return tuple((mask if rank == 1 else mask[layer])[None, :, None, None] for layer in range(num_layers))
