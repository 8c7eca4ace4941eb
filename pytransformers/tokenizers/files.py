"""Which files describe a tokenizer, and what they say."""

from __future__ import annotations

import os
from typing import Any

from tokenizers import AddedToken

from ..configs.base import HUB_ARGUMENTS, IGNORED_ARGUMENTS
from ..utils.files import read_json_object
from .special import ADDITIONAL, NAMES, from_json

TOKENIZER = "tokenizer.json"
CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
ADDED_TOKENS = "added_tokens.json"
CHAT_TEMPLATE = "chat_template.jinja"
CHAT_TEMPLATES = "additional_chat_templates"
VOCAB = "vocab.txt"
BPE_VOCAB = "vocab.json"
MERGES = "merges.txt"


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
    """The settings of a tokenizer: tokenizer_config.json, chat templates, and the older files of special tokens.

    The result's "added_tokens_decoder" is {id: AddedToken} of tokens beside the vocabulary; special tokens that it
    lists carry its flags.
    """
    path = find(where, CONFIG, hub)
    settings = from_json(read_json_object(path)) if path else {}
    added = settings.pop("added_tokens_decoder", None)
    if added is None:
        added = _older_tokens(where, hub, settings)
        path = find(where, TOKENIZER, hub)
        for token in (read_json_object(path).get("added_tokens") or ()) if path else ():
            added[token["id"]] = from_json(token)
    settings["added_tokens_decoder"] = added = {int(index): token for index, token in sorted(added.items())}
    flags = {str(token): token for token in added.values()}
    for name in NAMES:
        value = settings.get(name)
        if value is not None and not isinstance(value, (str, AddedToken)):
            raise OSError(f"[{path}] expected {name} to be text or a token, got {value!r}; correct the file")
        if value is not None:
            settings[name] = flags.get(str(value), value)
    for index, token in added.items():
        if not isinstance(token, AddedToken):
            raise OSError(f"[{path}] expected token {index} to be a token's flags, got {token!r}; correct the file")
    templates = read_templates(where, hub)
    if templates:
        settings["chat_template"] = templates["default"] if list(templates) == ["default"] else templates
    return settings


def _older_tokens(where: str | os.PathLike[str], hub: dict[str, Any], settings: dict[str, Any]) -> dict[int, Any]:
    """Added tokens of added_tokens.json; the special ones of special_tokens_map.json go to `settings`."""
    if path := find(where, SPECIAL_TOKENS, hub):
        for name, value in read_json_object(path).items():
            if name == ADDITIONAL:
                tokens = [*(settings.get(name) or []), *map(_special, value)]
                value = list({str(token): token for token in tokens}.values())
            settings[name] = _special(value)
    special = {str(settings[name]) for name in NAMES if settings.get(name) is not None}
    special.update(str(token) for token in settings.get(ADDITIONAL) or ())
    added = {}
    if path := find(where, ADDED_TOKENS, hub):
        for token, index in read_json_object(path).items():
            added[index] = AddedToken(token, special=token in special, normalized=token not in special)
    return added


def _special(value: Any) -> Any:
    return from_json({**value, "special": True}) if isinstance(value, dict) else value


def read_templates(where: str | os.PathLike[str], hub: dict[str, Any]) -> dict[str, str]:
    """{name: chat template} of the files that hold nothing else; the main one is called "default"."""
    path = find(where, CHAT_TEMPLATE, hub)
    paths = {"default": path} if path else {}
    local = os.path.isdir(where)
    beside = os.path.join(where, hub.get("subfolder", "")) if local else os.path.dirname(path or "")
    folder = os.path.join(beside, CHAT_TEMPLATES)
    names = set(os.listdir(folder)) if (local or path) and os.path.isdir(folder) else set()
    if path and not local:
        names.update(_remote_templates(os.fspath(where), hub))
    for name in sorted(names):
        if name.endswith(".jinja") and (found := find(where, f"{CHAT_TEMPLATES}/{name}", hub)):
            paths[name.removesuffix(".jinja")] = found
    templates = {}
    for name, path in paths.items():
        with open(path, encoding="utf-8") as file:
            templates[name] = file.read()
    return templates


def _remote_templates(where: str, hub: dict[str, Any]) -> list[str]:
    """File names in the folder of further templates on the hub."""
    from ..utils.hub import list_folder
    from ..weights.hub import is_offline

    folder = "/".join(filter(None, (hub.get("subfolder", ""), CHAT_TEMPLATES)))
    if hub.get("local_files_only") or is_offline():
        return []
    return list_folder(where, folder, hub.get("revision"), hub.get("token"))


def read_bpe_vocab(path: str | os.PathLike[str] | None) -> dict[str, int]:
    """{token: id} of a vocab.json."""
    if path is None:
        raise OSError(f"[{BPE_VOCAB}] expected the path of a vocabulary file, got none; give vocab_file=")
    vocab = read_json_object(path)
    for token, index in vocab.items():
        if type(index) is not int or index < 0:
            raise OSError(f"[{os.fspath(path)}] expected the id of {token!r} to be an integer, got {index!r}")
    return vocab


def read_merges(path: str | os.PathLike[str] | None) -> list[tuple[str, str]]:
    """The pairs of a merges.txt, the first to be merged first: two pieces a line, after a line of its version."""
    if path is None:
        raise OSError(f"[{MERGES}] expected the path of a file of merges, got none; give merges_file=")
    try:
        with open(path, encoding="utf-8", newline="\n") as file:
            lines = file.read().split("\n")
    except UnicodeDecodeError as error:
        raise OSError(f"[{os.fspath(path)}] expected UTF-8 text, two pieces a line: {error}") from error
    merges = []
    for number, line in enumerate(lines, start=1):
        pair = tuple(line.split())
        if not pair or (number == 1 and line.startswith("#version")):
            continue
        if len(pair) != 2:
            raise OSError(f"[{os.fspath(path)}] expected two pieces in line {number}, got {line!r:.60}")
        merges.append(pair)
    return merges


def load_vocab(path: str | os.PathLike[str]) -> dict[str, int]:
    """{token: id} of a vocab.txt: one token a line, the first is 0."""
    try:
        with open(path, encoding="utf-8") as file:
            return {line.rstrip("\n"): index for index, line in enumerate(file)}
    except UnicodeDecodeError as error:
        raise OSError(f"[{os.fspath(path)}] expected UTF-8 text, one token a line: {error}") from error
    except (FileNotFoundError, IsADirectoryError, TypeError) as error:
        raise OSError(f"[{path}] expected the path of a vocabulary file, one token a line, found none") from error
