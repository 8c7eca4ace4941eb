"""Inputs that few calls have, beside the oracle in this process."""

import numpy as np
import pytest
import torch
import transformers

import pytransformers as pt

N = {"max_new_tokens": 6}
IDS = torch.tensor([[40, 50, 60], [70, 41, 33]])


def pair(oracle, model, name):
    folder = oracle.folder / model
    return getattr(pt, name).from_pretrained(folder), getattr(transformers, name).from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def t5(oracle):
    return pair(oracle, "t5", "T5ForConditionalGeneration")


@pytest.mark.parametrize("start", [[[0, 45, 39]] * 2, [[44, 45, 39]] * 2], ids=["whole", "start-missing"])
def test_decoder_mask(t5, start):
    ours, theirs = t5
    inputs = dict(input_ids=IDS, decoder_input_ids=torch.tensor(start), **N)
    mask = {"decoder_attention_mask": torch.tensor([[1, 0, 1], [1, 1, 1]])}
    found = ours.generate(**inputs, **mask)
    assert found.tolist() == theirs.generate(**inputs, **mask).tolist()
    assert found.tolist() != ours.generate(**inputs).tolist()  # the mask counts


def test_labels_are_left_aside(t5):
    assert t5[0].generate(IDS, labels=IDS, **N).tolist() == t5[0].generate(IDS, **N).tolist()


def test_ids_below_zero_are_none(t5):
    ours, _ = t5
    found = ours.generate(IDS, eos_token_id=-1, pad_token_id=-1, **N)
    assert found.shape == (2, 7) and (np.asarray(found) >= 0).all()


@pytest.mark.parametrize("settings", [{}, {"num_beams": 2, "num_return_sequences": 2}], ids=["greedy", "beams"])
def test_embeddings_with_the_ids_they_stand_for(oracle, settings):
    ours, theirs = pair(oracle, "gpt2", "GPT2LMHeadModel")
    inputs = dict(input_ids=IDS, inputs_embeds=theirs.get_input_embeddings()(IDS), **settings, **N)
    assert ours.generate(**inputs).tolist() == theirs.generate(**inputs).tolist()


def test_what_is_not_supported_is_refused(t5):
    with pytest.raises(ValueError, match=r"\[generation\] expected token_healing=False"):
        t5[0].generate(IDS, token_healing=True, **N)
    with pytest.raises(ValueError, match=r"\[assistant_tokenizer\] expected"):
        t5[0].generate(IDS, assistant_tokenizer=object(), **N)
