"""Every public class resolves under `transformers` and its deep module path; so do lines of programs that use it."""

import json
from pathlib import Path

import pytransformers
from pytransformers.auto.registry import class_names
from pytransformers.auto.table import ARCHITECTURES, FRAMEWORKS
from pytransformers.dropin.table import SOURCES

from .running import dropin, succeed

LINES = Path(__file__).with_name("imports.txt")
FILES = {"": "modeling_{}", "Flax": "modeling_flax_{}", "TF": "modeling_tf_{}"}

ASK = """
import json, sys
from importlib import import_module
import transformers, pytransformers
failed = {}
for line in open(sys.argv[1]):
    if line.strip() and not line.startswith("#"):
        try:
            exec(line, {})
        except Exception as error:
            failed[line.strip()] = repr(error)
for module, name in json.load(open(sys.argv[2])):
    found = getattr(import_module(f"transformers.{module}"), name, None)
    if found is None or found is not getattr(transformers, name) or found is not getattr(pytransformers, name):
        failed[f"{module}.{name}"] = repr(found)
print(json.dumps(failed))
"""


def names():
    """(module path, name) of every class of every architecture, in its package and in its own file."""
    for row in ARCHITECTURES.values():
        folder, file = f"models.{row['module']}", row["module"]
        yield f"{folder}.configuration_{file}", row["config"]
        if row["tokenizer"]:
            yield f"{folder}.tokenization_{file}", row["tokenizer"]
            yield f"{folder}.tokenization_{file}_fast", row["tokenizer"]
        for prefix in FRAMEWORKS:
            for name in class_names(row):
                yield folder, prefix + name
                yield f"{folder}.{FILES[prefix].format(file)}", prefix + name


def test_every_class_and_lines_of_programs(tmp_path):
    file = tmp_path / "names.json"
    file.write_text(json.dumps(list(names())))
    assert len(list(names())) > 300
    assert json.loads(succeed(dropin("-c", ASK, LINES, file)).splitlines()[-1]) == {}


def test_every_source_exists():
    """What the table names are modules of ours; the shared folders are found in each backend."""
    package = Path(pytransformers.__file__).parent
    for path, sources in SOURCES.items():
        for source, _ in sources:
            parts = source.split(".")
            if parts[0] == "backends" and parts[2] in ("models", "layers", "generation"):
                parts = parts[2:]
            place = package.joinpath(*parts)
            assert place.is_dir() or place.with_suffix(".py").is_file(), f"{path}: {source}"


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
