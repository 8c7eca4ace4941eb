"""AutoProcessor: what turns a checkpoint's raw inputs into arrays, be it a tokenizer or an image processor."""

from __future__ import annotations

import os
from typing import Any

from ..configs.base import HUB_ARGUMENTS
from .config import AutoConfig
from .registry import load
from .table import ARCHITECTURES


class AutoProcessor:
    """Makes the right processor; it is not instantiated itself."""

    def __init__(self) -> None:
        raise OSError("[AutoProcessor] has no instances; use AutoProcessor.from_pretrained")

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any) -> Any:
        """Load the tokenizer of a checkpoint for text, or the image processor of one for images.

        A checkpoint without config.json gives its tokenizer. Arguments as in AutoTokenizer and AutoImageProcessor.
        """
        config = kwargs.get("config")
        hub = {name: kwargs[name] for name in HUB_ARGUMENTS if name in kwargs}
        if config is None:
            try:
                config = AutoConfig.from_pretrained(pretrained_model_name_or_path, **hub)
            except OSError:
                config = None
        row = ARCHITECTURES.get(getattr(config, "model_type", ""), {"tokenizer": "PreTrainedTokenizerFast"})
        auto = "AutoTokenizer" if row["tokenizer"] else "AutoImageProcessor"
        return load(auto).from_pretrained(pretrained_model_name_or_path, **kwargs)
