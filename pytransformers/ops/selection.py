"""Which implementation of a fused op runs: the compiled kernel, the Triton kernel or the reference.

`PYTRANSFORMERS_KERNELS` or `with kernels("..."):` names one of

- ``auto`` (default): the compiled kernel where there is one for the device; may fall back, with one log line;
- ``native``, ``triton``: that one, or an error that says why it cannot run;
- ``reference``: the framework's own operations.

A backend's `native.py` registers what it has; a backend's `ops.py` asks `chosen` at each call. This module imports no
framework and no NumPy.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from contextvars import ContextVar
from typing import NamedTuple

logger = logging.getLogger(__name__)

CHOICES = ("auto", "native", "triton", "reference")
VARIABLE = "PYTRANSFORMERS_KERNELS"


class Kernel(NamedTuple):
    """What a backend offers for one op: `reason` is empty where it can run, else says why not."""

    devices: tuple[str, ...]
    reason: str
    forced_reference: Callable[[], str]


def _checked(choice: str, where: str) -> str:
    if choice not in CHOICES:
        raise ValueError(f"[{where}] expected one of {', '.join(CHOICES)}, got {choice!r}, name one of these")
    return choice


_default = _checked(os.environ.get(VARIABLE, "auto") or "auto", VARIABLE)
_choice: ContextVar[str | None] = ContextVar("pytransformers_kernels", default=None)
_registered: dict[tuple[str, str, str], Kernel] = {}
_active: list[kernels] = []
_mirrors: list[Callable[[str], AbstractContextManager]] = []
_said: set[str] = set()


class kernels:  # noqa: N801 - reads as a function: with kernels("native")
    """Context manager: inside it, every fused op runs as `choice` ("auto", "native", "triton" or "reference").

    Under ``jax.jit`` the choice is part of the cache key; a ``tf.function`` keeps the one it was traced with.
    """

    def __init__(self, choice: str):
        self.choice = _checked(choice, "kernels")

    def __enter__(self) -> kernels:
        self._token = _choice.set(self.choice)
        self._stack = ExitStack()
        for mirror in _mirrors:
            self._stack.enter_context(mirror(self.choice))
        _active.append(self)
        return self

    def __exit__(self, *exception) -> None:
        _active.remove(self)
        self._stack.close()
        _choice.reset(self._token)


def current() -> str:
    """The choice in force here."""
    return _choice.get() or _default


def mirror(context: Callable[[str], AbstractContextManager]) -> None:
    """Also enter `context(choice)` wherever `kernels` is entered: so a framework learns what its traces depend on."""
    _mirrors.append(context)
    for outer in _active:
        outer._stack.enter_context(context(outer.choice))


def register(op: str, framework: str, implementation: str = "native", *, devices: tuple[str, ...] = ("cpu",),
             reason: str = "", forced_reference: Callable[[], str] = str) -> None:
    """Say that `framework` has `implementation` ("native" or "triton") of `op` on `devices`.

    `reason`, if not empty, says why it cannot run here. `forced_reference` is asked at each call and returns why this
    call must take the reference whatever was asked for, or "".
    """
    _registered[op, framework, implementation] = Kernel(devices, reason, forced_reference)


def why_not(op: str, framework: str, device: str, implementation: str = "native") -> str:
    """Why `implementation` of `op` cannot run on `device` ("cpu", "cuda", ...), or ""."""
    kernel = _registered.get((op, framework, implementation))
    if kernel is None:
        return f"there is no {implementation} kernel for {framework}"
    if kernel.reason:
        return kernel.reason
    if device not in kernel.devices:
        return f"it runs on {', '.join(kernel.devices)} and not on {device}"
    return ""


def chosen(op: str, framework: str, device: str = "cpu") -> str:
    """"native", "triton" or "reference" for this call. RuntimeError if what was asked for by name cannot run."""
    choice = _choice.get() or _default
    if choice == "reference":
        return "reference"
    implementation = "native" if choice == "auto" else choice
    kernel = _registered.get((op, framework, implementation))
    if kernel is not None and not kernel.reason and device in kernel.devices:
        forced = kernel.forced_reference()
        if not forced:
            return implementation
        _say_once(f"{op} in {framework} runs as the reference: {forced}")
        return "reference"
    reason = why_not(op, framework, device, implementation)
    if choice != "auto":
        raise RuntimeError(f"[{op}] expected a {choice} kernel for {framework} on {device}, got none: {reason}. "
                           f"Choose 'auto' or 'reference' in {VARIABLE} or kernels(...)")
    _say_once(f"{op} in {framework} on {device} runs as the reference: {reason}")
    return "reference"


# What a config's `attn_implementation` asks for.
ATTENTION = {
    None: "auto", "auto": "auto", "sdpa": "auto", "eager": "reference", "reference": "reference",
    "flash_attention_2": "native", "native": "native", "triton": "triton",
}  # fmt: skip


def chosen_attention(name: str | None, framework: str, device: str = "cpu") -> str:
    """"native", "triton", "reference", "framework" (its own best) or "auto" (that or "native", whichever is faster).

    RuntimeError if a kernel asked for by name cannot run. What `kernels` says holds where the name leaves the choice.
    """
    implementation = ATTENTION.get(name)
    if implementation is None:
        names = ", ".join(key for key in ATTENTION if key)
        raise ValueError(f"[attention] expected an implementation of {names}, got {name!r}, name one of these")
    if implementation == "auto":
        choice = _choice.get() or _default
        implementation = "framework" if choice == "reference" else choice
    if implementation in ("reference", "framework"):
        return implementation
    kind = "native" if implementation == "auto" else implementation
    reason = why_not("attention", framework, device, kind)
    forced = "" if reason else _registered["attention", framework, kind].forced_reference()
    if reason and implementation != "auto":
        raise RuntimeError(
            f"[attention] expected a {implementation} kernel for {framework} on {device} "
            f"(attn_implementation={name!r}), got none: {reason}. Choose 'sdpa' or 'eager'"
        )
    if reason or forced:
        _say_once(f"attention in {framework} on {device} runs without a kernel of ours: {reason or forced}")
        return "framework"
    return implementation


def _say_once(message: str) -> None:
    if message not in _said:
        _said.add(message)
        logger.info(message)


def explain() -> list[dict[str, str]]:
    """One row per registered kernel, for `pytransformers env`: op, framework, kernel, devices, state."""
    return [
        {"op": op, "framework": framework, "kernel": implementation, "devices": ", ".join(kernel.devices),
         "state": kernel.reason or "ready"}
        for (op, framework, implementation), kernel in sorted(_registered.items())
    ]
