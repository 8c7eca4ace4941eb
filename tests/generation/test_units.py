"""Processors against the oracle's classes, on random scores, in each framework and both ways of calling."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from .frameworks import FRAMEWORKS

VOCAB, EOS = 40, [7, 9]


def text(low=0, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.integers(low, 12, (3, 6)), rng.integers(low, 6, (3, 6))], 1)


SOURCE = np.random.default_rng(5).integers(0, 9, (3, 10))
# class -> arguments; what is an array becomes the framework's
PROCESSORS = {
    "MinLengthLogitsProcessor": [(12, EOS), (13, EOS), (13, 7)],
    "MinNewTokensLengthLogitsProcessor": [(8, 4, EOS), (8, 5, EOS)],
    "ForcedBOSTokenLogitsProcessor": [(4,)],
    "ForcedEOSTokenLogitsProcessor": [(13, EOS), (13, 7), (14, EOS)],
    "ExponentialDecayLengthPenalty": [((2, 1.3), EOS, 5), ((9, 1.3), EOS, 5)],
    "RepetitionPenaltyLogitsProcessor": [(1.7,), (0.6,)],
    "EncoderRepetitionPenaltyLogitsProcessor": [(1.7, SOURCE)],
    "NoRepeatNGramLogitsProcessor": [(1,), (2,), (3,), (13,)],
    "EncoderNoRepeatNGramLogitsProcessor": [(1, SOURCE), (2, SOURCE), (3, SOURCE)],
    "SequenceBiasLogitsProcessor": [
        ({(3,): 1.5, (1, 4): -7.0, (2, 5, 6): 9.0, (0, 1): 3.0, (5, 8): 2.0, tuple(range(20)): 1.0},),
        ([[[3], 1.5], [[1, 4], -7.0]],),
    ],
    "NoBadWordsLogitsProcessor": [([[3], [1, 4], [2, 5, 6], [7], [0, 1], [5, 8], [4, 2]], [7])],
    "SuppressTokensLogitsProcessor": [([3, 5, 39],)],
    "SuppressTokensAtBeginLogitsProcessor": [([3, 5, 39], 12), ([3, 5, 39], 11)],
    "InfNanRemoveLogitsProcessor": [()],
    "TemperatureLogitsWarper": [(0.7,), (3.0,)],
    "TopKLogitsWarper": [(1,), (7,), (100,)],
    "TopPLogitsWarper": [(0.0,), (0.3,), (0.9,), (1.0,)],
    "MinPLogitsWarper": [(0.0,), (0.2,), (1.0,)],
    "TypicalLogitsWarper": [(0.2,), (0.9,)],
    "EpsilonLogitsWarper": [(0.02,), (0.9,)],
    "EtaLogitsWarper": [(0.02,), (0.3,)],
    "LogitNormalization": [()],
}
ONE_BY_ONE = [(name, arguments) for name, calls in PROCESSORS.items() for arguments in calls]
KEEP = ("TopPLogitsWarper", "TypicalLogitsWarper", "EpsilonLogitsWarper", "EtaLogitsWarper", "MinPLogitsWarper",
        "TopKLogitsWarper")  # fmt: skip
ONE_BY_ONE += [(name, (PROCESSORS[name][0][0], -50.0, 4)) for name in KEEP]


def random_scores(name, shape=(3, VOCAB)):
    scores = np.random.default_rng(3).normal(0, 2.5, shape).astype(np.float32)
    if name == "InfNanRemoveLogitsProcessor":
        scores[0, 3], scores[1, 4], scores[2, 5] = np.inf, -np.inf, np.nan
    return scores


def expected(name, arguments, ids, scores):
    """Of the oracle. Its classes are imported from their module, which loads no other framework."""
    import transformers.generation.logits_process as oracle

    arguments = [torch.from_numpy(x) if isinstance(x, np.ndarray) else x for x in arguments]
    return getattr(oracle, name)(*arguments)(torch.from_numpy(ids), torch.from_numpy(scores.copy())).numpy()


def buffer(ids):
    """A longer buffer whose rest must not matter."""
    return np.concatenate([ids, np.random.default_rng(9).integers(0, 12, (3, 9))], 1)


@pytest.mark.parametrize("fw", FRAMEWORKS.values(), ids=FRAMEWORKS)
@pytest.mark.parametrize(("name", "arguments"), ONE_BY_ONE, ids=lambda x: x if isinstance(x, str) else None)
def test_equals_the_oracles_class(name, arguments, fw):
    scores, ids = random_scores(name), text()[:, :1] if name.startswith("ForcedBOS") else text()
    theirs = expected(name, arguments, ids, scores)
    ours = fw.public(name)(*(fw.tensor(x) if isinstance(x, np.ndarray) else x for x in arguments))
    found = np.asarray(ours(fw.tensor(ids), fw.tensor(scores)))
    np.testing.assert_allclose(found, theirs, rtol=2e-5, atol=2e-6)
    length = fw.tensor(np.array(ids.shape[1]))
    held = np.asarray(ours(fw.tensor(buffer(ids)), fw.tensor(scores), length))
    np.testing.assert_allclose(held, theirs, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("fw", FRAMEWORKS.values(), ids=FRAMEWORKS)
@pytest.mark.parametrize("name", ("RepetitionPenaltyLogitsProcessor", "NoRepeatNGramLogitsProcessor"))
def test_padding_is_no_text(name, fw):
    """With `known`, a padded row gives what its text alone gives."""
    ids, scores, cut = text(low=1), random_scores(name), 5
    known = np.ones(ids.shape, bool)
    known[:, :cut] = False
    processor = fw.public(name)(2)
    padded = np.where(known, ids, 0)
    alone = np.asarray(processor(fw.tensor(ids[:, cut:]), fw.tensor(scores)))
    together = np.asarray(processor(fw.tensor(padded), fw.tensor(scores), None, fw.tensor(known)))
    assert np.array_equal(alone, together)


@pytest.mark.parametrize("fw", FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_diversity(fw):
    import transformers.generation.logits_process as oracle

    scores, taken = random_scores("", (4, VOCAB)), np.array([3, 3, 8, 9, 1, 2, 0, 0])  # two texts, two groups of two
    processor = fw.public("HammingDiversityLogitsProcessor")(0.8, 4, 2)
    reference = oracle.HammingDiversityLogitsProcessor(0.8, 4, 2)
    for group in (0, 1):
        theirs = reference(torch.zeros(4, 1), torch.from_numpy(scores.copy()), torch.from_numpy(taken), group).numpy()
        ours = processor(None, fw.tensor(scores), fw.tensor(taken), group)
        np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-6)


@pytest.mark.parametrize("fw", FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_prefixes(fw):
    import transformers.generation.logits_process as oracle

    def allowed(batch, ids):
        return [batch + 1, int(ids[-1]) + 20]

    ids, scores = text(), random_scores("")
    reference = oracle.PrefixConstrainedLogitsProcessor(allowed, 1)(torch.from_numpy(ids), torch.from_numpy(scores))
    ours = fw.public("PrefixConstrainedLogitsProcessor")(allowed, 1)
    assert np.array_equal(np.asarray(ours(fw.tensor(ids), fw.tensor(scores))), reference.numpy())
    with pytest.raises(ValueError, match=r"\[prefix_allowed_tokens_fn\] expected at least one token"):
        fw.public("PrefixConstrainedLogitsProcessor")(lambda batch, ids: [], 1)(fw.tensor(ids), fw.tensor(scores))


@pytest.mark.parametrize("fw", FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_criteria(fw):
    ids = fw.tensor(np.array([[1, 2, 3], [1, 2, 4]]))
    assert np.asarray(fw.public("MaxLengthCriteria")(3)(ids, None)).tolist() == [True, True]
    assert np.asarray(fw.public("MaxLengthCriteria")(4)(ids, None)).tolist() == [False, False]
    assert np.asarray(fw.public("EosTokenCriteria")([4, 9])(ids, None)).tolist() == [False, True]
    assert np.asarray(fw.public("MaxTimeCriteria")(100.0)(ids, None)).tolist() == [False, False]
    assert np.asarray(fw.public("MaxTimeCriteria")(1.0, 5.0)(ids, None)).tolist() == [True, True]
    both = fw.public("StoppingCriteriaList")([fw.public("EosTokenCriteria")(4), fw.public("EosTokenCriteria")(3)])
    assert np.asarray(both(ids, None)).tolist() == [True, True] and both.max_length is None
    assert np.asarray(fw.public("StoppingCriteriaList")([lambda ids, scores: True])(ids, None)).tolist() == [True] * 2


def test_stop_strings_end_within_the_last_token(tokenizer):
    """What the text held before, such as the prompt, stops nothing; what several tokens complete does."""
    ids = {text: tokenizer(text).input_ids for text in ("the", " again", " other", "in")}
    assert all(len(tokens) == 1 for tokens in ids.values())
    stops = FRAMEWORKS["torch"].public("StopStringCriteria")(tokenizer, ["th", "e ag"])

    def ended(*texts):
        return stops(torch.tensor([[token for text in texts for token in ids[text]]]), None).tolist()

    assert ended("in", "the") == [True] and ended("the", "in") == [False]
    assert ended("the", " again") == [True] and ended("the", " again", "in") == [False]
    assert ended("in", " again") == [False] and ended("in", " other") == [True]


BAD = {
    "TemperatureLogitsWarper": [(0,), (-1.0,), ("hot",)],
    "TopKLogitsWarper": [(0,), (1.5,)],
    "TopPLogitsWarper": [(1.5,), (-0.1,)],
    "MinPLogitsWarper": [(2.0,)],
    "TypicalLogitsWarper": [(2.0,)],
    "EpsilonLogitsWarper": [(-1.0,), (2.0,)],
    "RepetitionPenaltyLogitsProcessor": [(0,), (-2.0,), ("much",)],
    "NoRepeatNGramLogitsProcessor": [(0,), (2.5,)],
    "EncoderNoRepeatNGramLogitsProcessor": [(0, SOURCE)],
    "MinLengthLogitsProcessor": [(-1, 3), (1.5, 3), (3, -1)],
    "MinNewTokensLengthLogitsProcessor": [(3, 2, -1)],
    "SequenceBiasLogitsProcessor": [({},), ({(): 1.0},), ({(-1,): 1.0},), ({(1,): "x"},), (3,)],
    "NoBadWordsLogitsProcessor": [([],), ([3],), ("word",), ([[-1]],)],
    "SuppressTokensLogitsProcessor": [([-1],), (["a"],)],
    "HammingDiversityLogitsProcessor": [(0, 4, 2), (1.0, 1, 1), (1.0, 4, 5)],
    "StopStringCriteria": [(None, []), (None, [""]), (None, [3])],
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(name):
    for arguments in BAD[name]:
        with pytest.raises(ValueError, match=r"^\[\w+\] expected"):
            FRAMEWORKS["torch"].public(name)(*arguments)


def test_contrast_is_to_the_text_alone():
    """Neither padding nor the buffer's rest counts as text that a candidate may be like."""
    from pytransformers.backends.torch.generation.contrastive import ContrastiveSearch

    first, second = torch.eye(4)[:2]
    context = torch.stack((first, -second, second * 0.1 + torch.eye(4)[2], first))[None]  # padding, text, text, rest
    search = SimpleNamespace(config=SimpleNamespace(penalty_alpha=0.9), capacity=4)
    state = {"context": context, "length": 3, "mask": torch.tensor([[False, True, True, True]])}
    likely = torch.tensor([[0.5, 0.5]])
    best = ContrastiveSearch.best(search, state, torch.stack((first, second))[None], likely)
    assert best.tolist() == [0]
    state.pop("mask")
    assert ContrastiveSearch.best(search, state, torch.stack((first, second))[None], likely).tolist() == [1]
