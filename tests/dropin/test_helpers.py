"""The smaller helpers say what the real ones say: collators, schedules, callbacks, questions, files, loggers."""

import json
from pathlib import Path

import pytest

from pytransformers.cli.demo import find_model

from .running import dropin, python, succeed

SCRIPT = Path(__file__).with_name("helpers.py")
NAMES = """
padding padding_ids padding_max tokens tokens_8 tokens_none seq2seq seq2seq_np seq2seq_8 seq2seq_max causal causal_np
masked_shares default_collator masked schedules schedule_of_unknown_name state early_stopping events prediction
checkpoints seeds parameter_names activations unknown_activation chunks available generic not_a_bool managers
enumerations unknown_member versions version_old version_missing version_bad tables dynamic_modules hub_files
missing_file loggers pruned example_scripts activation_classes
""".split()


@pytest.fixture(scope="module")
def results():
    model = find_model(None)
    theirs = python(SCRIPT, model, hidden=False, USE_TF="0", USE_FLAX="0")
    return [json.loads(succeed(done).splitlines()[-1]) for done in (theirs, dropin(SCRIPT, model))]


@pytest.mark.parametrize("name", NAMES)
def test_says_the_same(results, name):
    theirs, ours = results
    assert ours[name] == theirs[name]


def test_nothing_is_left_out(results):
    assert set(results[0]) == set(results[1]) == {*NAMES, "signatures"}


# What 4.57.6 takes and ignores, or has for its own use.
UNUSED = {"cache_position", "loss_kwargs", "kwargs"}


def test_signatures(results):
    """Every argument of the real class is named, those given by position in the same order."""
    theirs, ours = (found["signatures"] for found in results)
    assert set(theirs) <= set(ours) and len(theirs) > 35
    for name, parameters in theirs.items():
        wanted = [parameter for parameter, _ in parameters if parameter not in UNUSED]
        assert set(wanted) <= {parameter for parameter, _ in ours[name]}, name
        by_position = [parameter for parameter, kind in ours[name] if kind == "POSITIONAL_OR_KEYWORD"]
        assert by_position[:2] == [p for p, _ in parameters][:2] or "cache_position" in by_position, name
        assert not {kind for _, kind in ours[name]} & {"VAR_POSITIONAL", "VAR_KEYWORD"}, name
