"""One framework's process: `python -m benchmarks.kernels.run torch --families attention --seconds 0.5 --threads 2`.

Prints a row of the table for each case, as a line of JSON.
"""

from __future__ import annotations

import argparse
import traceback
from importlib import import_module

import numpy as np

from .. import clock, pipe
from ..row import row
from . import cases

COSINE = 0.99  # results further apart than rounding explains are not timed


def arrays(results) -> list[np.ndarray]:
    """What a call returned, as float32 arrays in order."""
    if isinstance(results, (list, tuple)):
        return [array for result in results if result is not None for array in arrays(result)]
    results = results.float() if hasattr(results, "float") else results
    return [np.asarray(results).astype(np.float32)]


def cosine(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """Of both, flattened and joined."""
    a, b = (np.concatenate([x.ravel() for x in each]).astype(np.float64) for each in (one, other))
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-30))


def checked(calls):
    """(calls that run and agree with the rivals, {contender: why it does not}, {contender: cosine})."""
    good, absent, results = {}, {}, {}
    for name, call in calls.items():
        if isinstance(call, str):
            absent[name] = call.strip().splitlines()[-1]
            continue
        try:
            with call.setting():
                results[name] = arrays(call.run()) if name != "floor" else []
            good[name] = call
        except Exception as error:
            absent[name] = (str(error).strip() or repr(error)).splitlines()[0]
    rivals = [name for name in good if name not in ("native", "auto", "floor")]
    cosines = {}
    for name in ("native", "auto"):
        if name in good and rivals:
            cosines[name] = cosine(results[name], results[rivals[0]])
            if not cosines[name] >= COSINE:
                absent[name] = f"its result differs from {rivals[0]}: cosine {cosines[name]:.4f}"
                del good[name]
    return good, absent, cosines


def measure(framework, case, budget, multiply_add):
    """The row of one case."""
    calls = framework.prepare(getattr(framework, case.family)(case), case)
    good, absent, cosines = checked(calls)
    proof = {}
    if "native" in good:
        proof = framework.native_calls(good["native"])
        if not proof:
            absent["native"] = "no compiled kernel ran"
            del good["native"]
    samples = clock.interleaved(good, budget)
    known = case.operations and case.dtype == "float32" and multiply_add  # bfloat16 has a rate of its own
    floor = case.operations / multiply_add if known else None
    return row(
        "kernels", case.family, framework.NAME, str(case), rounds=samples, floor=floor, absent=absent,
        series=case.series, size=case.size, dtype=case.dtype, training=case.training, traffic=case.traffic,
        operations=case.operations, cosine=cosines, native_calls=proof,
    )  # fmt: skip


def main():
    lines = pipe.private_stdout()
    parser = argparse.ArgumentParser()
    parser.add_argument("framework", choices=("torch", "jax", "tensorflow"))
    parser.add_argument("--families", nargs="+", choices=cases.FAMILIES, default=list(cases.FAMILIES))
    parser.add_argument("--seconds", type=float, default=0.5, help="for each case")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--multiply-add", type=float, default=0.0, help="the machine's operations a second")
    options = parser.parse_args()
    framework = import_module(f"benchmarks.kernels.{options.framework}")
    framework.start(options.threads)
    for family in options.families:
        for case in cases.FAMILIES[family]():
            try:
                pipe.say(lines, measure(framework, case, options.seconds, options.multiply_add))
            except Exception:
                traceback.print_exc()
                reason = traceback.format_exc(limit=0).strip().splitlines()[-1]
                pipe.say(lines, row("kernels", family, framework.NAME, str(case), rounds={}, absent={"all": reason}))


if __name__ == "__main__":
    main()
