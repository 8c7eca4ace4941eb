"""Which tensor goes where: prefixes, old names, renames, ties, shapes."""

import numpy as np
import pytest

from pytransformers.weights import (
    ArraySource,
    CheckpointError,
    ShapeMismatchError,
    match,
    open_checkpoint,
    rename,
    reverse_renames,
    save_checkpoint,
)

BASE = {"embeddings.word.weight": (5, 2), "layer.0.LayerNorm.weight": (2,), "layer.0.LayerNorm.bias": (2,)}
HEAD = {**{f"bert.{name}": shape for name, shape in BASE.items()}, "cls.bias": (5,)}


@pytest.fixture
def checkpoint_of(tmp_path):
    def make(shapes):
        tensors = [(name, ArraySource(np.full(shape, i, np.float32))) for i, (name, shape) in enumerate(shapes.items())]
        save_checkpoint(tmp_path, tensors)
        return open_checkpoint(tmp_path)

    return make


def names(plan):
    return {ours: tensor.name for ours, tensor in plan.assign.items()}


def test_equal_names(checkpoint_of):
    plan = match(HEAD, checkpoint_of(HEAD), base_model_prefix="bert")
    assert names(plan) == {name: name for name in HEAD} and list(plan.assign) == list(HEAD)
    assert not plan.missing and not plan.unexpected and not plan.mismatched and plan.report() == ""


def test_base_checkpoint_into_a_model_with_a_head(checkpoint_of):
    plan = match(HEAD, checkpoint_of(BASE), base_model_prefix="bert", source="here")
    assert names(plan) == {f"bert.{name}": name for name in BASE}
    assert plan.missing == ["cls.bias"] and not plan.unexpected
    assert "here lacks" in plan.report() and "cls.bias" in plan.report()


def test_head_checkpoint_into_a_base_model(checkpoint_of):
    plan = match(BASE, checkpoint_of(HEAD), base_model_prefix="bert")
    assert names(plan) == {name: f"bert.{name}" for name in BASE}
    assert plan.unexpected == ["cls.bias"] and not plan.missing and "no place" in plan.report()


def test_a_head_stored_beside_an_unprefixed_base(checkpoint_of):
    plan = match(HEAD, checkpoint_of({**BASE, "cls.bias": (5,)}), base_model_prefix="bert")
    assert not plan.missing and not plan.unexpected


@pytest.mark.parametrize("expected", [BASE, HEAD])
def test_gamma_and_beta(checkpoint_of, expected):
    old = {name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): s for name, s in HEAD.items()}
    plan = match(expected, checkpoint_of(old), base_model_prefix="bert", ignore_unexpected=["^cls"])
    assert not plan.missing and not plan.unexpected


def test_a_weight_that_is_called_gamma(checkpoint_of):
    plan = match({"block.gamma": (2,)}, checkpoint_of({"block.gamma": (2,)}))
    assert names(plan) == {"block.gamma": "block.gamma"}


def test_an_exact_name_goes_before_a_changed_one(checkpoint_of):
    shapes = {"norm.gamma": (2,), "norm.weight": (2,)}
    plan = match({"norm.weight": (2,)}, checkpoint_of(shapes))
    assert names(plan) == {"norm.weight": "norm.weight"} and plan.unexpected == ["norm.gamma"]


def test_ignored_names(checkpoint_of):
    found = checkpoint_of({"a": (1,), "h.0.attn.bias": (1, 1)})
    plan = match({"a": (1,), "ids": (3,)}, found, ignore_missing=["^ids$"], ignore_unexpected=[r"attn\.bias$"])
    assert not plan.missing and not plan.unexpected


TIED = {"wte.weight": (5, 2), "lm_head.weight": (5, 2)}


@pytest.mark.parametrize("stored", ["wte.weight", "lm_head.weight"])
@pytest.mark.parametrize("expected", [TIED, {"wte.weight": (5, 2)}], ids=["both expected", "source expected"])
def test_either_of_two_tied_names_fills_both(checkpoint_of, stored, expected):
    plan = match(expected, checkpoint_of({stored: (5, 2)}), ties={"lm_head.weight": "wte.weight"})
    assert names(plan) == {name: stored for name in expected}
    assert not plan.missing and not plan.unexpected


def test_the_source_of_a_tie_wins(checkpoint_of):
    plan = match(TIED, checkpoint_of(TIED), ties={"lm_head.weight": "wte.weight"})
    assert names(plan) == {"wte.weight": "wte.weight", "lm_head.weight": "wte.weight"} and not plan.unexpected


def test_a_tie_that_is_wholly_absent_is_missing(checkpoint_of):
    plan = match(TIED, checkpoint_of({"x": (1,)}), ties={"lm_head.weight": "wte.weight"})
    assert plan.missing == ["wte.weight", "lm_head.weight"]


def test_a_chain_of_ties_and_a_prefix(checkpoint_of):
    expected = {"model.a": (1,), "b": (1,), "c": (1,)}
    plan = match(expected, checkpoint_of({"a": (1,)}), base_model_prefix="model", ties={"b": "model.a", "c": "b"})
    assert set(names(plan).values()) == {"a"} and not plan.missing


def test_wrong_shapes(checkpoint_of):
    found = checkpoint_of({"a": (2, 3), "b": (4,), "c": (1,)})
    expected = {"a": (3, 2), "b": (5,), "c": (1,)}
    with pytest.raises(ShapeMismatchError) as caught:
        match(expected, found)
    message = str(caught.value)
    for part in (str(found.files[0]), "'a'", "(3, 2)", "(2, 3)", "likewise b", "ignore_mismatched_sizes=True"):
        assert part in message
    assert isinstance(caught.value, CheckpointError) and isinstance(caught.value, RuntimeError)
    plan = match(expected, found, ignore_mismatched_sizes=True)
    assert plan.mismatched == [("a", (2, 3), (3, 2)), ("b", (4,), (5,))] and list(plan.assign) == ["c"]
    assert not plan.missing and "b (file (4,), model (5,))" in plan.report()


RENAMES = (
    (r"^transformer\.h\.(\d+)\.", r"layers.\1."),
    (r"layer\.([0-9]+)\.(attn|mlp)", r"\2.\1"),
    (r"\.q_proj", ".query"),
    (r"^head.(weight|bias)$", r"lm_head.\1"),
)
NAMES = ["transformer.h.3.attn.q_proj.weight", "x.layer.4.mlp.z", "head.bias", "head.biases", "other.weight"]


def test_renames_round_trip():
    ours = [rename(name, RENAMES) for name in NAMES]
    assert ours == ["layers.3.attn.query.weight", "x.mlp.4.z", "lm_head.bias", "head.biases", "other.weight"]
    assert [rename(name, reverse_renames(RENAMES)) for name in ours] == NAMES
    assert [rename(name, reverse_renames(reverse_renames(RENAMES))) for name in NAMES] == ours


def test_matching_through_renames(checkpoint_of):
    found = checkpoint_of({name: (1,) for name in NAMES})
    plan = match({rename(name, RENAMES): (1,) for name in NAMES}, found, renames=RENAMES)
    assert names(plan) == {rename(name, RENAMES): name for name in NAMES}


@pytest.mark.parametrize(
    "pair", [("a+", "b"), (r"\d", "x"), ("(a)(b)", r"\1"), ("(a)", r"\1\1"), ("((a))", r"\1"), ("a|b", "c")]
)
def test_what_cannot_be_reversed_is_refused(pair):
    with pytest.raises(ValueError, match=r"\[renames\]"):
        reverse_renames([pair])
