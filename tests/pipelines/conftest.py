"""The oracle's models and answers, written once for all worker processes of a session."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ..once import once_per_session


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """The folder that holds a folder for each model, images, and results.json."""
    return once_per_session(tmp_path_factory, "pipelines", _ask)


def _ask(root):
    run = subprocess.run(
        [sys.executable, "-m", "tests.pipelines.oracle", str(root)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True,
    )  # fmt: skip
    return run.stderr if run.returncode else None


@pytest.fixture(scope="session")
def expected(models):
    """{case: results of its calls}."""
    return json.loads((models / "results.json").read_text())
