"""tf_model.h5 and flax_model.msgpack as `transformers` writes them come out with torch's names, layout and values."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import msgpack
import numpy as np
import pytest
import safetensors.numpy

from pytransformers.weights import CheckpointError, open_checkpoint

PROGRAM = Path(__file__).with_name("oracle_checkpoints.py")
BOTH = ["bert", "bert-shards", "bert-safetensors", "albert", "gpt2", "t5-gated", "vit"]
ONLY = {"tf": ["bert-base", "t5", "convbert", "resnet"], "flax": ["llama"]}
CASES = [(framework, case) for framework, more in ONLY.items() for case in BOTH + more]
# A base model of TensorFlow is saved under its own name, which torch's base model leaves out
PREFIXES = {("tf", "bert-base"): "bert.", ("tf", "convbert"): "convbert.", ("tf", "resnet"): "resnet."}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("oracle")
    # Other tests of this process may have told the oracle to leave its TensorFlow and Flax halves alone.
    environment = {name: value for name, value in os.environ.items() if name not in ("USE_TF", "USE_FLAX")}
    for framework in ("tf", "flax"):
        command = [sys.executable, str(PROGRAM), str(folder / framework), framework]
        result = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert result.returncode == 0, result.stderr[-3000:]
    return folder


@pytest.mark.parametrize("framework, case", CASES)
def test_names_layout_and_values(written, framework, case):
    folder, prefix = written / framework / case, PREFIXES.get((framework, case), "")
    expected = safetensors.numpy.load_file(folder / "expected")
    names = set(json.loads((folder / "names.json").read_text()))
    if case == "convbert":  # torch alone holds this one as a column
        expected = {name: value for name, value in expected.items() if not name.endswith("key_conv_attn_layer.bias")}
    with open_checkpoint(folder) as checkpoint:
        kinds = {"bert-safetensors": "safetensors", "flax": "msgpack", "tf": "h5"}
        assert checkpoint.format == kinds.get(case, kinds[framework])
        assert len(checkpoint.files) == (3 if case == "bert-shards" else 1)
        found = {name.removeprefix(prefix): tensor for name, tensor in checkpoint.items()}
        assert set(expected) <= set(found) <= names
        for name, value in expected.items():
            for copy in (False, True):
                np.testing.assert_array_equal(found[name].numpy(copy), value, err_msg=name)


def test_reading_loads_no_framework(written):
    code = (
        "import sys; from pytransformers.weights import open_checkpoint\n"
        f"for f in ('tf', 'flax'):\n"
        f"    [t.buffer() for t in open_checkpoint({str(written)!r} + '/' + f + '/bert').values()]\n"
        "assert not {'torch', 'jax', 'flax', 'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -- HDF5 by hand ------------------------------------------------------------------------------------------------------
def h5_file(folder, fill):
    with h5py.File(folder / "tf_model.h5", "w") as file:
        group = file.create_group("dense")
        group.attrs["weight_names"] = [b"model/dense/kernel:0"]
        fill(file, group)
    return folder


@pytest.mark.parametrize("options", [{"compression": "gzip"}, {"chunks": (2, 2)}, {"dtype": ">f4"}, {"dtype": "<f2"}])
def test_data_that_cannot_be_mapped(tmp_path, options):
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    h5_file(tmp_path, lambda _, group: group.create_dataset("model/dense/kernel:0", data=array, **options))
    with open_checkpoint(tmp_path) as checkpoint:
        for copy in (False, True):
            np.testing.assert_array_equal(checkpoint["dense.weight"].numpy(copy), array.T)


@pytest.mark.parametrize(
    "fill, message",
    [
        (lambda file, group: file.__setitem__("other", h5py.ExternalLink("x.h5", "/")), "link"),
        (lambda file, group: group.__setitem__("other", h5py.SoftLink("/dense")), "link"),
        (lambda file, group: group.__setitem__("x", "text"), "numbers"),
        (lambda file, group: group.create_dataset("x", (8,), "f4", external=[("secret", 0, 32)]), "inside the file"),
        (lambda file, group: group.__setitem__("again", file), "HDF5 file of weights"),
        (lambda file, group: group.create_dataset("x", data=h5py.Empty("f4")), "HDF5 file of weights"),
    ],
    ids=["external link", "soft link", "text", "external data", "loop", "no shape"],
)
def test_hostile_h5_files(tmp_path, fill, message):
    with pytest.raises(CheckpointError, match=message) as caught:
        open_checkpoint(h5_file(tmp_path, fill))
    assert "tf_model.h5" in str(caught.value)


def test_h5_truncations(tmp_path):
    array = np.arange(1200, dtype=np.float32).reshape(30, 40)
    h5_file(tmp_path, lambda _, group: group.create_dataset("model/dense/kernel:0", data=array))
    path = tmp_path / "tf_model.h5"
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match="tf_model.h5"):
            open_checkpoint(tmp_path)


# -- msgpack by hand ---------------------------------------------------------------------------------------------------
def packed(array, dtype=None):
    data = msgpack.packb((array.shape, dtype or array.dtype.name, array.tobytes()), use_bin_type=True)
    return msgpack.ExtType(1, data)


def msgpack_file(folder, tree):
    path = folder / "flax_model.msgpack"
    path.write_bytes(tree if isinstance(tree, bytes) else msgpack.packb(tree, strict_types=True))
    return folder


def test_arrays_of_every_size_class(tmp_path):
    tree = {f"n{n}": {"bias": packed(np.arange(n, dtype=np.float32))} for n in (0, 1, 3, 50, 300, 70_000)}
    tree["batch_norm"] = {"mean": packed(np.ones(2, np.float32)), "nothing": None}
    tree["layer" * 60] = {str(i): {"scale": packed(np.array(i, np.float16))} for i in range(20)}
    with open_checkpoint(msgpack_file(tmp_path, {"params": tree})) as checkpoint:
        for n in (0, 1, 3, 50, 300, 70_000):
            np.testing.assert_array_equal(checkpoint[f"n{n}.bias"].numpy(), np.arange(n))
        assert checkpoint["batch_norm.running_mean"].shape == (2,)
        assert checkpoint["layer" * 60 + ".19.weight"].numpy() == 19
        assert len(checkpoint) == 6 + 1 + 20


def test_equals_flax_serialization(tmp_path):
    import flax.serialization
    import jax.numpy as jnp
    from flax.serialization import msgpack_serialize

    tree = {"a": {"kernel": np.arange(6.0).reshape(2, 3)}, "b": {"bias": jnp.arange(4, dtype=jnp.bfloat16)}}
    with open_checkpoint(msgpack_file(tmp_path, msgpack_serialize(tree))) as checkpoint:
        np.testing.assert_array_equal(checkpoint["a.weight"].numpy(), tree["a"]["kernel"].T)
        assert checkpoint["b.bias"].dtype == "bfloat16"
        np.testing.assert_array_equal(checkpoint["b.bias"].numpy().astype(np.float32), np.arange(4))
    limit, flax.serialization.MAX_CHUNK_SIZE = flax.serialization.MAX_CHUNK_SIZE, 100
    try:
        data = msgpack_serialize({"big": {"kernel": np.arange(99, dtype=np.float32).reshape(9, 11)}})
    finally:
        flax.serialization.MAX_CHUNK_SIZE = limit
    assert data.count(b"chunks") == 1
    with open_checkpoint(msgpack_file(tmp_path, data)) as checkpoint:
        for copy in (False, True):
            np.testing.assert_array_equal(checkpoint["big.weight"].numpy(copy), np.arange(99.0).reshape(9, 11).T)


SHORT = msgpack.ExtType(1, msgpack.packb(((3,), "float32", b"1234")))
CHUNKS = {"__msgpack_chunked_array__": True, "shape": {"0": 5}, "chunks": {"0": packed(np.ones(3, np.float32))}}
HOSTILE = {
    "empty": b"",
    "a list": [1, 2],
    "reserved byte": b"\x81\xa1a\xc1",
    "a number": {"a": 1},
    "bytes": {"a": b"123"},
    "another extension": {"a": msgpack.ExtType(7, b"123")},
    "key no text": {1: packed(np.ones(2))},
    "too few bytes": {"a": SHORT},
    "unknown dtype": {"a": packed(np.ones(2, np.float32), "object")},
    "length beyond the end": b"\x81\xa1a\xc9\xff\xff\xff\xff\x01",
    "list beyond the end": b"\x81\xa1a\xdd\xff\xff\xff\xff",
    "deep": b"\x81\xa1a" * 10_000,
    "not UTF-8": b"\x81\xa1\xff\x01",
    "chunks that do not add up": {"a": CHUNKS},
    "chunks of text": {"a": CHUNKS | {"chunks": {"0": "x"}}},
    "chunks without shape": {"a": {"__msgpack_chunked_array__": True}},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_msgpack_files(tmp_path, kind):
    with pytest.raises(CheckpointError, match="flax_model.msgpack"):
        open_checkpoint(msgpack_file(tmp_path, HOSTILE[kind]))


def test_msgpack_truncations(tmp_path):
    path = msgpack_file(tmp_path, {"a": {"kernel": packed(np.ones((3, 4), np.float32))}}) / "flax_model.msgpack"
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match="flax_model.msgpack"):
            open_checkpoint(tmp_path)
