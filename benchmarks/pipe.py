"""JSON lines between this program and the processes that time things."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO


def private_stdout() -> TextIO:
    """Standard output for our lines alone: what libraries print there goes to standard error from now on."""
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    sys.stdout.flush()
    os.dup2(2, 1)
    return lines


def say(stream: TextIO, message: Any) -> None:
    stream.write(json.dumps(message) + "\n")
    stream.flush()
