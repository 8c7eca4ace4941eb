"""Finding and opening checkpoints: which file is taken, indexes, and what is said when something is missing."""

import json
import os
import subprocess
import sys

import h5py
import msgpack
import numpy as np
import pytest
import torch

from pytransformers.weights import (
    ArraySource,
    CheckpointError,
    LazyTensor,
    open_checkpoint,
    resolve_file,
    save_checkpoint,
)

ONE = np.ones(4, np.float32)


def safetensors_in(folder, value=1, **options):
    return save_checkpoint(folder, [(f"w{i}", ArraySource(ONE * value)) for i in range(3)], **options)


def bin_in(folder, value=2):
    torch.save({f"w{i}": torch.from_numpy(ONE * value) for i in range(3)}, folder / "pytorch_model.bin")


def legacy_in(folder):
    torch.save({"w0": torch.ones(4)}, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)


def first(folder, **options):
    with open_checkpoint(folder, **options) as checkpoint:
        return checkpoint.format, checkpoint["w0"].numpy(copy=True)[0]


def test_safetensors_goes_first(tmp_path):
    safetensors_in(tmp_path), bin_in(tmp_path)
    assert first(tmp_path) == first(str(tmp_path)) == ("safetensors", 1)
    assert first(tmp_path, use_safetensors=False) == ("bin", 2)
    assert first(tmp_path, weights_name="pytorch_model.bin") == first(tmp_path / "pytorch_model.bin") == ("bin", 2)
    assert first(tmp_path, from_pt=True) == ("safetensors", 1)


def test_subfolder_and_sharded_bin(tmp_path):
    folder = tmp_path / "unet"
    folder.mkdir()
    torch.save({"w0": torch.ones(2)}, folder / "pytorch_model-00001-of-00002.bin")
    torch.save({"w1": torch.zeros(2)}, folder / "pytorch_model-00002-of-00002.bin")
    weight_map = {f"w{i}": f"pytorch_model-0000{i + 1}-of-00002.bin" for i in range(2)}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    with open_checkpoint(tmp_path, subfolder="unet") as checkpoint:
        assert set(checkpoint) == {"w0", "w1"} and len(checkpoint.files) == 2
        assert isinstance(checkpoint["w1"], LazyTensor) and checkpoint["w1"].file == checkpoint.files[1]


def test_an_index_can_be_opened_itself(tmp_path):
    safetensors_in(tmp_path, max_shard_size=16)
    with open_checkpoint(tmp_path / "model.safetensors.index.json") as checkpoint:
        assert len(checkpoint) == 3 and len(checkpoint.files) == 3


def test_a_name_in_two_shards_is_taken_where_the_index_says(tmp_path):
    safetensors_in(tmp_path, max_shard_size=16)
    last = sorted(tmp_path.glob("*-of-*"))[-1]
    os.replace(save_checkpoint(tmp_path / "x", [("w0", ArraySource(ONE * 9)), ("w2", ArraySource(ONE))])[0], last)
    assert first(tmp_path) == ("safetensors", 1)


def test_missing_files_are_named(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"model\.safetensors.*pytorch_model\.bin.*config\.json") as caught:
        open_checkpoint(tmp_path)
    assert isinstance(caught.value, OSError) and str(tmp_path) in str(caught.value)
    safetensors_in(tmp_path)
    for options in ({"variant": "fp16"}, {"use_safetensors": False}, {"weights_name": "other.bin"}):
        with pytest.raises(CheckpointError, match=str(tmp_path)):
            open_checkpoint(tmp_path, **options)
    with pytest.raises(CheckpointError, match="no folder here"):
        open_checkpoint(tmp_path / "nowhere")
    (tmp_path / "weights.txt").write_text("x")
    with pytest.raises(CheckpointError, match="ending in"):
        open_checkpoint(tmp_path, weights_name="weights.txt")


def test_from_tf_and_from_flax_name_their_files(tmp_path):
    bin_in(tmp_path)
    with pytest.raises(CheckpointError, match="tf_model.h5"):
        open_checkpoint(tmp_path, from_tf=True)
    with pytest.raises(CheckpointError, match="flax_model.msgpack"):
        open_checkpoint(tmp_path, from_flax=True)


INDEX = "model.safetensors.index.json"


def index_with(folder, weight_map, **more):
    safetensors_in(folder, max_shard_size=16)
    (folder / INDEX).write_text(json.dumps({"weight_map": weight_map, **more}))


@pytest.mark.parametrize(
    "name",
    ["../secret.safetensors", "/etc/secret.safetensors", "a/../../secret.safetensors", "..\\secret.safetensors",
     "C:\\secret.safetensors", "C:secret.safetensors", "\\\\host\\secret.safetensors", "", "x\0.safetensors"],
)  # fmt: skip
def test_an_index_that_leads_outside_is_refused(tmp_path, name):
    safetensors_in(tmp_path.joinpath("outside"))
    index_with(tmp_path, {"w0": name})
    with pytest.raises(CheckpointError, match="'w0'.*outside") as caught:
        open_checkpoint(tmp_path)
    assert INDEX in str(caught.value)


def test_an_absent_shard_is_named(tmp_path):
    safetensors_in(tmp_path, max_shard_size=16)
    (tmp_path / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(CheckpointError, match=rf"{INDEX}.*model-00002-of-00003\.safetensors"):
        open_checkpoint(tmp_path)


def test_a_key_that_its_shard_lacks_is_named(tmp_path):
    index_with(tmp_path, {"w0": "model-00001-of-00003.safetensors", "gone": "model-00001-of-00003.safetensors"})
    with pytest.raises(CheckpointError, match="'gone' in model-00001"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "{}", '{"weight_map": []}', '{"weight_map": {}}', '{"weight_map": {"a": 1}}', "[" * 100_000,
     '{"weight_map": {"a": "b"}, "metadata": [1]}'],
)  # fmt: skip
def test_malformed_indexes(tmp_path, text):
    (tmp_path / INDEX).write_text(text)
    with pytest.raises(CheckpointError, match=INDEX):
        open_checkpoint(tmp_path)


def test_a_damaged_shard_closes_the_others(tmp_path):
    safetensors_in(tmp_path, max_shard_size=16)
    (tmp_path / "model-00003-of-00003.safetensors").write_bytes(b"broken")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(CheckpointError, match="model-00003"):
            open_checkpoint(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before


def h5_in(folder):
    with h5py.File(folder / "tf_model.h5", "w") as file:
        layer = file.create_group("dense")
        layer.attrs["weight_names"] = [b"model/dense/kernel:0", b"model/dense/bias:0"]
        layer["model/dense/kernel:0"], layer["model/dense/bias:0"] = np.ones((8, 4), np.float32), ONE


def msgpack_in(folder):
    kernel = msgpack.packb(((4, 2), "float32", bytes(32)))
    tree = {"params": {f"layer_{i}": {"kernel": msgpack.ExtType(1, kernel)} for i in range(4)}}
    (folder / "flax_model.msgpack").write_bytes(msgpack.packb(tree))


@pytest.mark.parametrize("write", [safetensors_in, bin_in, legacy_in, h5_in, msgpack_in])
def test_damaged_files_load_or_raise_one_error(tmp_path, write):
    """Random bytes changed, 300 times: nothing but a `CheckpointError`, and no crash."""
    write(tmp_path)
    [path] = tmp_path.iterdir()
    whole, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(300):
        data = np.frombuffer(whole, np.uint8).copy()
        places = rng.integers(0, rng.choice([100, 1000, len(data)]), rng.choice([1, 2, 10])) % len(data)
        data[places] = rng.choice([np.zeros_like(places), rng.integers(0, 256, len(places)), data[places] ^ 1])
        path.write_bytes(data.tobytes())
        try:
            with open_checkpoint(path) as checkpoint:
                for tensor in checkpoint.values():
                    tensor.buffer(copy=True)
        except CheckpointError as error:
            assert path.name in str(error)
            refused += 1
    assert refused > 30


def test_resolve_file(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "vocab.txt").write_text("x")
    assert resolve_file(tmp_path, "vocab.txt", subfolder="sub") == tmp_path / "sub" / "vocab.txt"
    assert resolve_file(tmp_path, "vocab.txt") is None and resolve_file(tmp_path, "sub") is None
    for name in ("../x", "/x", ""):
        with pytest.raises(CheckpointError, match="inside"):
            resolve_file(tmp_path, name)


def test_importing_the_package_loads_no_numpy():
    code = "import sys, pytransformers.weights as w; w.resolve_file; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_copying_does_not_count_the_file_twice(tmp_path):
    """Peak memory of copy=True is the tensors themselves: 64 MB here, with 25 % to spare."""
    megabytes = 64
    save_checkpoint(tmp_path, [(f"w{i}", ArraySource(np.zeros((1 << 20,), np.float32))) for i in range(megabytes // 4)])
    code = f"""
from pytransformers.weights import open_checkpoint
peak = lambda: int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]) / 1024
checkpoint = open_checkpoint({str(tmp_path)!r})
before = peak()
kept = [tensor.buffer(copy=True) for tensor in checkpoint.values()]
assert {megabytes} <= peak() - before < {megabytes} * 1.25, peak() - before
"""
    subprocess.run([sys.executable, "-c", code], check=True)
