"""The library of compiled kernels, its handlers registered with XLA."""

from __future__ import annotations

import ctypes
from pathlib import Path

import jax

from pytransformers.ops import selection

LIBRARY = Path(__file__).parents[3] / "lib" / "libpytransformers_xla.so"


def _load():
    if not LIBRARY.exists():
        return None, f"{LIBRARY.name} was not built: install with jaxlib present, without build isolation"
    try:
        return ctypes.CDLL(str(LIBRARY)), ""
    except OSError as error:
        return None, f"{LIBRARY.name} does not load: {error}"


_library, _reason = _load()

# The choice of kernel becomes part of the key of every jit cache.
selection.mirror(jax.make_user_context("auto"))


def available() -> tuple[bool, str]:
    """Whether the kernels can run in this process, and if not why."""
    return not _reason, _reason


def targets(family: str, *names: str) -> None:
    """Make the handlers of these names known to XLA as `pytransformers_<name>`, and register `family`."""
    reason = _reason
    if not reason:
        try:
            for name in names:
                handler = jax.ffi.pycapsule(getattr(_library, f"pytransformers_xla_{name}"))
                jax.ffi.register_ffi_target(f"pytransformers_{name}", handler, platform="cpu")
        except Exception as error:  # whatever an unfit jaxlib raises, the reference still works
            reason = f"{LIBRARY.name} does not load into jaxlib {jax.lib.__version__}: {error}"
    selection.register(family, "jax", devices=("cpu",), reason=reason)


def like(x):
    return jax.ShapeDtypeStruct(x.shape, x.dtype)
