"""Code written for `transformers` runs on this package unchanged.

    python -m pytransformers.dropin script.py arguments     # or: -m module arguments, or: -c code
    pytransformers.dropin.install()                         # the same from inside a program, before its imports

Afterwards `import transformers`, its deep module paths and its distribution metadata resolve to this package, whether
or not the real one is installed. A name there is the very object of this package: `transformers.BertModel is
pytransformers.BertModel`.

`table` says which module path means which of our modules, `absent` which names can be imported but not used, and
`finder` answers imports. The folder `path` (PATH) does the same for a process whose PYTHONPATH holds it.
"""

from __future__ import annotations

import sys

from .finder import NAME, PATH, VERSION, Finder

__all__ = ["PATH", "VERSION", "install", "installed", "uninstall"]

_finder = Finder()


def installed() -> bool:
    """Whether `import transformers` gives this package now."""
    return _finder in sys.meta_path


def install() -> None:
    """Make `transformers` mean this package in this process. Doing it twice changes nothing.

    Raises:
        RuntimeError: the real one was imported already, so that its classes and ours would be mixed.
    """
    if installed():
        return
    if NAME in sys.modules:
        place = getattr(sys.modules[NAME], "__file__", "an unknown place")
        raise RuntimeError(
            f"[dropin.install] expected {NAME} not to be imported yet, found it loaded from {place}; "
            "call install() before the first import that needs it"
        )
    sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Undo `install`: the next `import transformers` gives the real one, or fails where there is none.

    Objects and modules that were imported before keep working.
    """
    if not installed():
        return
    sys.meta_path.remove(_finder)
    for name in [name for name in sys.modules if name == NAME or name.startswith(f"{NAME}.")]:
        del sys.modules[name]
