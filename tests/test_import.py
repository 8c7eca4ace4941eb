"""What importing costs: which modules load, and how long it takes beside a bare interpreter.

Modules are checked strictly. Times are processor time, the least of several runs, since the machine may be busy.
"""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FRAMEWORKS = {
    "torch": {"torch"},
    "jax": {"jax", "flax"},
    "tensorflow": {"tensorflow", "keras"},
}
HEAVY = {"numpy", "scipy", "tokenizers", "safetensors", "huggingface_hub", "h5py", "msgpack", "transformers"}
HEAVY = HEAVY.union(*FRAMEWORKS.values())


def loaded(code):
    """The top-level names in sys.modules after running `code`, less those of a bare interpreter."""
    code = f"import sys; before = set(sys.modules)\n{code}\nprint(*set(sys.modules) - before)"
    out = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT)
    return set(out.splitlines()[-1].split())


def roots(modules):
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize(
    "code",
    [
        "import pytransformers",
        "from pytransformers import BertConfig, AutoConfig, PretrainedConfig, AutoModel, TFAutoModelForCausalLM",
        "from pytransformers import ModelOutput, CausalLMOutputWithPast",
        "import pytransformers; dir(pytransformers)",
        "from pytransformers.cli import build_parser; build_parser()",
        "import pytransformers.ops.selection",
        "import pytransformers.weights",
    ],
)
def test_loads_no_framework_and_no_numpy(code):
    assert not roots(loaded(code)) & HEAVY


def test_parts_are_there_without_importing_each():
    """`pytransformers.dropin.install()` works after the bare import, and `dir` names every part that it finds."""
    parts = {"auto", "cli", "configs", "dropin", "pipelines", "processors", "tokenizers", "training", "utils"}
    code = f"import pytransformers as p\nfor part in {parts!r}: getattr(p, part), dir(p).index(part)"
    assert {f"pytransformers.{part}" for part in parts} <= loaded(code)


def test_the_bare_import_loads_one_file():
    assert {name for name in loaded("import pytransformers") if name.startswith("pytransformers")} == {"pytransformers"}


@pytest.mark.parametrize(
    "name, framework", [("BertModel", "torch"), ("FlaxBertModel", "jax"), ("TFBertModel", "tensorflow")]
)
def test_a_model_loads_its_framework_alone(name, framework):
    modules = loaded(f"from pytransformers import {name}")
    assert FRAMEWORKS[framework] <= roots(modules)
    others = set().union(*(packages for other, packages in FRAMEWORKS.items() if other != framework))
    # flax and keras each load a part of another framework of their own accord.
    alone = loaded("\n".join(f"import {package}" for package in sorted(FRAMEWORKS[framework])))
    assert not (roots(modules) - roots(alone)) & (others | {"transformers"})
    definitions = {module for module in modules if module.startswith("pytransformers.") and ".models." in module}
    assert definitions == {f"pytransformers.backends.{framework}.models.bert"}


def seconds(code, repeats=5):
    """Least processor time of `python -c code`, in seconds."""

    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    times = []
    for _ in range(repeats):
        start = spent()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
        times.append(spent() - start)
    return min(times)


def test_the_bare_import_is_quick():
    assert seconds("import pytransformers") - seconds("pass") < 0.060


def test_a_configuration_is_quick():
    assert seconds("import pytransformers.configs.bert") - seconds("pass") < 0.060


def test_a_torch_model_costs_little_over_torch():
    assert seconds("from pytransformers import BertModel", 3) - seconds("import torch", 3) < 0.5
