"""`pytorch_model.bin` read without torch, in both of its formats, and no code run from it."""

import collections
import io
import os
import pickle
import pickletools
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

from pytransformers.weights import CheckpointError, open_checkpoint

FORMATS = {"zip": True, "legacy": False}


def state_dict():
    torch.manual_seed(0)
    base = torch.randn(6, 8)
    module = torch.nn.BatchNorm1d(3)
    return collections.OrderedDict(
        matrix=base,
        transposed=base.t(),
        column=base[:, 3],
        block=base[1:5:2, 2:7:3],
        expanded=torch.randn(1, 4).expand(3, 4),
        scalar=torch.tensor(2.5),
        empty=torch.zeros(0, 3),
        half=torch.randn(5).half(),
        bf16=torch.randn(5, 2).bfloat16(),
        double=torch.randn(3).double(),
        ids=torch.arange(7),
        small=torch.arange(4, dtype=torch.int8),
        flags=torch.tensor([True, False]),
        complex=torch.randn(3, dtype=torch.complex64),
        parameter=torch.nn.Parameter(torch.randn(2, 2)),
        buffer=torch.nn.Parameter(torch.randn(2), requires_grad=False),
        running=module.running_mean,
        counter=module.num_batches_tracked,
    )


def raw(tensor):
    if not tensor.numel():
        return np.empty(0, np.uint8)
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("copy", [False, True])
def test_every_tensor_equals_torchs(tmp_path, kind, copy):
    expected = state_dict()
    torch.save(expected, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=FORMATS[kind])
    with open_checkpoint(tmp_path) as checkpoint:
        assert list(checkpoint) == list(expected) and checkpoint.format == "bin"
        for name, tensor in checkpoint.items():
            assert tensor.shape == tuple(expected[name].shape)
            assert tensor.dtype == str(expected[name].dtype).removeprefix("torch.")
            np.testing.assert_array_equal(tensor.buffer(copy), raw(expected[name]), err_msg=name)


def test_dtypes_that_only_the_zip_format_has(tmp_path):
    expected = {"fp8": torch.randn(6).to(torch.float8_e4m3fn), "u16": torch.tensor([1, 2, 65535], dtype=torch.uint16)}
    torch.save(expected, tmp_path / "pytorch_model.bin")
    with open_checkpoint(tmp_path) as checkpoint:
        for name, tensor in checkpoint.items():
            assert tensor.dtype == str(expected[name].dtype).removeprefix("torch.")
            np.testing.assert_array_equal(tensor.buffer(), raw(expected[name]))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol(tmp_path, protocol):
    expected = state_dict()
    torch.save(expected, tmp_path / "pytorch_model.bin", pickle_protocol=protocol)
    with open_checkpoint(tmp_path) as checkpoint:
        assert list(checkpoint) == list(expected)
        np.testing.assert_array_equal(checkpoint["block"].buffer(), raw(expected["block"]))


def test_module_state_dict_with_version_metadata(tmp_path):
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4))
    torch.save(module.state_dict(), tmp_path / "pytorch_model.bin")
    with open_checkpoint(tmp_path) as checkpoint:
        assert list(checkpoint) == list(module.state_dict())


def test_a_zip_is_mapped_not_copied(tmp_path):
    torch.save({"x": torch.zeros(1000)}, tmp_path / "pytorch_model.bin")
    before = (tmp_path / "pytorch_model.bin").read_bytes()
    with open_checkpoint(tmp_path) as checkpoint:
        buffer = checkpoint["x"].buffer()
        assert buffer.base is not None and buffer.flags.writeable and not buffer.flags.owndata
        buffer[:] = 1
        assert checkpoint["x"].buffer().all(), "the same pages"
    assert (tmp_path / "pytorch_model.bin").read_bytes() == before


def test_compressed_entries(tmp_path):
    torch.save({"x": torch.arange(100.0)}, tmp_path / "plain.bin")
    with zipfile.ZipFile(tmp_path / "plain.bin") as old:
        with zipfile.ZipFile(tmp_path / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
    with open_checkpoint(tmp_path, weights_name="pytorch_model.bin") as checkpoint:
        for copy in (False, True):
            np.testing.assert_array_equal(checkpoint["x"].numpy(copy), np.arange(100, dtype=np.float32))


class Exploit:
    """Runs a command when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, kind):
    proof, path = tmp_path / "proof", tmp_path / "pytorch_model.bin"
    torch.save({"x": torch.ones(2), "y": Exploit(proof)}, path, _use_new_zipfile_serialization=FORMATS[kind])
    with pytest.raises(CheckpointError, match=r"system.*not run") as caught:
        open_checkpoint(tmp_path)
    assert str(path) in str(caught.value) and not proof.exists()
    assert f"touch {proof}".encode() in path.read_bytes(), "the file does hold code"


def with_pickle(folder, data):
    path = folder / "pytorch_model.bin"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
    return path


@pytest.mark.parametrize(
    "name",
    ["builtins eval", "builtins getattr", "posix system", "torch load", "torch._utils _rebuild_qtensor",
     "torch.storage _load_from_bytes", "numpy.core.multiarray _reconstruct", "collections OrderedDict.fromkeys"],
)  # fmt: skip
def test_names_off_the_list_are_refused(tmp_path, name):
    path = with_pickle(tmp_path, f"c{name.replace(' ', chr(10))}\n.".encode())
    with pytest.raises(CheckpointError, match=name.split()[-1]) as caught:
        open_checkpoint(tmp_path)
    assert str(path) in str(caught.value)


NESTED = b"\x80\x02]" + b"q\x00h\x00\x86" * 60  # a pair of itself, sixty times over: 2**60 leaves
HOSTILE = {
    "empty": b"",
    "no stop": b"\x80\x02}",
    "stack underflow": b"\x80\x02\x86.",
    "unknown memo": b"\x80\x02h\x07.",
    "enormous memo index": b"\x80\x02K\x01r\xff\xff\xff\xff.",
    "items without mark": b"\x80\x02}u.",
    "call of a dict": b"\x80\x02})R.",
    "calling a storage": b"\x80\x02ctorch\nFloatStorage\n)R.",
    "bad tensor": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x02K\x03tR.",
    "exponential key": NESTED + b"q\x01}h\x01K\x01s.",
    "exponential call": NESTED + b")R.",
    "exponential storage": NESTED + b"Q.",
    "enormous string": b"\x80\x04\x8d" + (2**62).to_bytes(8, "little") + b"x.",
    "extension registry": b"\x80\x02\x82\x01.",
    "new object": b"\x80\x02ccollections\nOrderedDict\n)\x81.",
    "a number": b"\x80\x02K\x01.",
    "not a pickle": b"\xff\xfe\xfd",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_pickles_end_in_one_error(tmp_path, kind):
    path = with_pickle(tmp_path, HOSTILE[kind])
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(tmp_path)
    assert str(path) in str(caught.value) and len(str(caught.value)) < 1000


@pytest.mark.parametrize("kind", FORMATS)
def test_truncations_are_refused(tmp_path, kind):
    path = tmp_path / "pytorch_model.bin"
    torch.save({"x": torch.randn(3), "y": torch.randn(40)}, path, _use_new_zipfile_serialization=FORMATS[kind])
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match="pytorch_model.bin"):
            open_checkpoint(tmp_path)


def repacked(path, change):
    """The zip at `path` with each entry's bytes passed through change(name, data); None drops it."""
    with zipfile.ZipFile(path) as old:
        entries = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, data in entries.items():
            data = change(name, data)
            if data is not None:
                new.writestr(name, data)


@pytest.mark.parametrize(
    "change",
    [
        lambda name, data: data[:-4] if name.endswith("/data/0") else data,
        lambda name, data: None if name.endswith("/data/0") else data,
        lambda name, data: b"big" if name.endswith("/byteorder") else data,
        lambda name, data: None if name.endswith("/data.pkl") else data,
    ],
    ids=["short storage", "no storage", "big endian", "no pickle"],
)
def test_a_zip_with_wrong_entries_is_refused(tmp_path, change):
    path = tmp_path / "pytorch_model.bin"
    torch.save({"x": torch.randn(8)}, path)
    repacked(path, change)
    with pytest.raises(CheckpointError, match="pytorch_model.bin"):
        open_checkpoint(tmp_path)


def test_a_tensor_beyond_its_storage_is_refused(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    torch.save({"x": torch.randn(2, 4)}, path)
    with zipfile.ZipFile(path) as archive:
        data = archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))
    shape = pickle.dumps((2, 4), 2)[2:-3]
    assert data.count(shape) >= 1 and pickletools.dis(shape + b".", io.StringIO()) is None
    repacked(path, lambda name, old: old.replace(shape, shape.replace(b"K\x04", b"K\x40")) if "pkl" in name else old)
    with pytest.raises(CheckpointError, match="'x'"):
        open_checkpoint(tmp_path)


def test_other_zip_files_and_programs(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))
    with pytest.raises(CheckpointError, match="TorchScript"):
        open_checkpoint(tmp_path)
    path.write_bytes(pickle.dumps({"x": 1}))
    with pytest.raises(CheckpointError, match="another kind"):
        open_checkpoint(tmp_path)


def test_reading_imports_no_torch(tmp_path):
    torch.save(state_dict(), tmp_path / "pytorch_model.bin")
    code = (
        "import sys; from pytransformers.weights import open_checkpoint\n"
        f"c = open_checkpoint({str(tmp_path)!r}); [t.buffer() for t in c.values()]\n"
        "assert not {'torch', 'jax', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
