"""What a framework's module makes of a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Operation:
    """`ours` and each of `rivals` take all `operands`, in order, and give one array or several.

    A rival may also be a reason (str) why there is none. `wrt` says how many of the first operands have a gradient.
    `copy` takes the first operand and moves `copied` bytes: the floor, for what is bound by memory.
    """

    operands: list[Any]
    ours: Callable
    rivals: dict[str, Callable | str]
    wrt: int = 1
    copied: int = 0
