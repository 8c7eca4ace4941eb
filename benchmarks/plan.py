"""How many rounds there is time for, and what is left out where there is not enough."""

from __future__ import annotations

SHORTEST = 2e-4  # seconds that the clock and the loop around a call are negligible beside
LEAST, MOST = 5, 200  # rounds
LONGEST = 10.0  # seconds of a forward, beyond which a cell is left out
LEAST_TURNS = 3  # rounds in turn between processes


def repeats(seconds: float) -> int:
    """Runs on end that make one sample."""
    return max(1, min(10_000, round(SHORTEST / max(seconds, 1e-9))))


def rounds(seconds: float, budget: float, least: int = LEAST, most: int = MOST) -> int:
    """Rounds of `seconds` each that fit `budget`, within bounds."""
    return int(max(least, min(most, budget / max(seconds, 1e-9))))


def affordable(costs: dict[str, float], budget: float) -> tuple[list[str], list[str]]:
    """Names to keep, those that cost least first, as long as their sum fits `budget`; and the others."""
    kept, dropped, total = [], [], 0.0
    for name in sorted(costs, key=costs.get):
        total += costs[name]
        (kept if total <= budget else dropped).append(name)
    return kept, dropped
