"""Writing safetensors atomically, one tensor in memory at a time.

At every moment the folder holds one whole checkpoint, the old or the new: data go to temporary files, reach the
disk, and only then take their names. The last rename, of `model.safetensors` or of the index, is the switch.
"""

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .checkpoint import with_variant
from .errors import CheckpointError
from .tensor import ALIGNMENT, DTYPES, byte_count

_WHOLE = "model.safetensors"
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


class TensorSource(Protocol):
    """What can be saved: `shape`, `dtype` (a key of `DTYPES`), and its bytes on demand. A `LazyTensor` is one."""

    shape: tuple[int, ...]
    dtype: str

    def buffer(self) -> Any: ...


@dataclass(frozen=True)
class ArraySource:
    """A NumPy array as a `TensorSource`."""

    array: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> str:
        return self.array.dtype.name

    def buffer(self) -> np.ndarray:
        return np.ascontiguousarray(self.array).reshape(-1).view(np.uint8)


def save_checkpoint(
    folder: str | os.PathLike,
    tensors: Iterable[tuple[str, TensorSource]],
    *,
    max_shard_size: int | str = "5GB",
    metadata: Mapping[str, str] | None = None,
    variant: str | None = None,
) -> list[Path]:
    """Write `model.safetensors`, or shards with `model.safetensors.index.json`, and return their paths.

    `max_shard_size` is in bytes, or a string such as "5GB" or "2GiB"; a single larger tensor has a shard of its own.
    An interruption at any moment leaves the old checkpoint whole; files of an earlier save go last.
    Raises `CheckpointError` for a repeated name, an unknown dtype, or bytes that do not fit the shape.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shards = _split(list(tensors), _size_of(max_shard_size))
    metadata = {"format": "pt"} if metadata is None else dict(metadata)
    names = _shard_names(len(shards), variant)
    temporary = [_temporary(folder) for _ in shards]
    try:
        for path, shard in zip(temporary, shards, strict=True):
            _write(path, shard, metadata)
    except BaseException:
        for path in temporary:
            path.unlink(missing_ok=True)
        raise
    paths = [folder / name for name in names]
    if len(shards) == 1:
        os.replace(temporary[0], paths[0])
    else:
        weight_map = {key: name for name, shard in zip(names, shards, strict=True) for key, _ in shard}
        total = sum(byte_count(tensor.shape, tensor.dtype) for shard in shards for _, tensor in shard)
        paths.append(_publish(folder, temporary, names, weight_map, total, variant))
    _sync_folder(folder)
    _remove_stale(folder, {path.name for path in paths}, variant)
    return paths


def save_json(path: str | os.PathLike, obj: Any) -> Path:
    """Write JSON atomically: sorted keys, two spaces of indent, a line feed at the end."""
    path = Path(path)
    text = json.dumps(obj, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    temporary = _temporary(path.parent)
    try:
        with open(temporary, "xb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _size_of(size: int | str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?I?B|)", str(size).strip().upper())
    if not match or match[2] not in _UNITS or float(match[1]) <= 0:
        raise CheckpointError(f"[save] expected max_shard_size such as 500_000_000, '5GB' or '2GiB', got {size!r}")
    return int(float(match[1]) * _UNITS[match[2]])


def _split(tensors: list[tuple[str, TensorSource]], limit: int) -> list[list[tuple[str, TensorSource]]]:
    shards: list[list[tuple[str, TensorSource]]] = [[]]
    seen: set[str] = set()
    size = 0
    for name, tensor in tensors:
        if name in seen:
            raise CheckpointError(f"[save] expected each name once, got {name!r} twice")
        if tensor.dtype not in DTYPES:
            raise CheckpointError(f"[save] expected {name!r} to be one of {', '.join(DTYPES)}, got {tensor.dtype}")
        seen.add(name)
        nbytes = byte_count(tensor.shape, tensor.dtype)
        if shards[-1] and size + nbytes > limit:
            shards.append([])
            size = 0
        shards[-1].append((name, tensor))
        size += nbytes
    return shards


def _shard_names(count: int, variant: str | None) -> list[str]:
    whole = with_variant(_WHOLE, variant)
    stem = whole.removesuffix(".safetensors")
    if count == 1:
        return [whole]
    return [f"{stem}-{i:05}-of-{count:05}.safetensors" for i in range(1, count + 1)]


def _temporary(folder: Path) -> Path:
    return folder / f".saving-{secrets.token_hex(8)}.safetensors"


def _write(path: Path, tensors: list[tuple[str, TensorSource]], metadata: dict) -> None:
    # Wide elements first: the format allows no padding between tensors, and each should lie on its own boundary.
    tensors = sorted(tensors, key=lambda item: -DTYPES[item[1].dtype][0])
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, tensor in tensors:
        start, end = end, end + byte_count(tensor.shape, tensor.dtype)
        header[name] = {
            "dtype": DTYPES[tensor.dtype][1],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-(len(text) + 8) % ALIGNMENT)
    with open(path, "xb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, tensor in tensors:
            if 0 in tensor.shape:
                continue
            data = memoryview(tensor.buffer()).cast("B")
            if data.nbytes != byte_count(tensor.shape, tensor.dtype):
                raise CheckpointError(
                    f"[save] expected {byte_count(tensor.shape, tensor.dtype)} bytes for {name!r} "
                    f"({tensor.dtype} {tuple(tensor.shape)}), got {data.nbytes}"
                )
            file.write(data)
            del data  # before the next one is made
        file.flush()
        os.fsync(file.fileno())


def _publish(folder: Path, temporary: list[Path], names: list[str], weight_map: dict, total: int, variant) -> Path:
    """Give shards their names behind an index that is valid at every moment."""
    index = folder / with_variant(_WHOLE + ".index.json", variant)

    def write_index(renamed: Mapping[str, str]) -> None:
        entries = {key: renamed.get(name, name) for key, name in weight_map.items()}
        save_json(index, {"metadata": {"total_size": total}, "weight_map": entries})

    if any((folder / name).exists() for name in names):
        # The old shards bear the new names: switch to the temporary ones first, then let the names follow.
        write_index({name: path.name for name, path in zip(names, temporary, strict=True)})
        (folder / with_variant(_WHOLE, variant)).unlink(missing_ok=True)
        for name, path in zip(names, temporary, strict=True):
            twin = _temporary(folder)
            try:
                os.link(path, twin)
            except OSError:  # a file system without hard links
                shutil.copyfile(path, twin)
            os.replace(twin, folder / name)
        write_index({})
        _sync_folder(folder)
        for path in temporary:
            path.unlink()
    else:
        for name, path in zip(names, temporary, strict=True):
            os.replace(path, folder / name)
        write_index({})
    return index


def _remove_stale(folder: Path, current: set[str], variant: str | None) -> None:
    whole = re.escape(with_variant(_WHOLE, variant).removesuffix(".safetensors"))
    index = re.escape(with_variant(_WHOLE + ".index.json", variant))
    ours = re.compile(rf"{whole}(-\d{{5}}-of-\d{{5}})?\.safetensors|{index}|\.saving-[0-9a-f]{{16}}\.safetensors")
    for name in os.listdir(folder):
        if ours.fullmatch(name) and name not in current:
            (folder / name).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
