"""One seed for every source of random numbers of a process."""

from __future__ import annotations

import random
import sys

from ..auto.registry import import_backend, installed
from ..auto.table import FRAMEWORKS


def set_seed(seed: int, deterministic: bool = False) -> None:
    """Seed Python, NumPy and the frameworks; `deterministic` also asks them for operations that repeat exactly.

    Frameworks that are imported get the seed, or every installed one while none is imported. JAX has no global state:
    its models take a key.
    """
    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)
    stateful = [framework for framework in FRAMEWORKS.values() if framework["backend"] != "jax"]
    imported = [framework for framework in stateful if framework["packages"][0] in sys.modules]
    for framework in imported or filter(installed, stateful):
        import_backend(f"backends.{framework['backend']}.seed", "set_seed").set_seed(seed, deterministic)


def enable_full_determinism(seed: int, warn_only: bool = False) -> None:
    """`set_seed(seed, deterministic=True)`."""
    set_seed(seed, deterministic=True)
