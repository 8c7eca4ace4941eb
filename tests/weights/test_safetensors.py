"""Safetensors: read what the reference library writes, write what it reads, refuse what is malformed."""

import json
import re

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from pytransformers.weights import ArraySource, CheckpointError, open_checkpoint, save_checkpoint
from pytransformers.weights.tensor import DTYPES, aligned_empty, numpy_dtype

NUMPY_DTYPES = [name for name, (bits, _) in DTYPES.items() if bits >= 8]


def arrays():
    rng = np.random.default_rng(0)
    made = {
        "matrix": rng.standard_normal((5, 7)).astype(np.float32),
        "half": rng.standard_normal((3,)).astype(np.float16),
        "bf16": rng.standard_normal((4, 3)).astype(ml_dtypes.bfloat16),
        "fp8": rng.standard_normal((9,)).astype(ml_dtypes.float8_e4m3fn),
        "scalar": np.array(3.5, np.float64),
        "empty": np.zeros((0, 4), np.float32),
        "ids": np.arange(6, dtype=np.int64).reshape(2, 1, 3),
        "mask": np.array([True, False, True]),
        "bytes": np.arange(5, dtype=np.uint8),
        "näme/mit \"Zeichen\"": np.ones(2, np.float32),
    }
    return made


def test_reads_what_the_reference_writes(tmp_path):
    expected = arrays()
    safetensors.numpy.save_file(expected, tmp_path / "model.safetensors", {"format": "pt", "who": "x"})
    with open_checkpoint(tmp_path) as checkpoint:
        assert set(checkpoint) == set(expected) and checkpoint.format == "safetensors"
        assert checkpoint.metadata == {"format": "pt", "who": "x"}
        for copy in (False, True):
            for name, tensor in checkpoint.items():
                got = tensor.numpy(copy)
                assert got.dtype == expected[name].dtype and tensor.dtype == got.dtype.name
                assert tensor.shape == got.shape == expected[name].shape and tensor.nbytes == got.nbytes
                np.testing.assert_array_equal(got.view(np.uint8) if got.ndim else got, _bytes(expected[name], got))


def _bytes(array, like):
    return np.ascontiguousarray(array).view(np.uint8) if like.ndim else array


def test_writes_what_the_reference_reads(tmp_path):
    expected = arrays()
    tensors = [(name, ArraySource(array)) for name, array in expected.items()]
    [path] = save_checkpoint(tmp_path, tensors, metadata={"format": "pt"})
    found = dict(safetensors.deserialize(path.read_bytes()))
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert tuple(found[name]["shape"]) == array.shape and found[name]["data"] == array.tobytes()
    with safetensors.safe_open(path, "np") as file:
        assert file.metadata() == {"format": "pt"}


@pytest.mark.parametrize("dtype", NUMPY_DTYPES)
def test_every_dtype_round_trips(tmp_path, dtype):
    array = np.arange(6).reshape(2, 3).astype(numpy_dtype(dtype))
    save_checkpoint(tmp_path, [("x", ArraySource(array))])
    with open_checkpoint(tmp_path) as checkpoint:
        assert checkpoint["x"].dtype == dtype
        np.testing.assert_array_equal(checkpoint["x"].numpy().astype(np.complex64), array.astype(np.complex64))


def test_data_start_on_64_bytes_and_every_tensor_on_its_own_boundary(tmp_path):
    [path] = save_checkpoint(tmp_path, [(name, ArraySource(a)) for name, a in arrays().items()])
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    assert (8 + length) % 64 == 0
    for name, entry in header.items():
        if name != "__metadata__":
            assert entry["data_offsets"][0] % arrays()[name].dtype.itemsize == 0


def test_a_mapped_buffer_is_writable_and_private(tmp_path):
    [path] = save_checkpoint(tmp_path, [("x", ArraySource(np.zeros(1000, np.float32)))])
    before = path.read_bytes()
    checkpoint = open_checkpoint(tmp_path)
    first, copied = checkpoint["x"].buffer(), checkpoint["x"].buffer(copy=True)
    first[:] = 7
    checkpoint.close()
    assert path.read_bytes() == before
    assert copied.ctypes.data % 64 == 0 and not copied.any()
    assert first.sum() == 7 * 4000, "an array outlives the checkpoint"
    with pytest.raises(CheckpointError, match="closed"):
        checkpoint["x"].buffer()


def test_aligned_empty():
    for nbytes in (1, 63, 1000):
        array = aligned_empty(nbytes)
        assert array.nbytes == nbytes and array.ctypes.data % 64 == 0


def entry(dtype="F32", shape=(2,), offsets=(0, 8), **extra):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **extra}


def file_of(header, data=b"\0" * 8):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


MALFORMED = {
    "empty file": b"",
    "cut in the length": b"\x10\0\0",
    "length beyond the file": (10**6).to_bytes(8, "little") + b"{}",
    "enormous length": (2**63).to_bytes(8, "little") + b"{}" * 9,
    "no JSON": file_of(b"{not json}"),
    "no UTF-8": file_of(b'{"\xff": 1}'),
    "deep JSON": file_of(b"[" * 100_000),
    "a list": file_of([1]),
    "key twice": file_of(b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"x":{}}'),
    "metadata no object": file_of({"__metadata__": [1], "x": entry()}),
    "no dtype": file_of({"x": {"shape": [2], "data_offsets": [0, 8]}}),
    "no object": file_of({"x": 3}),
    "unknown dtype": file_of({"x": entry("F31")}),
    "dtype no text": file_of({"x": entry(["F32"])}),
    "negative size": file_of({"x": entry(shape=(-2,))}),
    "size no integer": file_of({"x": entry(shape=(2.0,))}),
    "size a boolean": file_of({"x": entry(shape=(True, 2))}),
    "overflowing shape": file_of({"x": entry(shape=(2**62, 2**62))}),
    "three offsets": file_of({"x": entry(offsets=(0, 8, 9))}),
    "negative offset": file_of({"x": entry(offsets=(-8, 0))}),
    "offsets swapped": file_of({"x": entry(offsets=(8, 0))}),
    "too few bytes": file_of({"x": entry(offsets=(0, 4))}, b"\0" * 4),
    "beyond the end": file_of({"x": entry()}, b"\0" * 4),
    "overlap": file_of({"x": entry(), "y": entry()}),
    "partial overlap": file_of({"x": entry(), "y": entry(offsets=(4, 12))}, b"\0" * 12),
    "hole": file_of({"x": entry(), "y": entry(offsets=(12, 20))}, b"\0" * 20),
    "bytes left over": file_of({"x": entry()}, b"\0" * 9),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_files_are_refused_by_name(tmp_path, kind):
    path = tmp_path / "model.safetensors"
    path.write_bytes(MALFORMED[kind])
    with pytest.raises(CheckpointError, match=re.escape(str(path))) as caught:
        open_checkpoint(tmp_path)
    assert isinstance(caught.value, OSError) and len(str(caught.value)) < 1000


def test_every_truncation_is_refused(tmp_path):
    [path] = save_checkpoint(tmp_path, [("x", ArraySource(np.ones((3, 5), np.float32)))])
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError):
            open_checkpoint(tmp_path)
