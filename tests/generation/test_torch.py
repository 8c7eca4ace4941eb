"""PyTorch writes what the oracles write, token for token."""

import numpy as np
import pytest
import torch

from tests.parity.harness import assert_outputs, flatten

from .cases import CASES


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
        whole = theirs.get("beam_indices")
        if whole is not None:  # those of diverse beams have room for the prompt in transformers
            theirs["beam_indices"] = whole[:, : found["beam_indices"].shape[1]]
            assert (whole[:, found["beam_indices"].shape[1] :] == -1).all()
        assert_outputs(found, theirs)
    else:
        assert isinstance(ours, torch.Tensor) and ours.dtype == torch.int64
        assert ours.tolist() == theirs["sequences"].tolist(), f"closest scores {margin:.1e} apart"
