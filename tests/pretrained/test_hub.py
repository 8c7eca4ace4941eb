"""Loading from a hub and uploading to it, against a small server on this machine that HF_ENDPOINT names."""

import json

import numpy as np
import pytest

import pytransformers
from tests.weights.hub_server import COMMIT, running_hub

from .frameworks import make

pytestmark = pytest.mark.network

NAME = "someone/tiny-bert"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with running_hub() as (hub, address):
        monkeypatch.setenv("HF_ENDPOINT", address)
        hub.options = {"cache_dir": tmp_path / "cache"}
        yield hub


def publish(hub, model, folder, **options):
    model.save_pretrained(folder, **options)
    hub.repositories[NAME] = {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("shard", ["5GB", "8KB"])
def test_loading(framework, hub, tmp_path, shard):
    model = make(framework, "BertForMaskedLM")
    publish(hub, model, tmp_path / "up", max_shard_size=shard)
    again, info = type(model).from_pretrained(NAME, revision="main", output_loading_info=True, **hub.options)
    assert not any(info.values()) and again.config.name_or_path == NAME
    for name, value in framework.state(model).items():
        np.testing.assert_array_equal(framework.state(again)[name], value)
    hub.requests.clear()
    type(model).from_pretrained(NAME, local_files_only=True, **hub.options)
    assert not hub.requests


def test_what_is_not_there(framework, hub, tmp_path):
    cls = framework.model("BertForMaskedLM")
    with pytest.raises(OSError, match="no/such.*token="):
        cls.from_pretrained("no/such", **hub.options)
    publish(hub, make(framework, "BertForMaskedLM"), tmp_path / "up", max_shard_size="8KB")
    with pytest.raises(OSError, match="no revision 'v9'"):
        cls.from_pretrained(NAME, revision="v9", **hub.options)
    shard = next(file for file in hub.repositories[NAME] if "00002-of" in file)
    del hub.repositories[NAME][shard]
    with pytest.raises(OSError, match=shard):
        cls.from_pretrained(NAME, **hub.options)


def test_a_private_repository(framework, hub, tmp_path):
    model = make(framework, "BertForMaskedLM")
    publish(hub, model, tmp_path / "up")
    hub.private[NAME] = "hf_secret"
    with pytest.raises(OSError, match="private"):
        type(model).from_pretrained(NAME, token=False, **hub.options)
    type(model).from_pretrained(NAME, token="hf_secret", **hub.options)


def test_uploading(framework, hub, tmp_path, monkeypatch):
    model = make(framework, "BertForMaskedLM")
    with monkeypatch.context() as patch:  # uploads take the address that HF_ENDPOINT held when the library was imported
        patch.setattr("huggingface_hub.constants.ENDPOINT", hub.address)
        commit = model.push_to_hub(NAME, token="hf_secret", max_shard_size="8KB")
        folder = tmp_path / "other-bert"
        model.save_pretrained(folder, push_to_hub=True, token="hf_secret", commit_message="Mine")
    assert commit.oid == COMMIT
    assert "Upload BertForMaskedLM" in hub.commits[0]
    assert json.loads(hub.repositories[NAME]["config.json"])["model_type"] == "bert"
    again = type(model).from_pretrained(NAME, **hub.options)
    for name, value in framework.state(model).items():
        np.testing.assert_array_equal(framework.state(again)[name], value)
    assert "Mine" in hub.commits[1] and "model.safetensors" in hub.repositories["someone/other-bert"]
    with pytest.raises(TypeError, match="commit_message"):
        model.save_pretrained(folder, commit_message="Mine")


def test_the_auto_class(hub, tmp_path):
    publish(hub, pytransformers.BertModel(pytransformers.BertConfig(
        vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4
    )), tmp_path / "up")  # fmt: skip
    assert isinstance(pytransformers.AutoModel.from_pretrained(NAME, **hub.options), pytransformers.BertModel)
