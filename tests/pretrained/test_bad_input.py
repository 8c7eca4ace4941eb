"""Damaged, hostile and contradictory folders: one clear error that names the file, the key and the cure."""

import json
import os
import pickle
import struct

import pytest
import torch

import pytransformers

from .frameworks import make

PREFIX = {"torch": "", "jax": "Flax", "tensorflow": "TF"}


@pytest.fixture
def folder(framework, tmp_path):
    make(framework, "BertForMaskedLM").save_pretrained(tmp_path / "model", max_shard_size="8KB")
    return tmp_path / "model"


@pytest.fixture
def load(framework, folder):
    """Load the folder; every error is an OSError or a ValueError with this text, and names no internals."""

    def load(match, error=(OSError, ValueError), **options):
        with pytest.raises(error, match=match) as caught:
            framework.model("BertForMaskedLM").from_pretrained(options.pop("where", folder), **options)
        assert str(caught.value).startswith("[") and len(str(caught.value)) < 700

    return load


def edit(path, **changes):
    content = json.loads(path.read_text())
    content.update(changes)
    path.write_text(json.dumps(content))


def test_nothing_there(load, folder):
    load("no-such-folder.*no folder", where=folder / "no-such-folder")
    (folder / "config.json").rename(folder / "other.json")
    load(r"config\.json, found none")


def test_no_weights(load, folder):
    for file in folder.glob("model*"):
        file.unlink()
    load(r"expected weights in .*model\.safetensors.*it holds config\.json")


def test_a_truncated_file(load, folder):
    shard = sorted(folder.glob("*.safetensors"))[1]
    shard.write_bytes(shard.read_bytes()[:-10])
    load(f"{shard.name}.*download")


@pytest.mark.parametrize(
    "content", [b"", b"\x01", struct.pack("<Q", 2**60) + b"{}", struct.pack("<Q", 5) + b"{nonsense", b"\xff" * 64]
)
def test_a_corrupt_header(load, folder, content):
    shard = sorted(folder.glob("*.safetensors"))[0]
    shard.write_bytes(content)
    load(shard.name)


def test_offsets_beyond_the_file(load, folder):
    shard = sorted(folder.glob("*.safetensors"))[0]
    raw = shard.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + size])
    key = next(name for name in header if name != "__metadata__")
    start, end = header[key]["data_offsets"]
    header[key]["data_offsets"] = [start, end + 10**9]
    text = json.dumps(header).encode()
    shard.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + size :])
    load(shard.name)


def test_an_absent_shard(load, folder):
    shard = sorted(folder.glob("*.safetensors"))[1]
    shard.unlink()
    load(f"index.*{shard.name}.*download")


@pytest.mark.parametrize("place", ["../a.safetensors", "/etc/passwd", "C:\\a.safetensors", "a/../../b.safetensors"])
def test_an_index_that_leads_outside(load, folder, place):
    index = folder / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    key = next(iter(content["weight_map"]))
    edit(index, weight_map={**content["weight_map"], key: place})
    load(f"index.*'{key}'.*outside")


class Code:
    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.mark.parametrize("legacy", [True, False], ids=["pickle", "zip"])
def test_a_pickle_with_code(load, folder, legacy, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for file in folder.glob("model*"):
        file.unlink()
    hostile = {"bert.embeddings.word_embeddings.weight": Code()}
    if legacy:
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps(hostile))
    else:
        torch.save(hostile, folder / "pytorch_model.bin")
    load(r"pytorch_model\.bin")
    assert not (tmp_path / "executed").exists()


def test_a_tensor_of_another_shape(load, folder):
    edit(folder / "config.json", intermediate_size=32)
    load(r"model-0000\d-of-0000\d\.safetensors.*'bert\.encoder\.layer\.0\.[\w.]+'.*\(32.*\(24.*correct the config")


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(num_attention_heads=3), "num_attention_heads.*hidden_size|hidden_size.*num_attention_heads"),
        (dict(hidden_act="gelo"), "hidden_act.*gelo"),
        (dict(hidden_size=-4), "hidden_size"),
        (dict(vocab_size="many"), "vocab_size"),
        (dict(position_embedding_type="round"), "position_embedding_type.*round"),
        (dict(hidden_dropout_prob=1.5), "hidden_dropout_prob"),
        (dict(problem_type="guessing"), "problem_type.*guessing"),
        (dict(id2label=["a"]), "id2label"),
    ],
)
def test_a_config_that_contradicts_itself(load, folder, change, message):
    edit(folder / "config.json", **change)
    load(message, ValueError)


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "\x00\x01", '{"vocab_size": 1e999999'])
def test_a_config_that_is_no_json(load, folder, content):
    (folder / "config.json").write_text(content)
    load("config.json")


def test_an_unknown_model_type(framework, folder):
    auto = getattr(pytransformers, PREFIX[framework.name] + "AutoModel")
    for model_type, message in (("bart-ish", "bart-ish"), (None, "model_type")):
        edit(folder / "config.json", model_type=model_type)
        with pytest.raises((OSError, ValueError, KeyError), match=message):
            auto.from_pretrained(folder)
