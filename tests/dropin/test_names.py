"""Every public class resolves under `transformers` and its deep module path; so do lines of programs that use it."""

import json
from pathlib import Path

import pytest

from pytransformers.auto.registry import class_names
from pytransformers.auto.table import ARCHITECTURES, FRAMEWORKS

from .running import dropin, succeed

LINES = Path(__file__).with_name("imports.txt")
FILES = {"": "modeling_{}", "Flax": "modeling_flax_{}", "TF": "modeling_tf_{}"}

RUN_LINES = """
import json, sys
failed = {}
for line in open(sys.argv[1]):
    if line.strip() and not line.startswith("#"):
        try:
            exec(line, {})
        except Exception as error:
            failed[line.strip()] = repr(error)
print(json.dumps(failed))
"""

WALK = """
import json, sys
from importlib import import_module
import transformers, pytransformers
failed = []
for module, name in json.loads(sys.argv[1]):
    found = getattr(import_module(f"transformers.{module}"), name, None)
    if found is None or found is not getattr(transformers, name) or found is not getattr(pytransformers, name):
        failed.append((module, name))
print(json.dumps(failed))
"""


def test_lines_of_programs():
    assert json.loads(succeed(dropin("-c", RUN_LINES, LINES)).splitlines()[-1]) == {}


@pytest.mark.parametrize("prefix", FRAMEWORKS)
def test_every_class_in_its_module(prefix):
    names = []
    for row in ARCHITECTURES.values():
        folder = f"models.{row['module']}"
        names.append((f"{folder}.configuration_{row['module']}", row["config"]))
        for name in class_names(row):
            names.append((folder, prefix + name))
            names.append((f"{folder}.{FILES[prefix].format(row['module'])}", prefix + name))
    for row in ARCHITECTURES.values():
        if row["tokenizer"]:
            for file in ("tokenization_{}", "tokenization_{}_fast"):
                names.append((f"models.{row['module']}.{file.format(row['module'])}", row["tokenizer"]))
    assert len(names) > 100
    assert json.loads(succeed(dropin("-c", WALK, json.dumps(names))).splitlines()[-1]) == []


def test_mappings():
    code = """
import transformers
from transformers import BertConfig, BertModel, BertForMaskedLM, MODEL_MAPPING, TF_MODEL_FOR_CAUSAL_LM_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING_NAMES
from transformers import CONFIG_MAPPING, TOKENIZER_MAPPING, T5ForConditionalGeneration
from transformers import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING
assert MODEL_MAPPING[BertConfig] is BertModel and BertConfig in MODEL_FOR_MASKED_LM_MAPPING
assert MODEL_FOR_MASKED_LM_MAPPING[BertConfig] is BertForMaskedLM and CONFIG_MAPPING["bert"] is BertConfig
assert MODEL_FOR_MASKED_LM_MAPPING_NAMES["bert"] == "BertForMaskedLM" and "llama" not in CONFIG_MAPPING.values()
assert list(MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING.values()) == [T5ForConditionalGeneration]
assert {config.model_type for config in MODEL_FOR_MASKED_LM_MAPPING} == set(MODEL_FOR_MASKED_LM_MAPPING_NAMES)
assert BertConfig in TOKENIZER_MAPPING and int not in MODEL_MAPPING and len(MODEL_MAPPING) == len(list(MODEL_MAPPING))
"""
    succeed(dropin("-c", code))
