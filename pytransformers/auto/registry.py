"""Public names and where they live; importing one imports the one module that defines it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .table import ARCHITECTURES, BACKEND_NAMES, FRAMEWORKS, HEADS, SHARED_NAMES

PACKAGE = __name__.partition(".")[0]


def class_names(row: dict[str, Any]) -> dict[str, str]:
    """{public name without prefix: class name} of one architecture, in the table's order."""
    names = {name: name for name in (*row["heads"].values(), *row["others"])}
    return {**names, **row["aliases"]}


def _places() -> dict[str, tuple[str, str]]:
    """{public name: (module, attribute)} of everything the package offers."""
    places = {}
    for module, names in SHARED_NAMES.items():
        places.update({name: (module, name) for name in names})
    for row in ARCHITECTURES.values():
        places[row["config"]] = (f"configs.{row['module']}", row["config"])
    for prefix, framework in FRAMEWORKS.items():
        backend = f"backends.{framework['backend']}"
        for head in HEADS:
            places[f"{prefix}AutoModel{head}"] = ("auto.model", f"{prefix}AutoModel{head}")
        for name, module in BACKEND_NAMES.items():
            places[prefix + name] = (f"{backend}.{module}", name)
        for row in ARCHITECTURES.values():
            for name, cls in class_names(row).items():
                places[prefix + name] = (f"{backend}.models.{row['module']}", cls)
    return places


PLACES = _places()


def load(name: str) -> Any:
    """The object with this public name. AttributeError if there is none, ImportError if its framework is missing."""
    if name not in PLACES:
        from ..configs.checks import near

        raise AttributeError(f"module {PACKAGE!r} has no attribute {name!r}{near(name, PLACES)}")
    module, attribute = PLACES[name]
    return getattr(import_backend(module, name), attribute)


def load_class(prefix: str, module: str, name: str) -> type:
    """The class `name` of the definition `module`, in the framework with this prefix ("", "Flax" or "TF")."""
    return getattr(import_backend(f"backends.{FRAMEWORKS[prefix]['backend']}.models.{module}", prefix + name), name)


def import_backend(module: str, wanted: str) -> Any:
    """Import a module of this package. A framework that is not installed is named, with what installs it."""
    try:
        return import_module(f"{PACKAGE}.{module}")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        for framework in FRAMEWORKS.values():
            if missing in framework["packages"]:
                raise ImportError(
                    f"[{wanted}] expected {framework['title']} to be installed, found no package {missing!r}; "
                    f'run: pip install "{PACKAGE}[{framework["extra"]}]"',
                    name=missing,
                ) from error
        raise
    except AttributeError as error:  # `from pytransformers import X` would swallow it and its place
        raise ImportError(f"[{wanted}] importing {PACKAGE}.{module} failed: {error}") from error


def installed(framework: dict[str, Any]) -> bool:
    """Whether the packages of a framework are there, without importing them."""
    from importlib.util import find_spec

    return all(find_spec(package) is not None for package in framework["packages"])
