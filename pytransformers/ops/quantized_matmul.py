"""quantized_matmul: the contract. y = activation(x W^T + bias), with W (n, k) kept as codes of 8 or 4 bits.

    w = scale * value(code) + offset      one scale, and offset if any, for each row of W and each `group_size` columns

| quantization   | codes               | value(code)                                                   | x         |
|----------------|---------------------|---------------------------------------------------------------|-----------|
| `int8`         | int8, -127 to 127   | the code                                                      | as it is  |
| `int8_dynamic` | int8, one group     | the code; no offsets                                          | see below |
| `int4`         | 0 to 15             | code - 8                                                      | as it is  |
| `nf4`          | 0 to 15             | `NF4[code]` of QLoRA (Dettmers et al. 2023, arXiv:2305.14314) | as it is  |

`group_size` is a multiple of 8, or 0 for one group a row; one that is at least k also means one group. The last group
may be shorter.

`int8_dynamic` rounds each row of x to int8 by its own scale: with a = max |x|, the code is rint(x * (127 / a)), where
127 / a and the product are float32, and the scale is a / 127. Sums are integers, so the result is exact but for the
last multiplications. A row with a < 2^-100 counts as zero; one that holds NaN or infinity gives NaN.

What the kernels read, for every instruction set:

    codes    uint8    (tiles, ceil(k' / 4), 16, 4), a code a byte, for int8 and int8_dynamic
                      (tiles, ceil(k' / 8), 16, 4), two codes a byte, the low half first, for int4 and nf4
    scales   float32  (tiles, groups, 16)
    offsets  float32  the same, or None

A tile is 16 rows of W, tiles = ceil(n / 16), and k' is k for one group, else k rounded up to whole groups. What lies
past n and k is code 0, scale 0 and offset 0. x: `(..., k)` of float32, float16 or bfloat16; bias: float32 `(n,)` or
None; y: `(..., n)` of x's dtype; sums are float32, and y is rounded once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .linear import ACTIVATIONS, activate

__all__ = [
    "ACTIVATIONS", "CASES", "NF4", "QUANTIZATIONS", "Case", "Quantized", "dequantize", "groups", "pack", "quantize",
    "reference", "round_rows", "shapes", "unpack",
]  # fmt: skip

QUANTIZATIONS = {"int8": 0, "int8_dynamic": 1, "int4": 2, "nf4": 3}  # names, and what c_api.h numbers them
NF4 = np.array(
    [
        -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
        -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
        0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
    ],
    np.float32,
)  # fmt: skip
TILE = 16  # rows of W that lie side by side


class Quantized(NamedTuple):
    """A matrix as the kernels read it; `codes`, `scales`, `offsets` as above."""

    codes: np.ndarray
    scales: np.ndarray
    offsets: np.ndarray | None


def _check(quantization: str, group_size: int, offsets: bool = False) -> None:
    if quantization not in QUANTIZATIONS:
        raise ValueError(f"[quantized_matmul] expected a quantization of {', '.join(QUANTIZATIONS)}, "
                         f"got {quantization!r}, name one of these")
    if group_size < 0 or group_size % 8:
        raise ValueError(f"[quantized_matmul] expected a group_size that is a multiple of 8, or 0 for one group a row, "
                         f"got {group_size}, try 32, 64 or 128")
    if quantization == "int8_dynamic" and (group_size or offsets):
        raise ValueError("[quantized_matmul] expected int8_dynamic with group_size 0 and without offsets, got "
                         f"group_size {group_size}{' and offsets' if offsets else ''}, or take int8")


def groups(k: int, group_size: int) -> int:
    """Groups in a row of k columns."""
    return 1 if group_size == 0 or group_size >= k else -(-k // group_size)


def shapes(n: int, k: int, quantization: str, group_size: int = 0) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes of (codes, scales); offsets have those of scales."""
    _check(quantization, group_size)
    count = groups(k, group_size)
    padded = k if count == 1 else count * group_size
    per_word = 4 if quantization.startswith("int8") else 8
    return (-(-n // TILE), -(-padded // per_word), TILE, 4), (-(-n // TILE), count, TILE)


def _pad(array: np.ndarray, rows: int, columns: int) -> np.ndarray:
    if array.shape == (rows, columns):
        return array
    padded = np.zeros((rows, columns), array.dtype)
    padded[: array.shape[0], : array.shape[1]] = array
    return padded


def pack(values, scales, quantization: str, group_size: int = 0, *, zeros=None, offsets=None) -> Quantized:
    """Lays out codes that were made elsewhere (a GPTQ or AWQ checkpoint, a calibration).

    values: integers `(n, k)`, int8 -128 to 127, int4 and nf4 0 to 15; scales: `(n, groups)`. `zeros` `(n, groups)` are
    the codes that stand for 0, w = scale * (code - zero), as asymmetric checkpoints keep them; `offsets` `(n, groups)`
    are added to w instead. At most one of the two is given; nf4 takes offsets alone.
    """
    _check(quantization, group_size, zeros is not None or offsets is not None)
    values, scales = np.asarray(values), np.asarray(scales, np.float32)
    if values.ndim != 2 or values.dtype.kind not in "iu":
        raise ValueError(f"[quantized_matmul] expected integer codes (n, k), got {values.dtype} {values.shape}, "
                         "round them")
    n, k = values.shape
    signed = quantization.startswith("int8")
    low, high = (-128, 127) if signed else (0, 15)
    if values.size and (values.min() < low or values.max() > high):
        raise ValueError(f"[quantized_matmul] expected {quantization} codes of {low} to {high}, got {values.min()} to "
                         f"{values.max()}, clip them")
    if zeros is not None:
        if offsets is not None or quantization == "nf4":
            raise ValueError("[quantized_matmul] expected zeros without offsets, and not for nf4, got both or nf4, "
                             "leave one out")
        offsets = scales * ((0 if signed else 8) - np.asarray(zeros, np.float32))
    codes_shape, scales_shape = shapes(n, k, quantization, group_size)
    for name, array in (("scales", scales), ("zeros or offsets", offsets)):
        if array is not None and np.shape(array) != (n, scales_shape[1]):
            raise ValueError(f"[quantized_matmul] expected {name} of shape {(n, scales_shape[1])}, "
                             f"got {np.shape(array)}, give one for each row and group")
    tiles, blocks = codes_shape[:2]
    codes = values.astype(np.int8).view(np.uint8)
    if not signed:
        codes = _pad(codes, tiles * TILE, blocks * 8)
        codes = codes[:, ::2] | codes[:, 1::2] << 4
    codes = _pad(codes, tiles * TILE, blocks * 4).reshape(tiles, TILE, blocks, 4).transpose(0, 2, 1, 3)

    def tiled(array):
        array = _pad(np.asarray(array, np.float32), tiles * TILE, scales_shape[1])
        return np.ascontiguousarray(array.reshape(tiles, TILE, scales_shape[1]).transpose(0, 2, 1))

    return Quantized(np.ascontiguousarray(codes), tiled(scales), None if offsets is None else tiled(offsets))


def _divide(grouped: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """grouped / scale, and 0 where the scale is."""
    return grouped * np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)[..., None]


def _nearest_int4(grouped, scale):
    codes = _divide(grouped, scale)
    return np.clip(np.rint(codes, out=codes), -8, 7, out=codes)


def _symmetric_int4(grouped):
    """The better, in squared error, of two scales for each group: the largest magnitude at 7 or -7, or, a step finer,
    at -8, which clips what is as large on the other side."""
    low, high = grouped.min(-1), grouped.max(-1)
    best = np.maximum(-low, high) / 7
    codes = _nearest_int4(grouped, best)
    finer = np.where(-low >= high, low, high) / -8
    finer_codes = _nearest_int4(grouped, finer)

    def error(codes, scale):
        rest = codes * scale[..., None]
        rest -= grouped
        return np.einsum("ngk,ngk->ng", rest, rest)

    better = error(finer_codes, finer) < error(codes, best)
    np.copyto(codes, finer_codes, where=better[..., None])
    return codes, np.where(better, finer, best), None


def _asymmetric(grouped, levels, lowest):
    """The group's least value at the lowest code, its largest at the highest."""
    low, high = grouped.min(-1), grouped.max(-1)
    scale = (high - low) / (levels - 1)
    offset = low - lowest * scale
    codes = _divide(grouped - offset[..., None], scale)
    return np.clip(np.rint(codes, out=codes), lowest, lowest + levels - 1, out=codes), scale, offset


def _quantize_rows(weight, quantization, group_size, symmetric):
    n, k = weight.shape
    count = groups(k, group_size)
    width = k if count == 1 else group_size
    # The last value fills the last group up, which changes neither its least nor its largest.
    short = count * width - k
    grouped = np.pad(weight, ((0, 0), (0, short)), "edge") if short else weight
    grouped = grouped.reshape(n, count, width)
    if not symmetric:
        signed = quantization == "int8"
        codes, scale, offset = _asymmetric(grouped, 256 if signed else 16, -128 if signed else -8)
    elif quantization == "int4":
        codes, scale, offset = _symmetric_int4(grouped)
    else:
        scale, offset = np.maximum(-grouped.min(-1), grouped.max(-1)), None
        if quantization == "nf4":
            middles = (NF4[1:] + NF4[:-1]) / 2
            codes = np.searchsorted(middles, _divide(grouped, scale))
        else:
            scale = scale / 127
            codes = _divide(grouped, scale)
            codes = np.clip(np.rint(codes, out=codes), -127, 127, out=codes)
    if quantization == "int4":
        codes = codes + 8
    return codes.astype(np.int8).reshape(n, count * width)[:, :k], scale, offset


def quantize(weight, quantization: str, group_size: int = 0, *, symmetric: bool = True) -> Quantized:
    """weight: floating `(n, k)` -> `Quantized`, each code the nearest to its weight.

    int8: largest magnitude of the row or group at 127. int4: at 7 or -7, or at -8, whichever leaves the group the
    smaller squared error. nf4: at -1 or 1. `symmetric=False` (int8 and int4) spends the codes from the least to the
    largest value of the group, which takes offsets. Weights that are not finite are refused.
    """
    _check(quantization, group_size, not symmetric)
    if not symmetric and quantization == "nf4":
        raise ValueError("[quantized_matmul] expected nf4 to be symmetric, got symmetric=False, leave it out or take "
                         "int4")
    weight = np.asarray(weight)
    if weight.ndim != 2:
        raise ValueError(f"[quantized_matmul] expected a weight (n, k), got shape {weight.shape}, reshape it")
    n, k = weight.shape
    if k == 0:
        none = np.zeros((n, 1), np.float32)
        return pack(np.zeros((n, 0), np.int8), none, quantization, group_size, offsets=None if symmetric else none)
    # Some rows at a time, so that what lies between stays in cache.
    step = max(1, (1 << 19) // k)
    parts = []
    for start in range(0, n, step):
        rows = weight[start : start + step].astype(np.float32)
        if not np.isfinite(rows).all():
            raise ValueError("[quantized_matmul] expected finite weights, got NaN or infinity, mend the checkpoint")
        parts.append(_quantize_rows(rows, quantization, group_size, symmetric))
    if not parts:
        parts = [(np.zeros((0, k), np.int8), np.zeros((0, groups(k, group_size)), np.float32), None)]
    codes, scales, offsets = (None if p[0] is None else np.concatenate(p) for p in zip(*parts, strict=True))
    return pack(codes, scales, quantization, group_size, offsets=offsets)


def unpack(codes, quantization: str, n: int, k: int) -> np.ndarray:
    """The inverse of `pack` for codes: integers `(n, k)`, int8 or, for int4 and nf4, 0 to 15."""
    tiles, blocks = codes.shape[:2]
    rows = np.asarray(codes).transpose(0, 2, 1, 3).reshape(tiles * TILE, blocks * 4)
    if quantization.startswith("int8"):
        return rows.view(np.int8)[:n, :k]
    return np.stack([rows & 15, rows >> 4], -1).reshape(tiles * TILE, blocks * 8)[:n, :k].astype(np.int8)


def dequantize(codes, scales, offsets, quantization: str, group_size: int, n: int, k: int, dtype: Any = np.float64):
    """W `(n, k)`, computed in `dtype`."""
    values = unpack(codes, quantization, n, k)
    values = NF4[values] if quantization == "nf4" else values - (8 if quantization == "int4" else 0)
    width = k if groups(k, group_size) == 1 else group_size

    def each(array):
        tiles, count, _ = array.shape
        rows = np.asarray(array).transpose(0, 2, 1).reshape(tiles * TILE, count)[:n].astype(dtype)
        return np.repeat(rows, max(width, 1), 1)[:, :k]

    weight = values.astype(dtype) * each(scales)
    return weight if offsets is None else weight + each(offsets)


def round_rows(x) -> tuple[np.ndarray, np.ndarray]:
    """x `(..., k)` as `int8_dynamic` takes it: codes int8 `(..., k)` and scales float32 `(..., 1)`."""
    x = x.astype(np.float32)
    largest = np.abs(x).max(-1, keepdims=True, initial=0)
    usable = np.isfinite(largest) & (largest >= np.float32(2.0**-100))
    with np.errstate(invalid="ignore"):
        codes = np.rint(x * np.divide(np.float32(127), largest, out=np.zeros_like(largest), where=usable))
        codes = np.where(usable, codes, 0).astype(np.int8)
    scales = np.where(usable, largest / np.float32(127), np.float32(0))
    return codes, np.where(np.isfinite(largest), scales, np.float32(np.nan)).astype(np.float32)


def reference(x, codes, scales, offsets, quantization: str, group_size: int, n: int, bias=None, activation=None,
              dtype: Any = np.float64):
    """y in `dtype`; float32 gives the naive implementation that kernels are measured against."""
    k = x.shape[-1]
    with np.errstate(invalid="ignore", over="ignore"):
        if quantization == "int8_dynamic":
            rounded, row_scales = round_rows(x)
            sums = rounded.astype(np.int64) @ unpack(codes, quantization, n, k).astype(np.int64).T
            y = sums.astype(dtype) * row_scales.astype(dtype) * scales.reshape(-1)[:n].astype(dtype)
        else:
            weight = dequantize(codes, scales, offsets, quantization, group_size, n, k, dtype)
            y = x.astype(dtype) @ weight.T
        return activate(y if bias is None else y + bias.astype(dtype), activation)


@dataclass(frozen=True)
class Case:
    """One call: x `(*leading, k)`, W `(n, k)`, and what it has. layout: "dense" or "rows" (x is part of wider rows)."""

    leading: tuple[int, ...]
    k: int
    n: int
    quantization: str
    group_size: int = 0
    symmetric: bool = True
    bias: bool = True
    activation: str | None = None
    layout: str = "dense"
    benchmark: bool = False

    def __str__(self) -> str:
        shape = "x".join(map(str, (*self.leading, self.k, self.n)))
        words = [shape, self.quantization, f"g{self.group_size}" if self.group_size else "", self.activation or ""]
        words += ["" if self.symmetric else "asymmetric", "" if self.bias else "no_bias"]
        words += ["" if self.layout == "dense" else self.layout]
        return "-".join(w for w in words if w)

    def arrays(self, dtype: Any = np.float32, seed: int = 0) -> dict[str, Any]:
        """x, codes, scales, offsets, bias; None where absent."""
        rng = np.random.default_rng(seed)
        weight = rng.standard_normal((self.n, self.k), np.float32)
        quantized = quantize(weight, self.quantization, self.group_size, symmetric=self.symmetric)
        gap = 3 if self.layout == "rows" else 0
        x = rng.standard_normal((*self.leading, self.k + gap), np.float32).astype(dtype)[..., : self.k]
        bias = rng.standard_normal(self.n, np.float32) if self.bias else None
        return {"x": x, **quantized._asdict(), "bias": bias}


def _cases():
    yield Case((1,), 1, 1, "int8")
    yield Case((), 40, 33, "int4", 32)
    yield Case((2, 0), 32, 16, "nf4", 32)
    yield Case((0,), 32, 16, "int8_dynamic")
    for i, quantization in enumerate(QUANTIZATIONS):
        sizes = (0,) if quantization == "int8_dynamic" else (0, 32, 64, 128)
        activations = tuple(ACTIVATIONS)
        for j, group_size in enumerate(sizes):
            # Around a tile (16 columns), a block (8) and a group; few rows and many; each activation.
            yield Case((1,), 129, 15, quantization, group_size, bias=False)
            yield Case((2,), 200, 33, quantization, group_size, activation=activations[(i + j) % 5])
            yield Case((5,), 63, 16, quantization, group_size, layout="rows")
            yield Case((3, 11), 257, 49, quantization, group_size, activation=activations[(i + j + 1) % 5])
            yield Case((7,), 384, 100, quantization, group_size, bias=False, activation="gelu")
            if quantization in ("int8", "int4"):
                yield Case((1,), 150, 31, quantization, group_size, symmetric=False, activation="silu")
                yield Case((37,), 150, 47, quantization, group_size, symmetric=False, bias=False)
    yield Case((1,), 2048, 5632, "int4", 64, bias=False, benchmark=True)
    yield Case((1,), 2048, 5632, "nf4", 64, bias=False, benchmark=True)
    yield Case((1,), 2048, 5632, "int8", 0, bias=False, benchmark=True)
    yield Case((128,), 384, 1536, "int8_dynamic", activation="gelu", benchmark=True)
    yield Case((128,), 1536, 384, "int8_dynamic", benchmark=True)
    yield Case((512,), 768, 3072, "int8_dynamic", benchmark=True)
    yield Case((64,), 768, 3072, "int4", 64, benchmark=True)


CASES = tuple(_cases())
