"""AutoModel, AutoModelForMaskedLM, TFAutoModel, FlaxAutoModelForCausalLM, ...: one class per head and framework.

They read a checkpoint's `model_type` and give the class of the table's row. Only that framework is imported.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar

from ..configs.base import HUB_ARGUMENTS, PretrainedConfig
from ..utils.files import read_json_object
from ..utils.peft_utils import find_adapter_config_file
from .config import AutoConfig
from .registry import load_class
from .table import ARCHITECTURES, FRAMEWORKS, HEADS

# Arguments that a model takes itself, though a configuration has fields of the same name.
MODEL_ARGUMENTS = ("dtype", "torch_dtype", "quantization_config", "state_dict")


class AutoClass:
    """Base of the Auto classes; `prefix` names the framework, `head` the row of HEADS."""

    prefix: ClassVar[str]
    head: ClassVar[str]
    _registered: ClassVar[dict[type, type]]

    def __init__(self) -> None:
        name = type(self).__name__
        raise OSError(f"[{name}] has no instances; use {name}.from_pretrained or {name}.from_config")

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], *model_args: Any, config: Any = None, **kwargs: Any
    ) -> Any:
        """Load a model from a folder or a hub id, by the class its config.json asks for.

        A folder of an adapter (`peft`'s, PyTorch alone) gives its base model with the adapter inside.
        `config` may be a configuration, or where to read one. Other arguments are those of the model's own
        `from_pretrained`; keywords that name settings override the configuration.
        """
        if not isinstance(config, PretrainedConfig):
            if "use_auth_token" in kwargs:
                kwargs.setdefault("token", kwargs.pop("use_auth_token"))
            model_kwargs = {name: kwargs.pop(name) for name in MODEL_ARGUMENTS if name in kwargs}
            hub_kwargs = {name: kwargs[name] for name in HUB_ARGUMENTS if name in kwargs}
            where = pretrained_model_name_or_path if config is None else config
            try:
                config, unused = AutoConfig.from_pretrained(where, return_unused_kwargs=True, **kwargs)
            except OSError:
                base = None if config or cls.prefix else _base_of_adapter(where, kwargs)
                if base is None:
                    raise
                place = {name: kwargs.pop(name) for name in ("revision", "subfolder") if name in kwargs}
                model = cls.from_pretrained(base, *model_args, **{**model_kwargs, **kwargs})
                model.load_adapter(os.fspath(where), token=kwargs.get("token"), adapter_kwargs=place)
                return model
            kwargs = unused | model_kwargs | hub_kwargs
        kwargs.pop("trust_remote_code", None)
        model_class = cls._model_class(config)
        return model_class.from_pretrained(pretrained_model_name_or_path, *model_args, config=config, **kwargs)

    @classmethod
    def from_config(cls, config: PretrainedConfig, **kwargs: Any) -> Any:
        """A model of fresh weights."""
        kwargs.pop("trust_remote_code", None)
        return cls._model_class(config).from_config(config, **kwargs)

    @classmethod
    def register(cls, config_class: type, model_class: type, exist_ok: bool = False) -> None:
        """Make configurations of `config_class` give `model_class`."""
        known = getattr(config_class, "model_type", None) in cls.supported() or config_class in cls._registered
        if known and not exist_ok:
            raise ValueError(
                f"[{cls.__name__}.register] {config_class.__name__} has a class; give exist_ok=True to replace it"
            )
        cls._registered[config_class] = model_class

    @classmethod
    def supported(cls) -> dict[str, str]:
        """{model_type: class name} of the architectures that have this head."""
        return {kind: row["heads"][cls.head] for kind, row in ARCHITECTURES.items() if cls.head in row["heads"]}

    @classmethod
    def _model_class(cls, config: PretrainedConfig) -> type:
        if type(config) in cls._registered:
            return cls._registered[type(config)]
        names = cls.supported()
        if config.model_type in names:
            return load_class(cls.prefix, ARCHITECTURES[config.model_type]["module"], names[config.model_type])
        known = ", ".join([*names, *(c.__name__ for c in cls._registered)]) or "(no architecture has this head yet)"
        raise ValueError(
            f"[{cls.__name__}] expected a configuration of one of: {known}; got {type(config).__name__} "
            f"of model_type {config.model_type!r}; choose another head, or another checkpoint"
        )


def _base_of_adapter(where: str | os.PathLike[str], kwargs: dict[str, Any]) -> str | None:
    """The model that an adapter was made for, None where there is no adapter."""
    path = find_adapter_config_file(where, **{name: kwargs[name] for name in HUB_ARGUMENTS if name in kwargs})
    return None if path is None else read_json_object(path).get("base_model_name_or_path")


def _declare(prefix: str, head: str) -> type[AutoClass]:
    title, what = FRAMEWORKS[prefix]["title"], HEADS[head]
    members = {
        "__doc__": f"The {title} model of a checkpoint, giving {what}.",
        "__module__": __name__,
        "prefix": prefix,
        "head": head,
        "_registered": {},
    }
    return type(f"{prefix}AutoModel{head}", (AutoClass,), members)


globals().update((cls.__name__, cls) for cls in (_declare(prefix, head) for prefix in FRAMEWORKS for head in HEADS))
