"""Timing calls in turn, round after round, so that noise falls on all alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from . import plan


class Call(NamedTuple):
    """`run()` computes and waits for its result; `setting()` gives the context it runs in, entered before the clock.

    program: what was compiled for it, if anything.
    """

    run: Callable[[], object]
    setting: Callable[[], AbstractContextManager] = nullcontext
    program: object = None


def seconds(call: Call, repeats: int = 1) -> float:
    """Seconds of one of `repeats` runs on end."""
    with call.setting():
        begin = time.perf_counter()
        for _ in range(repeats):
            call.run()
        return (time.perf_counter() - begin) / repeats


def interleaved(calls: dict[str, Call], budget: float) -> dict[str, list[float]]:
    """Seconds of each call in each round, for about `budget` seconds in all; every list is as long."""
    repeats = {}
    for name, call in calls.items():
        seconds(call)
        repeats[name] = plan.repeats(seconds(call))
    once = {name: seconds(call, repeats[name]) * repeats[name] for name, call in calls.items()}
    samples = {name: [] for name in calls}
    for _ in range(plan.rounds(sum(once.values()), budget)):
        for name, call in calls.items():
            samples[name].append(seconds(call, repeats[name]))
    return samples
