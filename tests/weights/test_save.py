"""Saving: shards, names, and the old checkpoint whole whatever interrupts it."""

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import safetensors.numpy

from pytransformers.weights import ArraySource, CheckpointError, open_checkpoint, save, save_checkpoint, save_json


def tensors(value, count=4, size=100):
    return [(f"w{i}", ArraySource(np.full(size, value + i, np.float32))) for i in range(count)]


def values(folder):
    """The values that a reader finds: the first of each tensor."""
    with open_checkpoint(folder) as checkpoint:
        return {name: float(tensor.numpy(copy=True)[0]) for name, tensor in checkpoint.items()}


def expected(value, count=4):
    return {f"w{i}": float(value + i) for i in range(count)}


WHOLE, SHARDED, IN_TWO = "5GB", 400, 800  # a tensor of `tensors` has 400 bytes


def test_sharded_files_are_those_of_the_reference(tmp_path):
    files = save_checkpoint(tmp_path, tensors(1), max_shard_size=IN_TWO)
    assert sorted(os.listdir(tmp_path)) == sorted(file.name for file in files) == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
    ]
    index = json.loads(files[-1].read_text())
    assert index["metadata"]["total_size"] == 1600
    assert index["weight_map"]["w3"] == "model-00002-of-00002.safetensors"
    assert set(safetensors.numpy.load_file(files[0])) == {"w0", "w1"}
    assert values(tmp_path) == expected(1)


def test_variants_stand_side_by_side(tmp_path):
    save_checkpoint(tmp_path, tensors(1))
    save_checkpoint(tmp_path, tensors(5), variant="fp16")
    save_checkpoint(tmp_path, tensors(9), variant="fp16", max_shard_size=IN_TWO)
    assert sorted(os.listdir(tmp_path)) == [
        "model.fp16-00001-of-00002.safetensors",
        "model.fp16-00002-of-00002.safetensors",
        "model.safetensors",
        "model.safetensors.index.fp16.json",
    ]
    assert values(tmp_path) == expected(1)
    with open_checkpoint(tmp_path, variant="fp16") as checkpoint:
        assert checkpoint["w0"].numpy()[0] == 9


@pytest.mark.parametrize("before", [WHOLE, SHARDED, IN_TWO])
@pytest.mark.parametrize("after", [WHOLE, SHARDED, IN_TWO])
def test_saving_again_leaves_only_the_new_files(tmp_path, before, after):
    save_checkpoint(tmp_path, tensors(1), max_shard_size=before)
    (tmp_path / "config.json").write_text("{}")
    files = save_checkpoint(tmp_path, tensors(7), max_shard_size=after)
    assert sorted(os.listdir(tmp_path)) == sorted({"config.json", *(file.name for file in files)})
    assert values(tmp_path) == expected(7)


@pytest.mark.parametrize("before", [WHOLE, SHARDED, IN_TWO])
@pytest.mark.parametrize("after", [WHOLE, SHARDED])
def test_a_failing_tensor_leaves_the_old_files_whole(tmp_path, before, after):
    save_checkpoint(tmp_path, tensors(1), max_shard_size=before)
    old = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}

    class Failing:
        shape, dtype = (100,), "float32"

        def buffer(self):
            raise RuntimeError("device lost")

    with pytest.raises(RuntimeError, match="device lost"):
        save_checkpoint(tmp_path, [*tensors(7, 3), ("w3", Failing())], max_shard_size=after)
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == old


class Killed(BaseException):
    pass


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("before", [WHOLE, SHARDED, IN_TWO])
@pytest.mark.parametrize("after", [WHOLE, SHARDED, IN_TWO])
def test_stopped_before_any_change_of_the_folder(tmp_path, monkeypatch, before, after, links):
    """Stop at the first, second, ... change of a directory entry: a reader always finds one whole checkpoint."""
    for stop_at in range(1000):
        folder = tmp_path / str(stop_at)
        save_checkpoint(folder, tensors(1), max_shard_size=before)
        with monkeypatch.context() as patch:
            finished = save_until(patch, stop_at, folder, after, links)
        assert values(folder) in ([expected(7)] if finished else [expected(1), expected(7)]), f"change {stop_at}"
        save_checkpoint(folder, tensors(3), max_shard_size=after)
        assert values(folder) == expected(3)
        assert not [name for name in os.listdir(folder) if name.startswith(".")], "what was left behind is cleared"
        if finished:
            break
    assert stop_at > 0


def save_until(patch, stop_at, folder, max_shard_size, links):
    """Save, but stop before the change number `stop_at` of the folder's entries; whether it came to its end."""
    done = 0

    def guard(name):
        real = getattr(os, name)

        def call(*arguments):
            nonlocal done
            if done == stop_at:
                raise Killed
            if name == "link" and not links:
                raise OSError("no hard links here")
            done += 1
            return real(*arguments)

        patch.setattr(os, name, call)
        return call

    guard("replace"), guard("link")
    unlink = guard("unlink")
    patch.setattr("pathlib.Path.unlink", lambda path, missing_ok=False: os.path.lexists(path) and unlink(path))
    try:
        save_checkpoint(folder, tensors(7), max_shard_size=max_shard_size)
    except Killed:
        return False
    return True


@pytest.mark.parametrize("size", [WHOLE, SHARDED])
def test_killed_while_writing(tmp_path, size):
    save_checkpoint(tmp_path, tensors(1), max_shard_size=size)
    code = f"""
        import os, signal, numpy as np
        from pytransformers.weights import save_checkpoint
        class Source:
            shape, dtype = (100,), "float32"
            def __init__(self, last): self.last = last
            def buffer(self):
                if self.last: os.kill(os.getpid(), signal.SIGKILL)
                return np.zeros(400, np.uint8)
        save_checkpoint({str(tmp_path)!r}, [(f"w{{i}}", Source(i == 3)) for i in range(4)], max_shard_size={size!r})
    """
    result = subprocess.run([sys.executable, "-c", textwrap.dedent(code)])
    assert result.returncode == -9
    assert values(tmp_path) == expected(1)
    save_checkpoint(tmp_path, tensors(2), max_shard_size=size)
    assert values(tmp_path) == expected(2) and not [n for n in os.listdir(tmp_path) if n.startswith(".")]


def test_one_tensor_in_memory_at_a_time(tmp_path):
    alive, most = 0, 0

    class Counted(np.ndarray):
        def __del__(self):
            nonlocal alive
            alive -= self.base is None

    class Source:
        shape, dtype = (100,), "float32"

        def buffer(self):
            nonlocal alive, most
            alive += 1
            most = max(most, alive)
            return Counted(400, np.uint8)

    save_checkpoint(tmp_path, [(f"w{i}", Source()) for i in range(5)])
    assert most == 1


@pytest.mark.parametrize(
    "wrong, message",
    [
        ([("a", ArraySource(np.zeros(1))), ("a", ArraySource(np.zeros(1)))], "'a' twice"),
        ([("a", ArraySource(np.array(["x"])))], "'a'.*str32"),
    ],
)
def test_wrong_tensors_are_refused(tmp_path, wrong, message):
    with pytest.raises(CheckpointError, match=message):
        save_checkpoint(tmp_path, wrong)
    assert os.listdir(tmp_path) == []


def test_too_few_bytes_are_refused(tmp_path):
    class Short:
        shape, dtype = (3,), "float32"

        def buffer(self):
            return b"1234"

    with pytest.raises(CheckpointError, match="expected 12 bytes for 'x'"):
        save_checkpoint(tmp_path, [("x", Short())])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "text, size", [("5GB", 5 * 10**9), ("2GiB", 2**31), ("500 mb", 5 * 10**8), (10, 10), ("7", 7), ("1.5KB", 1500)]
)
def test_sizes(text, size):
    assert save._size_of(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1", 0, "5XB", "5IB"])
def test_wrong_sizes(text):
    with pytest.raises(CheckpointError, match="max_shard_size"):
        save._size_of(text)


def test_json_is_atomic(tmp_path):
    path = save_json(tmp_path / "config.json", {"b": 1, "a": "ü"})
    assert path.read_text(encoding="utf-8") == '{\n  "a": "ü",\n  "b": 1\n}\n'
    with pytest.raises(TypeError):
        save_json(path, {"x": object()})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": "ü", "b": 1}
    assert os.listdir(tmp_path) == ["config.json"]
