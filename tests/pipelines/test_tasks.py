"""Every task in every framework gives what `transformers` gives with PyTorch on the same models."""

import warnings

import pytest

from pytransformers import pipeline

from .cases import CASES, GENERATING
from .checks import same
from .oracle import answers

RUNS = [
    (case, framework) for case in [*CASES, *GENERATING] for framework in ("pt", "jax", "tf")
    if framework == "pt" or case.compiled != 0
]  # fmt: skip


@pytest.mark.parametrize("case, framework", RUNS, ids=lambda value: getattr(value, "name", value))
def test_equals_transformers(case, framework, models, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = answers(pipeline, case, models, None if framework == "pt" else case.compiled, framework=framework)
    assert found
    for call, ours, theirs in zip(case.calls, found, expected[case.name], strict=False):
        same(ours, theirs, where=str(call)[:200])


