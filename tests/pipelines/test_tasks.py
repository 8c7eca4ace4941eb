"""Every task in every framework gives what `transformers` gives with PyTorch on the same models."""

import warnings

import pytest

from pytransformers import pipeline

from .cases import CASES, GENERATING
from .checks import same
from .oracle import answers

FRAMEWORKS = ("pt", "jax", "tf")


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("case", [*CASES, *GENERATING], ids=lambda case: case.name)
def test_equals_transformers(case, framework, models, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = answers(pipeline, case, models, framework=framework)
    for call, ours, theirs in zip(case.calls, found, expected[case.name], strict=True):
        same(ours, theirs, where=str(call)[:200])


