"""GenerationConfig: how text is generated, with the fields, defaults and file of `transformers` 4.57."""

from __future__ import annotations

import copy
import enum
import json
from typing import Any

from .watermark import WatermarkingConfig

GENERATION_CONFIG_NAME = "generation_config.json"

# field -> default, in the order of the file
DEFAULTS: dict[str, Any] = {
    # length
    "max_length": 20, "max_new_tokens": None, "min_length": 0, "min_new_tokens": None, "early_stopping": False,
    "max_time": None, "stop_strings": None,
    # strategy
    "do_sample": False, "num_beams": 1, "num_beam_groups": 1, "penalty_alpha": None, "dola_layers": None,
    # cache
    "use_cache": True, "cache_implementation": None, "cache_config": None, "return_legacy_cache": None,
    "prefill_chunk_size": None,
    # scores
    "temperature": 1.0, "top_k": 50, "top_p": 1.0, "min_p": None, "typical_p": 1.0, "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0, "diversity_penalty": 0.0, "repetition_penalty": 1.0, "encoder_repetition_penalty": 1.0,
    "length_penalty": 1.0, "no_repeat_ngram_size": 0, "bad_words_ids": None, "force_words_ids": None,
    "renormalize_logits": False, "constraints": None, "forced_bos_token_id": None, "forced_eos_token_id": None,
    "remove_invalid_values": False, "exponential_decay_length_penalty": None, "suppress_tokens": None,
    "begin_suppress_tokens": None, "sequence_bias": None, "token_healing": False, "guidance_scale": None,
    "low_memory": None, "watermarking_config": None,
    # outputs
    "num_return_sequences": 1, "output_attentions": False, "output_hidden_states": False, "output_scores": False,
    "output_logits": None, "return_dict_in_generate": False,
    # special tokens
    "pad_token_id": None, "bos_token_id": None, "eos_token_id": None,
    # encoder-decoder models
    "encoder_no_repeat_ngram_size": 0, "decoder_start_token_id": None,
    # assisted generation
    "num_assistant_tokens": 20, "num_assistant_tokens_schedule": "constant", "assistant_confidence_threshold": 0.4,
    "prompt_lookup_num_tokens": None, "max_matching_ngram_size": None, "assistant_early_exit": None,
    "assistant_lookbehind": 10, "target_lookbehind": 10,
    # compilation
    "compile_config": None, "disable_compile": False,
}  # fmt: skip

# Fields that only change what sampling does.
SAMPLING = ("temperature", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
# Fields that a config.json of older checkpoints holds.
FROM_MODEL = tuple(
    name for name in DEFAULTS
    if name not in ("max_time", "output_attentions", "output_hidden_states", "use_cache", "compile_config")
)  # fmt: skip
TOKENS = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
HUB_ARGUMENTS = ("cache_dir", "force_download", "local_files_only", "token", "revision", "subfolder")
CACHES = (None, "dynamic", "static", "dynamic_full", "offloaded", "offloaded_static", "hybrid", "sliding_window")


def _positive_integer(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _tokens(value):
    values = value if isinstance(value, (list, tuple)) else [value]
    return all(isinstance(v, int) and not isinstance(v, bool) for v in values)


# field -> (whether a value is right, what is expected); None is right wherever it is the default
CHECKS = {
    "max_length": (_positive_integer, "a positive integer"),
    "max_new_tokens": (_positive_integer, "a positive integer"),
    "min_length": (lambda v: v == 0 or _positive_integer(v), "an integer >= 0"),
    "min_new_tokens": (lambda v: v == 0 or _positive_integer(v), "an integer >= 0"),
    "early_stopping": (lambda v: isinstance(v, bool) or v == "never", 'True, False or "never"'),
    "max_time": (lambda v: _number(v) and v > 0, "seconds > 0"),
    "num_beams": (_positive_integer, "a positive integer"),
    "num_beam_groups": (_positive_integer, "a positive integer"),
    "num_return_sequences": (_positive_integer, "a positive integer"),
    "temperature": (lambda v: v is None or (_number(v) and v >= 0), "a number >= 0"),
    "top_k": (lambda v: v is None or v == 0 or _positive_integer(v), "an integer >= 0"),
    "top_p": (lambda v: v is None or (_number(v) and 0 < v <= 1), "a number in (0, 1]"),
    "min_p": (lambda v: _number(v) and 0 <= v <= 1, "a number in [0, 1]"),
    "typical_p": (lambda v: v is None or (_number(v) and 0 < v <= 1), "a number in (0, 1]"),
    "epsilon_cutoff": (lambda v: v is None or (_number(v) and 0 <= v < 1), "a number in [0, 1)"),
    "eta_cutoff": (lambda v: v is None or (_number(v) and 0 <= v < 1), "a number in [0, 1)"),
    "repetition_penalty": (lambda v: v is None or (_number(v) and v > 0), "a number > 0"),
    "encoder_repetition_penalty": (lambda v: v is None or (_number(v) and v > 0), "a number > 0"),
    "no_repeat_ngram_size": (lambda v: v is None or v == 0 or _positive_integer(v), "an integer >= 0"),
    "encoder_no_repeat_ngram_size": (lambda v: v is None or v == 0 or _positive_integer(v), "an integer >= 0"),
    "penalty_alpha": (lambda v: _number(v) and 0 <= v <= 1, "a number in [0, 1]"),
    "num_assistant_tokens": (_positive_integer, "a positive integer"),
    "num_assistant_tokens_schedule": (
        lambda v: v in ("constant", "heuristic", "heuristic_transient"), "constant, heuristic or heuristic_transient"
    ),
    "prompt_lookup_num_tokens": (_positive_integer, "a positive integer"),
    "max_matching_ngram_size": (_positive_integer, "a positive integer"),
    "cache_implementation": (lambda v: v in CACHES, f"one of {', '.join(map(str, CACHES))}"),
    "watermarking_config": (lambda v: isinstance(v, WatermarkingConfig), "a WatermarkingConfig or a dict of one"),
    "pad_token_id": (lambda v: v is None or _tokens(v), "an integer"),
    "bos_token_id": (lambda v: v is None or _tokens(v), "an integer"),
    "eos_token_id": (lambda v: v is None or _tokens(v), "an integer or a list of them"),
}  # fmt: skip


class GenerationMode(str, enum.Enum):
    """The searches of `generate`, by their names in `transformers`."""

    GREEDY_SEARCH = "greedy_search"
    SAMPLE = "sample"
    CONTRASTIVE_SEARCH = "contrastive_search"
    ASSISTED_GENERATION = "assisted_generation"
    DOLA_GENERATION = "dola_generation"
    BEAM_SEARCH = "beam_search"
    BEAM_SAMPLE = "beam_sample"
    CONSTRAINED_BEAM_SEARCH = "constrained_beam_search"
    GROUP_BEAM_SEARCH = "group_beam_search"

    __str__ = str.__str__


class GenerationConfig:
    """Settings of `generate`; keyword arguments are the fields of DEFAULTS, further ones are kept as attributes.

    Lengths are in tokens; `max_length` and `min_length` count the prompt (of an encoder-decoder: of the decoder),
    `max_new_tokens` and `min_new_tokens` do not, and win. `eos_token_id` may be a list.

    Raises:
        ValueError: a value is out of its range, or two settings contradict each other.
    """

    def __init__(self, **kwargs: Any) -> None:
        self._from_model_config = kwargs.pop("_from_model_config", False)
        kwargs.pop("_commit_hash", None)
        self.transformers_version = kwargs.pop("transformers_version", None)
        for name, default in DEFAULTS.items():
            setattr(self, name, _value(name, kwargs.pop(name, default)))
        for name, value in kwargs.items():
            setattr(self, name, value)
        self.validate()
        self._original: dict[str, Any] | None = None  # where it came from a file or a model: the settings then

    # -- checks ------------------------------------------------------------------------------------------------------
    def validate(self, strict: bool = False) -> None:
        """Raise ValueError for settings that cannot be meant."""
        for name, (right, expected) in CHECKS.items():
            value = getattr(self, name)
            if value is None and DEFAULTS[name] is None:
                continue
            if not right(value):
                raise ValueError(f"[generation] expected {name} to be {expected}, got {value!r}: correct it")
        if self.watermarking_config is not None:
            self.watermarking_config.validate()
        for contradicts, message in _CONTRADICTIONS:
            if contradicts(self):
                raise ValueError(f"[generation] {message.format(**vars(self))}")

    def get_generation_mode(self, assistant_model: Any = None) -> GenerationMode:
        """Which search these settings ask for.

        Raises:
            ValueError: `generate` has no such search.
        """
        if self.token_healing:
            raise ValueError(
                "[generation] expected token_healing=False, got True: it is not supported; shorten the prompt by hand"
            )
        if self.dola_layers is not None:
            raise ValueError(
                f"[generation] expected dola_layers=None, got {self.dola_layers!r}: contrasting layers (DoLa) is not "
                "supported, leave it out"
            )
        if self.constraints is not None or self.force_words_ids is not None:
            mode = GenerationMode.CONSTRAINED_BEAM_SEARCH
        elif self.num_beams > 1 and self.num_beam_groups > 1:
            mode = GenerationMode.GROUP_BEAM_SEARCH
        elif self.num_beams > 1:
            mode = GenerationMode.BEAM_SAMPLE if self.do_sample else GenerationMode.BEAM_SEARCH
        elif self.do_sample:
            mode = GenerationMode.SAMPLE
        elif (self.top_k or 0) > 1 and (self.penalty_alpha or 0) > 0:
            mode = GenerationMode.CONTRASTIVE_SEARCH
        else:
            mode = GenerationMode.GREEDY_SEARCH
        if assistant_model is not None or self.prompt_lookup_num_tokens is not None:
            if mode not in (GenerationMode.GREEDY_SEARCH, GenerationMode.SAMPLE):
                raise ValueError(
                    f"[generation] expected greedy search or sampling with an assistant, got {mode}: leave num_beams, "
                    "penalty_alpha and constraints at their defaults"
                )
            mode = GenerationMode.ASSISTED_GENERATION
        return mode

    # -- as data -----------------------------------------------------------------------------------------------------
    def update(self, **kwargs: Any) -> dict[str, Any]:
        """Set the fields that exist; returns the other arguments."""
        unused = {}
        for name, value in kwargs.items():
            if name in DEFAULTS or hasattr(self, name):
                setattr(self, name, _value(name, value))
            else:
                unused[name] = value
        self.validate()
        return unused

    def to_dict(self) -> dict[str, Any]:
        return {name: copy.deepcopy(value) for name, value in vars(self).items() if not name.startswith("_")}

    def to_diff_dict(self) -> dict[str, Any]:
        """The fields that differ from the defaults."""
        return {n: v for n, v in self.to_dict().items() if n not in DEFAULTS or v != DEFAULTS[n]}

    def to_json_string(self, use_diff: bool = True, ignore_metadata: bool = False, **_: Any) -> str:
        """JSON, with `use_diff` of what differs from the defaults, with `ignore_metadata` of the settings alone."""
        values = self.to_diff_dict() if use_diff else self.to_dict()
        if ignore_metadata:
            values.pop("transformers_version", None)
        elif self._from_model_config:
            values["_from_model_config"] = True
        values = {name: _as_json(value) for name, value in values.items() if value is not None or not use_diff}
        return json.dumps(values, indent=2, sort_keys=True) + "\n"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GenerationConfig) and self._compared() == other._compared()

    def _compared(self) -> dict[str, Any]:
        return {name: value for name, value in self.to_dict().items() if name != "transformers_version"}

    def __hash__(self) -> int:
        return hash(self.to_json_string())

    def __repr__(self) -> str:
        return f"GenerationConfig {self.to_json_string(ignore_metadata=True)}"

    # -- files -------------------------------------------------------------------------------------------------------
    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], return_unused_kwargs: bool = False, **kwargs: Any) -> Any:
        config = cls(**config_dict)
        unused = config.update(**kwargs)
        config._original = config._compared()
        return (config, unused) if return_unused_kwargs else config

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name: Any, config_file_name: str | None = None, return_unused_kwargs: bool = False,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        """From generation_config.json of a folder or a hub id; `kwargs` override fields.

        Raises:
            OSError: there is no such file, or it is no JSON object.
        """
        from ..utils.files import read_json_object
        from ..weights.hub import resolve_file

        hub = {name: kwargs.pop(name) for name in HUB_ARGUMENTS if name in kwargs}
        name = config_file_name or GENERATION_CONFIG_NAME
        path = resolve_file(pretrained_model_name, name, **hub)
        if path is None:
            raise OSError(f"[GenerationConfig] expected {name} in {pretrained_model_name}, found none: check the name")
        return cls.from_dict(read_json_object(path), return_unused_kwargs, **kwargs)

    @classmethod
    def from_model_config(cls, model_config: Any) -> GenerationConfig:
        """From the settings that a model's configuration holds."""
        found = {name: getattr(model_config, name) for name in FROM_MODEL if hasattr(model_config, name)}
        found = {name: value for name, value in found.items() if value is not None}
        decoder = getattr(model_config, "decoder", None)  # of a composite encoder-decoder
        for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
            if name not in found and getattr(decoder, name, None) is not None:
                found[name] = getattr(decoder, name)
        config = cls(**found, _from_model_config=True)
        config._original = config._compared()
        return config

    def follows(self, model_config: Any) -> bool:
        """Whether this was made from the model's configuration, nobody has edited it since, and that configuration
        chooses how to generate, beyond special tokens: older programs set `model.config.num_beams`."""
        return (
            self._from_model_config
            and any(
                getattr(model_config, name, DEFAULTS[name]) not in (None, DEFAULTS[name])
                for name in FROM_MODEL
                if name not in TOKENS
            )
            and self._original == self._compared()
        )

    def save_pretrained(self, save_directory: Any, config_file_name: str | None = None, **kwargs: Any) -> None:
        """Write generation_config.json, atomically."""
        import os

        from ..utils.files import make_folder, write_text

        self.validate()
        name = config_file_name or GENERATION_CONFIG_NAME
        write_text(os.path.join(make_folder(save_directory), name), self.to_json_string())


_CONTRADICTIONS = (
    (lambda c: c.num_return_sequences > max(c.num_beams, 1) and not c.do_sample,
     "expected num_return_sequences of at most num_beams ({num_beams}) without sampling, got {num_return_sequences}: "
     "set do_sample=True or more beams"),
    (lambda c: c.num_beams > 1 and c.do_sample is False and c.num_return_sequences > c.num_beams,
     "expected num_return_sequences of at most num_beams ({num_beams}), got {num_return_sequences}"),
    (lambda c: c.num_beams % c.num_beam_groups != 0,
     "expected num_beams to be a multiple of num_beam_groups, got {num_beams} and {num_beam_groups}"),
    (lambda c: c.num_beam_groups > 1 and c.do_sample,
     "expected do_sample=False with num_beam_groups > 1: diverse beams are not sampled"),
    (lambda c: c.num_beam_groups > 1 and c.diversity_penalty <= 0,
     "expected diversity_penalty > 0 with num_beam_groups > 1, got {diversity_penalty}"),
    (lambda c: c.do_sample and c.temperature == 0,
     "expected temperature > 0 with do_sample=True, got 0: set do_sample=False for the most likely token"),
    (lambda c: c.num_beams > 1 and (c.penalty_alpha or 0) > 0,
     "expected num_beams=1 with penalty_alpha (contrastive search), got {num_beams}"),
)  # fmt: skip


def _value(name: str, value: Any) -> Any:
    """A field as it is held: NumPy's numbers and the arrays of any framework as Python's."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if name == "watermarking_config" and isinstance(value, dict):
        return WatermarkingConfig.from_dict(value)
    return value


def _as_json(value: Any) -> Any:
    """Keys of `sequence_bias` are tuples of tokens."""
    if isinstance(value, dict) and any(isinstance(key, tuple) for key in value):
        return [[list(key), bias] for key, bias in value.items()]
    to_dict = getattr(value, "to_dict", None)
    return to_dict() if to_dict else value
