"""Answers `import transformers...`: modules made from the table, whose names are looked up when they are asked for."""

from __future__ import annotations

import sys
from functools import cache, partial
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from ..auto.registry import PLACES, import_backend, load
from ..auto.table import FRAMEWORKS
from ..utils.import_utils import has_packages
from .absent import ABSENT, absent
from .table import ALIASES, EAGER, PACKAGES, SOURCES

NAME = "transformers"
VERSION = "4.57.6"  # whose interface this is
PATH = str(Path(__file__).with_name("path"))  # where the import system of another process finds the drop-in
METADATA = Path(PATH, f"{NAME}-{VERSION}.egg-info")  # a wheel may not hold a second .dist-info
OURS = __name__.partition(".")[0]
_MISSING = object()


class Finder:
    """A meta-path finder for `transformers` and what lies below it, also of its distribution metadata."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        root, _, below = fullname.partition(".")
        if root != NAME or below not in SOURCES:
            return None
        spec = ModuleSpec(fullname, self, origin=str(Path(__file__).with_name("__init__.py")))
        spec.has_location = True  # so that the module has a __file__, which some packages read
        if below in PACKAGES:
            spec.submodule_search_locations = []
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        return None  # an ordinary module

    def exec_module(self, module: ModuleType) -> None:
        path = module.__name__.partition(".")[2]
        module.__doc__ = f"`{module.__name__}` of the drop-in: names of {OURS}."
        module.__getattr__ = partial(_attribute, module, path)
        module.__dir__ = partial(_directory, module, path)
        if not path:
            module.__version__ = VERSION
        if path in EAGER:
            for source, _ in SOURCES[path]:
                import_backend(source, module.__name__)

    def find_distributions(self, context: Any = None) -> Any:
        """What `importlib.metadata` asks every finder."""
        from importlib.metadata import Distribution

        name = getattr(context, "name", None)  # None: all of them
        return [Distribution.at(METADATA)] if name is None or name.lower() == NAME else []

    def invalidate_caches(self) -> None:
        """Nothing is cached."""


def _attribute(module: ModuleType, path: str, name: str) -> Any:
    """`module.name`, for names that are not in the module yet."""
    if name == "__all__" and not path:
        return _for_star()
    if name.startswith("__"):  # asked of every module by `inspect` and the import system: must load nothing
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
    value = find(path, name)
    if value is _MISSING:
        # `hasattr` has to see an AttributeError; `from ... import` would turn it into a message that says less.
        kind = ImportError if _imports_from(sys._getframe(1)) else AttributeError
        raise kind(
            f"[{module.__name__}] expected a name that {OURS} has, got {name!r}, which it lacks; "
            f"see the list in its documentation, or run this with the real {NAME}"
        )
    setattr(module, name, value)
    return value


def _for_star() -> list[str]:
    """What `from transformers import *` takes: the public names of the frameworks that are installed."""
    missing = _missing_backends()
    return [name for name, (module, _) in PLACES.items() if not module.startswith(missing)]


@cache
def _missing_backends() -> tuple[str, ...]:
    """Our folders of frameworks that are not installed."""
    return tuple(f"backends.{row['backend']}." for row in FRAMEWORKS.values() if not has_packages(*row["packages"]))


def _imports_from(frame: Any) -> bool:
    from opcode import opmap

    return frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]


def find(path: str, name: str) -> Any:
    """What `transformers.<path>.<name>` is: a module, a public name, one of the row's modules', or a stand-in."""
    below = f"{path}.{name}" if path else name
    if below in SOURCES:
        return import_module(f"{NAME}.{below}")
    if name in PLACES:
        return absent(name) if PLACES[name][0].startswith(_missing_backends()) else load(name)
    if name in ALIASES:
        source, other = ALIASES[name]
        return getattr(import_backend(source, name), other)
    if name in ABSENT:
        return absent(name)
    for source, prefix in SOURCES[path]:
        found = getattr(_module(source, name), name.removeprefix(prefix), _MISSING)
        if found is not _MISSING:
            return found
    return _MISSING


def _module(source: str, name: str) -> ModuleType | None:
    """One of our modules, None if there is none of this name."""
    try:
        return import_backend(source, name)
    except ModuleNotFoundError as error:
        if error.name and f"{OURS}.{source}.".startswith(f"{error.name}."):
            return None
        raise


def _directory(module: ModuleType, path: str) -> list[str]:
    names = {*vars(module), *PLACES, *ALIASES, *ABSENT}
    start = f"{path}." if path else ""
    names |= {below[len(start) :].partition(".")[0] for below in SOURCES if below.startswith(start)}
    for source, prefix in SOURCES[path]:
        if not source.startswith("backends."):  # listing names must not load a framework
            names |= {prefix + name for name in dir(_module(source, "")) if not name.startswith("_")}
    return sorted(name for name in names if name)
