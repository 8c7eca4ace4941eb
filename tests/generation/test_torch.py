"""PyTorch writes what the oracles write, token for token."""

import numpy as np
import pytest
import torch

from tests.parity.harness import assert_outputs, flatten

from .cases import CASES, ENDS, tokens
from .checks import *  # noqa: F403
from .frameworks import FRAMEWORKS


@pytest.fixture(scope="module")
def fw():
    return FRAMEWORKS["torch"]


def generated(case, model):
    torch.manual_seed(case.seed)
    return model.generate(**case.arguments(model, torch.from_numpy))


def same_bans(ours, theirs):
    """Scores are -inf in the same places, which then become 0."""
    for name in theirs:
        if name.startswith("scores"):
            assert np.array_equal(np.isinf(ours[name]), np.isinf(theirs[name])), name
            ours[name], theirs[name] = (np.where(np.isinf(x[name]), 0, x[name]) for x in (ours, theirs))


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_equals_the_oracle(case, oracle):
    theirs = oracle.answer(case)
    ours = generated(case, oracle.model(case.model))
    margin = theirs.pop("margin")
    if case.settings.get("return_dict_in_generate"):
        found = {}
        flatten("", ours, lambda tensor: tensor.detach().numpy(), found)
        assert np.array_equal(found.pop("sequences"), theirs.pop("sequences")), f"closest scores {margin:.1e} apart"
        same_bans(found, theirs)
        if case.settings.get("num_beam_groups"):  # the oracle's other fields are of the group's own rows
            found, theirs = ({"sequences_scores": x["sequences_scores"]} for x in (found, theirs))
        if case.settings.get("force_words_ids"):  # the oracle's are filled up with -1 to the length of the text
            steps = found["beam_indices"].shape[1]
            assert (theirs["beam_indices"][:, steps:] == -1).all()
            theirs["beam_indices"] = theirs["beam_indices"][:, :steps]
        assert_outputs(found, theirs)
    else:
        assert isinstance(ours, torch.Tensor) and ours.dtype == torch.int64
        assert ours.tolist() == theirs["sequences"].tolist(), f"closest scores {margin:.1e} apart"


SEARCHES = {
    "greedy": {}, "sample": {"do_sample": True, "top_k": 9}, "beams": {"num_beams": 3, "num_return_sequences": 2},
    "groups": {  # which write the first of several ends, whichever came
        "num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.8, "num_return_sequences": 2, "eos_token_id": 30,
    },
}  # fmt: skip


@pytest.mark.parametrize("normalize", (False, True), ids=("raw", "normalized"))
@pytest.mark.parametrize("model", ("gpt2", "t5"))
@pytest.mark.parametrize("search", SEARCHES)
def test_transition_scores(search, model, normalize, oracle):
    """The sum of the new tokens' scores is the text's own score, and each is that of its token."""
    model = oracle.model(model)
    torch.manual_seed(0)
    output = model.generate(
        torch.from_numpy(tokens((3, 7))), max_new_tokens=8, length_penalty=0.5, output_scores=True,
        return_dict_in_generate=True, **{"eos_token_id": ENDS, **SEARCHES[search]},
    )  # fmt: skip
    beams = output.get("beam_indices")
    found = model.compute_transition_scores(output.sequences, output.scores, beams, normalize_logits=normalize)
    if beams is not None:
        if not normalize:
            lengths = (beams >= 0).sum(1)
            assert torch.allclose(found.sum(1) / lengths**0.5, output.sequences_scores, atol=1e-4)
        return
    new = output.sequences[:, -found.shape[1] :]
    for step, scores in enumerate(output.scores):
        scores = scores.log_softmax(-1) if normalize else scores
        assert torch.equal(found[:, step], scores.gather(1, new[:, step : step + 1])[:, 0])
