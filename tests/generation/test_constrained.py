"""Constraints by themselves, and in every framework; PyTorch takes all cases in `test_torch.py`."""

import itertools

import numpy as np
import pytest

from pytransformers import Constraint, ConstraintListState, DisjunctiveConstraint, PhrasalConstraint

from .cases import ENDS, tokens
from .frameworks import FRAMEWORKS

CHOSEN = (
    "phrases-gpt2", "phrases-ends-t5-padded", "phrases-either-llama-padded", "phrases-too-long-t5", "constraints-gpt2",
    "phrases-no-cache-llama",
)  # fmt: skip


@pytest.fixture(scope="module", params=FRAMEWORKS)
def fw(request):
    return FRAMEWORKS[request.param]


@pytest.mark.parametrize("name", CHOSEN)
def test_equals_the_oracle(name, fw, oracle):
    ours, theirs = fw.case(oracle, name)
    assert ours.tolist() == theirs.tolist()


def holds(text, phrase):
    return any(text[place : place + len(phrase)] == phrase for place in range(len(text)))


@pytest.mark.parametrize("settings", ({}, {"eos_token_id": ENDS, "pad_token_id": 5}), ids=("open", "ends"))
def test_texts_hold_their_phrases(settings, fw, oracle):
    model = fw.model(oracle, "gpt2")
    words = [[33, 34, 35], [[50, 51], [60]], [77]]
    written = fw.generate(
        model, tokens((3, 7)), num_beams=6, max_new_tokens=24, force_words_ids=words, **settings
    ).tolist()
    for row in written:
        text = row[7:]
        assert holds(text, [33, 34, 35]) and holds(text, [77]) and (holds(text, [50, 51]) or holds(text, [60]))


def test_a_padded_batch_is_each_of_its_texts(fw, oracle):
    """Even where padding looks like the beginning of a phrase."""
    model, width = fw.model(oracle, "gpt2"), 6
    settings = {"max_new_tokens": 6, "num_beams": 3, "pad_token_id": 0, "force_words_ids": [[0, 44], [71]]}
    ids = np.maximum(tokens((3, width), 12), 1)
    mask = np.arange(width)[None] >= np.array([4, 0, 2])[:, None]
    together = fw.generate(model, ids * mask, attention_mask=mask.astype(np.int64), **settings)
    for row, start in enumerate((4, 0, 2)):
        alone = fw.generate(model, ids[row : row + 1, start:], **settings)
        assert together[row, width:].tolist() == alone[0, width - start :].tolist()


def test_other_phrases_compile_nothing_anew(fw, oracle):
    if fw.eager:
        return
    model = fw.model(oracle, "gpt2")
    settings = {"num_beams": 2, "max_new_tokens": 5}
    fw.generate(model, tokens((1, 7)), force_words_ids=[[40]], **settings)
    before = fw.programs(model)
    fw.generate(model, tokens((1, 7)), force_words_ids=[[41, 42], [[43], [44, 45]]], **settings)
    fw.generate(model, tokens((1, 7)), constraints=[PhrasalConstraint([50])], **settings)
    assert fw.programs(model) == before


@pytest.mark.parametrize("settings, expected", (
    ({"force_words_ids": [[5]]}, "expected num_beams > 1"),
    ({"force_words_ids": [[5]], "num_beams": 2, "do_sample": True}, "do_sample=False"),
    ({"force_words_ids": [], "num_beams": 2}, r"\[force_words_ids\] expected phrases"),
    ({"force_words_ids": [5], "num_beams": 2}, r"\[force_words_ids\] expected phrases"),
    ({"force_words_ids": [[-5]], "num_beams": 2}, "token ids >= 0"),
    ({"force_words_ids": [[[3], [3, 4]]], "num_beams": 2}, "none begins with another"),
    ({"force_words_ids": [[100]], "num_beams": 2}, "below the vocabulary's 100, got 100"),
    ({"constraints": [[5]], "num_beams": 2}, "a list of Constraint objects"),
))  # fmt: skip
def test_bad_settings(settings, expected, oracle):
    fw = FRAMEWORKS["torch"]
    with pytest.raises(ValueError, match=expected):
        fw.generate(fw.model(oracle, "gpt2"), tokens((1, 7)), max_new_tokens=3, **settings)


# -- constraints by themselves -----------------------------------------------------------------------------------------
def fulfilled(constraints, text):
    """(completed, bank) after a text, by the rules in words: one constraint at a time, each greedily."""
    state = ConstraintListState(constraints)
    state.reset(text)
    return state.completed, state.get_bank()


def test_progress_through_phrases():
    phrase, either = PhrasalConstraint([1, 2, 3]), DisjunctiveConstraint([[4, 5], [4, 6, 7], [8]])
    both = [phrase, either]
    for text, expected in (
        ([], (False, 0)), ([9, 1], (False, 1)), ([1, 2], (False, 2)), ([1, 2, 9], (False, 0)),
        ([1, 2, 3], (False, 3)), ([4], (False, 1)), ([4, 6], (False, 2)), ([8], (False, 3)),
        ([1, 8, 2, 3], (False, 0)),  # a text does not turn to another constraint while it works on one
        ([1, 2, 3, 8, 9], (True, 6)), ([4, 5, 1, 2, 3], (True, 6)), ([4, 9, 8, 1, 2, 1, 1, 2, 3], (True, 6)),
    ):
        assert fulfilled(both, text) == expected, text
    state = ConstraintListState(both)
    assert state.advance() == [1, 4, 8] and state.add(4) == (False, True) and state.advance() == [5, 6]
    twin = state.copy()
    assert twin.advance() == [5, 6] and twin.get_bank() == state.get_bank() == 1
    assert state.add(5) == (True, True) and state.advance() == [1]


def test_any_order_of_phrases_fulfils_them():
    phrases = [[1, 2], [3], [4, 5, 6]]
    for order in itertools.permutations(phrases):
        text = [token for phrase in order for token in (*phrase, 9)]
        assert fulfilled([PhrasalConstraint(phrase) for phrase in phrases], text) == (True, 9)


class Twice(Constraint):
    """A token of one's own, two times."""

    def __init__(self, token, seqlen=2, step=1):
        self.token, self.seqlen, self.step, self.count = token, seqlen, step, 0
        super().__init__()

    def advance(self):
        return self.token if self.count < self.seqlen else None

    def does_advance(self, token_id):
        return token_id == self.token

    def update(self, token_id):
        if not self.does_advance(token_id):
            return False, False, False
        self.count += self.step
        return True, self.count >= self.seqlen, False

    def reset(self):
        self.count = 0

    def remaining(self):
        return self.seqlen - self.count

    def copy(self, stateful=False):
        new = Twice(self.token, self.seqlen, self.step)
        new.count = self.count if stateful else 0
        return new


def test_a_constraint_of_ones_own(fw, oracle):
    model = fw.model(oracle, "gpt2")
    written = fw.generate(model, tokens((1, 7)), num_beams=4, max_new_tokens=8, constraints=[Twice(42)])
    assert (written[0, 7:] == 42).sum() >= 2


def test_a_wrong_constraint_is_refused():
    with pytest.raises(ValueError, match=r"\[Twice\] expected update\(advance\(\)\) to fulfil it in 10000 steps"):
        Twice(42, step=0)
    with pytest.raises(ValueError, match=r"\[Twice\] expected remaining\(\) to be 0 when it is fulfilled, got -1"):
        Twice(42, step=3)
    for wrong in ([], 5, [1.5], [-1]):
        with pytest.raises(ValueError, match=r"\[token_ids\] expected a list of token ids"):
            PhrasalConstraint(wrong)
    with pytest.raises(TypeError, match="expected a token id as an int"):
        PhrasalConstraint([5]).update("5")
