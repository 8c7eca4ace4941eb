"""The table of architectures as the mappings that `transformers` has: MODEL_MAPPING, CONFIG_MAPPING_NAMES, ...

{model type: class name} for names that end in _NAMES, else a mapping of configuration classes to classes that are
imported when they are looked up; CONFIG_MAPPING maps model types to configuration classes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .registry import load
from .table import ARCHITECTURES, FRAMEWORKS, HEADS

# Heads whose mapping is not called after them.
_IRREGULAR = {
    "": "",
    "ForAudioXVector": "FOR_AUDIO_XVECTOR",
    "ForPreTraining": "FOR_PRETRAINING",
    "ForSeq2SeqLM": "FOR_SEQ_TO_SEQ_CAUSAL_LM",
    "ForSpeechSeq2Seq": "FOR_SPEECH_SEQ_2_SEQ",
    "ForVision2Seq": "FOR_VISION_2_SEQ",
    "WithLMHead": "WITH_LM_HEAD",
}


class LazyMapping(Mapping):
    """{key: class}, from {key: the name of the class}; keys are made by `key` from model types."""

    def __init__(self, names: dict[str, str], key: Callable[[str], Any]) -> None:
        self._names = names
        self._key = key

    def __getitem__(self, key: Any) -> Any:
        for model_type, name in self._names.items():
            if key == model_type or key == self._key(model_type):
                return load(name)
        raise KeyError(key)

    def __iter__(self) -> Iterator[Any]:
        return map(self._key, self._names)

    def __len__(self) -> int:
        return len(self._names)


def _config(model_type: str) -> type:
    return load(ARCHITECTURES[model_type]["config"])


def _words(head: str) -> str:
    """ "ForCausalLM" -> "FOR_CAUSAL_LM"."""
    if head in _IRREGULAR:
        return _IRREGULAR[head]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", head).upper()


CONFIG_MAPPING_NAMES = {kind: row["config"] for kind, row in ARCHITECTURES.items()}
MODEL_NAMES_MAPPING = {kind: row["title"] for kind, row in ARCHITECTURES.items()}
TOKENIZER_MAPPING_NAMES = {kind: row["tokenizer"] for kind, row in ARCHITECTURES.items() if row["tokenizer"]}
CONFIG_MAPPING = LazyMapping(CONFIG_MAPPING_NAMES, str)
TOKENIZER_MAPPING = LazyMapping(TOKENIZER_MAPPING_NAMES, _config)

for _prefix in FRAMEWORKS:
    for _head in HEADS:
        _name = "_".join(filter(None, (_prefix.upper(), "MODEL", _words(_head), "MAPPING")))
        _rows = {k: _prefix + row["heads"][_head] for k, row in ARCHITECTURES.items() if _head in row["heads"]}
        globals()[f"{_name}_NAMES"] = _rows
        globals()[_name] = LazyMapping(_rows, _config)
