"""AutoImageProcessor: the image processor class that a checkpoint's files ask for."""

from __future__ import annotations

import os
from typing import Any

from ..configs.base import CONFIG_NAME
from ..utils.files import read_json_object
from .registry import PLACES, load
from .table import ARCHITECTURES

_registered: dict[str, type] = {}


class AutoImageProcessor:
    """Makes the right image processor; it is not instantiated itself."""

    def __init__(self) -> None:
        raise OSError("[AutoImageProcessor] has no instances; use AutoImageProcessor.from_pretrained")

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], *inputs: Any, config: Any = None,
        use_fast: bool | None = None, **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Load from a folder, a preprocessor_config.json or a hub id.

        The class is the one the file names under "image_processor_type" (or the older "feature_extractor_type"), else
        the one of the model's architecture. `use_fast` makes no difference: there is one implementation.
        """
        base = load("BaseImageProcessor")
        values, rest = base.get_image_processor_dict(pretrained_model_name_or_path, **kwargs)
        older = values.get("feature_extractor_type")
        named = values.get("image_processor_type") or (older and older.replace("FeatureExtractor", "ImageProcessor"))
        names = [named, cls._of_architecture(pretrained_model_name_or_path, config, kwargs)]
        for name in filter(None, names):
            found = cls._class(name)
            if found is not None:
                return found.from_dict(values, **rest)
        raise ValueError(
            f"[{os.fspath(pretrained_model_name_or_path)}] expected image_processor_type to name a class there is, got "
            f"{named!r}; register one with AutoImageProcessor.register"
        )

    @staticmethod
    def _class(name: str) -> type | None:
        for candidate in (name, name.removesuffix("Fast")):
            if candidate in _registered:
                return _registered[candidate]
            if PLACES.get(candidate, ("",))[0].startswith("processors."):
                return load(candidate)
        return None

    @staticmethod
    def _of_architecture(where: Any, config: Any, hub: dict[str, Any]) -> str | None:
        kind = getattr(config, "model_type", None)
        path = os.path.join(os.fspath(where), CONFIG_NAME)
        if kind is None and os.path.isfile(path):
            kind = read_json_object(path).get("model_type")
        row = ARCHITECTURES.get(kind) if isinstance(kind, str) else None
        return row.get("image_processor") if row else None

    @classmethod
    def register(
        cls, config_class: Any, image_processor_class: type | None = None,
        slow_image_processor_class: type | None = None, fast_image_processor_class: type | None = None,
        exist_ok: bool = False,
    ) -> None:  # fmt: skip
        """Make files that name one of these classes give it."""
        given = (image_processor_class, slow_image_processor_class, fast_image_processor_class)
        classes = {c.__name__: c for c in given if c is not None}
        if not classes:
            raise ValueError("[AutoImageProcessor.register] expected an image processor class, got none")
        if not exist_ok and (taken := classes.keys() & _registered.keys()):
            raise ValueError(f"[AutoImageProcessor.register] {', '.join(taken)} is taken; give exist_ok=True")
        _registered.update(classes)
