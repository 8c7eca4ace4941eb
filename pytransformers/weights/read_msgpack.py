"""Reading `flax_model.msgpack`: nested maps of arrays, as `flax.serialization` writes them.

Only places are noted while the structure is read, so that arrays are mapped from the file like any other.
Format: https://github.com/msgpack/msgpack/blob/master/spec.md; extension 1 is an array packed as
(shape, dtype name, bytes), extension 3 a scalar likewise; an array above 1 GB is a map of chunks.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

from .errors import CheckpointError
from .tensor import DTYPES, JoinedBytes, LazyTensor, MappedFile, byte_count

_CHUNKED = "__msgpack_chunked_array__"
_MAX_DEPTH = 64

# first byte -> struct format of a number
_NUMBERS = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h"}
_NUMBERS |= {0xD2: ">i", 0xD3: ">q"}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
# first byte -> (kind, bytes of the length that follows)
_SIZED = {0xC4: ("bin", 1), 0xC5: ("bin", 2), 0xC6: ("bin", 4), 0xC7: ("ext", 1), 0xC8: ("ext", 2), 0xC9: ("ext", 4)}
_SIZED |= {0xD9: ("str", 1), 0xDA: ("str", 2), 0xDB: ("str", 4), 0xDC: ("array", 2), 0xDD: ("array", 4)}
_SIZED |= {0xDE: ("map", 2), 0xDF: ("map", 4)}
_FIXED_EXT = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}


@dataclass(frozen=True)
class _Span:
    """Bytes of the file; `code` is the extension type, None for plain binary data."""

    start: int
    size: int
    code: int | None = None


class _Parser:
    def __init__(self, source: MappedFile):
        self.data, self.at = memoryview(source.view(0, source.size)), 0

    def take(self, count: int) -> memoryview:
        if self.at + count > len(self.data):
            raise ValueError(f"the data end at byte {len(self.data)}, {self.at + count} are needed")
        self.at += count
        return self.data[self.at - count : self.at]

    def value(self, depth: int = 0):
        if depth > _MAX_DEPTH:
            raise ValueError(f"more than {_MAX_DEPTH} levels")
        first = self.take(1)[0]
        if first < 0x80:
            return first
        if first >= 0xE0:
            return first - 256
        if first in _CONSTANTS:
            return _CONSTANTS[first]
        if first in _NUMBERS:
            form = _NUMBERS[first]
            return struct.unpack(form, self.take(struct.calcsize(form)))[0]
        if first < 0xC0:
            kind, size = ("map", first & 0x0F) if first < 0x90 else ("array", first & 0x0F)
            if first >= 0xA0:
                kind, size = "str", first & 0x1F
        elif first in _FIXED_EXT:
            kind, size = "ext", _FIXED_EXT[first]
        elif first in _SIZED:
            kind, width = _SIZED[first]
            size = int.from_bytes(self.take(width), "big")
        else:
            raise ValueError(f"the byte {first:#x} at {self.at - 1}")
        return getattr(self, kind)(size, depth + 1)

    def str(self, size: int, _depth: int) -> str:
        return bytes(self.take(size)).decode("utf-8")

    def bin(self, size: int, _depth: int, code: int | None = None) -> _Span:
        start = self.at
        self.take(size)
        return _Span(start, size, code)

    def ext(self, size: int, depth: int) -> _Span:
        code = self.take(1)[0]
        return self.bin(size, depth, code)

    def array(self, size: int, depth: int) -> list:
        return [self.value(depth) for _ in range(size)]

    def map(self, size: int, depth: int) -> dict:
        found = {}
        for _ in range(size):
            key = self.value(depth)
            if not isinstance(key, str):
                raise ValueError(f"a key of type {type(key).__name__}")
            found[key] = self.value(depth)
        return found


def read_msgpack(path: Path) -> tuple[dict[str, LazyTensor], dict[str, str], MappedFile]:
    """Tensors under their Flax names joined by `/`, no metadata, and the open file."""
    source = MappedFile(path)
    try:
        parser = _Parser(source)
        tree = parser.value()
        if not isinstance(tree, dict):
            raise ValueError("no map at the top")
        tensors: dict[str, LazyTensor] = {}
        _collect(tree, "", path, source, parser, tensors)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        source.close()
        raise CheckpointError(
            f"[msgpack] {path}: expected a map of arrays, got {error}; the file is truncated or corrupt, "
            "download it again"
        ) from None
    return tensors, {}, source


def _collect(tree: dict, prefix: str, path: Path, source: MappedFile, parser: _Parser, out: dict) -> None:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and _CHUNKED in value:
            out[name] = _chunked(name, value, path, source, parser)
        elif isinstance(value, dict):
            _collect(value, f"{name}/", path, source, parser, out)
        elif isinstance(value, _Span) and value.code in (1, 3):
            out[name] = _array(name, value, path, source, parser)
        elif value is not None:
            raise ValueError(f"{type(value).__name__} at {name!r}")


def _array(name: str, span: _Span, path: Path, source: MappedFile, parser: _Parser) -> LazyTensor:
    parser.at = span.start
    shape, dtype, data = parser.value()
    whole = isinstance(shape, list) and all(isinstance(n, int) and n >= 0 for n in shape)
    if not whole or dtype not in DTYPES or not isinstance(data, _Span):
        raise ValueError(f"an array of shape {shape} and dtype {dtype!r} at {name!r}")
    if byte_count(shape, dtype) != data.size or data.start + data.size > span.start + span.size:
        raise ValueError(f"{data.size} bytes for {dtype} {shape} at {name!r}")
    return LazyTensor(name, shape, dtype, path, source, data.start)


def _chunked(name: str, entry: dict, path: Path, source: MappedFile, parser: _Parser) -> LazyTensor:
    shape = [entry["shape"][str(i)] for i in range(len(entry["shape"]))]
    chunks = [_array(name, entry["chunks"][str(i)], path, source, parser) for i in range(len(entry["chunks"]))]
    if not chunks or sum(math.prod(c.shape) for c in chunks) != math.prod(shape):
        raise ValueError(f"chunks that do not add up to {shape} at {name!r}")
    pieces = [(source, chunk._offset, chunk.nbytes) for chunk in chunks]
    return LazyTensor(name, shape, chunks[0].dtype, path, JoinedBytes(pieces))
