"""What `install` and `uninstall` do to imports, to metadata and to names."""

import textwrap
from pathlib import Path

import pytest

import pytransformers
from pytransformers.dropin import PATH, VERSION

from .running import dropin, python, succeed


def check(code, **options):
    """Run statements after `install()`."""
    return succeed(
        python("-c", "from pytransformers import dropin\ndropin.install()\n" + textwrap.dedent(code), **options)
    )


def test_the_real_one_is_hidden():
    code = """
        import importlib.metadata, importlib.util
        assert importlib.util.find_spec("transformers") is None
        try:
            importlib.metadata.version("transformers")
        except importlib.metadata.PackageNotFoundError:
            print("hidden")
    """
    assert succeed(python("-c", textwrap.dedent(code))) == "hidden\n"
    assert "No module named 'transformers'" in python("-c", "import transformers").stderr


@pytest.mark.parametrize("hidden", [True, False])
def test_version_and_metadata(hidden):
    check(
        f"""
        import importlib.metadata as metadata, importlib.util
        spec = importlib.util.find_spec("transformers")
        assert spec.submodule_search_locations == [] and spec.loader is not None
        assert importlib.util.find_spec("transformers.models.bert.modeling_bert").name.endswith("modeling_bert")
        assert importlib.util.find_spec("transformers.models.no_such_model") is None
        assert metadata.version("transformers") == {VERSION!r}
        assert metadata.version("Transformers") == {VERSION!r}
        assert metadata.distribution("transformers").metadata["Name"] == "transformers"
        assert "transformers" in metadata.packages_distributions()["transformers"]
        assert "numpy" in metadata.packages_distributions() and metadata.version("numpy")
        import transformers
        assert transformers.__version__ == {VERSION!r} and transformers.__spec__.name == "transformers"
        assert "pytransformers" in transformers.__file__ and transformers.__path__ == []
        """,
        hidden=hidden,
    )


def test_the_folder_agrees_with_the_version():
    code = f"""
        import sys, importlib.metadata
        sys.path.insert(0, {PATH!r})
        print(importlib.metadata.version("transformers"))
        import transformers
        assert sys.modules["transformers"] is transformers
        from transformers.utils import logging
        print(transformers.__version__)
    """
    assert succeed(python("-c", textwrap.dedent(code))) == f"{VERSION}\n{VERSION}\n"


def test_names_are_the_same_objects():
    check(
        """
        import sys, pytransformers, transformers
        from transformers import BertConfig, BertModel as Model, AutoTokenizer
        from transformers.models.bert import BertModel
        from transformers.models.bert.modeling_bert import BertModel as Deep, BertSelfOutput
        from transformers.models.bert.configuration_bert import BertConfig as DeepConfig
        assert Model is BertModel is Deep is pytransformers.BertModel is transformers.BertModel
        assert BertConfig is DeepConfig is pytransformers.BertConfig
        assert transformers.models.bert.modeling_bert is sys.modules["transformers.models.bert.modeling_bert"]
        assert BertSelfOutput.__module__ == "pytransformers.backends.torch.models.bert"
        assert issubclass(BertModel, transformers.PreTrainedModel)
        assert isinstance(BertConfig(), transformers.configuration_utils.PretrainedConfig)
        assert "BertModel" in dir(transformers) and "Trainer" in dir(transformers) and "models" in dir(transformers)
        assert "modeling_bert" in dir(transformers.models.bert) and "set_seed" in dir(transformers.trainer_utils)
        assert {name for name in sys.modules if name.startswith("transformers.models")} == {
            "transformers.models", "transformers.models.bert", "transformers.models.bert.modeling_bert",
            "transformers.models.bert.configuration_bert"}
        """
    )


def test_modules_load_no_framework():
    check(
        """
        import sys
        import transformers.modeling_utils, transformers.models.bert.modeling_bert
        import transformers.models.auto.modeling_auto
        import transformers.models.t5.modeling_tf_t5, transformers.pipelines, transformers.generation.utils
        from transformers import AutoModel, AutoConfig, BertConfig, logging, set_seed, is_torch_available, Trainer
        import inspect; inspect.getmodule(inspect.currentframe())
        loaded = {name.partition(".")[0] for name in sys.modules}
        assert not loaded & {"torch", "tensorflow", "jax", "flax", "keras"}, loaded
        """
    )


def test_missing_names_and_modules():
    check(
        """
        import transformers, pytest
        with pytest.raises(ImportError, match=r"\\[transformers\\] expected a name .* got 'Nothing'"):
            from transformers import Nothing
        with pytest.raises(ImportError, match="got 'nothing'"):
            from transformers.models.bert.modeling_bert import nothing
        with pytest.raises(AttributeError, match="got 'Nothing'"):
            transformers.Nothing
        assert not hasattr(transformers, "Nothing") and not hasattr(transformers.utils, "nothing")
        assert getattr(transformers, "__wrapped__", None) is None
        for name in ("transformers.models.no_such_model", "transformers.nothing", "transformers.utils.logging.nothing"):
            with pytest.raises(ModuleNotFoundError, match=name):
                __import__(name)
        """
    )


def test_stand_ins():
    check(
        """
        import abc, pytest
        from dataclasses import dataclass, field
        from transformers import BertConfig, Trainer, TrainingArguments, WhisperConfig, BitsAndBytesConfig
        class MyTrainer(Trainer, abc.ABC):
            def __init__(self): pass
        @dataclass
        class MyArguments(TrainingArguments):
            extra: int = field(default=1)
        assert not isinstance(BertConfig(), WhisperConfig) and issubclass(MyTrainer, Trainer)
        from transformers.trainer import Trainer as Again
        assert Again is Trainer
        for make, name in ((MyTrainer, "Trainer"), (MyArguments, "TrainingArguments"), (Trainer, "Trainer"),
                           (lambda: BitsAndBytesConfig(load_in_8bit=True), "BitsAndBytesConfig"),
                           (lambda: WhisperConfig.from_pretrained("x"), "WhisperConfig")):
            with pytest.raises(NotImplementedError, match=f"has no {name}: "):
                make()
        assert not hasattr(Trainer, "train")
        """
    )


def test_no_stand_in_hides_a_class():
    from pytransformers.auto.registry import PLACES
    from pytransformers.dropin.absent import ABSENT
    from pytransformers.dropin.table import ALIASES

    assert not ABSENT.keys() & (PLACES.keys() | ALIASES.keys()), "these exist now: take them out of absent.py"


def test_install_twice_and_uninstall():
    check(
        """
        import sys
        dropin.install()
        assert dropin.installed() and sum(type(f).__name__ == "Finder" for f in sys.meta_path) == 1
        import transformers.utils.logging
        before = transformers
        dropin.uninstall()
        dropin.uninstall()
        assert not dropin.installed() and not [name for name in sys.modules if name.startswith("transformers")]
        try:
            import transformers
        except ModuleNotFoundError:
            pass
        else:
            raise AssertionError
        assert before.BertConfig().model_type == "bert"
        dropin.install()
        import transformers
        assert transformers is not before and transformers.BertConfig is before.BertConfig
        """
    )


def test_the_real_one_comes_back():
    check(
        """
        import importlib.util, transformers
        dropin.uninstall()
        assert "pytransformers" not in importlib.util.find_spec("transformers").origin
        """,
        hidden=False,
    )


def test_refuses_to_mix():
    code = """
        import sys, types
        sys.modules["transformers"] = types.ModuleType("transformers")
        from pytransformers import dropin
        dropin.install()
    """
    done = python("-c", textwrap.dedent(code))
    assert done.returncode == 1 and "RuntimeError: [dropin.install] expected transformers not to be" in done.stderr


def test_pickles(tmp_path):
    """A pickle that names `transformers`' module loads here, and one made here loads with and without the drop-in."""
    real = """
        import pickle, sys
        from transformers import BatchEncoding, BertConfig
        from transformers.modeling_outputs import BaseModelOutput
        output = BaseModelOutput(last_hidden_state=0.5, attentions=(1, 2))
        config = BertConfig(hidden_size=24, num_attention_heads=2)
        objects = config, BatchEncoding({"input_ids": [1, 2]}), BertConfig, output
        pickle.dump(objects, open(sys.argv[1], "wb"))
    """
    check = """
        import pickle, sys, pytransformers
        config, encoding, cls, output = pickle.load(open(sys.argv[1], "rb"))
        assert type(config) is cls is pytransformers.BertConfig and config.hidden_size == 24
        assert config.to_dict()["hidden_size"] == 24
        assert type(output) is pytransformers.BaseModelOutput and output.attentions == (1, 2) and output[0] == 0.5
        assert type(encoding) is pytransformers.BatchEncoding and encoding["input_ids"] == [1, 2]
    """
    theirs, ours = tmp_path / "theirs.pkl", tmp_path / "ours.pkl"
    succeed(python("-c", textwrap.dedent(real), theirs, hidden=False, USE_TF="0", USE_FLAX="0"))
    succeed(dropin("-c", textwrap.dedent(check), theirs))
    succeed(dropin("-c", textwrap.dedent(real), ours))
    succeed(dropin("-c", textwrap.dedent(check), ours))
    succeed(python("-c", textwrap.dedent(check), ours))


def test_as_transformers():
    """`import pytransformers as transformers`, without the drop-in."""
    code = """
        import sys
        import pytransformers as transformers
        from pytransformers import AutoModel, AutoTokenizer, BertModel, DataCollatorWithPadding, set_seed
        from pytransformers.utils import is_torch_available, logging
        transformers.logging.set_verbosity_error()
        assert logging.get_verbosity() == transformers.logging.ERROR
        set_seed(0)
        import torch
        first = torch.rand(3)
        transformers.set_seed(0)
        assert torch.equal(first, torch.rand(3))
        assert transformers.is_torch_available() and not transformers.is_torch_xla_available()
        model = transformers.AutoModel.from_config(transformers.BertConfig(
            vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8))
        assert type(model) is BertModel
        assert "transformers" not in sys.modules
        print(transformers.__version__)
    """
    assert succeed(python("-c", textwrap.dedent(code))).strip() == pytransformers.__version__


def test_start_is_quick():
    """Less than half of the real one's processor time, though that may leave out TensorFlow and JAX here."""
    code = "from transformers import AutoTokenizer, pipeline\nimport os\nprint(sum(os.times()[:2]))"

    def seconds(run):
        return float(succeed(run("-c", code, hidden=False, USE_TF="0", USE_FLAX="0")).splitlines()[-1])

    ours, theirs = min(seconds(dropin) for _ in range(3)), seconds(python)
    assert ours < theirs / 2, (ours, theirs)


def test_frameworks_that_are_not_installed():
    """Their names can be imported, as programs do that may run on any; using one says what is missing."""
    check(
        """
        import sys, pytest
        class Hide:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("jax", "tensorflow"):
                    raise ModuleNotFoundError(name=name.partition(".")[0])
        sys.meta_path.insert(0, Hide())
        from transformers import BertConfig, FlaxBertModel, TFAutoModel, TFBertModel, TFPreTrainedModel
        from transformers.models.bert.modeling_tf_bert import TFBertModel as Deep
        assert Deep is TFBertModel and not isinstance(BertConfig(), TFPreTrainedModel)
        with pytest.raises(ImportError, match=r"\\[TFBertModel\\] expected TensorFlow to be installed"):
            TFBertModel.from_pretrained("x")
        with pytest.raises(ImportError, match=r"\\[FlaxBertModel\\] expected JAX to be installed"):
            FlaxBertModel(BertConfig())
        """
    )


def test_metadata_survives_packaging():
    """Wheels drop every folder that ends in .dist-info but their own."""
    inside = [part for path in Path(PATH).rglob("*") for part in path.relative_to(PATH).parts]
    assert f"transformers-{VERSION}.egg-info" in inside
    assert not [part for part in inside if part.endswith(".dist-info")]
