"""attention: the contract. (Vaswani et al., arXiv:1706.03762; computed by tiles as Dao 2023, arXiv:2307.08691.)

    scores = soft_cap(scale * query key^T) + bias - slope * |p - j|      where allowed
    context = dropout(softmax(scores)) value

query `(batch, heads, q, d)`; key `(batch, kv_heads, k, d)`; value `(batch, kv_heads, k, d_v)`; kv_heads divides heads;
context `(batch, heads, q, d_v)`: all of one dtype, float32, float16 or bfloat16. The softmax is float32 or better.

- Query i stands at p = i + (k - q): the last query meets the last key. Of the keys j it may attend to those that `mask`
  (bool, broadcastable to `(batch, heads, q, k)`) allows, with p - left <= j <= p + right of `window = (left, right)`,
  whose sides may be None or negative for no limit, and with j <= p if `causal`.
- `bias` is broadcastable to `(batch, heads, q, k)`; `alibi_slopes` `(heads,)` (Press et al., arXiv:2108.12409);
  `soft_cap(s) = soft_cap * tanh(s / soft_cap)`.
- Packed sequences: `query_offsets` and `key_offsets`, `(sequences + 1,)`, tell where each begins and the last ends, in
  a batch of 1. A query attends to its own sequence, and p and j count within it.
- A query with nothing to attend to gives zeros here and in the compiled kernel; elsewhere something finite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["CASES", "AttentionCase", "backward", "forward", "positions", "spelled_out", "weights_of", "window_sides"]


def window_sides(window, causal: bool = False) -> tuple[int, int]:
    """(left, right) of the window of positions that a query attends to; -1 for no limit."""
    left, right = (None, None) if window is None else window
    left = -1 if left is None or left < 0 else left
    right = -1 if right is None or right < 0 else right
    return left, 0 if causal else right


def positions(ops, length, total, window=(-1, -1), query_offsets=None, key_offsets=None, like=None):
    """What positions say of the scores, in the operations `ops` of a framework, or in NumPy's.

    Args:
        ops: has `arange(n, like=)`, `take(x, indices, dim)`, `sum(x, dim)`, `cast(x, dtype)` and `int64`.
        length, total: the numbers of queries and of keys.
        window: from `window_sides`.
    Returns:
        allowed (q, k), or None where everything is, and the distance |p - j| (q, k).
    """
    rows, columns = ops.arange(length, like=like), ops.arange(total, like=like)
    allowed = None
    if query_offsets is None:
        rows = rows + (total - length)
    else:
        query_offsets, key_offsets = (ops.cast(offsets, ops.int64) for offsets in (query_offsets, key_offsets))
        # which sequence each place belongs to
        mine, theirs = (
            ops.sum(ops.cast(places[:, None] >= offsets[None, 1:-1], ops.int64), 1)
            for places, offsets in ((rows, query_offsets), (columns, key_offsets))
        )
        keys, queries = (ops.take(x[1:] - x[:-1], mine, 0) for x in (key_offsets, query_offsets))
        rows = rows - ops.take(query_offsets, mine, 0) + (keys - queries)
        columns = columns - ops.take(key_offsets, theirs, 0)
        allowed = mine[:, None] == theirs[None]
    difference = rows[:, None] - columns[None]
    left, right = window
    for limit, side in ((left, difference), (right, -difference)):
        if limit >= 0:
            allowed = side <= limit if allowed is None else allowed & (side <= limit)
    return allowed, abs(difference)


def spelled_out(ops, query, key, mask, bias, causal, window, alibi_slopes, query_offsets, key_offsets):
    """(mask, bias) that say what all of these say, in the vocabulary `ops` of a framework: bool, and float32 to add."""
    if mask is not None and ops.dtype(mask) != ops.bool_:
        mask, bias = None, ops.cast(mask, ops.float32) + (0 if bias is None else ops.cast(bias, ops.float32))
    allowed, distance = positions(ops, ops.size(query, 2), ops.size(key, 2), window_sides(window, causal),
                                  query_offsets, key_offsets, like=query)
    if allowed is not None:
        mask = allowed[None, None] if mask is None else ops.logical_and(mask, allowed)
    if alibi_slopes is not None:
        slopes = ops.cast(alibi_slopes, ops.float32)[None, :, None, None] * ops.cast(distance, ops.float32)
        bias = -slopes if bias is None else ops.cast(bias, ops.float32) - slopes
    return mask, bias


class _NumPy:
    """What `positions` needs, for the reference."""

    int64 = np.int64
    take, sum = staticmethod(np.take), staticmethod(np.sum)

    @staticmethod
    def arange(n, like=None):
        return np.arange(n)

    @staticmethod
    def cast(x, dtype):
        return x.astype(dtype)


def _repeated(x, heads, dtype):
    return np.repeat(x.astype(dtype), heads // x.shape[1], 1)


def weights_of(query, key, mask=None, bias=None, causal=False, scale=None, window=None, soft_cap=None,
               alibi_slopes=None, query_offsets=None, key_offsets=None, dtype=np.float64):  # fmt: skip
    """Weights `(batch, heads, q, k)`, log-sum-exp, and the derivative of the capped scores by the plain ones."""
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = query.astype(dtype) @ np.swapaxes(_repeated(key, query.shape[1], dtype), -1, -2) * dtype(scale)
    slope = 1
    if soft_cap:
        capped = np.tanh(scores / dtype(soft_cap))
        scores, slope = dtype(soft_cap) * capped, 1 - capped * capped
    if bias is not None:
        scores = scores + bias.astype(dtype)
    sides = window_sides(window, causal)
    allowed, distance = positions(_NumPy, *scores.shape[-2:], sides, query_offsets, key_offsets)
    if alibi_slopes is not None:
        scores = scores - alibi_slopes.astype(dtype)[:, None, None] * distance.astype(dtype)
    for limit in (allowed, mask):
        if limit is not None:
            scores = np.where(limit, scores, dtype(-np.inf))
    largest = scores.max(-1, keepdims=True, initial=-np.inf)
    largest = np.where(np.isneginf(largest), dtype(0), largest)
    unnormalised = np.exp(scores - largest)
    total = unnormalised.sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(total == 0, dtype(0), unnormalised / total)
        return weights, (largest + np.log(total))[..., 0], slope


def forward(query, key, value, mask=None, bias=None, causal=False, scale=None, window=None, soft_cap=None,
            alibi_slopes=None, query_offsets=None, key_offsets=None, kept=None, dtype=np.float64):  # fmt: skip
    """The reference: (context, lse) in `dtype`; `kept` multiplies the weights, as dropout does.

    float32 gives the naive implementation that kernels are measured against: weights are rounded to the operands' dtype
    before they meet the values, as every framework's composition does.
    """
    weights, lse, _ = weights_of(query, key, mask, bias, causal, scale, window, soft_cap, alibi_slopes, query_offsets,
                                 key_offsets, dtype)
    weights = weights if kept is None else weights * kept.astype(dtype)
    if dtype != np.float64:
        weights = weights.astype(query.dtype).astype(dtype)
    return weights @ _repeated(value, query.shape[1], dtype), lse


def backward(dout, query, key, value, mask=None, bias=None, causal=False, scale=None, window=None, soft_cap=None,
             alibi_slopes=None, query_offsets=None, key_offsets=None, kept=None, dtype=np.float64):  # fmt: skip
    """The reference gradients (dquery, dkey, dvalue, dbias or None).

    Naive in float32 as `forward` is: weights and gradients of scores are rounded to the operands' dtype before they
    meet these, and a row's mean is taken from the context as it was given back, rounded.
    """
    weights, _, slope = weights_of(query, key, mask, bias, causal, scale, window, soft_cap, alibi_slopes, query_offsets,
                                   key_offsets, dtype)
    heads, kept = query.shape[1], 1 if kept is None else kept.astype(dtype)

    def rounded(x):
        return x if dtype == np.float64 else x.astype(query.dtype).astype(dtype)

    def of_groups(x):
        return x.reshape(x.shape[0], key.shape[1], heads // key.shape[1], *x.shape[2:]).sum(2)

    dout = dout.astype(dtype)
    applied, value = rounded(weights * kept), _repeated(value, heads, dtype)
    dvalue = of_groups(np.swapaxes(applied, -1, -2) @ dout)
    dweights = dout @ np.swapaxes(value, -1, -2) * kept
    dscores = weights * (dweights - (dout * rounded(applied @ value)).sum(-1, keepdims=True))
    dbias = None
    if bias is not None:
        full = (1,) * (dscores.ndim - bias.ndim) + bias.shape
        axes = tuple(i for i, n in enumerate(full) if n == 1)
        dbias = dscores.sum(axes, keepdims=True).reshape(bias.shape)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    dscores = rounded(dscores * slope * dtype(scale))
    dquery = dscores @ _repeated(key, heads, dtype)
    return dquery, of_groups(np.swapaxes(dscores, -1, -2) @ query.astype(dtype)), dvalue, dbias


@dataclass(frozen=True)
class AttentionCase:
    """One call; both a test and, with `benchmark`, a row of the benchmarks.

    sizes: (batch, heads, kv_heads, q, k, d). d_v: d where None.
    mask: "" (none); "padding" (batch, 1, 1, k), the last third of each odd row; "full" (batch, heads, q, k), random;
        "rows" (1, 1, q, k), of which some queries may attend to nothing.
    bias: where it has more than one value, of "bhqk": "hqk" is (1, heads, q, k); "" for none.
    packed: lengths of sequences, (queries, keys) of each.
    layout: "merged" (as `split_heads` gives, the memory of (batch, length, heads, d)); "dense"; "rows" (every second
        position of longer tensors); "columns" (the last dimension is not the innermost).
    magnitude: factor of the queries, for huge scores.
    """

    sizes: tuple[int, int, int, int, int, int]
    d_v: int | None = None
    mask: str = ""
    bias: str = ""
    float32_bias: bool = False
    causal: bool = False
    scale: float | None = None
    window: tuple[int | None, int | None] | None = None
    soft_cap: float | None = None
    alibi: bool = False
    packed: tuple[tuple[int, int], ...] = ()
    layout: str = "merged"
    magnitude: float = 1.0
    benchmark: bool = False

    def __str__(self) -> str:
        words = ["x".join(map(str, self.sizes))]
        words += [f"v{self.d_v}"] if self.d_v else []
        words += [f"{name}_{value}" for name in ("mask", "bias") if (value := getattr(self, name))]
        words += [name for name in ("float32_bias", "causal", "alibi", "packed") if getattr(self, name)]
        words += ["window{}_{}".format(*self.window)] if self.window else []
        words += [f"{name}{value:g}" for name in ("scale", "soft_cap") if (value := getattr(self, name)) is not None]
        words += [self.layout] if self.layout != "merged" else []
        return "-".join(words + ([f"times{self.magnitude:g}"] if self.magnitude != 1 else []))

    @property
    def scores(self) -> int:
        batch, heads, _, q, k, _ = self.sizes
        return batch * heads * q * k

    def options(self) -> dict[str, Any]:
        """The arguments that are no tensors, where they are not the default."""
        found = {"causal": self.causal, "scale": self.scale, "window": self.window, "soft_cap": self.soft_cap}
        return {name: value for name, value in found.items() if value is not None and value is not False}

    def arrays(self, dtype: Any = np.float32, seed: int = 0) -> dict[str, np.ndarray]:
        """The tensors of the call that are there, by name, and the arriving gradient `dout`."""
        rng = np.random.default_rng(seed)
        batch, heads, kv_heads, q, k, d = self.sizes
        d_v = self.d_v or d

        def draw(batch, heads, length, width, factor=1.0):
            return self._laid_out(rng, batch, heads, length, width, dtype, factor)

        found = {
            "query": draw(batch, heads, q, d, self.magnitude), "key": draw(batch, kv_heads, k, d),
            "value": draw(batch, kv_heads, k, d_v), "dout": draw(batch, heads, q, d_v),
        }  # fmt: skip
        if self.mask == "padding":
            found["mask"] = (np.arange(k) < np.where(np.arange(batch) % 2, k - k // 3, k)[:, None])[:, None, None]
        elif self.mask:
            full = (batch, heads, q, k) if self.mask == "full" else (1, 1, q, k)
            found["mask"] = rng.random(full) < 0.6
            if self.mask == "rows":
                found["mask"][..., ::3, :] = False
        if self.bias:
            shape = [n if name in self.bias else 1 for name, n in zip("bhqk", (batch, heads, q, k), strict=True)]
            found["bias"] = rng.standard_normal(shape).astype(np.float32 if self.float32_bias else dtype)
        if self.alibi:
            found["alibi_slopes"] = (2.0 ** (-8 * (np.arange(heads) + 1) / heads)).astype(np.float32)
        if self.packed:
            ends = np.cumsum(self.packed, 0).astype(np.int32)
            found["query_offsets"], found["key_offsets"] = np.concatenate([[[0, 0]], ends]).astype(np.int32).T.copy()
        return found

    def _laid_out(self, rng, batch, heads, length, width, dtype, factor):
        def draw(*shape):
            return (factor * rng.standard_normal(shape, np.float32)).astype(dtype)

        if self.layout == "merged":
            return np.swapaxes(draw(batch, length, heads, width), 1, 2)
        if self.layout == "rows":
            return draw(batch, heads, 2 * length, width)[:, :, ::2]
        if self.layout == "columns":
            return np.swapaxes(draw(batch, heads, width, length), -1, -2)
        return draw(batch, heads, length, width)


def _benchmarks():
    """Small and large encoders, grouped decoders, decoding; then what keeps a framework off its fast path."""
    shapes = ((1, 12, 12, 16, 16, 32), (8, 12, 12, 128, 128, 32), (8, 12, 12, 128, 128, 64), (1, 12, 12, 512, 512, 64),
              (1, 32, 8, 512, 512, 128))
    for sizes in shapes:
        yield {"sizes": sizes}
        yield {"sizes": sizes, "causal": True}
    yield {"sizes": (1, 16, 16, 2048, 2048, 64), "causal": True}
    yield {"sizes": (1, 32, 4, 1, 2048, 64)}
    yield {"sizes": (8, 12, 12, 128, 128, 64), "mask": "padding"}
    for sizes in ((8, 12, 12, 128, 128, 64), (1, 12, 12, 512, 512, 64)):
        yield {"sizes": sizes, "bias": "hqk"}
        yield {"sizes": sizes, "alibi": True, "causal": True}
    yield {"sizes": (1, 16, 16, 2048, 2048, 64), "causal": True, "window": (256, None)}


# Sizes 0, 1, odd, around a vector and a block; head sizes that are no multiple of 16; every option and layout.
CASES = (
    AttentionCase((1, 1, 1, 1, 1, 1)),
    AttentionCase((2, 2, 2, 3, 5, 8)),
    AttentionCase((2, 2, 2, 0, 5, 8)),
    AttentionCase((2, 2, 2, 3, 0, 8)),
    AttentionCase((0, 2, 2, 3, 5, 8), mask="padding"),
    AttentionCase((1, 4, 2, 7, 7, 17), causal=True),
    AttentionCase((1, 6, 2, 5, 19, 80), d_v=24, causal=True, layout="dense"),
    AttentionCase((1, 2, 2, 9, 4, 16), causal=True, layout="rows"),
    AttentionCase((2, 3, 3, 33, 65, 20), mask="padding", layout="columns"),
    AttentionCase((2, 3, 3, 15, 16, 12), mask="full", bias="bhqk"),
    AttentionCase((2, 3, 1, 16, 17, 36), mask="rows", causal=True),
    AttentionCase((2, 4, 4, 12, 12, 64), bias="hqk", scale=1.0),
    AttentionCase((2, 4, 2, 11, 13, 40), bias="bk", float32_bias=True),
    AttentionCase((3, 2, 2, 4, 70, 32), bias="q", mask="padding"),
    AttentionCase((2, 4, 4, 31, 31, 24), alibi=True),
    AttentionCase((1, 4, 2, 6, 40, 48), alibi=True, causal=True, window=(9, None)),
    AttentionCase((1, 2, 2, 50, 50, 16), window=(3, 5)),
    AttentionCase((1, 2, 2, 20, 60, 16), window=(0, 0), mask="rows"),
    AttentionCase((1, 2, 2, 30, 10, 16), window=(None, 2)),
    AttentionCase((2, 4, 2, 9, 33, 64), soft_cap=5.0, causal=True, scale=0.5),
    AttentionCase((1, 4, 2, 24, 30, 32), packed=((5, 9), (0, 0), (12, 12), (7, 9))),
    AttentionCase((1, 4, 4, 24, 30, 32), packed=((5, 9), (12, 12), (0, 3), (7, 6)), causal=True, alibi=True,
                  bias="hqk"),
    AttentionCase((1, 2, 2, 40, 40, 8), packed=((1, 1), (39, 39)), window=(4, 4), soft_cap=2.0),
    AttentionCase((2, 8, 2, 1, 129, 64), mask="padding"),
    AttentionCase((1, 8, 1, 1, 1000, 96), causal=True, layout="dense"),
    AttentionCase((1, 2, 2, 17, 17, 256), causal=True),
    AttentionCase((1, 2, 2, 9, 21, 200), d_v=256, bias="hqk"),
    AttentionCase((1, 2, 2, 10, 12, 32), magnitude=1e4),
    AttentionCase((1, 2, 2, 130, 260, 64), causal=True),
    *(AttentionCase(**fields, benchmark=True) for fields in _benchmarks()),
)

