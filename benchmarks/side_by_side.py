"""Timing two or more calls side by side: round after round, each in turn, so that noise falls on all alike."""

import statistics
import time


def medians(calls, rounds=50, warmup=3):
    """Median seconds of each call of {name: call}, and the median over rounds of each one's ratio to the first."""
    for _ in range(warmup):
        for call in calls.values():
            call()
    times = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    first = next(iter(calls))
    ratios = {
        name: statistics.median(t / base for t, base in zip(times[name], times[first], strict=True)) for name in calls
    }
    return {name: statistics.median(values) for name, values in times.items()}, ratios


def report(benchmark, title, calls, rounds=50):
    """Time `calls`, print one line, and record it with pytest-benchmark. The first call is ours.

    Returns {name: how many times longer than ours}.
    """
    seconds, ratios = medians(calls, rounds)
    first = next(iter(calls))
    benchmark.pedantic(calls[first], rounds=min(rounds, 10))
    benchmark.extra_info.update(
        milliseconds={name: round(value * 1e3, 3) for name, value in seconds.items()},
        ratio_to_ours={name: round(value, 3) for name, value in ratios.items()},
    )
    line = "  ".join(f"{name} {seconds[name] * 1e3:.2f} ms (x{ratios[name]:.2f})" for name in calls)
    print(f"\n{title}: {line}")
    return ratios
