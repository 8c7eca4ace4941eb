"""The library of compiled kernels, loaded into PyTorch."""

from __future__ import annotations

from pathlib import Path

import torch

from pytransformers.ops import selection

LIBRARY = Path(__file__).parents[3] / "lib" / "libpytransformers_torch.so"


def _load() -> str:
    if not LIBRARY.exists():
        return f"{LIBRARY.name} was not built: install with torch>=2.10 present, without build isolation"
    try:
        torch.ops.load_library(LIBRARY)
    except (OSError, RuntimeError) as error:
        return f"{LIBRARY.name} does not load into torch {torch.__version__}: {error}"
    return ""


_reason = _load()


def available() -> tuple[bool, str]:
    """Whether the kernels can run in this process, and if not why."""
    return not _reason, _reason


def operators(family: str, shapes: dict) -> list:
    """The operators named by `shapes`, which maps each to what it gives for fake tensors, and registers `family`.

    None for each where the library is not there or lacks one.
    """
    missing = [name for name in shapes if not hasattr(torch.ops.pytransformers, name)]
    reason = _reason or (missing and f"{LIBRARY.name} lacks {', '.join(missing)}: build it again from this source")
    selection.register(family, "torch", devices=("cpu",), reason=reason or "")
    if reason:
        return [None] * len(shapes)
    for name, shape in shapes.items():
        torch.library.register_fake(f"pytransformers::{name}", shape)
    return [getattr(torch.ops.pytransformers, name).default for name in shapes]


def needs_gradient(*tensors: torch.Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def dense(x):
    """For fake tensors: what the kernels return for an x, row-major."""
    return torch.empty_like(x, memory_format=torch.contiguous_format)
