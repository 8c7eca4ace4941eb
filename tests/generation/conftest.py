"""The oracles' models and answers, written once for all worker processes of a session."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ..once import once_per_session

OLD = Path(sys.prefix) / "transformers-4.51.3"  # a folder for PYTHONPATH


class Oracle:
    """`folder` holds a checkpoint for each model of `cases.MODELS`; `answers` what the oracles generated."""

    def __init__(self, folder):
        self.folder = folder
        self.answers = {}
        for file in folder.glob("answers-*.npz"):
            with np.load(file) as arrays:
                self.answers.update({name: arrays[name] for name in arrays.files})
        self.loaded = {}

    def answer(self, case):
        """{name: array} of a case."""
        found = {n.partition("/")[2]: v for n, v in self.answers.items() if n.partition("/")[0] == case.name}
        assert found, f"no oracle has answered {case.name}"
        return found

    def model(self, name, prefix=""):
        """Ours, loaded once: `prefix` is that of the framework's classes."""
        import pytransformers

        from .cases import MODELS

        if (name, prefix) not in self.loaded:
            kind = getattr(pytransformers, prefix + MODELS[name][0])
            self.loaded[name, prefix] = kind.from_pretrained(self.folder / name)
        return self.loaded[name, prefix]


def ask(folder):
    assert OLD.is_dir(), f"{OLD.name} is missing, the oracle of older searches; run: make test"
    for path in ("", str(OLD)):
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        run = subprocess.run(
            [sys.executable, "-m", "tests.generation.oracle", str(folder)], cwd=Path(__file__).parents[2],
            env=environment, capture_output=True, text=True,
        )  # fmt: skip
        if run.returncode:
            return run.stderr
    return None


@pytest.fixture(scope="session")
def oracle(tmp_path_factory):
    if "GENERATION_ORACLE" in os.environ:  # a folder of an earlier run, for runs by hand
        return Oracle(Path(os.environ["GENERATION_ORACLE"]))
    return Oracle(once_per_session(tmp_path_factory, "generation", ask))


@pytest.fixture(scope="session")
def tokenizer(oracle):
    from pytransformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_file=str(oracle.folder / "bytes" / "tokenizer.json"))
