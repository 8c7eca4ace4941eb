"""Opening a checkpoint of any format, whole or sharded, as one mapping from name to `LazyTensor`."""

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from .errors import CheckpointError
from .hub import is_inside, resolve_file, snapshot_commit
from .naming import from_flax, from_keras
from .read_hdf5 import read_hdf5
from .read_msgpack import read_msgpack
from .read_safetensors import read_safetensors
from .read_torch import read_torch
from .tensor import LazyTensor, MappedFile

# format -> (its file, its reader), in the order they are looked for
FORMATS = {
    "safetensors": ("model.safetensors", read_safetensors),
    "bin": ("pytorch_model.bin", read_torch),
    "h5": ("tf_model.h5", read_hdf5),
    "msgpack": ("flax_model.msgpack", read_msgpack),
}
_SUFFIXES = {"safetensors": "safetensors", "bin": "bin", "pt": "bin", "pth": "bin", "h5": "h5", "msgpack": "msgpack"}
# who wrote it: the file format, or the framework that a safetensors file names in its metadata
_CONVERTERS = {"h5": from_keras, "tf": from_keras, "msgpack": from_flax, "flax": from_flax}
_INDEX = ".index.json"


class Checkpoint(Mapping[str, LazyTensor]):
    """Tensors by name, in torch's naming and layout. A context manager; `close` gives the files back.

    Attributes: `files` (list of Path), `format` ("safetensors", "bin", "h5" or "msgpack"), `metadata` (dict).
    """

    def __init__(
        self,
        tensors: Mapping[str, LazyTensor],
        files: list[Path],
        format: str,
        metadata: dict,
        sources: list[MappedFile],
    ):
        self._tensors, self._sources = tensors, sources
        self.files, self.format, self.metadata = files, format, metadata

    def __getitem__(self, name: str) -> LazyTensor:
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __repr__(self) -> str:
        return f"Checkpoint({len(self)} tensors, {self.format}, files={[str(file) for file in self.files]})"

    def __enter__(self) -> "Checkpoint":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Give the files back; arrays already handed out stay valid."""
        for source in self._sources:
            source.close()


def with_variant(filename: str, variant: str | None) -> str:
    """`model.safetensors` with variant `fp16` is `model.fp16.safetensors`; an index likewise."""
    if not variant:
        return filename
    stem, _, suffix = filename.rpartition(".")
    return f"{stem}.{variant}.{suffix}"


def open_checkpoint(
    folder_or_id: str | os.PathLike,
    *,
    subfolder: str = "",
    revision: str | None = None,
    variant: str | None = None,
    cache_dir: str | os.PathLike | None = None,
    force_download: bool = False,
    local_files_only: bool | None = None,
    token: str | bool | None = None,
    use_safetensors: bool | None = None,
    from_tf: bool = False,
    from_flax: bool = False,
    from_pt: bool = False,
    weights_name: str | None = None,
) -> Checkpoint:
    """Open the weights of a folder, a hub id, or one file; headers are read and checked, data are not.

    Looked for: model.safetensors, pytorch_model.bin, tf_model.h5, flax_model.msgpack, each whole or with an
    index.json of shards. `use_safetensors=True` takes only the first and False only the others; `from_tf`,
    `from_flax` and `from_pt` name who wrote it; `variant` as in `model.fp16.safetensors`; `weights_name` names the
    file. The hub's arguments are those of `resolve_file`.
    Raises `CheckpointError` naming the file and the key when anything is missing or malformed.
    """
    hub = dict(
        subfolder=subfolder,
        revision=revision,
        cache_dir=cache_dir,
        force_download=force_download,
        local_files_only=local_files_only,
        token=token,
    )
    if os.path.isfile(folder_or_id):
        folder, file = Path(folder_or_id).parent, Path(folder_or_id)
        return _open(file, partial(resolve_file, folder))
    if weights_name:
        wanted = [weights_name]
    else:
        formats = _formats(use_safetensors, from_tf, from_flax, from_pt)
        names = [with_variant(FORMATS[format][0], variant) for format in formats]
        indexes = [with_variant(FORMATS[format][0] + _INDEX, variant) for format in formats]
        wanted = [name for pair in zip(names, indexes, strict=True) for name in pair]
    for name in wanted:
        file = resolve_file(folder_or_id, name, **hub)
        if file is not None:
            hub["revision"] = snapshot_commit(file) or revision
            return _open(file, partial(resolve_file, folder_or_id, **hub))
    place = f"{folder_or_id}/{subfolder}" if subfolder else folder_or_id
    raise CheckpointError(
        f"[open_checkpoint] expected weights in {place}, got none of {', '.join(wanted)}; check the name"
        + (f" and variant={variant!r}" if variant else "")
        + (f" (it holds {', '.join(sorted(os.listdir(place))[:12]) or 'nothing'})" if os.path.isdir(place) else "")
    )


def _formats(use_safetensors: bool | None, from_tf: bool, from_flax: bool, from_pt: bool) -> list[str]:
    if from_tf or from_flax:
        formats = ["h5" if from_tf else "msgpack", "safetensors"]
    else:
        formats = ["safetensors", "bin"] if from_pt else list(FORMATS)
    if use_safetensors is None:
        return formats
    return [format for format in formats if (format == "safetensors") == use_safetensors]


def _format_of(name: str) -> str:
    suffix = name.rpartition(".")[2]
    if suffix not in _SUFFIXES:
        raise CheckpointError(
            f"[open_checkpoint] expected a file ending in {', '.join('.' + s for s in _SUFFIXES)}, got {name}"
        )
    return _SUFFIXES[suffix]


def _open(file: Path, resolve) -> Checkpoint:
    """Open one file or all shards of an index; `resolve(name)` gives the path of a sibling, or None."""
    tensors: dict[str, LazyTensor] = {}
    metadata: dict = {}
    sources: list[MappedFile] = []
    weight_map: dict[str, str] = {}
    files = [file]
    try:
        if file.name.endswith(".json"):
            weight_map, metadata = _read_index(file)
            shards = sorted(set(weight_map.values()))
            with ThreadPoolExecutor(8) as pool:
                files = list(pool.map(partial(_shard, resolve, file), shards))
            by_shard = dict(zip(files, shards, strict=True))
        format = _format_of(files[0].name)
        if format == "h5":  # only the index names the model's scope
            weight_map = {key.partition("/")[2]: name for key, name in weight_map.items()}
        for path in files:
            found, about, source = FORMATS[_format_of(path.name)][1](path)
            sources.append(source)
            metadata = {**about, **metadata}
            if weight_map:
                found = {k: t for k, t in found.items() if weight_map.get(k, by_shard[path]) == by_shard[path]}
            tensors.update(found)
        for key, shard in weight_map.items():
            if key not in tensors:
                raise CheckpointError(f"[index] {file}: expected {key!r} in {shard}, got no such tensor, download both")
        convert = _CONVERTERS.get(format) or _CONVERTERS.get(metadata.get("format", ""))
        return Checkpoint(convert(tensors.values()) if convert else tensors, files, format, metadata, sources)
    except BaseException:
        for source in sources:
            source.close()
        raise


def _shard(resolve, index: Path, name: str) -> Path:
    path = resolve(name)
    if path is None:
        raise CheckpointError(f"[index] {index}: expected the shard {name} beside it, got no such file, download it")
    return path


def _read_index(path: Path) -> tuple[dict[str, str], dict]:
    try:
        index = json.loads(path.read_bytes())
        weight_map, metadata = index["weight_map"], index.get("metadata") or {}
        whole = all(isinstance(value, str) for value in weight_map.values()) and isinstance(metadata, dict)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"[index] {path}: expected JSON with a weight_map, got {type(error).__name__}: {error}, download it again"
        ) from None
    if not whole or not weight_map:
        raise CheckpointError(f"[index] {path}: expected names and files in weight_map, got others, download it again")
    for key, name in weight_map.items():
        if not is_inside(name):
            raise CheckpointError(
                f"[index] {path}: expected {key!r} in a file inside the folder, got {name!r}, which leads outside; "
                "do not use this checkpoint"
            )
    return weight_map, metadata
