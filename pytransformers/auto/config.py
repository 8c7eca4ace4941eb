"""AutoConfig: the configuration class that a checkpoint's `model_type` asks for."""

from __future__ import annotations

import os
from typing import Any

from ..configs.base import CONFIG_NAME, PretrainedConfig
from ..configs.checks import near
from .registry import load
from .table import ARCHITECTURES

_registered: dict[str, type[PretrainedConfig]] = {}


def config_class(model_type: str, where: str) -> type[PretrainedConfig]:
    """The configuration class of a model type; ValueError says `where` the unknown one was met."""
    if model_type in _registered:
        return _registered[model_type]
    if model_type in ARCHITECTURES:
        return load(ARCHITECTURES[model_type]["config"])
    known = sorted({*ARCHITECTURES, *_registered})
    raise ValueError(
        f"[{where}] expected model_type to be one of {', '.join(known)}, got {model_type!r}{near(model_type, known)}; "
        "correct it, or register a class with AutoConfig.register"
    )


class AutoConfig:
    """Makes the right configuration; it is not instantiated itself."""

    def __init__(self) -> None:
        raise OSError("[AutoConfig] has no instances; use AutoConfig.from_pretrained or AutoConfig.for_model")

    @classmethod
    def for_model(cls, model_type: str, *args: Any, **kwargs: Any) -> PretrainedConfig:
        """A fresh configuration, such as `AutoConfig.for_model("bert", hidden_size=24)`."""
        return config_class(model_type, "AutoConfig.for_model")(*args, **kwargs)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any) -> Any:
        """Load the configuration of a checkpoint; arguments as in `PretrainedConfig.from_pretrained`."""
        values, _ = PretrainedConfig.get_config_dict(pretrained_model_name_or_path, **kwargs)
        where = os.fspath(pretrained_model_name_or_path)
        if not os.path.isfile(where):
            where = os.path.join(where, CONFIG_NAME)
        if not isinstance(values.get("model_type"), str):
            raise ValueError(
                f"[{where}] expected a key 'model_type' that names the architecture, got "
                f"{values.get('model_type')!r}; add it, or load with the architecture's own class"
            )
        return config_class(values["model_type"], where).from_pretrained(pretrained_model_name_or_path, **kwargs)

    @classmethod
    def register(cls, model_type: str, config: type[PretrainedConfig], exist_ok: bool = False) -> None:
        """Make `from_pretrained` give `config` for this model type."""
        if getattr(config, "model_type", model_type) != model_type:
            raise ValueError(
                f"[AutoConfig.register] expected {config.__name__}.model_type to be {model_type!r}, "
                f"got {config.model_type!r}"
            )
        if not exist_ok and (model_type in ARCHITECTURES or model_type in _registered):
            raise ValueError(f"[AutoConfig.register] {model_type!r} is taken; give exist_ok=True to replace it")
        _registered[model_type] = config
