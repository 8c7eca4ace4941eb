"""Which files describe a tokenizer, and what they say."""

from __future__ import annotations

import os
from typing import Any

from ..configs.base import HUB_ARGUMENTS, IGNORED_ARGUMENTS
from ..utils.files import read_json_object
from .special import NAMES, from_json

TOKENIZER = "tokenizer.json"
CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
ADDED_TOKENS = "added_tokens.json"
VOCAB = "vocab.txt"


def hub_arguments(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Take out of `kwargs` the arguments that say where files come from."""
    for name in IGNORED_ARGUMENTS:
        kwargs.pop(name, None)
    if "use_auth_token" in kwargs:
        kwargs.setdefault("token", kwargs.pop("use_auth_token"))
    hub = {name: kwargs.pop(name) for name in HUB_ARGUMENTS if name in kwargs}
    return {name: value for name, value in hub.items() if value is not None}


def find(where: str | os.PathLike[str], filename: str, hub: dict[str, Any]) -> str | None:
    """The path of a file of a checkpoint, or None."""
    from ..weights import resolve_file

    path = resolve_file(where, filename, **hub)
    return None if path is None else os.fspath(path)


def read_settings(where: str | os.PathLike[str], hub: dict[str, Any]) -> dict[str, Any]:
    """The settings of a tokenizer: tokenizer_config.json, with special tokens from the older files if need be.

    The result's "added_tokens" lists (id, token) of tokens beside the vocabulary.
    """
    path = find(where, CONFIG, hub)
    settings = {name: from_json(value) for name, value in (read_json_object(path) if path else {}).items()}
    added = settings.pop("added_tokens_decoder", None)
    if added is not None:
        settings["added_tokens"] = sorted((int(index), from_json(token)) for index, token in added.items())
    else:
        if path := find(where, SPECIAL_TOKENS, hub):
            settings.update((name, from_json(value)) for name, value in read_json_object(path).items())
        path = find(where, ADDED_TOKENS, hub)
        older = read_json_object(path) if path else {}
        settings["added_tokens"] = sorted((index, token) for token, index in older.items())
    more = settings.get("additional_special_tokens") or []
    settings["additional_special_tokens"] = [from_json(token) for token in more]
    for name in NAMES:
        if isinstance(settings.get(name), dict):
            raise OSError(f"[{path}] expected {name} to be text or a token, got {settings[name]!r}; correct the file")
    return settings


def read_vocab(path: str | os.PathLike[str]) -> dict[str, int]:
    """{token: id} of a vocab.txt: one token a line, the first is 0."""
    with open(path, encoding="utf-8") as file:
        try:
            return {line.rstrip("\n"): index for index, line in enumerate(file)}
        except UnicodeDecodeError as error:
            raise OSError(f"[{os.fspath(path)}] expected UTF-8 text, one token a line: {error}") from error
