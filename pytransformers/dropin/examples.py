"""What example scripts call before they start."""

from __future__ import annotations

from typing import Any


def check_min_version(min_version: str) -> None:
    """ImportError if the script wants a later `transformers` than the one whose interface this is."""
    from packaging.version import parse

    from . import VERSION

    if parse(VERSION) < parse(min_version):
        raise ImportError(f"[check_min_version] expected transformers {min_version} or later, got {VERSION}")


def send_example_telemetry(example_name: str, *arguments: Any, framework: str = "pytorch") -> None:
    """Nothing is sent."""
