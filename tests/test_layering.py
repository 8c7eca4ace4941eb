"""Who may import whom: every import statement of the package is read and held against one table.

A row names a part of the package (the longest matching path wins) and what it may import: other parts by dotted
prefix below `pytransformers`, and the third-party packages that stand for frameworks. "own" is the part itself.
Imports written inside functions count too; the few that are allowed only there are in LATE.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pytransformers"

FRAMEWORKS = {"torch", "torchvision", "jax", "jaxlib", "flax", "optax", "tensorflow", "keras", "triton"}
# Libraries that must not load with `import pytransformers`, nor anywhere that "nothing of others" is promised.
HEAVY = FRAMEWORKS | {"numpy", "scipy", "h5py", "safetensors", "tokenizers", "huggingface_hub", "transformers"}
NEVER = {"transformers", "sentence_transformers"}
OWN_FRAMEWORK = {
    "torch": {"torch", "torchvision", "triton"},
    "jax": {"jax", "jaxlib", "flax", "optax"},
    "tensorflow": {"tensorflow", "keras"},
}
SHARED = {"configs", "outputs"}
HIGH = {"auto", "weights", "tokenizers", "configs", "outputs", "ops", "utils", "version", "backends", "quantization"}

# part -> (parts it may import, heavy packages it may import)
TABLE = {
    "": ({"auto"}, set()),
    "__main__": ({"cli"}, set()),
    "version": (set(), set()),
    "utils": (set(), {"huggingface_hub", "numpy"}),
    "outputs": (set(), set()),
    "configs": (set(), {"numpy"}),
    "ops": (set(), {"numpy"}),
    "weights": (
        {"ops", "configs", "utils"},
        {"numpy", "safetensors", "huggingface_hub", "h5py"},
    ),
    "quantization": ({"ops"}, {"numpy"}),
    "auto": ({"configs", "utils", "tokenizers"}, set()),
    "tokenizers": ({"auto", "configs", "utils", "weights"}, {"numpy", "tokenizers"}),
    "processors": ({"configs", "tokenizers", "utils", "weights"}, {"numpy"}),
    "pipelines": (
        {"auto", "configs", "outputs", "processors", "tokenizers", "utils"},
        {"numpy"},
    ),
    "cli": (HIGH | {"cli"}, {"numpy"}),
    "training": ({"utils", "outputs", "auto", "tokenizers", "configs"}, {"numpy"}),
    "dropin": ({"auto", "configs", "outputs", "tokenizers", "training", "utils", "dropin"}, set()),
    # The shared definitions see one framework's names, through relative imports only; NumPy is for tables of
    # positions and indices that depend on the configuration alone.
    "layers": (SHARED | {"nn", "ops"}, {"numpy"}),
    "models": (SHARED | {"layers", "nn", "ops", "pretrained"}, {"numpy"}),
    "generation": (SHARED | {"layers", "nn", "ops", "pretrained", "decoding"}, {"numpy"}),
}
for _name, _packages in OWN_FRAMEWORK.items():
    _backend = f"backends.{_name}"
    _packages = _packages | {"numpy"}
    _inside = {f"{_backend}.{part}" for part in
               ("native", "context", "randomness", "module", "init", "parameter", "rotary")}
    TABLE[_backend] = (SHARED | {"ops", "utils", "weights", "quantization", _backend}, _packages)
    TABLE[f"{_backend}.native"] = ({"ops", *_inside}, _packages)
TABLE["backends.torch.adapters"] = ({"utils"}, {"torch", "safetensors"})  # writes the files of `peft`
# Allowed only inside functions: reading a file where a class method is asked to.
LATE = {"configs": {"utils", "weights"}, "cli": {"weights", "ops"}, "utils": {"version", "weights"}}


def module_name(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def row_of(module):
    parts = module.split(".")
    for length in range(len(parts), -1, -1):
        if (key := ".".join(parts[:length])) in TABLE:
            return key
    raise AssertionError(module)


def imports(path):
    """(line, imported module, whether inside a function) of every import; ours lose the package's name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for node in ast.walk(function)
    }
    package = module_name(path).split(".") if path.name == "__init__.py" else module_name(path).split(".")[:-1]
    package = [part for part in package if part]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, id(node) in late
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            whole = [f"pytransformers.{alias.name}" for alias in node.names]
            for name in whole if node.module == "pytransformers" else [node.module]:
                yield node.lineno, name, id(node) in late
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            targets = [node.module] if node.module else [alias.name for alias in node.names]
            for target in targets:
                yield node.lineno, ".".join(["pytransformers", *base, target]), id(node) in late


FILES = sorted(path for path in PACKAGE.rglob("*.py") if "lib" not in path.relative_to(PACKAGE).parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_table(path):
    module = module_name(path)
    key = row_of(module)
    ours, heavy = TABLE[key]
    faults = []
    for line, name, late in imports(path):
        root, _, rest = name.partition(".")
        if root in NEVER:
            faults.append(f"line {line}: {name} is an oracle of the tests, no part of the package")
        elif root == "pytransformers":
            allowed = {key, *ours, *(LATE.get(key, ()) if late else ())} - {""}
            if rest and not any(rest == part or rest.startswith(f"{part}.") for part in allowed):
                faults.append(f"line {line}: {module or 'pytransformers'} may not import {rest}")
        elif root in HEAVY - heavy:
            faults.append(f"line {line}: {module or 'pytransformers'} may not import {root}")
    assert not faults, "\n".join(faults)


def shared_imports():
    """Imports of the definitions that are loaded once per framework."""
    for folder in ("layers", "models", "generation"):
        for path in (PACKAGE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    yield path, node


def test_shared_definitions_reach_their_framework_relatively():
    """An absolute import of layers, nn or ops would bind one framework for all three."""
    found = list(shared_imports())
    assert found
    for path, node in found:
        name = node.module or ""
        if node.level == 0 and name.startswith("pytransformers"):
            assert name.split(".")[1] in SHARED, f"{path}:{node.lineno}: import {name} relatively"
        if node.level:
            assert name.split(".")[0] not in SHARED, f"{path}:{node.lineno}: import {name} absolutely"


def test_backends_do_not_know_each_other():
    for name in OWN_FRAMEWORK:
        others = tuple(f"pytransformers.backends.{other}" for other in OWN_FRAMEWORK if other != name)
        for path in (PACKAGE / "backends" / name).rglob("*.py"):
            assert not [target for _, target, _ in imports(path) if target.startswith(others)], path


def test_nothing_imports_the_top_layers():
    parts = ("cli", "dropin", "pipelines", "training", "export")
    top = tuple(f"pytransformers.{part}" for part in parts)
    for path in FILES:
        part = module_name(path).split(".")[0]
        found = [name for _, name, _ in imports(path) if name.startswith(top) and name.split(".")[1] != part]
        assert not found or module_name(path) == "__main__", f"{path} imports {found}"


def test_the_reader_of_imports_sees_every_kind(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path)
    (tmp_path / "models").mkdir()
    file = tmp_path / "models" / "x.py"
    file.write_text(
        "import torch.nn\nfrom .. import nn, ops\nfrom ..layers.mlp import Mlp\nfrom .bert import B\n"
        "from pytransformers import outputs\nfrom pytransformers.configs.bert import C\n"
        "def f():\n    import numpy as np\n"
    )
    assert [(name, late) for _, name, late in imports(file)] == [
        ("torch.nn", False),
        ("pytransformers.nn", False),
        ("pytransformers.ops", False),
        ("pytransformers.layers.mlp", False),
        ("pytransformers.models.bert", False),
        ("pytransformers.outputs", False),
        ("pytransformers.configs.bert", False),
        ("numpy", True),
    ]
    with pytest.raises(AssertionError, match="may not import torch"):
        test_imports_follow_the_table(file)
