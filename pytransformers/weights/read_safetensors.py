"""Reading one safetensors file (https://huggingface.co/docs/safetensors): 8 bytes of header length, JSON, data."""

import json
import math
from pathlib import Path

from .errors import CheckpointError
from .tensor import DTYPES, LazyTensor, MappedFile

MAX_HEADER = 100_000_000  # bytes, the limit of the reference implementation
_NAMES = {code: name for name, (_, code) in DTYPES.items()}


def read_safetensors(path: Path) -> tuple[dict[str, LazyTensor], dict[str, str], MappedFile]:
    """Tensors, metadata and the open file. The header is checked whole before any tensor is believed."""
    source = MappedFile(path)
    try:
        header, start = _header(source)
        metadata = header.pop("__metadata__", None) or {}
        if not isinstance(metadata, dict):
            raise _bad(path, "__metadata__ to be an object", repr(metadata))
        tensors = {name: _tensor(name, entry, source, start) for name, entry in header.items()}
        _check_layout(tensors, header, source, start)
    except BaseException:
        source.close()
        raise
    return tensors, metadata, source


def _bad(path: Path, expected: str, got: str) -> CheckpointError:
    return CheckpointError(
        f"[safetensors] {path}: expected {expected}, got {got}; the file is truncated or corrupt, download it again"
    )


def _header(source: MappedFile) -> tuple[dict, int]:
    if source.size < 8:
        raise _bad(source.path, "at least 8 bytes", f"{source.size}")
    length = int.from_bytes(source.view(0, 8).tobytes(), "little")
    if length > min(MAX_HEADER, source.size - 8):
        raise _bad(source.path, f"a header of at most {min(MAX_HEADER, source.size - 8)} bytes", f"length {length}")

    def unique(pairs):
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key is given twice")
        return dict(pairs)

    try:
        header = json.loads(source.view(8, length).tobytes(), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise _bad(source.path, "a JSON header", f"{type(error).__name__}: {error}") from None
    if not isinstance(header, dict):
        raise _bad(source.path, "a JSON object as header", type(header).__name__)
    return header, 8 + length


def _is_size(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _tensor(name: str, entry, source: MappedFile, start: int) -> LazyTensor:
    try:
        dtype, shape, (low, high) = entry["dtype"], entry["shape"], entry["data_offsets"]
        valid = isinstance(shape, list) and all(map(_is_size, [*shape, low, high]))
    except (TypeError, KeyError, ValueError):
        valid = False
    if not valid:
        raise _bad(source.path, f"{name!r} to have dtype, shape and two data_offsets", repr(entry)[:200])
    if not isinstance(dtype, str) or dtype not in _NAMES:
        raise CheckpointError(
            f"[safetensors] {source.path}: expected {name!r} to have a dtype of {', '.join(_NAMES)}, got {dtype!r}"
        )
    bits = math.prod(shape) * DTYPES[_NAMES[dtype]][0]
    if low > high or bits != 8 * (high - low):
        raise _bad(source.path, f"{bits / 8:g} bytes for {name!r} ({dtype} {shape})", f"data_offsets [{low}, {high}]")
    if start + high > source.size:
        raise _bad(source.path, f"{start + high} bytes (for {name!r})", f"a file of {source.size}")
    return LazyTensor(name, shape, _NAMES[dtype], source.path, source, start + low)


def _check_layout(tensors: dict, header: dict, source: MappedFile, start: int) -> None:
    end = 0
    for low, high, name in sorted((*header[name]["data_offsets"], name) for name in tensors):
        if low != end:
            fault = "overlaps the tensor before it" if low < end else "leaves a hole before it"
            raise _bad(source.path, f"{name!r} to start at byte {end} of the data", f"{low}, which {fault}")
        end = high
    if start + end != source.size:
        raise _bad(source.path, f"{start + end} bytes in all", f"{source.size}")
