"""What is asked of a model hub: where files are looked for, and what an upload holds."""

import os
from types import SimpleNamespace

import pytest

from pytransformers import AutoConfig, AutoTokenizer, BertConfig, BertTokenizer, BertTokenizerFast


@pytest.fixture
def uploads(monkeypatch):
    """Record what would be uploaded, in place of the hub's client."""
    import huggingface_hub

    seen = []

    class Api:
        def __init__(self, token=None):
            self.token = token

        def create_repo(self, repo_id, private=None, exist_ok=False):
            assert exist_ok
            return SimpleNamespace(repo_id=f"me/{repo_id}")

        def upload_folder(self, *, folder_path, **kwargs):
            seen.append({**kwargs, "token": self.token, "files": sorted(os.listdir(folder_path))})
            return "commit"

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    return seen


def test_uploads(uploads, tmp_path):
    assert BertConfig().push_to_hub("tiny", token="t", revision="dev", commit_message="m", create_pr=True) == "commit"
    BertConfig().save_pretrained(tmp_path / "named", push_to_hub=True)
    first, second = uploads
    assert (first["repo_id"], first["token"], first["revision"]) == ("me/tiny", "t", "dev")
    assert first["files"] == ["config.json"] and first["commit_message"] == "m" and first["create_pr"]
    assert second["repo_id"] == "me/named"


@pytest.mark.parametrize("kind,own", [(BertTokenizer, []), (BertTokenizerFast, ["tokenizer.json"])])
def test_upload_of_a_tokenizer(uploads, tmp_path, kind, own):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")
    kind(tmp_path / "vocab.txt").push_to_hub("tiny")
    assert uploads[0]["files"] == sorted(["special_tokens_map.json", "tokenizer_config.json", "vocab.txt", *own])


def test_hub_arguments_reach_the_resolver(tmp_path, monkeypatch):
    import pytransformers.weights as weights

    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")
    BertConfig(hidden_size=24).save_pretrained(tmp_path)
    asked = []

    def resolve_file(where, filename, **hub):
        asked.append((where, filename, hub))
        path = tmp_path / filename
        return path if path.exists() else None

    monkeypatch.setattr(weights, "resolve_file", resolve_file, raising=False)
    hub = {"revision": "r", "token": "t", "cache_dir": "c", "local_files_only": True, "subfolder": "s"}
    config, unused = AutoConfig.from_pretrained("me/tiny", **hub, proxies={}, foo=1, return_unused_kwargs=True)
    assert config.hidden_size == 24 and config.name_or_path == "me/tiny" and unused == {"foo": 1}
    tokenizer = AutoTokenizer.from_pretrained("me/tiny", **hub, trust_remote_code=False)
    assert tokenizer("a")["input_ids"] == [2, 5, 3]
    assert {name for _, name, _ in asked} >= {"config.json", "tokenizer.json", "vocab.txt", "tokenizer_config.json"}
    assert all(where == "me/tiny" and given == hub for where, _, given in asked)
