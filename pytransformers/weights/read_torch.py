"""Reading `pytorch_model.bin` without torch: the zip format, and the stream format from before torch 1.6."""

import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np

from .errors import CheckpointError
from .tensor import DTYPES, ByteSource, LazyTensor, LoadedBytes, MappedFile
from .torch_pickle import StoredTensor, read_pickle

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_MAX_PICKLE = 1 << 28  # bytes; the pickle of a state dict holds names and shapes only

# (bytes available, source, offset in bytes) of the storage called `key`
Locate = Callable[[str], tuple[int, ByteSource, int]]


def read_torch(path: Path) -> tuple[dict[str, LazyTensor], dict[str, str], MappedFile]:
    """Tensors of a state dict, no metadata, and the open file. No code in the file is run."""
    source = MappedFile(path)
    try:
        is_zip = source.size >= 4 and source.view(0, 4).tobytes() == b"PK\x03\x04"
        contents, locate = (_open_zip if is_zip else _open_legacy)(path, source)
        if not isinstance(contents, dict):
            raise _bad(path, "a dict of tensors", type(contents).__name__)
        stored = {key: value for key, value in contents.items() if isinstance(value, StoredTensor)}
        if contents and not stored:
            raise _bad(path, "a dict of tensors", f"a dict of {list(contents)[:5]}")
        tensors = {str(name): _tensor(str(name), value, path, locate) for name, value in stored.items()}
    except BaseException:
        source.close()
        raise
    return tensors, {}, source


def _bad(path: Path, expected: str, got: str) -> CheckpointError:
    return CheckpointError(
        f"[torch] {path}: expected {expected}, got {got}; the file is truncated, corrupt or of another kind, "
        "download it again"
    )


def _tensor(name: str, stored: StoredTensor, path: Path, locate: Locate) -> LazyTensor:
    item = DTYPES[stored.dtype][0] // 8
    available, source, start = locate(stored.storage.key)
    base = stored.storage.offset * (DTYPES[stored.storage.dtype][0] // 8)
    last = stored.offset + sum((n - 1) * step for n, step in zip(stored.shape, stored.strides, strict=True))
    if 0 not in stored.shape and base + (last + 1) * item > available:
        raise _bad(path, f"{name!r} to lie within its storage of {available} bytes", f"{base + (last + 1) * item}")
    offset = 0 if 0 in stored.shape else start + base + stored.offset * item
    return LazyTensor(name, stored.shape, stored.dtype, path, source, offset, stored.strides)


def _open_zip(path: Path, source: MappedFile) -> tuple[object, Locate]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {info.filename: info for info in archive.infolist()}
            root = next((name[: -len("data.pkl")] for name in entries if name.endswith("/data.pkl")), None)
            if root is None:
                raise _bad(path, "a torch checkpoint with data.pkl inside", "another kind of zip file")
            if root + "constants.pkl" in entries:
                raise _bad(path, "a state dict", "a TorchScript program, which this reader does not run")
            if entries[root + "data.pkl"].file_size > _MAX_PICKLE:
                raise _bad(path, f"a data.pkl of at most {_MAX_PICKLE} bytes", "a larger one")
            order = archive.read(root + "byteorder") if root + "byteorder" in entries else b"little"
            contents = read_pickle(BytesIO(archive.read(root + "data.pkl")), path)
    except CheckpointError:
        raise
    except Exception as error:  # zipfile lets errors of zlib, struct, UTF-8 and others through
        raise _bad(path, "a whole zip file", f"{type(error).__name__}: {error}") from None
    if order.decode("ascii", "replace") != sys.byteorder:
        raise _bad(path, f"{sys.byteorder}-endian data", repr(order))

    def locate(key: str) -> tuple[int, ByteSource, int]:
        entry = entries.get(f"{root}data/{key}")
        if entry is None:
            raise _bad(path, f"an entry {root}data/{key}", "none")
        if entry.compress_type != zipfile.ZIP_STORED:
            return entry.file_size, LoadedBytes(lambda: _decompress(path, entry.filename)), 0
        local = source.view(entry.header_offset, 30).tobytes()
        if local[:4] != b"PK\x03\x04":
            raise _bad(path, f"an entry at byte {entry.header_offset}", "other bytes")
        name_size, extra_size = int.from_bytes(local[26:28], "little"), int.from_bytes(local[28:30], "little")
        start = entry.header_offset + 30 + name_size + extra_size
        if start + entry.file_size > source.size:
            raise _bad(path, f"{start + entry.file_size} bytes", f"a file of {source.size}")
        return entry.file_size, source, start

    return contents, locate


def _decompress(path: Path, entry: str) -> np.ndarray:
    try:
        with zipfile.ZipFile(path) as archive:
            return np.frombuffer(bytearray(archive.read(entry)), np.uint8)
    except Exception as error:
        raise _bad(path, f"a whole entry {entry}", f"{type(error).__name__}: {error}") from None


def _open_legacy(path: Path, source: MappedFile) -> tuple[object, Locate]:
    with open(path, "rb") as stream:
        if read_pickle(stream, path) != _LEGACY_MAGIC or read_pickle(stream, path) != _LEGACY_PROTOCOL:
            raise _bad(path, "a torch checkpoint", "a file of another kind")
        system = read_pickle(stream, path)
        if not isinstance(system, dict) or bool(system.get("little_endian", True)) != (sys.byteorder == "little"):
            raise _bad(path, f"{sys.byteorder}-endian data", "the other order")
        contents = read_pickle(stream, path)
        keys = read_pickle(stream, path)
        if not isinstance(keys, list):
            raise _bad(path, "a list of storages", type(keys).__name__)
        at = stream.tell()
    sizes = _storage_bytes(contents)
    places: dict[str, tuple[int, ByteSource, int]] = {}
    for key in map(str, keys):
        if at + 8 > source.size or key not in sizes:
            raise _bad(path, f"the storage {key}", "none")
        count = int.from_bytes(source.view(at, 8).tobytes(), "little")
        nbytes = count * sizes[key]
        if at + 8 + nbytes > source.size:
            raise _bad(path, f"{at + 8 + nbytes} bytes (for the storage {key})", f"a file of {source.size}")
        places[key] = (nbytes, source, at + 8)
        at += 8 + nbytes

    def locate(key: str) -> tuple[int, ByteSource, int]:
        if key not in places:
            raise _bad(path, f"the storage {key}", "none")
        return places[key]

    return contents, locate


def _storage_bytes(value) -> dict[str, int]:
    """Bytes of one element of every storage that a value mentions, however deep."""
    found: dict[str, int] = {}
    rest, seen = [value], set()
    while rest:
        value = rest.pop()
        if isinstance(value, StoredTensor):
            found[value.storage.key] = DTYPES[value.storage.dtype][0] // 8
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            rest.extend(value.values() if isinstance(value, dict) else value)
    return found
