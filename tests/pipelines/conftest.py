"""The oracle's models and answers, written once for all worker processes of a session."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """The folder that holds a folder for each model, images, and results.json."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    root, done, failed = base / "pipelines", base / "pipelines.done", base / "pipelines.failed"
    try:
        root.mkdir()
    except FileExistsError:
        while not done.exists():
            assert not failed.exists(), failed.read_text()
            time.sleep(0.2)
        return root
    run = subprocess.run(
        [sys.executable, "-m", "tests.pipelines.oracle", str(root)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True,
    )  # fmt: skip
    if run.returncode:
        failed.write_text(run.stderr[-4000:])
        pytest.fail(run.stderr[-4000:])
    done.touch()
    return root


@pytest.fixture(scope="session")
def expected(models):
    """{case: results of its calls}."""
    return json.loads((models / "results.json").read_text())
