"""Tests of `generate` that every framework passes. A framework's file imports them and gives the fixture `fw`."""

import threading

import numpy as np
import pytest

from .cases import CASES, ENDS, tokens

# one of each kind of search, with padding, ends and several processors at once
CHOSEN = (
    "combined-gpt2", "encoder-ngram-t5", "beams-processors-gpt2", "beams-early-t5-padded", "groups-early-t5-padded",
    "contrastive-penalty-t5",
)  # fmt: skip


@pytest.mark.parametrize("name", CHOSEN)
def test_equals_the_oracle(name, fw, oracle):
    ours, theirs = fw.case(oracle, name)
    assert ours.tolist() == theirs.tolist()


MODES = {
    "greedy": {"repetition_penalty": 1.4, "no_repeat_ngram_size": 2, "encoder_repetition_penalty": 1.2},
    "beams": {"num_beams": 3, "num_return_sequences": 2, "repetition_penalty": 1.2},
    "groups": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.6, "num_return_sequences": 2},
    "contrastive": {"penalty_alpha": 0.9, "top_k": 4, "repetition_penalty": 1.2},
}  # fmt: skip
LENGTHS = (3, 9, 1, 5, 12, 7, 2, 12)


@pytest.mark.parametrize("mode", MODES)
def test_a_padded_batch_is_each_of_its_texts(mode, fw, oracle):
    """Eight prompts of different lengths together give what each gives alone, in every kind of search."""
    model = fw.model(oracle, "llama" if mode in ("beams", "contrastive") else "gpt2")
    settings = {"max_new_tokens": 7, "eos_token_id": ENDS, "pad_token_id": 5, **MODES[mode]}
    width, many = max(LENGTHS), settings.get("num_return_sequences", 1)
    ids, mask = tokens((len(LENGTHS), width), 12), np.arange(width)[None] >= width - np.array(LENGTHS)[:, None]
    filled = np.where(mask, ids, ids[:, -1:])  # what stands where the padding is must not matter
    together = fw.generate(model, filled, attention_mask=mask.astype(np.int64), **settings)
    for row, length in enumerate(LENGTHS):
        alone = fw.generate(model, ids[row : row + 1, width - length :], **settings)[:, length:]
        rest = np.full((many, together.shape[1] - width - alone.shape[1]), 5)
        expected = np.concatenate([alone, rest], 1)
        assert together[row * many : (row + 1) * many, width:].tolist() == expected.tolist(), f"row {row}"


# -- drawing -----------------------------------------------------------------------------------------------------------
def test_the_seed_chooses_the_text(fw, oracle):
    model = fw.model(oracle, "gpt2")

    def drawn(seed):
        settings = {"max_new_tokens": 8, "do_sample": True, "temperature": 3.0}
        return fw.generate(model, tokens((4, 7)), **settings, **fw.seeded(seed)).tolist()

    assert drawn(5) == drawn(5) != drawn(6)


def frequencies(drawn, size):
    return np.bincount(drawn, minlength=size) / len(drawn)


def test_draws_follow_the_probabilities(fw, oracle):
    """The first and second token of many texts, against the probabilities under temperature and top-k."""
    model, count = fw.model(oracle, "llama"), 6000
    settings = {"do_sample": True, "temperature": 4.0, "top_k": 6, "num_return_sequences": count, "max_new_tokens": 2}
    drawn = fw.generate(model, tokens((1, 7)), **settings, **fw.seeded(1))[:, 7:]

    def expected(ids):
        logits = np.asarray(model(fw.tensor(ids)).logits if not fw.eager else model(fw.tensor(ids)).logits.detach())
        logits = logits[0, -1].astype(np.float64) / 4.0
        p = np.where(logits >= np.sort(logits)[-6], np.exp(logits - logits.max()), 0)
        return p / p.sum()

    p = expected(tokens((1, 7)))
    assert np.abs(frequencies(drawn[:, 0], 100) - p).max() < 4 * np.sqrt(0.25 / count)
    first = np.argmax(p)
    second = drawn[drawn[:, 0] == first, 1]
    p = expected(np.concatenate([tokens((1, 7)), [[first]]], 1))
    assert np.abs(frequencies(second, 100) - p).max() < 4 * np.sqrt(0.25 / len(second))


# -- drafts ------------------------------------------------------------------------------------------------------------
ASSISTED = {
    "ends": {"eos_token_id": ENDS},
    "processors": {"repetition_penalty": 1.3, "no_repeat_ngram_size": 3, "min_new_tokens": 5, "eos_token_id": ENDS},
}  # fmt: skip


@pytest.mark.parametrize("settings", ASSISTED.values(), ids=ASSISTED)
@pytest.mark.parametrize("how", ("assistant", "lookup"))
def test_drafts_change_nothing(how, settings, fw, oracle):
    model = fw.model(oracle, "gpt2")
    lookup, assistant = {"prompt_lookup_num_tokens": 4}, {"assistant_model": fw.model(oracle, "near")}
    drafts = lookup if how == "lookup" else assistant
    prompt = np.tile(tokens((1, 5), 3), (1, 3))
    settings = {"max_new_tokens": 15, **settings}
    plain = fw.generate(model, prompt, **settings)
    assert fw.generate(model, prompt, **settings, **drafts).tolist() == plain.tolist()


# -- who listens -------------------------------------------------------------------------------------------------------
class Heard:
    """A streamer that keeps what it gets."""

    def __init__(self):
        self.ids, self.ended = [], 0

    def put(self, value):
        self.ids.append(np.asarray(value).tolist())

    def end(self):
        self.ended += 1


def test_a_streamer_gets_the_prompt_and_each_token(fw, oracle):
    model, heard = fw.model(oracle, "gpt2"), Heard()
    settings = {"max_new_tokens": 6, "repetition_penalty": 3.0}
    written = fw.generate(model, tokens((1, 7)), streamer=heard, **settings)
    assert heard.ids[0] == tokens((1, 7)).tolist() and heard.ended == 1
    assert heard.ids[1:] == [[token] for token in written[0, 7:].tolist()]
    assert written.tolist() == fw.generate(model, tokens((1, 7)), **settings).tolist()


def test_a_streamer_of_drafts(fw, oracle):
    model, heard = fw.model(oracle, "gpt2"), Heard()
    written = fw.generate(model, tokens((1, 7)), max_new_tokens=9, streamer=heard, prompt_lookup_num_tokens=3)
    assert heard.ids[1:] == [[token] for token in written[0, 7:].tolist()] and heard.ended == 1


def test_text_comes_through_a_thread(fw, oracle, tokenizer):
    import pytransformers

    model = fw.model(oracle, "bytes")
    prompt = np.array([tokenizer("Here is").input_ids])
    streamer = pytransformers.TextIteratorStreamer(tokenizer, skip_prompt=True, timeout=60)
    settings = {"max_new_tokens": 12, "do_sample": True, "streamer": streamer}
    found = []
    thread = threading.Thread(target=lambda: found.append(fw.generate(model, prompt, **settings, **fw.seeded(2))))
    thread.start()
    pieces = list(streamer)
    thread.join()
    assert "".join(pieces) == tokenizer.decode(found[0][0, prompt.shape[1] :])


def test_stop_strings(fw, oracle, tokenizer):
    """A text ends with the first token that completes a stop string, which may begin within the prompt."""
    model = fw.model(oracle, "bytes")
    prompt = np.array([tokenizer("Here is").input_ids, tokenizer("I seem").input_ids])
    settings = {"max_new_tokens": 20, "do_sample": True, "top_k": 1, "repetition_penalty": 5.0, "pad_token_id": 0}
    free = fw.generate(model, prompt, **settings)
    text = tokenizer.decode(free[0, 2:])
    stop = text[len(text) // 2 : len(text) // 2 + 3]
    stopped = fw.generate(model, prompt, **settings, stop_strings=["never there", stop], tokenizer=tokenizer)
    for row in range(2):
        ends = [n for n in range(3, free.shape[1] + 1) if stop in tokenizer.decode(free[row, :n])]
        length = ends[0] if ends else free.shape[1]
        assert stopped[row, :length].tolist() == free[row, :length].tolist()
        assert not stopped[row, length:].any(), "the rest is padding"


def test_own_criteria_and_processors(fw, oracle):
    """Both see the text so far; a criterion ends the rows that it names."""
    model, seen = fw.model(oracle, "gpt2"), []

    class Note(fw.public("StoppingCriteria")):
        def __call__(self, input_ids, scores, **kwargs):
            seen.append(np.asarray(input_ids).tolist())
            return input_ids[:, -1] % 3 == 0

    class Odd(fw.public("LogitsProcessor")):
        takes_buffer = False

        def __call__(self, input_ids, scores, cur_len=None):
            return -abs(scores - 1.0)

    criteria = fw.public("StoppingCriteriaList")([Note()])
    processors = fw.public("LogitsProcessorList")([Odd()])
    both = {"logits_processor": processors, "max_new_tokens": 8, "pad_token_id": 5}
    free = fw.generate(model, tokens((3, 7)), **both)
    assert free.tolist() != oracle.answer(CASES["greedy-gpt2"])["sequences"][:, :15].tolist()
    ended = fw.generate(model, tokens((3, 7)), stopping_criteria=criteria, **both)
    assert [len(row[0]) for row in seen] == list(range(8, 8 + len(seen))) and ended.shape[1] == 7 + len(seen)
    for row in range(3):
        ends = [n for n in range(8, 16) if free[row, n - 1] % 3 == 0] or [16]
        cut = min(ends[0], ended.shape[1])
        assert ended[row, :cut].tolist() == free[row, :cut].tolist() and (ended[row, cut:] == 5).all()


def test_time_ends_a_text(fw, oracle):
    model = fw.model(oracle, "gpt2")
    assert fw.generate(model, tokens((2, 7)), max_new_tokens=24, max_time=1e-6).shape[1] == 8
    assert fw.generate(model, tokens((2, 7)), max_new_tokens=10, max_time=1000.0).shape[1] == 17
