"""Loading from a hub, against a small server on this machine that HF_ENDPOINT names."""

import numpy as np
import pytest

from pytransformers.weights import ArraySource, CheckpointError, open_checkpoint, resolve_file, save_checkpoint

from .hub_server import COMMIT, running_hub

pytestmark = pytest.mark.network

NAME = "someone/tiny-model"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with one repository; `hub.fetch` and `hub.open` use a cache of this test's own."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with running_hub() as (hub, address):
        monkeypatch.setenv("HF_ENDPOINT", address)
        hub.repositories[NAME] = {"config.json": b"{}", "sub/vocab.txt": b"a b"}
        cache = tmp_path / "cache"
        hub.fetch = lambda file, repo=NAME, **options: resolve_file(repo, file, cache_dir=cache, **options)
        hub.open = lambda repo=NAME, **options: open_checkpoint(repo, cache_dir=cache, **options)
        yield hub


def upload(hub, folder, **options):
    tensors = [(f"w{i}", ArraySource(np.full(4, i, np.float32))) for i in range(3)]
    files = save_checkpoint(folder, tensors, **options)
    hub.repositories[NAME] |= {file.name: file.read_bytes() for file in files}


def check(checkpoint):
    assert {name: float(tensor.numpy()[0]) for name, tensor in checkpoint.items()} == {"w0": 0, "w1": 1, "w2": 2}
    checkpoint.close()


def test_one_file(hub, tmp_path):
    upload(hub, tmp_path / "up")
    check(hub.open())
    assert f"GET /{NAME}/resolve/main/model.safetensors" in hub.requests


def test_shards_are_taken_from_the_index_commit(hub, tmp_path):
    upload(hub, tmp_path / "up", max_shard_size=16)
    with hub.open() as checkpoint:
        assert len(checkpoint.files) == 3
        check(checkpoint)
    assert f"GET /{NAME}/resolve/{COMMIT}/model-00002-of-00003.safetensors" in hub.requests


def test_a_shard_that_the_hub_lacks(hub, tmp_path):
    upload(hub, tmp_path / "up", max_shard_size=16)
    del hub.repositories[NAME]["model-00002-of-00003.safetensors"]
    with pytest.raises(CheckpointError, match="model-00002-of-00003"):
        hub.open()


def test_text_files_subfolders_and_revisions(hub):
    assert hub.fetch("config.json").read_bytes() == b"{}"
    assert hub.fetch("vocab.txt", subfolder="sub").read_bytes() == b"a b"
    assert hub.fetch("config.json", revision=COMMIT).read_bytes() == b"{}"


def test_a_second_call_asks_but_does_not_fetch(hub):
    hub.fetch("config.json")
    hub.requests.clear()
    hub.fetch("config.json")
    assert hub.requests == [f"HEAD /{NAME}/resolve/main/config.json"]
    hub.fetch("config.json", force_download=True)
    assert f"GET /{NAME}/resolve/main/config.json" in hub.requests


def test_what_is_absent(hub):
    assert hub.fetch("tokenizer.json") is None
    with pytest.raises(CheckpointError, match=f"weights in {NAME}"):
        hub.open()
    with pytest.raises(CheckpointError, match="neither.*token="):
        hub.fetch("config.json", repo="no/such")
    with pytest.raises(CheckpointError, match="no revision 'v9'"):
        hub.fetch("config.json", revision="v9")
    hub.gated.add("someone/gated")
    with pytest.raises(CheckpointError, match="gated"):
        hub.fetch("config.json", repo="someone/gated")


@pytest.mark.parametrize("name", ["a/b/c", "/no/folder", "./here", "-x", "a//b", "a b", "https://x/y", "x..y/--z"])
def test_what_is_no_id_is_refused_without_asking(hub, name):
    with pytest.raises(CheckpointError):
        hub.fetch("config.json", repo=name)
    assert not hub.requests


def test_a_token_is_passed(hub):
    hub.private[NAME] = "hf_secret"
    with pytest.raises(CheckpointError, match="private"):
        hub.fetch("config.json", token=False)
    assert hub.fetch("config.json", token="hf_secret").read_bytes() == b"{}"


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "local_files_only"])
def test_offline_with_a_warm_cache(hub, tmp_path, monkeypatch, switch):
    upload(hub, tmp_path / "up", max_shard_size=16)
    hub.open().close()
    hub.requests.clear()
    options = {"local_files_only": True} if switch == "local_files_only" else {}
    if not options:
        monkeypatch.setenv(switch, "1")
    check(hub.open(**options))
    assert hub.fetch("tokenizer.json", **options) is None
    with pytest.raises(CheckpointError, match="offline mode"):
        hub.fetch("config.json", repo="someone/else", **options)
    assert not hub.requests


def test_a_hub_that_does_not_answer(hub, tmp_path, monkeypatch):
    upload(hub, tmp_path / "up")
    hub.open().close()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # huggingface_hub waits 23 s before it gives up
    check(hub.open())
    with pytest.raises(CheckpointError, match="did not answer"):
        hub.fetch("config.json", repo="someone/else")
