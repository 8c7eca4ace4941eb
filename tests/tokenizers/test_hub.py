"""Tokenizers from a hub, against a small server on this machine that HF_ENDPOINT names."""

import pytest

from pytransformers import AutoTokenizer, BertTokenizer
from tests.weights.hub_server import running_hub

from .vocabularies import MINILM


@pytest.mark.network
def test_a_tokenizer_and_its_templates_come_from_the_hub(tmp_path, monkeypatch):
    with running_hub() as (hub, address):
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
        files = {name: (MINILM / name).read_bytes() for name in ("vocab.txt", "tokenizer_config.json")}
        files["chat_template.jinja"] = b"default"
        files["additional_chat_templates/rag.jinja"] = b"rag"
        hub.repositories["someone/tiny"] = files
        kwargs = {"cache_dir": tmp_path}
        tokenizer = AutoTokenizer.from_pretrained("someone/tiny", **kwargs)
        assert tokenizer.is_fast and tokenizer("hello")["input_ids"] == [101, 7592, 102]
        assert tokenizer.chat_template == {"default": "default", "rag": "rag"}
        plain = BertTokenizer.from_pretrained("someone/tiny", local_files_only=True, **kwargs)
        assert plain("hello")["input_ids"] == [101, 7592, 102] and plain.chat_template == tokenizer.chat_template
        with pytest.raises(OSError, match="someone/none"):
            AutoTokenizer.from_pretrained("someone/none", **kwargs)
