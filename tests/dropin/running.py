"""Running Python in a process from which the real `transformers` is hidden."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HIDDEN = Path(__file__).with_name("hidden")


def python(*arguments, hidden=True, cwd=ROOT, **environment):
    """A finished process of `python arguments`."""
    paths = [str(HIDDEN)] if hidden else []
    paths += filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join(paths), "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1",
        **environment,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=environment, timeout=300
    )


def dropin(*arguments, **options):
    """A finished process of `python -m pytransformers.dropin arguments`."""
    return python("-m", "pytransformers.dropin", *arguments, **options)


def succeed(done):
    """Its standard output; the test fails with its errors."""
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
