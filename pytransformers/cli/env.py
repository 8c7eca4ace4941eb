"""Show versions, compiled libraries, active kernels and what this processor offers."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib import import_module, metadata
from pathlib import Path

from ..auto.table import FRAMEWORKS
from ..version import __version__
from .table import table

PACKAGES = (
    "numpy", "tokenizers", "safetensors", "huggingface_hub", "torch", "jax", "jaxlib", "flax", "tensorflow", "keras",
    "h5py", "msgpack", "ml_dtypes", "triton",
)  # fmt: skip
# Distributions under which a package may be installed, besides its own name.
DISTRIBUTIONS = {"tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-intel")}
# Processor features that kernels dispatch on, as Linux names them.
CPU_FLAGS = (
    "sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16",
    "amx_tile", "amx_int8", "amx_bf16", "asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None beyond the common ones."""


def run(arguments: argparse.Namespace) -> int:
    print(table([["system", ""], *system()]))
    print("\n" + table([["package", "version"], *([name, version(name)] for name in PACKAGES)]))
    print("\n" + table([["library", "state"], *libraries()]))
    print(f"\nkernels: {kernel_choice()}")
    rows = kernels()
    if rows:
        print(table([["op", "framework", "kernel", "devices", "state"], *rows], indent="  "))
    return 0


def system() -> list[list[str]]:
    """The package, Python, the machine."""
    name, features = processor()
    return [
        ["pytransformers", __version__],
        ["Python", f"{platform.python_version()} ({sys.executable})"],
        ["platform", platform.platform()],
        ["processor", name],
        ["instruction sets", " ".join(features) or "unknown"],
        ["processors usable", str(usable_processors())],
    ]


def usable_processors() -> int | None:
    """How many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def processor() -> tuple[str, list[str]]:
    """(name, features among CPU_FLAGS) of the processor."""
    name, flags = platform.processor() or platform.machine(), set()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return name, []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            name = value.strip()
        elif key.strip().lower() in ("flags", "features"):
            flags = set(value.split())
    return name, [flag for flag in CPU_FLAGS if flag in flags]


def version(package: str) -> str:
    """The installed version of a package, or a dash."""
    for name in DISTRIBUTIONS.get(package, (package,)):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "-"


def libraries() -> list[list[str]]:
    """The kernel library and its four bindings: whether each loads, and why not."""
    rows = []
    try:
        native = import_module("pytransformers._native")
        rows.append(["kernels for NumPy", f"ready, running on {native.instruction_set()}"])
        rows.append(["instruction sets available", " ".join(native.instruction_sets())])
    except ImportError as error:
        rows.append(["kernels for NumPy", _reason(error)])
    for framework in FRAMEWORKS.values():
        title = f"kernels for {framework['title']}"
        print(f"loading {framework['title']} ...", file=sys.stderr)
        try:
            ready, reason = import_module(f"pytransformers.backends.{framework['backend']}.native").available()
            rows.append([title, "ready" if ready else f"not used: {reason}"])
        except Exception as error:  # a broken installation of a framework is what this command is asked about
            rows.append([title, _reason(error)])
    return rows


def _reason(error: BaseException) -> str:
    return f"not used: {' '.join(str(error).split()) or type(error).__name__}"


def kernel_choice() -> str:
    """How kernels are chosen now, and by what."""
    from ..ops import selection

    given = os.environ.get(selection.VARIABLE)
    return f"{selection.current()} ({f'{selection.VARIABLE}={given}' if given else f'{selection.VARIABLE} is not set'})"


def kernels() -> list[list[str]]:
    """A row per kernel that a framework offers."""
    from ..ops import selection

    return [[row[key] for key in ("op", "framework", "kernel", "devices", "state")] for row in selection.explain()]
