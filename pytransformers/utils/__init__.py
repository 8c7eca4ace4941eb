"""Small helpers with no dependency on the rest of the package.

Their names are also those of this folder: `from pytransformers.utils import logging, is_torch_available`. A file is
imported when one of its names is first asked for.
"""

from importlib import import_module

_FILES = ("files", "logging", "import_utils", "generic", "hub", "constants", "versions", "peft_utils")
# Where `utils.<name>` is looked for. Files that load next to nothing come first.
_HOMES = ("constants", "import_utils", "generic", "hub", "peft_utils", "versions")


def __getattr__(name: str):
    if name in _FILES:
        return import_module(f".{name}", __name__)
    if not name.startswith("__"):
        for home in _HOMES:
            module = import_module(f".{home}", __name__)
            if name in module.__all__:
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
