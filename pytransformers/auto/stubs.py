"""Writes `pytransformers/__init__.pyi` from the tables, so that editors and type checkers know the public names.

    python -m pytransformers.auto.stubs
"""

from __future__ import annotations

from pathlib import Path

from .registry import PLACES
from .table import FRAMEWORKS

STUB = Path(__file__).parents[1] / "__init__.pyi"
# Checkers see the definitions with torch's types, whatever the framework: they are one source file.
_SOURCES = {
    f"backends.{framework['backend']}.{folder}.": f"{folder}."
    for framework in FRAMEWORKS.values()
    for folder in ("models", "layers")
}


def stub_text() -> str:
    """The content of the stub file: one import per module, the Auto classes as classes, names in order."""
    imports: dict[str, list[str]] = {"auto.model": ["AutoClass as AutoClass"]}
    auto_classes = sorted(name for name, (module, _) in PLACES.items() if module == "auto.model")
    for name, (module, attribute) in PLACES.items():
        for prefix, source in _SOURCES.items():
            if module.startswith(prefix):
                module = source + module.removeprefix(prefix)
        if module != "auto.model":  # made in a loop, which checkers cannot follow
            imports.setdefault(module, []).append(f"{attribute} as {name}")
    lines = ["# Written by `python -m pytransformers.auto.stubs`; do not edit.\n# ruff: noqa: I001\n"]
    for module in sorted(imports):
        names = "".join(f"    {name},\n" for name in sorted(imports[module]))
        lines.append(f"from .{module} import (\n{names})\n")
    lines += ["\n", *(f"class {name}(AutoClass): ...\n" for name in auto_classes)]
    # A stub exports a renamed import only if it is listed.
    exported = "".join(f'    "{name}",\n' for name in sorted(PLACES))
    return "".join([*lines, f"\n__all__ = [\n{exported}]\n"])


if __name__ == "__main__":
    STUB.write_text(stub_text(), encoding="utf-8")
