"""Drafts save calls of the model and change nothing of what is written."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pytransformers.backends.torch.generation.assisted import Lookup

from pytransformers.backends.torch.generation import assisted

from .cases import ENDS, tokens

PROMPT = torch.from_numpy(np.tile(tokens((1, 5), 3), (1, 3)))


class Counted:
    """How many forwards a model makes, and how many tokens each reads."""

    def __init__(self, model):
        self.model, self.read = model, []

    def __enter__(self):
        def count(module, args, kwargs):
            ids = kwargs.get("input_ids", kwargs.get("decoder_input_ids", args[0] if args else None))
            self.read.append(ids.shape[1])

        self.hook = self.model.register_forward_pre_hook(count, with_kwargs=True)
        return self

    def __exit__(self, *error):
        self.hook.remove()


@pytest.mark.parametrize("name", ("gpt2", "llama", "t5"))
def test_a_perfect_assistant(name, oracle):
    """Of 25 tokens each call of the model takes 5 drafted ones and one of its own."""
    model = oracle.model(name)
    assistant = copy.deepcopy(model)
    assistant.generation_config.update(num_assistant_tokens=5, assistant_confidence_threshold=0.0)
    plain = model.generate(PROMPT, max_new_tokens=25, eos_token_id=None)
    with Counted(model) as calls:
        drafted = model.generate(PROMPT, max_new_tokens=25, eos_token_id=None, assistant_model=assistant)
    assert drafted.tolist() == plain.tolist()
    assert calls.read[1:] == [6, 6, 6, 6], "one token from the prompt, then six at a time"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("settings", ({}, {"eos_token_id": ENDS}, {"repetition_penalty": 1.4, "min_new_tokens": 9}),
                         ids=("plain", "ends", "processors"))  # fmt: skip
def test_any_assistant(seed, settings, oracle):
    model, assistant = oracle.model("gpt2"), copy.deepcopy(oracle.model("gpt2"))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in assistant.parameters():
            parameter += 0.05 * seed * torch.randn(parameter.shape, generator=generator)
    prompt = torch.from_numpy(tokens((1, 4 + seed), seed))
    settings = {"max_new_tokens": 20, **settings}
    plain = model.generate(prompt, **settings)
    for schedule in ("constant", "heuristic", "heuristic_transient"):
        assistant.generation_config.update(num_assistant_tokens=3, num_assistant_tokens_schedule=schedule)
        assert model.generate(prompt, **settings, assistant_model=assistant).tolist() == plain.tolist()


def test_schedules(oracle, monkeypatch):
    """Drafts become longer by two after one that was taken whole, shorter by one after another."""
    model, assistant = oracle.model("gpt2"), copy.deepcopy(oracle.model("gpt2"))
    counts = []
    learn = assisted.Drafter.learn

    def noted(self, drafted, accepted):
        learn(self, drafted, accepted)
        counts.append(self.count)

    monkeypatch.setattr(assisted.Drafter, "learn", noted)
    assistant.generation_config.update(num_assistant_tokens=4, assistant_confidence_threshold=0.0)
    settings = {"max_new_tokens": 24, "eos_token_id": None}
    model.generate(PROMPT, **settings, assistant_model=assistant)
    assert set(counts) == {4}
    counts.clear()
    assistant.generation_config.update(num_assistant_tokens_schedule="heuristic")
    model.generate(PROMPT, **settings, assistant_model=assistant)
    assert counts == [6, 8, 10], "of 24 tokens 1, then 4, 6, 8 and 1 drafted and one more each"
    counts.clear()
    with torch.no_grad():
        assistant.transformer.ln_f.weight.neg_()
    model.generate(PROMPT, **settings, assistant_model=assistant)
    assert counts[:5] == [3, 2, 1, 1, 1]


def test_lookup():
    lookup = Lookup(SimpleNamespace(prompt_lookup_num_tokens=3, max_matching_ngram_size=2), [9])
    assert lookup.draft([1, 2, 3, 4, 5, 1, 2], 10) == ([3, 4, 5], None)
    assert lookup.draft([1, 2, 3, 4, 5, 1, 2], 2) == ([3, 4], None)
    assert lookup.draft([7, 2, 3, 4, 8, 5, 2], 10) == ([3, 4, 8], None), "of one token, where no two are found"
    assert lookup.draft([1, 2, 3, 9, 5, 1, 2], 10) == ([3], None), "no further than an end"
    assert lookup.draft([1, 2, 3], 10) == ([], None)


def test_lookup_saves_calls(oracle):
    model = oracle.model("gpt2")
    settings = {"max_new_tokens": 20, "eos_token_id": None}
    plain = model.generate(PROMPT, **settings)
    with Counted(model) as calls:
        assert model.generate(PROMPT, **settings, prompt_lookup_num_tokens=5).tolist() == plain.tolist()
    assert len(calls.read) < 20


def test_draws_follow_the_model():
    """Whatever the drafter's probabilities, a token comes by those of the model (arXiv:2211.17192, theorem 1)."""
    torch.manual_seed(0)
    search = SimpleNamespace(config=SimpleNamespace(do_sample=True))
    scores, share = torch.randn(1, 6), torch.softmax(2 * torch.randn(1, 6), -1)
    p, count = scores.softmax(-1)[0], 8000
    drafts = torch.multinomial(share[0], count, replacement=True).tolist()
    drawn = torch.tensor([assisted.choose(search, scores, draft, share) for draft in drafts])
    assert (torch.bincount(drawn, minlength=6) / count - p).abs().max() < 4 * 0.5 / count**0.5
    drawn = torch.tensor([assisted.choose(search, scores, None, None) for _ in range(count)])
    assert (torch.bincount(drawn, minlength=6) / count - p).abs().max() < 4 * 0.5 / count**0.5


@pytest.mark.parametrize("how", ("assistant", "lookup"))
def test_drawn_drafts_become_text(how, oracle):
    """With a tail cut to one token drawing is greedy; without, all that comes is of the model's top tokens."""
    model, near = oracle.model("gpt2"), oracle.model("near")
    drafts = {"assistant": {"assistant_model": near}, "lookup": {"prompt_lookup_num_tokens": 3}}[how]
    settings = {"max_new_tokens": 12, "eos_token_id": None}
    drawn = model.generate(PROMPT, do_sample=True, top_k=1, **settings, **drafts)
    assert drawn.tolist() == model.generate(PROMPT, **settings).tolist()
    torch.manual_seed(0)
    drawn = model.generate(PROMPT, do_sample=True, temperature=5.0, top_k=3, **settings, **drafts)
    assert drawn.shape == (1, PROMPT.shape[1] + 12)
    with torch.no_grad():
        top = model(drawn).logits[0].topk(3).indices
    for place in range(PROMPT.shape[1], drawn.shape[1]):
        assert drawn[0, place] in top[place - 1]
