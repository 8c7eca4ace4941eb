"""`LazyTensor`: one tensor of a checkpoint, known by name, shape and dtype, read only when asked for.

Whatever the file format, a tensor is a place in a byte source plus strides. A transposed kernel or a slice of
a shared storage is therefore only another set of strides, and costs nothing until it is read.
"""

import math
import mmap
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from .errors import CheckpointError

# dtype name -> (bits of one element, its code in a safetensors header)
DTYPES: dict[str, tuple[int, str]] = {
    "float64": (64, "F64"),
    "float32": (32, "F32"),
    "float16": (16, "F16"),
    "bfloat16": (16, "BF16"),
    "float8_e4m3fn": (8, "F8_E4M3"),
    "float8_e5m2": (8, "F8_E5M2"),
    "float8_e8m0fnu": (8, "F8_E8M0"),
    "float4_e2m1fn": (4, "F4"),
    "int64": (64, "I64"),
    "int32": (32, "I32"),
    "int16": (16, "I16"),
    "int8": (8, "I8"),
    "uint64": (64, "U64"),
    "uint32": (32, "U32"),
    "uint16": (16, "U16"),
    "uint8": (8, "U8"),
    "bool": (8, "BOOL"),
    "complex64": (64, "C64"),
    "complex128": (128, "C128"),
}

ALIGNMENT = 64  # bytes; XLA and TensorFlow take a buffer without a copy only when it starts on such a boundary


def numpy_dtype(name: str) -> np.dtype:
    """The NumPy dtype called `name`; bfloat16 and the 8-bit floats come from `ml_dtypes`."""
    try:
        return np.dtype(name)
    except TypeError:
        pass
    try:
        import ml_dtypes

        if DTYPES[name][0] < 8:
            raise AttributeError("NumPy holds no packed dtypes")
        return np.dtype(getattr(ml_dtypes, name))
    except (ImportError, AttributeError):
        raise CheckpointError(
            f"[numpy] expected a dtype NumPy can hold, got {name}, install ml_dtypes or read the bytes with buffer()"
        ) from None


def byte_count(shape: Sequence[int], dtype: str) -> int:
    """Bytes that a contiguous tensor of this shape and dtype takes."""
    return math.prod(shape) * DTYPES[dtype][0] // 8


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides, in elements, of a C-ordered array."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def aligned_empty(nbytes: int) -> np.ndarray:
    """A fresh, uninitialised uint8 array of `nbytes` that starts on a 64-byte boundary."""
    raw = np.empty(nbytes + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + nbytes]


class ByteSource(Protocol):
    """Where the bytes of tensors lie."""

    def view(self, offset: int, nbytes: int) -> np.ndarray: ...

    def read_into(self, offset: int, out: np.ndarray) -> None: ...


class MappedFile:
    """A file read either through a private, writable memory map or by `pread` into memory of the caller's.

    Arrays handed out by `view` keep the mapping alive after `close`.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        try:
            self._file = open(self.path, "rb", buffering=0)
        except FileNotFoundError:
            raise CheckpointError(f"[open] expected a file at {self.path}, got none, check the path") from None
        self.size = os.fstat(self._file.fileno()).st_size
        self._map: mmap.mmap | None = None

    def close(self) -> None:
        """Give the file back. Tensors not yet read can no longer be."""
        self._map = None
        self._file.close()

    def _check(self, offset: int, nbytes: int) -> None:
        if self._file.closed:
            raise CheckpointError(f"[read] expected an open checkpoint, got a closed one ({self.path}), open it again")
        if offset < 0 or offset + nbytes > self.size:
            raise CheckpointError(
                f"[read] expected {self.path} to hold bytes {offset} to {offset + nbytes}, got a file of "
                f"{self.size} bytes, download it again"
            )

    def view(self, offset: int, nbytes: int) -> np.ndarray:
        """Bytes of the file as a uint8 array; writing to it changes memory, never the file."""
        self._check(offset, nbytes)
        if nbytes == 0:
            return np.empty(0, np.uint8)
        if self._map is None:
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_COPY)
        return np.frombuffer(self._map, np.uint8, nbytes, offset)

    def read_into(self, offset: int, out: np.ndarray) -> None:
        """Fill the contiguous uint8 array `out` from the file, past any mapping."""
        self._check(offset, out.nbytes)
        target, done = memoryview(out), 0
        while done < out.nbytes:
            count = _pread(self._file, target[done:], offset + done)
            if not count:
                raise CheckpointError(f"[read] {self.path} became shorter while it was read, download it again")
            done += count


def _pread(file, target: memoryview, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(file.fileno(), [target], offset)
    file.seek(offset)
    return file.readinto(target)


class LoadedBytes:
    """Bytes that no mapping can reach, such as a compressed entry: `load` returns all of them as uint8."""

    def __init__(self, load: Callable[[], np.ndarray]):
        self._load = load

    def view(self, offset: int, nbytes: int) -> np.ndarray:
        return self._load()[offset : offset + nbytes]

    def read_into(self, offset: int, out: np.ndarray) -> None:
        out[...] = self.view(offset, out.nbytes)


class JoinedBytes:
    """Pieces of other sources read as one: `pieces` are (source, offset, nbytes) in order."""

    def __init__(self, pieces: Sequence[tuple[ByteSource, int, int]]):
        self._pieces = pieces

    def view(self, offset: int, nbytes: int) -> np.ndarray:
        out = aligned_empty(nbytes)
        self.read_into(offset, out)
        return out

    def read_into(self, offset: int, out: np.ndarray) -> None:
        start = 0
        for source, at, nbytes in self._pieces:
            low, high = max(offset, start), min(offset + out.nbytes, start + nbytes)
            if low < high:
                source.read_into(at + low - start, out[low - offset : high - offset])
            start += nbytes


class LazyTensor:
    """One tensor of a checkpoint.

    Attributes: `name`, `shape` (tuple of int), `dtype` (a key of `DTYPES`), `nbytes`, `file` (where it lies).
    """

    __slots__ = ("name", "shape", "dtype", "file", "_source", "_offset", "_strides")

    def __init__(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str,
        file: Path,
        source: ByteSource,
        offset: int = 0,
        strides: Sequence[int] | None = None,
    ):
        """`offset` is in bytes from the start of `source`; `strides` are in elements, None for C order."""
        self.name, self.shape, self.dtype, self.file = name, tuple(shape), dtype, file
        self._source, self._offset = source, offset
        self._strides = contiguous_strides(self.shape) if strides is None else tuple(strides)

    def __repr__(self) -> str:
        return f"LazyTensor({self.name!r}, shape={self.shape}, dtype={self.dtype!r}, file={str(self.file)!r})"

    @property
    def nbytes(self) -> int:
        return byte_count(self.shape, self.dtype)

    @property
    def strides(self) -> tuple[int, ...]:
        """Strides in the file, in elements."""
        return self._strides

    @property
    def is_contiguous(self) -> bool:
        """Whether the file holds the tensor in C order, so that it can be mapped."""
        expected = contiguous_strides(self.shape)
        return not self.nbytes or all(
            n == 1 or a == b for n, a, b in zip(self.shape, self._strides, expected, strict=True)
        )

    def view(
        self, name: str | None = None, shape: Sequence[int] | None = None, strides: Sequence[int] | None = None
    ) -> "LazyTensor":
        """The same bytes under another name or another shape and strides (in elements)."""
        if shape is None:
            shape, strides = self.shape, self._strides
        return LazyTensor(name or self.name, shape, self.dtype, self.file, self._source, self._offset, strides)

    def permute(self, axes: Sequence[int]) -> "LazyTensor":
        """The tensor with its axes in another order; nothing is read."""
        return self.view(shape=[self.shape[a] for a in axes], strides=[self._strides[a] for a in axes])

    def buffer(self, copy: bool = False) -> np.ndarray:
        """The tensor's little-endian bytes in C order, as a uint8 array of `nbytes`.

        copy=False maps the file privately where its layout allows (writing changes memory only, never the file)
        and reads otherwise. copy=True always reads into fresh memory aligned to 64 bytes, past the mapping, so
        that pages of the file are never counted as this process's memory.
        """
        if not self.is_contiguous:
            return self._gather(copy)
        if not copy:
            raw = self._source.view(self._offset, self.nbytes)
            if raw.ctypes.data % max(1, DTYPES[self.dtype][0] // 8) == 0:
                return raw
        out = aligned_empty(self.nbytes)
        self._source.read_into(self._offset, out)
        return out

    def _gather(self, copy: bool) -> np.ndarray:
        item = DTYPES[self.dtype][0] // 8
        word = np.dtype({1: "u1", 2: "u2", 4: "u4", 8: "u8", 16: "c16"}[item])
        span = item * (1 + sum((n - 1) * step for n, step in zip(self.shape, self._strides, strict=True)))
        if copy:
            raw = aligned_empty(span)
            self._source.read_into(self._offset, raw)
        else:
            raw = self._source.view(self._offset, span)
        strided = np.lib.stride_tricks.as_strided(
            raw.view(word), self.shape, [item * step for step in self._strides], writeable=False
        )
        out = aligned_empty(self.nbytes)
        out.view(word).reshape(self.shape)[...] = strided
        return out

    def numpy(self, copy: bool = False) -> np.ndarray:
        """The tensor as an array of `shape`, C-ordered; see `buffer` for `copy`."""
        return self.buffer(copy).view(numpy_dtype(self.dtype)).reshape(self.shape)
