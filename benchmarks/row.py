"""One line of the table: what was timed, beside what, and what could not be."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

OURS = ("native", "auto", "int8", "int4")


def spread(samples: Sequence[float]) -> dict[str, float | int]:
    """Median and quartiles."""
    if len(samples) < 2:
        return {"median": samples[0], "q1": samples[0], "q3": samples[0], "samples": len(samples)}
    q1, median, q3 = statistics.quantiles(samples, n=4, method="inclusive")
    return {"median": median, "q1": q1, "q3": q3, "samples": len(samples)}


def ratios(rounds: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """{ours: {rival: how many times as long the rival takes}}, medians over rounds of both in the same round.

    `rounds` holds, for each contender, one time per round. Above 1, ours is faster.
    """
    rivals = [name for name in rounds if name not in OURS and name != "floor"]
    return {
        mine: {
            rival: statistics.median(b / a for a, b in zip(rounds[mine], rounds[rival], strict=True))
            for rival in rivals
        }
        for mine in OURS if mine in rounds
    }  # fmt: skip


def row(part: str, family: str, framework: str, case: str, *, rounds: Mapping[str, Sequence[float]],
        samples: Mapping[str, Sequence[float]] | None = None, floor: float | None = None, absent: dict | None = None,
        **more: Any) -> dict[str, Any]:
    """A record for the JSON file.

    part: "kernels" or "models". rounds: {contender: a time for each round}; samples: all times, where a round has
    several. floor: seconds that cannot be gone below. absent: {contender: why it did not run}. `more` is kept as it is.
    """
    times = {name: spread(values) for name, values in (samples or rounds).items() if values}
    if floor is None and "floor" in times:
        floor = times["floor"]["median"]
    return {
        "part": part, "family": family, "framework": framework, "case": case, "times": times,
        "ratios": ratios({name: values for name, values in rounds.items() if values}),
        "floor": floor,
        "share_of_floor": {name: floor / times[name]["median"] for name in OURS if floor and name in times},
        "absent": absent or {}, **more,
    }  # fmt: skip
