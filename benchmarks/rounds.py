"""Peers in processes of their own, timed in turn. All but the one that runs are stopped: idle threads may spin."""

from __future__ import annotations

import os
import select
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from json import loads

import numpy as np

from . import machine, pipe, plan
from .row import row

LOADING = 900  # seconds for a peer to convert and load a model
TIMING = 0.4  # of the time, whatever loading takes
MEMORY = 16.0  # gigabytes of weights that may be loaded at once


class Worker:
    """A peer's process; stopped whenever it is not asked."""

    def __init__(self, name: str, subject: str, threads: int):
        self.name = name
        log = machine.open_log(f"{subject}-{name.replace(' ', '-')}")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, subject], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=log, text=True, bufsize=1, env=machine.environment(threads), cwd=machine.ROOT,
        )  # fmt: skip
        self.absent = self._reply(LOADING).get("absent")

    def ask(self, limit: float = 600, **request) -> dict:
        """The answer, or {"absent": reason} of a process that died or took longer than `limit` seconds."""
        if self.absent:
            return {"absent": self.absent}
        self.process.send_signal(signal.SIGCONT)
        pipe.say(self.process.stdin, request)
        return self._reply(limit)

    def _reply(self, limit):
        ready, _, _ = select.select([self.process.stdout], [], [], limit)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.close()
            self.absent = f"no answer within {limit:.0f} s" if not ready else "its process ended, perhaps out of memory"
            return {"absent": self.absent}
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)
        return loads(line)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """The least over rows, of hidden states (batch, length, features) of their mean over the length. Without the mean
    over features, which softmax does not see of logits."""
    if one.shape != other.shape:
        return float("nan")
    a, b = (x.astype(np.float64).mean(1) if x.ndim == 3 else x.astype(np.float64) for x in (one, other))
    a, b = (x - x.mean(-1, keepdims=True) for x in (a, b))
    products = (a * b).sum(-1) / np.maximum(np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1), 1e-30)
    return float(products.min())


class Contest:
    """Of `names` over `cells` of one subject. Results are compared with those of `reference`; its times plan the rest.

    cost(cell) is proportional to a cell's time; gigabytes is what one peer's weights take. least(name): the cosine
    below which a result does not count.
    """

    def __init__(self, subject: str, names: Sequence[str], reference: str, cells: Sequence, *, threads: int,
                 cost: Callable, least: Callable[[str], float], gigabytes: float = 0.0, log: Callable = print):
        self.subject, self.names, self.reference, self.cells = subject, list(names), reference, list(cells)
        self.threads, self.cost, self.least, self.log = threads, cost, least, log
        self.together = gigabytes * len(self.names) <= MEMORY
        self.turns = plan.LEAST_TURNS if self.together else 1
        self.results = {cell: {"samples": {}, "rounds": {}, "absent": {}, "cosine": {}, "proof": {}} for cell in cells}
        self.outputs = {}

    def run(self, budget: float, longest: float):
        """Fills `results` in about `budget` seconds, of which at least TIMING are for timing."""
        begin = time.monotonic()
        order = [self.reference, *(name for name in self.names if name != self.reference)]
        workers = {}
        if self.together:
            for name in order:
                self.log(f"{self.subject}: loading {name}")
                workers[name] = Worker(name, self.subject, self.threads)
        else:
            workers[self.reference] = Worker(self.reference, self.subject, self.threads)
        loading = (time.monotonic() - begin) * (1 if self.together else len(self.names))
        try:
            estimates = self._estimates(workers[self.reference], longest)
            left = max(budget - loading, TIMING * budget)
            kept = self._affordable(estimates, left)
            slices = self._slices(estimates, kept, left)
            if self.together:
                for cell in kept:
                    self.log(f"{self.subject}: {cell}")
                    self._check(workers, order, cell)
                    self._time(workers, order, cell, slices[cell])
            else:
                for name in order:
                    self.log(f"{self.subject}: {name}, alone")
                    if name not in workers:
                        workers[name] = Worker(name, self.subject, self.threads)
                    for cell in kept:
                        self._check(workers, [name], cell)
                        self._time(workers, [name], cell, slices[cell])
                    workers[name].close()
        finally:
            for worker in workers.values():
                worker.close()
            for path in self.outputs.values():
                os.unlink(path)
        return self.results

    def _estimates(self, worker, longest):
        """{cell: seconds of the reference}, without those that take too long, as the cell before may tell."""
        estimates, rate = {}, 0.0
        for cell in sorted(self.cells, key=self.cost):
            expected = rate * self.cost(cell)
            answer = {"absent": ""} if expected > 1.5 * longest else worker.ask(time=vars(cell), seconds=0)
            seconds = min(answer["seconds"]) if "seconds" in answer else max(expected, 1e-3)
            if "seconds" in answer:
                rate = seconds / self.cost(cell)
            if seconds / max(1, getattr(cell, "new", 1)) > longest:
                self.results[cell]["absent"]["all"] = f"over {longest:g} s a forward"
            else:
                estimates[cell] = seconds
        return estimates

    def _affordable(self, estimates, budget):
        calls = len(self.names) * (2 + 2 * self.turns)
        kept, dropped = plan.affordable({cell: calls * (seconds + 0.01) for cell, seconds in estimates.items()}, budget)
        for cell in dropped:
            self.results[cell]["absent"]["all"] = "left out: no time for it in this run"
        return kept

    def _slices(self, estimates, kept, budget):
        """Seconds of each turn of each peer."""
        calls = len(self.names) * self.turns
        spare = budget - sum(2 * calls * estimates[cell] for cell in kept)
        even = max(0.0, spare) / max(1, len(kept) * calls * 2)
        return {cell: min(1.0, even) for cell in kept}

    def _check(self, workers, names, cell):
        """Runs every peer once; those whose result differs do not take part in this cell."""
        result = self.results[cell]
        for name in names:
            answer = workers[name].ask(check=vars(cell))
            if "absent" in answer:
                result["absent"][name] = answer["absent"]
                continue
            if answer["proof"] is not None:
                result["proof"][name] = answer["proof"]
                if not answer["proof"]:
                    result["absent"][name] = "no compiled kernel ran"
            if name == self.reference:
                self.outputs[cell] = answer["output"]
                continue
            if cell in self.outputs and not getattr(cell, "new", 0):
                value = cosine(np.load(answer["output"]), np.load(self.outputs[cell]))
                result["cosine"][name] = value
                if not value >= self.least(name):
                    result["absent"][name] = f"its result differs: cosine {value:.4f}"
            os.unlink(answer["output"])

    def _time(self, workers, names, cell, seconds):
        result = self.results[cell]
        names = [name for name in names if name not in result["absent"]]
        for _ in range(self.turns if seconds < 0.2 else 2 * self.turns):
            for name in names:
                answer = workers[name].ask(time=vars(cell), seconds=seconds)
                if "absent" in answer:
                    result["absent"][name] = answer["absent"]
                    continue
                result["samples"].setdefault(name, []).extend(answer["seconds"])
                result["rounds"].setdefault(name, []).append(statistics.median(answer["seconds"]))
        for name in result["absent"]:
            result["samples"].pop(name, None)
            result["rounds"].pop(name, None)


def rows(contest: Contest, part: str, framework: str, family: str, describe: Callable) -> list[dict]:
    """The rows of a contest that was run; `describe(cell)` gives what is kept beside the times."""
    return [
        row(part, family, framework, str(cell), rounds=result["rounds"], samples=result["samples"],
            absent=result["absent"], cosine=result["cosine"], native_calls=result["proof"], together=contest.together,
            **describe(cell))
        for cell, result in contest.results.items()
    ]  # fmt: skip
