"""Code that comes with checkpoints: files can be listed, but nothing is run."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any, NoReturn


def get_relative_imports(module_file: str | os.PathLike[str]) -> list[str]:
    """Names of the modules beside a file that it imports, in order."""
    tree = ast.parse(Path(module_file).read_text(encoding="utf-8"), str(module_file))
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1)
    names = [name for node in nodes for name in ([node.module] if node.module else [a.name for a in node.names])]
    return list(dict.fromkeys(names))


def get_relative_import_files(module_file: str | os.PathLike[str]) -> list[str]:
    """Paths of the files that a file imports relatively, and of those that they import."""
    folder, found, left = Path(module_file).parent, [], [Path(module_file)]
    while left:
        for name in get_relative_imports(left.pop()):
            path = folder / f"{name}.py"
            if str(path) not in found:
                found.append(str(path))
                left.append(path)
    return found


def get_class_from_dynamic_module(class_reference: str, *args: Any, **kwargs: Any) -> NoReturn:
    """Refused: pytransformers runs no code from checkpoints."""
    raise NotImplementedError(
        f"[get_class_from_dynamic_module] expected a class of a package, got {class_reference!r} from a checkpoint, "
        "whose code is not run; install the package it comes from and register its classes"
    )
