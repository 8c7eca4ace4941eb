"""Loading tokenizers from folders and hubs, and saving them there."""

from __future__ import annotations

import json
import os
from typing import Any, ClassVar

from ..utils.files import make_folder, write_text
from . import files
from .special import to_json

# Settings that tell where a tokenizer was found, and not what it is.
UNSAVED = ("name_or_path", "tokenizer_file", "special_tokens_map_file", "device_map", "added_tokens_decoder")


class Stored:
    """`from_pretrained`, `save_pretrained` and `push_to_hub`.

    A class says in `vocab_files_names` which files it is made from: {argument of `__init__`: file name}.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {}
    pretrained_vocab_files_map: ClassVar[dict[str, dict[str, str]]] = {}
    max_model_input_sizes: ClassVar[dict[str, int]] = {}
    _auto_class: ClassVar[str | None] = None

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> Any:
        """Load from a folder, a hub id, or, for a class made from one file, that file.

        Keywords override the files' settings; those of HUB_ARGUMENTS say where to look.
        OSError says which file is missing, or wrong.
        """
        where = os.fspath(pretrained_model_name_or_path)
        hub = files.hub_arguments(kwargs)
        kwargs.pop("use_fast", None)
        if os.path.isfile(where):
            (argument, *others) = cls.vocab_files_names or (None,)
            if argument is None or others and set(others) != {"tokenizer_file"}:
                raise OSError(f"[{where}] expected a folder, as {cls.__name__} is made from several files, got a file")
            return cls(*args, **{argument: where, "name_or_path": where, **kwargs})
        found = cls._find_files(where, hub)
        settings = files.read_settings(where, hub)
        for name in ("tokenizer_class", "tokenizer_file"):
            settings.pop(name, None)
        settings |= {**found, **kwargs, "name_or_path": where}
        return cls(*(args or settings.pop("init_inputs", ())), **settings)

    @classmethod
    def _find_files(cls, where: str, hub: dict[str, Any]) -> dict[str, str | None]:
        """{argument: path} of the files that the class is made from; None for those that are not there."""
        found = {argument: files.find(where, name, hub) for argument, name in cls.vocab_files_names.items()}
        if found and not any(found.values()):
            wanted = " or ".join(sorted(cls.vocab_files_names.values()))
            raise OSError(f"[{where}] expected {wanted}, found none; give a folder that holds a tokenizer, or a hub id")
        return found

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        legacy_format: bool | None = None,
        filename_prefix: str | None = None,
        push_to_hub: bool = False,
        save_jinja_files: bool = True,
        **kwargs: Any,
    ) -> tuple[str, ...]:
        """Write everything that `from_pretrained` needs; returns the paths of the files.

        Args:
            legacy_format: True writes the architecture's own vocabulary files alone, False tokenizer.json alone,
                None both, as far as the tokenizer has them.
            filename_prefix: put before the names of the files, with a hyphen.
            save_jinja_files: whether chat templates get files of their own, or lie in tokenizer_config.json.
        """
        folder = make_folder(save_directory)
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        settings = self._settings_to_save()
        texts = self._chat_files() if save_jinja_files else {}
        if not texts and self.chat_template is not None:
            named = self.chat_template
            named = [{"name": k, "template": v} for k, v in named.items()] if isinstance(named, dict) else named
            settings["chat_template"] = named
        special = {name: to_json(value) for name, value in self.special_tokens_map_extended.items()}
        texts |= {prefix + files.CONFIG: _json(settings), prefix + files.SPECIAL_TOKENS: _json(_without(special))}
        paths = []
        for name, text in texts.items():
            paths.append(os.path.join(folder, name))
            make_folder(os.path.dirname(paths[-1]))
            write_text(paths[-1], text)
        paths += self._save_pretrained(folder, legacy_format=legacy_format, filename_prefix=filename_prefix)
        if push_to_hub:
            self.push_to_hub(kwargs.pop("repo_id", os.path.basename(os.path.abspath(folder))), **kwargs)
        return tuple(paths)

    def _settings_to_save(self) -> dict[str, Any]:
        """The content of tokenizer_config.json, chat templates apart."""
        names = {*self.init_kwargs, "model_max_length", "clean_up_tokenization_spaces"} - set(self.vocab_files_names)
        settings = {
            name: getattr(self, name) if hasattr(self, name) else self.init_kwargs[name]
            for name in names - {*UNSAVED, "chat_template"}
        }
        for name in ("padding_side", "truncation_side"):
            if getattr(self, name) != getattr(type(self), name):
                settings[name] = getattr(self, name)
        settings.update(self.special_tokens_map)
        settings.setdefault("extra_special_tokens", self.extra_special_tokens)
        if self.init_inputs:
            settings["init_inputs"] = self.init_inputs
        settings["tokenizer_class"] = self._class_to_save()
        for name in ("_auto_map", "_processor_class"):
            if getattr(self, name, None) is not None:
                settings[name.removeprefix("_")] = getattr(self, name)
        settings = to_json(settings, typed=True)
        settings["added_tokens_decoder"] = {str(i): to_json(token) for i, token in self.added_tokens_decoder.items()}
        return settings

    def _class_to_save(self) -> str:
        return type(self).__name__

    def _save_pretrained(
        self, save_directory: str, legacy_format: bool | None = None, filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        """Write the vocabulary: added tokens, and the architecture's own files."""
        if legacy_format is False:
            raise ValueError(f"[save_pretrained] {type(self).__name__} has no tokenizer.json; leave legacy_format out")
        paths = tuple(self.save_vocabulary(save_directory, filename_prefix=filename_prefix) or ())
        added = {token: index for token, index in self.added_tokens_encoder.items() if index >= self.vocab_size}
        if added and paths:
            prefix = f"{filename_prefix}-" if filename_prefix else ""
            path = os.path.join(save_directory, prefix + files.ADDED_TOKENS)
            write_text(path, _json(added))
            paths = (*paths, path)
        return paths

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Write the architecture's own vocabulary files, added tokens apart; returns their paths."""
        raise NotImplementedError(f"[{type(self).__name__}] defines no save_vocabulary")

    def push_to_hub(self, repo_id: str, **kwargs: Any) -> Any:
        """Upload the files of `save_pretrained`; arguments as in `utils.hub.push_to_hub`."""
        from ..utils.hub import push_to_hub

        return push_to_hub(self.save_pretrained, repo_id, **kwargs)

    @classmethod
    def register_for_auto_class(cls, auto_class: str | type = "AutoTokenizer") -> None:
        """Note the Auto class that files of this tokenizer name."""
        cls._auto_class = auto_class if isinstance(auto_class, str) else auto_class.__name__


def write_files(folder: str, texts: dict[str, str], filename_prefix: str | None = None) -> tuple[str, ...]:
    """Write {name: text} into a folder; returns the paths."""
    prefix = f"{filename_prefix}-" if filename_prefix else ""
    paths = tuple(os.path.join(make_folder(folder), prefix + name) for name in texts)
    for path, text in zip(paths, texts.values(), strict=True):
        write_text(path, text)
    return paths


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _without(value: Any) -> Any:
    """special_tokens_map.json says nothing of "special": everything in it is."""
    if isinstance(value, dict):
        return {name: _without(item) for name, item in value.items() if name != "special"}
    return [_without(item) for item in value] if isinstance(value, list) else value
