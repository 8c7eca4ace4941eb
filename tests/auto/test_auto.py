"""The table of architectures and the Auto classes, against `transformers` 4.57.6 and the shared list of names."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import pytransformers
from pytransformers.auto import model as auto_model
from pytransformers.auto import stubs
from pytransformers.auto.config import AutoConfig
from pytransformers.auto.model import AutoClass
from pytransformers.auto.registry import PLACES, class_names
from pytransformers.auto.table import ARCHITECTURES, BACKEND_NAMES, FRAMEWORKS, HEADS, SHARED_NAMES
from pytransformers.configs.base import PretrainedConfig
from pytransformers.configs.bert import BertConfig

ROOT = Path(__file__).parents[2]
TINY = {"vocab_size": 40, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}


def test_heads_are_those_of_transformers():
    from transformers.models.auto import modeling_auto

    theirs = {kind: {} for kind in ARCHITECTURES}
    for name, cls in vars(modeling_auto).items():
        if name.startswith("AutoModel") and getattr(cls, "_model_mapping", None) is not None:
            head = name.removeprefix("AutoModel")
            assert head in HEADS
            for kind in theirs.keys() & cls._model_mapping._model_mapping.keys():
                theirs[kind][head] = cls._model_mapping._model_mapping[kind]
    assert theirs == {kind: row["heads"] for kind, row in ARCHITECTURES.items()}


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_public_class_of_transformers_is_named(kind):
    import importlib

    theirs = importlib.import_module(f"transformers.models.{kind}.modeling_{kind}").__all__
    wanted = {name for name in theirs if not name.startswith("load_tf_weights")}
    assert wanted <= class_names(ARCHITECTURES[kind]).keys()


# Keras layers that `transformers` needs between its TF models and their weights; ours are the models themselves.
INTERNAL = ("MainLayer", "TFBertEmbeddings")


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_names_of_the_shared_list_exist_in_every_framework(kind):
    path = ROOT.parent / "shared" / "architectures.json"
    if not path.exists():
        pytest.skip("the list lies beside the repository, not in it")
    row = json.loads(path.read_text())[kind]
    wanted = [name for key in ("torch", "tf", "flax", "config") for name in row[key]]
    assert wanted
    assert not [name for name in wanted if name not in PLACES and not name.endswith(INTERNAL)]
    for name in row["torch"]:
        assert f"TF{name}" in PLACES and f"Flax{name}" in PLACES


def test_stub_file_is_up_to_date():
    assert stubs.STUB.read_text() == stubs.stub_text(), "run: python -m pytransformers.auto.stubs"
    compile(stubs.stub_text(), "__init__.pyi", "exec")


def test_dir_lists_every_name():
    assert PLACES.keys() <= set(dir(pytransformers))
    assert {"FlaxLlamaForSequenceClassification", "TFViTModel", "BertConfig", "AutoTokenizer"} <= PLACES.keys()


@pytest.mark.parametrize("module", SHARED_NAMES)
def test_shared_names_exist(module):
    for name in SHARED_NAMES[module]:
        value = getattr(pytransformers, name)
        home = getattr(value, "__module__", None)  # modules and constants have none
        assert home is None or home.startswith(f"pytransformers.{module}")


def test_all_outputs_are_public():
    from pytransformers import outputs

    bases = {"LogitsOutput", "LogitsOutputWithPast", "Seq2SeqLogitsOutput"}
    classes = {n for n, c in vars(outputs).items() if isinstance(c, type) and issubclass(c, outputs.ModelOutput)}
    assert classes - bases == set(SHARED_NAMES["outputs"])


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_configurations_by_model_type(kind, tmp_path):
    row = ARCHITECTURES[kind]
    config = AutoConfig.for_model(kind, num_labels=3)
    assert type(config).__name__ == row["config"] and config.num_labels == 3
    config.save_pretrained(tmp_path)
    for where in (tmp_path, tmp_path / "config.json"):
        loaded, unused = AutoConfig.from_pretrained(where, num_labels=4, foo=1, return_unused_kwargs=True)
        assert type(loaded) is type(config) and loaded.num_labels == 4 and unused == {"foo": 1}


@pytest.mark.parametrize(
    "content, message",
    [
        ({"model_type": "brt"}, "model_type to be one of albert, bert, .*got 'brt'; did you mean .*'bert'"),
        ({"hidden_size": 8}, "expected a key 'model_type'.* got None"),
        ({"model_type": 5}, "expected a key 'model_type'.* got 5"),
    ],
)
@pytest.mark.parametrize("loader", ["AutoConfig", "AutoModel", "FlaxAutoModelForMaskedLM"])
def test_unknown_model_type_is_one_clear_error(tmp_path, content, message, loader):
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message) as error:
        getattr(pytransformers, loader).from_pretrained(tmp_path)
    assert str(tmp_path / "config.json") in str(error.value) and "\n" not in str(error.value)


def test_heads_that_an_architecture_lacks():
    with pytest.raises(ValueError, match=r"\[FlaxAutoModelForMaskedLM\].*one of: albert, bert, .*; got ViTConfig"):
        pytransformers.FlaxAutoModelForMaskedLM.from_config(pytransformers.ViTConfig())
    with pytest.raises(ValueError, match="no architecture has this head yet"):
        pytransformers.AutoModelForDepthEstimation.from_config(BertConfig())
    for cls in (pytransformers.AutoModel, pytransformers.AutoConfig):
        with pytest.raises(OSError, match="has no instances"):
            cls()


def test_register(monkeypatch):
    class NewConfig(PretrainedConfig):
        model_type = "new"

    class NewModel:
        @classmethod
        def from_config(cls, config, **kwargs):
            return cls, config, kwargs

    monkeypatch.setattr("pytransformers.auto.config._registered", {})
    monkeypatch.setattr(auto_model.AutoModel, "_registered", {})
    AutoConfig.register("new", NewConfig)
    auto_model.AutoModel.register(NewConfig, NewModel)
    config = AutoConfig.for_model("new")
    assert auto_model.AutoModel.from_config(config, a=1) == (NewModel, config, {"a": 1})
    with pytest.raises(ValueError, match="new"):
        auto_model.TFAutoModel.from_config(config)
    for taken in (lambda: AutoConfig.register("new", NewConfig), lambda: AutoConfig.register("bert", BertConfig)):
        with pytest.raises(ValueError, match="is taken"):
            taken()
    with pytest.raises(ValueError, match="model_type to be 'other', got 'new'"):
        AutoConfig.register("other", NewConfig)
    with pytest.raises(ValueError, match="has a class"):
        auto_model.AutoModel.register(NewConfig, NewModel)
    with pytest.raises(ValueError, match="has a class"):
        auto_model.AutoModel.register(BertConfig, NewModel)
    auto_model.AutoModel.register(BertConfig, NewModel, exist_ok=True)
    assert auto_model.AutoModel.from_config(BertConfig())[0] is NewModel


@pytest.mark.parametrize("kind", ARCHITECTURES)
@pytest.mark.parametrize("prefix", FRAMEWORKS)
def test_every_named_class_exists(prefix, kind):
    row = ARCHITECTURES[kind]
    for name, cls in class_names(row).items():
        found = getattr(pytransformers, prefix + name)
        assert found.__name__ == cls and found.__module__ == f"pytransformers.{PLACES[prefix + name][0]}"
        assert found.__module__.split(".")[2] == FRAMEWORKS[prefix]["backend"]
    for name in BACKEND_NAMES:
        assert isinstance(getattr(pytransformers, prefix + name), type)


@pytest.mark.parametrize("prefix", FRAMEWORKS)
def test_auto_models_load_what_models_saved(prefix, tmp_path):
    auto = getattr(pytransformers, f"{prefix}AutoModelForMaskedLM")
    auto.from_config(BertConfig(**TINY)).save_pretrained(tmp_path)
    model, info = auto.from_pretrained(tmp_path, output_loading_info=True, output_attentions=True, dtype="float32")
    assert type(model) is getattr(pytransformers, f"{prefix}BertForMaskedLM")
    assert model.config.output_attentions and not info["missing_keys"] and not info["unexpected_keys"]
    config = BertConfig.from_pretrained(tmp_path, output_hidden_states=True)
    base = getattr(pytransformers, f"{prefix}AutoModel").from_pretrained(tmp_path, config=config)
    assert type(base).__name__ == "BertModel" and base.config.output_hidden_states


def test_every_auto_class_is_declared():
    for prefix in FRAMEWORKS:
        for head in HEADS:
            cls = getattr(auto_model, f"{prefix}AutoModel{head}")
            assert issubclass(cls, AutoClass) and (cls.prefix, cls.head) == (prefix, head)


@pytest.mark.parametrize("prefix", FRAMEWORKS)
def test_missing_framework_names_what_installs_it(prefix):
    framework = FRAMEWORKS[prefix]
    code = f"""
import sys
sys.modules[{framework["packages"][0]!r}] = None
import pytransformers
try:
    pytransformers.{prefix}BertModel
except ImportError as error:
    print(error)
"""
    out = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT)
    assert out.startswith(f"[{prefix}BertModel] expected {framework['title']} to be installed")
    assert f'pip install "pytransformers[{framework["extra"]}]"' in out


@pytest.mark.parametrize("name", ["BertModle", "TFNothing", "_private", "__wrapped__"])
def test_unknown_names(name):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
        getattr(pytransformers, name)
    assert not hasattr(pytransformers, name)
