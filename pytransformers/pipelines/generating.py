"""What tasks that call `generate` share: their settings, and running it."""

from __future__ import annotations

import copy
import os
from typing import Any, ClassVar

import numpy as np

from ..auto.registry import load
from ..configs.generation import DEFAULTS, GenerationConfig
from ..outputs import ModelOutput
from . import batching
from .base import Pipeline


class GeneratingPipeline(Pipeline):
    """Base of tasks that generate. Settings come from, first to last: a call's arguments, the constructor's, the
    model's `task_specific_params`, the task's own defaults, the model's generation_config.json.
    """

    _pipeline_calls_generate = True
    _load_tokenizer = True
    _load_image_processor = False
    _load_feature_extractor = False
    _default_generation_config: ClassVar[GenerationConfig] = GenerationConfig()

    def _prepare_generation(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        self._take_assistant(kwargs.pop("assistant_model", None), kwargs.pop("assistant_tokenizer", None))
        config = self.model.config
        if not config.is_encoder_decoder:
            self.padding_side = "left"  # so that new tokens follow the text, whatever the tokenizer's side
        own = getattr(self.model, "generation_config", None) or GenerationConfig.from_model_config(config)
        settings = copy.deepcopy(self._default_generation_config)
        default_length = settings.max_new_tokens
        settings.update(**{name: value for name, value in vars(own).items() if not name.startswith("_")
                           and getattr(settings, name, None) == DEFAULTS.get(name) != value})  # fmt: skip
        rest = settings.update(**kwargs)
        if default_length is not None and settings.max_new_tokens == default_length:
            if settings.max_length not in (None, DEFAULTS["max_length"]):
                settings.max_new_tokens = None  # a length that somebody chose goes before the task's
        self._length_is_default = "max_new_tokens" not in kwargs and settings.max_new_tokens == default_length
        self.prefix = getattr(config, "prefix", None)
        specific = dict((getattr(config, "task_specific_params", None) or {}).get(self.task) or {})
        self.prefix = specific.pop("prefix", self.prefix)
        settings.update(**specific)
        if settings.pad_token_id is None and self.tokenizer is not None:
            settings.pad_token_id = self.tokenizer.pad_token_id
        self.generation_config = settings
        return rest

    def _take_assistant(self, model: Any, tokenizer: Any) -> None:
        """The draft model of assisted generation, loaded if it is a place; its tokenizer only where it differs."""
        self.assistant_model = self.assistant_tokenizer = None
        if model is None:
            return
        if isinstance(model, (str, os.PathLike)):
            from .registry import PREFIXES

            tokenizer = tokenizer or load("AutoTokenizer").from_pretrained(model)
            model = load(f"{PREFIXES[self.framework]}AutoModelForCausalLM").from_pretrained(model)
            self._backend.place(model, self.device)
        names = ("vocab_size", "eos_token_id", "pad_token_id", "bos_token_id")
        same = all(getattr(model.config, name) == getattr(self.model.config, name) for name in names)
        if not same and tokenizer is None:
            raise ValueError("[generate] expected assistant_tokenizer, as the assistant has another vocabulary")
        self.assistant_model = model
        self.assistant_tokenizer = None if same else tokenizer

    def _assistance(self) -> dict[str, Any]:
        """Arguments of `generate` that concern the assistant."""
        if self.assistant_model is None:
            return {}
        found = {"assistant_model": self.assistant_model}
        if self.assistant_tokenizer is not None:
            found |= {"tokenizer": self.tokenizer, "assistant_tokenizer": self.assistant_tokenizer}
        return found

    def generate(self, inputs: dict[str, Any], **kwargs: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """(ids (batch, sequences of each, length), other outputs of the same first two axes), in NumPy.

        A `max_length` of the call goes before the task's own `max_new_tokens`.
        """
        self.check_ids(inputs)
        rows = len(next(iter(inputs.values()))) if inputs else 1
        if self.framework != "pt":
            inputs = {name: batching.from_numpy(batching.to_numpy(v), self.framework) for name, v in inputs.items()}
        settings = kwargs.setdefault("generation_config", self.generation_config)
        if settings is self.generation_config and kwargs.get("max_length") is not None:
            if "max_new_tokens" not in kwargs and self._length_is_default:
                kwargs["generation_config"] = settings = copy.deepcopy(settings)
                settings.max_new_tokens = None
        if hasattr(self.model, "generate"):
            output = self.model.generate(**inputs, **kwargs)
        else:
            self.fail(f"expected a model that generates, got {type(self.model).__name__}; choose one with such a head")
        if not isinstance(output, ModelOutput):
            output = {"sequences": output}
        found = {name: batching.to_numpy(value) for name, value in output.items() if hasattr(value, "shape")}
        total = len(found["sequences"])
        found = {name: value.reshape(rows, total // rows, *value.shape[1:]) for name, value in found.items()
                 if value.shape[:1] == (total,)}  # fmt: skip
        return found.pop("sequences"), found
