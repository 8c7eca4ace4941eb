"""What the measurements ran on, and what it can do at most."""

from __future__ import annotations

import ctypes
import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
SCRATCH = ROOT / "build" / "benchmarks"
PEERS = Path(sys.prefix) / "bench-peers"  # where `make bench` puts what is only compared with
PACKAGES = (
    "torch", "jax", "tensorflow_cpu", "transformers", "onnxruntime", "openvino", "nncf", "ctranslate2", "torchao",
    "numpy",
)  # fmt: skip


# Freed memory stays with the process, so that no call pays for fresh pages.
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}


def open_log(name: str):
    """A file for what a process says, open for writing."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    return open(SCRATCH / f"{name}.log", "w")


def environment(threads: int, **more: str) -> dict[str, str]:
    """For a child process: its threads, and quiet libraries."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ, **more, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads),
        "PYTRANSFORMERS_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "3", "USE_TF": "0", "USE_FLAX": "0",
        "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }  # fmt: skip


def restrict(threads: int) -> None:
    """This process, and its children, to `threads` cores."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:threads])


def processor() -> str:
    names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]  # fmt: skip
    return names[0] if names else platform.processor()


def versions() -> dict[str, str]:
    search = [*sys.path, str(PEERS)]
    found = {d.metadata["Name"].replace("-", "_"): d.version for d in importlib.metadata.distributions(path=search)}
    return {name: found[name] for name in PACKAGES if name in found}


def about(threads: int) -> dict:
    """Machine, versions, date and command of this run."""
    from pytransformers import _native

    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "command": " ".join(["python -m benchmarks", *sys.argv[1:]]),
        "commit": commit.stdout.strip(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": threads,
        "instruction_set": _native.instruction_set(),
        "python": platform.python_version(),
        "versions": versions(),
    }


def floors(threads: int) -> dict[str, float]:
    """copy: bytes a second, read and written, of arrays that no cache holds; multiply_add: float32 operations a second,
    a multiplication and an addition each; all `threads` together."""
    source = np.ones(256 << 20, np.uint8)
    target = np.zeros_like(source)
    part = len(source) // threads

    def copy(index):
        np.copyto(target[index * part : (index + 1) * part], source[index * part : (index + 1) * part])

    seconds = min(_together(copy, threads) for _ in range(7))
    library = _peak()
    rates = []
    for _ in range(3):
        results = [0.0] * threads

        def multiply(index, results=results):
            results[index] = library.multiply_add_rate(0.2)

        _together(multiply, threads)
        rates.append(sum(results))
    return {"copy": 2 * part * threads / seconds, "multiply_add": max(rates)}


def _together(work, threads):
    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    begin = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - begin


def _peak():
    source, target = Path(__file__).with_name("peak.cpp"), SCRATCH / "peak.so"
    SCRATCH.mkdir(parents=True, exist_ok=True)
    compiler = os.environ.get("CXX", "c++")
    subprocess.run([compiler, "-O2", "-march=native", "-shared", "-fPIC", source, "-o", target], check=True)
    library = ctypes.CDLL(str(target))
    library.multiply_add_rate.restype = ctypes.c_double
    library.multiply_add_rate.argtypes = [ctypes.c_double]
    return library
