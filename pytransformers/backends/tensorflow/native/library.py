"""The library of compiled kernels, loaded into TensorFlow."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext  # no public name tells that XLA compiles

from pytransformers.ops import selection

LIBRARY = Path(__file__).parents[3] / "lib" / "libpytransformers_tensorflow.so"


def _load():
    if not LIBRARY.exists():
        return None, f"{LIBRARY.name} was not built"
    try:
        return tf.load_op_library(str(LIBRARY)), ""
    except (tf.errors.OpError, OSError) as error:
        return None, f"{LIBRARY.name} does not load into TensorFlow {tf.__version__}: {error}"


# The functions that TensorFlow makes of the library's ops.
ops, _reason = _load()


def available() -> tuple[bool, str]:
    """Whether the kernels can run in this process, and if not why."""
    return not _reason, _reason


def under_xla() -> bool:
    """Whether this code is being traced for `jit_compile=True`."""
    return not tf.executing_eagerly() and GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def _forced_reference() -> str:
    return "TensorFlow compiles this function with XLA, which cannot call kernels of ours" if under_xla() else ""


def register(family: str) -> None:
    """Tell the selection of kernels that `family` is here."""
    selection.register(family, "tensorflow", devices=("cpu",), reason=_reason, forced_reference=_forced_reference)


def optional(tensor):
    """An optional tensor as the ops take it: a list of none or one."""
    return [] if tensor is None else [tensor]
