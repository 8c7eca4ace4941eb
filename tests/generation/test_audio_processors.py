"""Processors of audio models in every framework, compiled and not, against the reference's on random scores."""

from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers.generation import logits_process as reference

VOCAB, ROWS = 60, 4
STAMPS = 30  # Whisper's timestamps here are the tokens after this one
WHISPER = SimpleNamespace(no_timestamps_token_id=STAMPS, eos_token_id=25, bos_token_id=25)


def whisper(first=None, detect=None, begin=3):
    config = SimpleNamespace(**vars(WHISPER), max_initial_timestamp_index=first)
    return "WhisperTimeStampLogitsProcessor", (config, begin, detect)


# name -> (class, arguments)
CASES = {
    "codebooks": ("AlternatingCodebooksLogitsProcessor", (3, 20, 16)),
    "codebooks-start": ("AlternatingCodebooksLogitsProcessor", (0, 20, 20)),
    "bark": ("BarkEosPrioritizerLogitsProcessor", (7, 0.02)),
    "bark-several": ("BarkEosPrioritizerLogitsProcessor", ([7, 30, 55], 0.03)),
    "bark-none": ("BarkEosPrioritizerLogitsProcessor", (7, None)),
    "whisper": whisper(),
    "whisper-first": whisper(first=4),
    "whisper-plain": whisper(first=4, detect=False),
    "whisper-start": whisper(begin=0, detect=False),
    "whisper-late": whisper(begin=9),
}
FRAMEWORKS = ("torch", "jax", "tensorflow")


def module(framework):
    return import_module(f"pytransformers.backends.{framework}.generation.audio_processors")


def arrays(framework, *values):
    ops = import_module(f"pytransformers.backends.{framework}.ops")
    kinds = {"i": ops.int64, "f": ops.float32}
    return [ops.tensor(value, dtype=kinds[value.dtype.kind]) for value in values]


def compiled(framework, function):
    if framework == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=True)


def texts(rng, length):
    """Ids (ROWS, length), of which many at the end are timestamps that rise, as in Whisper's texts."""
    ids = rng.integers(0, VOCAB, (ROWS, length))
    stamps = np.sort(rng.integers(STAMPS + 1, VOCAB, (ROWS, length)), 1)
    return np.where(rng.random((ROWS, length)) < 0.5, stamps, ids)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("case", CASES)
def test_equals_the_reference(case, framework):
    name, arguments = CASES[case]
    rng = np.random.default_rng(0)
    ours = getattr(module(framework), name)(*arguments)
    theirs = getattr(reference, name)(*arguments)
    for length in (*range(1, 9), 3, 5, 7):
        ids, scores = texts(rng, length), rng.normal(0, 3, (ROWS, VOCAB)).astype("float32")
        scores[0, 3] = -np.inf
        expected = theirs(torch.from_numpy(ids), torch.from_numpy(scores)).numpy()
        np.testing.assert_array_equal(np.asarray(ours(*arrays(framework, ids, scores))), expected)


@pytest.mark.parametrize("framework", FRAMEWORKS[1:])
@pytest.mark.parametrize("case", CASES)
def test_compiles_with_a_buffer(case, framework):
    """The text's length is a tensor, and what lies behind it in the buffer does not count."""
    name, arguments = CASES[case]
    rng = np.random.default_rng(1)
    ours = getattr(module(framework), name)(*arguments)
    theirs = getattr(reference, name)(*arguments)
    program = compiled(framework, lambda ids, scores, length: ours(ids, scores, length, None))
    for length in range(1, 9):
        buffer, scores = texts(rng, 10), rng.normal(0, 3, (ROWS, VOCAB)).astype("float32")
        expected = theirs(torch.from_numpy(buffer[:, :length]), torch.from_numpy(scores)).numpy()
        found = program(*arrays(framework, buffer, scores, np.array(length)))
        np.testing.assert_array_equal(np.asarray(found), expected)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_batched_guidance(framework):
    rng = np.random.default_rng(2)
    ids, scores = texts(rng, 5), rng.normal(0, 3, (2 * ROWS, VOCAB)).astype("float32")
    ours = module(framework).ClassifierFreeGuidanceLogitsProcessor(2.5)
    theirs = reference.ClassifierFreeGuidanceLogitsProcessor(2.5)
    expected = theirs(torch.from_numpy(ids), torch.from_numpy(scores)).numpy()
    found = np.asarray(ours(*arrays(framework, ids, scores)))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-5)
    with pytest.raises(ValueError, match=r"\[guidance_scale\] expected scores of 8 rows"):
        ours(*arrays(framework, ids, scores[:ROWS]))


class Listener:
    """A model that answers with given logits."""

    def __init__(self, logits):
        self.logits = logits

    def prepare_inputs_for_generation(self, input_ids, inputs):
        return {"decoder_input_ids": input_ids}

    def forward(self, input_features, decoder_input_ids):
        return SimpleNamespace(logits=self.logits)

    __call__ = forward


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("begin", (1, 3))
@pytest.mark.parametrize("log_p", (False, True))
def test_silence(begin, log_p, framework):
    rng = np.random.default_rng(3)
    ids, scores = texts(rng, 3), rng.normal(0, 3, (ROWS, VOCAB)).astype("float32")
    scores -= np.log(np.exp(scores).sum(-1, keepdims=True))
    logits = rng.normal(0, 3, (ROWS, 3, VOCAB)).astype("float32")
    found = []
    for kind, convert in (
        (module(framework).WhisperNoSpeechDetection, lambda *values: arrays(framework, *values)),
        (reference.WhisperNoSpeechDetection, lambda *values: [torch.from_numpy(value) for value in values]),
    ):
        processor = kind(11, begin, scores_is_logprobs=log_p)
        assert processor.no_speech_prob == [0.0]
        processor.set_model(Listener(convert(logits)[0]))
        processor.set_inputs({"inputs": None, "input_ids": convert(ids)[0]})
        kept = processor(*convert(ids[:, :begin], scores))
        np.testing.assert_array_equal(np.asarray(kept), scores)
        found.append(np.asarray(processor.no_speech_prob))
        before = processor.no_speech_prob
        processor(*convert(ids[:, :2], scores))  # another length changes nothing
        assert processor.no_speech_prob is before
        processor.set_begin_index(2 if begin == 1 else 4)
        processor(*convert(ids[:, :2] if begin == 1 else texts(rng, 4), scores))
        assert processor.no_speech_prob is not before
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-7)


def test_bad_arguments():
    kinds = module("torch")
    for name, arguments, expected in (
        ("ClassifierFreeGuidanceLogitsProcessor", (1.0,), r"\[guidance_scale\] expected a number > 1"),
        ("AlternatingCodebooksLogitsProcessor", (-1, 2, 2), r"\[input_start_len\] expected an integer >= 0"),
        ("BarkEosPrioritizerLogitsProcessor", (-4, 0.5), r"\[eos_token_id\] expected token ids >= 0"),
        ("BarkEosPrioritizerLogitsProcessor", (4, -0.5), r"\[min_eos_p\] expected a number > 0"),
        ("WhisperTimeStampLogitsProcessor", (WHISPER, None), r"\[begin_index\] expected the length of the prompt"),
    ):
        with pytest.raises(ValueError, match=expected):
            getattr(kinds, name)(*arguments)
    detection = kinds.WhisperNoSpeechDetection(3, 2)
    with pytest.raises(ValueError, match="call set_model and set_inputs"):
        detection(torch.zeros((1, 2), dtype=torch.long), torch.zeros((1, 5)))
