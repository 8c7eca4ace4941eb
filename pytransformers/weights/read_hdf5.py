"""Reading `tf_model.h5`: Keras 2 weights in HDF5, as `transformers` 4.x wrote them from TensorFlow."""

from pathlib import Path

import numpy as np

from .errors import CheckpointError
from .tensor import DTYPES, ByteSource, LazyTensor, LoadedBytes, MappedFile, byte_count


def read_hdf5(path: Path) -> tuple[dict[str, LazyTensor], dict[str, str], MappedFile]:
    """Tensors under their Keras names without the model's scope, no metadata, and the open file.

    Data stored in one piece is mapped straight from the file; chunked or compressed data goes through h5py.
    Links and data outside the file are refused.
    """
    try:
        import h5py
    except ImportError:
        raise CheckpointError(f"[h5] {path}: reading it needs h5py, run pip install h5py") from None
    source = MappedFile(path)
    tensors: dict[str, LazyTensor] = {}
    try:
        with h5py.File(path, "r") as file:
            for layer in _children(file, path):
                # A whole model has a group per layer, and each weight's name begins with the model's scope.
                # A shard has the plain names at its root.
                attributes = file[layer].attrs
                nested = "weight_names" in attributes or "weight_names0" in attributes
                for name, dataset in _datasets(file[layer], layer, path):
                    parts = name.split("/")
                    key = "/".join(parts[min(2, len(parts) - 1) :]) if nested else name
                    if key not in tensors:
                        tensors[key] = _tensor(key, dataset, path, source)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        source.close()
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"[h5] {path}: expected an HDF5 file of weights, got {type(error).__name__}: {error}; download it again"
        ) from None
    return tensors, {}, source


def _children(group, path: Path) -> list[str]:
    import h5py

    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise CheckpointError(f"[h5] {path}: expected data inside the file, got a link at {group.name}/{name}")
    return list(group)


def _datasets(node, name: str, path: Path):
    import h5py

    if isinstance(node, h5py.Dataset):
        yield name, node
        return
    for child in _children(node, path):
        yield from _datasets(node[child], f"{name}/{child}", path)


def _tensor(name: str, dataset, path: Path, mapped: MappedFile) -> LazyTensor:
    dtype = _dtype(dataset)
    if dtype not in DTYPES or dataset.external or dataset.is_virtual:
        raise CheckpointError(f"[h5] {path}: expected numbers inside the file at {name!r}, got {dataset!r}")
    offset, where = dataset.id.get_offset(), dataset.name
    source: ByteSource = mapped
    if offset is None or dataset.dtype.str.startswith(">") or dataset.file.userblock_size:

        def load() -> np.ndarray:
            import h5py

            with h5py.File(path, "r") as file:
                data = np.ascontiguousarray(file[where][()])
            return data.astype(data.dtype.newbyteorder("=")).reshape(-1).view(np.uint8)

        source, offset = LoadedBytes(load), 0
    elif offset + byte_count(dataset.shape, dtype) > mapped.size:
        raise CheckpointError(f"[h5] {path}: expected data for {name!r}, got the end of the file, download it again")
    return LazyTensor(name, dataset.shape, dtype, path, source, offset)


def _dtype(dataset) -> str:
    # Keras writes bfloat16 as plain two-byte records, which NumPy sees as V2
    return "bfloat16" if dataset.dtype.str == "|V2" else dataset.dtype.newbyteorder("=").name
