"""AutoTokenizer: the tokenizer class that a checkpoint's files ask for."""

from __future__ import annotations

import os
from typing import Any

from ..configs.base import CONFIG_NAME
from ..tokenizers import files
from ..utils.files import read_json_object
from .registry import PLACES, load
from .table import ARCHITECTURES

_registered: dict[str, list[type | None]] = {}  # class name or model type -> [plain, fast]


class AutoTokenizer:
    """Makes the right tokenizer; it is not instantiated itself."""

    def __init__(self) -> None:
        raise OSError("[AutoTokenizer] has no instances; use AutoTokenizer.from_pretrained")

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *inputs: Any,
        config: Any = None,
        use_fast: bool = True,
        tokenizer_type: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Load a tokenizer from a folder or a hub id.

        The class is the one tokenizer_config.json names, else the one of the model's architecture; `tokenizer_type`
        names an architecture, and wins. A class this package lacks is no obstacle where there is a tokenizer.json,
        which tells everything. With `use_fast=False` it is the plain class, where there is one.
        """
        where = os.fspath(pretrained_model_name_or_path)
        hub = files.hub_arguments(dict(kwargs))
        path = files.find(where, files.CONFIG, hub)
        named = read_json_object(path).get("tokenizer_class") if path else None
        names = [named, getattr(config, "tokenizer_class", None), cls._of_architecture(where, config, hub)]
        if tokenizer_type is not None:
            if tokenizer_type not in ARCHITECTURES and tokenizer_type not in _registered:
                raise ValueError(f"[AutoTokenizer] expected a known tokenizer_type, got {tokenizer_type!r}")
            names = [tokenizer_type if tokenizer_type in _registered else ARCHITECTURES[tokenizer_type]["tokenizer"]]
        for name in filter(None, names):
            found = cls._class(name, use_fast)
            if found is not None:
                return found.from_pretrained(where, *inputs, **kwargs)
        if files.find(where, files.TOKENIZER, hub) is None:
            asked = next(filter(None, names), None)
            wanted = f"a {files.TOKENIZER}, as {asked} is not built from its own files" if asked else files.TOKENIZER
            raise OSError(f"[{where}] expected {wanted}, found none; give a folder that holds one, or a hub id")
        return load("PreTrainedTokenizerFast").from_pretrained(where, *inputs, **kwargs)

    @staticmethod
    def _class(name: str, use_fast: bool) -> type | None:
        """The class of that name, fast or plain as asked, else the other one."""
        if name in _registered:
            plain, fast = _registered[name]
            return (fast or plain) if use_fast else (plain or fast)
        plain = name.removesuffix("Fast")
        if plain == "PreTrainedTokenizer":  # the plain one is a base alone
            plain = "PreTrainedTokenizerFast"
        for candidate in (f"{plain}Fast", plain) if use_fast else (plain, f"{plain}Fast"):
            if PLACES.get(candidate, ("",))[0].startswith("tokenizers."):
                return load(candidate)
        return None

    @staticmethod
    def _of_architecture(where: str, config: Any, hub: dict[str, Any]) -> str | None:
        if config is not None:
            kind = config.model_type
        else:
            path = files.find(where, CONFIG_NAME, hub)
            kind = read_json_object(path).get("model_type") if path else None
        row = ARCHITECTURES.get(kind) if isinstance(kind, str) else None
        return kind if kind in _registered else row["tokenizer"] if row else None

    @classmethod
    def register(
        cls, config_class: type, slow_tokenizer_class: type | None = None, fast_tokenizer_class: type | None = None,
        exist_ok: bool = False,
    ) -> None:  # fmt: skip
        """Make checkpoints that name one of these classes, or have this configuration, give it."""
        pair = [slow_tokenizer_class, fast_tokenizer_class]
        if not any(pair):
            raise ValueError("[AutoTokenizer.register] expected a tokenizer class, got none")
        keys = {config_class.model_type, *(made.__name__ for made in pair if made)}
        if not exist_ok and keys & _registered.keys():
            taken = ", ".join(sorted(keys & _registered.keys()))
            raise ValueError(f"[AutoTokenizer.register] {taken} is taken; give exist_ok=True to replace it")
        _registered.update(dict.fromkeys(keys, pair))
