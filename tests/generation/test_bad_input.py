"""Each wrong request is refused with one clear error."""

import numpy as np
import pytest
import torch

import pytransformers as pt

from .cases import padded, tokens

PROMPT = torch.from_numpy(tokens((2, 7)))
ONE = PROMPT[:1]
N = {"max_new_tokens": 4}

# settings -> part of the message
CONTRADICTIONS = {
    "max_length": ({"max_length": 0}, "positive integer"),
    "max_new_tokens": ({"max_new_tokens": -3}, "positive integer"),
    "max_new_tokens-float": ({"max_new_tokens": 2.5}, "positive integer"),
    "early_stopping": ({"early_stopping": "always"}, "never"),
    "max_time": ({"max_time": -1}, "seconds"),
    "num_beams": ({"num_beams": 0}, "positive integer"),
    "beams-of-groups": ({"num_beams": 5, "num_beam_groups": 2, "diversity_penalty": 1.0}, "multiple"),
    "sampled-groups": (
        {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 1.0, "do_sample": True}, "do_sample",
    ),
    "no-diversity": ({"num_beams": 4, "num_beam_groups": 2}, "diversity_penalty"),
    "returned-greedy": ({"num_return_sequences": 2}, "num_return_sequences"),
    "returned-beams": ({"num_beams": 2, "num_return_sequences": 3}, "num_return_sequences"),
    "temperature": ({"do_sample": True, "temperature": -0.5}, "temperature"),
    "temperature-0": ({"do_sample": True, "temperature": 0}, "do_sample=False"),
    "top_k": ({"do_sample": True, "top_k": -1}, "top_k"),
    "top_p": ({"do_sample": True, "top_p": 1.5}, "top_p"),
    "min_p": ({"do_sample": True, "min_p": -0.5}, "min_p"),
    "typical_p": ({"do_sample": True, "typical_p": 0}, "typical_p"),
    "epsilon": ({"do_sample": True, "epsilon_cutoff": 1.0}, "epsilon_cutoff"),
    "repetition": ({"repetition_penalty": 0}, "repetition_penalty"),
    "ngrams": ({"no_repeat_ngram_size": -1}, "no_repeat_ngram_size"),
    "alpha": ({"penalty_alpha": 2.0, "top_k": 4}, "penalty_alpha"),
    "contrastive-beams": ({"penalty_alpha": 0.5, "num_beams": 2}, "num_beams=1"),
    "contrastive-no-cache": ({"penalty_alpha": 0.5, "top_k": 4, "use_cache": False}, "use_cache"),
    "schedule": ({"num_assistant_tokens_schedule": "often"}, "heuristic"),
    "cache": ({"cache_implementation": "big"}, "cache_implementation"),
    "eos": ({"eos_token_id": "end"}, "eos_token_id"),
    "bad-words": ({"bad_words_ids": [3]}, "bad_words_ids"),
    "bias": ({"sequence_bias": {(3,): "much"}}, "sequence_bias"),
    "bias-outside": ({"sequence_bias": {(3000,): 1.0}}, "vocabulary"),
    "words-greedy": ({"force_words_ids": [[3]]}, "num_beams"),
    "words-sampled": ({"force_words_ids": [[3]], "num_beams": 2, "do_sample": True}, "do_sample"),
    "words-empty": ({"force_words_ids": [], "num_beams": 2}, "force_words_ids"),
    "words-flat": ({"force_words_ids": [3], "num_beams": 2}, "force_words_ids"),
    "unknown": ({"max_new_token": 4}, "max_new_token"),
    "unknown-tensor": ({"pixels": PROMPT}, "pixels"),
    "short": ({"max_length": 7, "max_new_tokens": None}, "above the length"),
    "stop-strings": ({"stop_strings": "end"}, "tokenizer"),
    "beams-of-drafts": ({"prompt_lookup_num_tokens": 3, "num_beams": 2}, "assistant"),
    "several-drafts": ({"prompt_lookup_num_tokens": 3}, "one text at a time"),
    "drafts-no-cache": ({"prompt_lookup_num_tokens": 3, "use_cache": False, "input_ids": ONE}, "use_cache"),
    "mask-length": ({"attention_mask": torch.ones(2, 5, dtype=torch.long)}, "attention_mask"),
    "mask-rows": ({"attention_mask": torch.ones(3, 7, dtype=torch.long)}, "attention_mask"),
    "mask-dimensions": ({"attention_mask": torch.ones(2, 7, 7, dtype=torch.long)}, "attention_mask"),
    "types-length": ({"token_type_ids": torch.ones(2, 5, dtype=torch.long)}, "token_type_ids"),
    "twice": ({"inputs": PROMPT}, "once"),
}  # fmt: skip


@pytest.fixture(scope="module")
def gpt2(oracle):
    return oracle.model("gpt2")


@pytest.mark.parametrize(("settings", "part"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_settings(settings, part, gpt2):
    arguments = {"input_ids": PROMPT, **N, **settings}
    with pytest.raises(ValueError, match=r"^\[\w+\] expected") as error:
        gpt2.generate(**arguments)
    assert part in str(error.value) and "\n" not in str(error.value)


PROMPTS = {
    "empty": (torch.zeros(2, 0, dtype=torch.long), "at least one"),
    "no-rows": (torch.zeros(0, 3, dtype=torch.long), "at least one"),
    "flat": (torch.tensor([3, 4]), "(batch, length)"),
    "floats": (torch.ones(2, 3), "integers"),
    "outside": (torch.full((1, 3), 100), "vocabulary of 100"),
    "negative": (torch.full((1, 3), -1), "vocabulary of 100"),
    "ragged": ([[1, 2], [3]], "same length"),
    "text": ("hello", "integers"),
    "long": (torch.ones(1, 65, dtype=torch.long), "64"),
}


@pytest.mark.parametrize(("ids", "part"), PROMPTS.values(), ids=PROMPTS)
def test_prompts(ids, part, gpt2):
    with pytest.raises(ValueError, match=r"^\[\w+\] expected") as error:
        gpt2.generate(ids, **N)
    assert part in str(error.value)


def test_streamers_want_one_text(gpt2):
    class Silent:
        def put(self, value):
            raise AssertionError("nothing should come")

    for arguments in ({"inputs": PROMPT}, {"inputs": ONE, "num_beams": 2}):
        with pytest.raises(ValueError, match=r"^\[streamer\] expected one text"):
            gpt2.generate(**arguments, **N, streamer=Silent())


def test_assistants(gpt2, oracle):
    with pytest.raises(ValueError, match=r"^\[assistant_model\] expected the model's vocabulary of 100, got 320"):
        gpt2.generate(ONE, **N, assistant_model=oracle.model("bytes"))
    with pytest.raises(ValueError, match=r"^\[assistant_model\] expected one text at a time"):
        gpt2.generate(PROMPT, **N, assistant_model=oracle.model("near"))


def test_models_without_a_head(gpt2):
    with pytest.raises(TypeError, match=r"^\[generate\] expected a model with a language-model head, got GPT2Model"):
        pt.GPT2Model(gpt2.config).generate(PROMPT)
    assert not pt.GPT2Model.can_generate() and pt.GPT2LMHeadModel.can_generate()


def test_encoders(oracle):
    t5 = oracle.model("t5")
    with pytest.raises(ValueError, match=r"^\[generate\] expected input_ids"):
        t5.generate(**N)
    with pytest.raises(ValueError, match="vocabulary of 100"):
        t5.generate(torch.full((1, 3), 100), **N)
    with pytest.raises(ValueError, match="decoder_input_ids"):
        t5.generate(PROMPT, decoder_input_ids=torch.full((2, 2), 100), **N)
    with pytest.raises(ValueError, match="decoder_start_token_id"):
        t5.generate(PROMPT, decoder_start_token_id=[0, 0, 0], **N)


def test_a_cache_of_the_whole_prompt(gpt2):
    with pytest.raises(ValueError, match=r"^\[generate\] expected input_ids longer than the cache of 7"):
        gpt2.generate(PROMPT, past_key_values=gpt2(PROMPT, use_cache=True).past_key_values, **N)


def test_scores_that_are_no_numbers(gpt2):
    """Sampling cannot draw from NaN; `remove_invalid_values` helps."""

    def spoilt(input_ids, scores):
        return scores * float("nan")

    with pytest.raises((ValueError, RuntimeError), match="nan"):
        gpt2.generate(PROMPT, **N, do_sample=True, logits_processor=[spoilt])


def test_the_model_ends_where_its_positions_end(gpt2):
    with pytest.warns(UserWarning, match=r"\[generate\] 67 tokens are asked for, and the model has 64 positions"):
        assert gpt2.generate(PROMPT, max_new_tokens=60, eos_token_id=None).shape == (2, 64)


def test_padding_on_the_right_is_warned_about(gpt2):
    batch = {name: torch.from_numpy(np.ascontiguousarray(x[:, ::-1])) for name, x in padded("gpt2").items()}
    with pytest.warns(UserWarning, match="padding_side"):
        gpt2.generate(**batch, **N)
