"""The oracle's answers, written once for all worker processes of a session."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..once import once_per_session
from .harness import all_cases, head_cases, training_cases

CASES = all_cases()


@pytest.fixture(scope="session")
def oracle(tmp_path_factory):
    """The folder that holds a folder for each case."""
    return once_per_session(tmp_path_factory, "oracle", _ask)


def _ask(root):
    run = subprocess.run(
        [sys.executable, "-m", "tests.parity.oracle", str(root), *_chosen()],
        cwd=Path(__file__).parents[2], capture_output=True, text=True,
    )  # fmt: skip
    return run.stderr if run.returncode else None


def _chosen():
    """PARITY_CASES="bert llama-causal" limits a run by hand to cases whose names start so."""
    wanted = os.environ.get("PARITY_CASES", "").split()
    return [name for name in CASES if any(name.startswith(w) for w in wanted)] if wanted else []


def pytest_generate_tests(metafunc):
    """`case`: all; `head_case`: one for each class; `training_case`: one with labels for each architecture."""
    choices = {"case": CASES.values, "head_case": head_cases, "training_case": training_cases}
    for fixture, cases in choices.items():
        if fixture in metafunc.fixturenames:
            wanted = _chosen()
            chosen = [case for case in cases() if not wanted or case.name in wanted]
            metafunc.parametrize(fixture, chosen, ids=lambda case: case.name)
