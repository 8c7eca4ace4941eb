"""When to stop besides the maximal length and the end-of-sequence token: called outside compiled code.

A criterion is called with the text so far (rows, length) and the last scores, and gives (rows,) bools, or one bool.
"""

import time

from .. import ops
from .processors import as_tokens


class StoppingCriteria:
    """Base class: define `__call__(input_ids, scores, **kwargs)`."""

    def __call__(self, input_ids, scores, **kwargs):
        raise TypeError(f"[{type(self).__name__}] expected __call__ to be defined by the subclass")


def every(input_ids, value):
    return ops.full((ops.size(input_ids, 0),), bool(value), dtype=ops.bool_, like=input_ids)


class MaxLengthCriteria(StoppingCriteria):
    """Stops at `max_length` tokens, the prompt counted."""

    def __init__(self, max_length, max_position_embeddings=None):
        self.max_length, self.max_position_embeddings = max_length, max_position_embeddings

    def __call__(self, input_ids, scores, **kwargs):
        return every(input_ids, ops.size(input_ids, 1) >= self.max_length)


class MaxTimeCriteria(StoppingCriteria):
    """Stops `max_time` seconds after `initial_timestamp` (default: now, as `time.time()`)."""

    def __init__(self, max_time, initial_timestamp=None):
        self.max_time = max_time
        self.initial_timestamp = time.time() if initial_timestamp is None else initial_timestamp

    def __call__(self, input_ids, scores, **kwargs):
        return every(input_ids, time.time() - self.initial_timestamp > self.max_time)


class EosTokenCriteria(StoppingCriteria):
    """Stops a row at one of these tokens."""

    def __init__(self, eos_token_id):
        self.eos_token_id = as_tokens(eos_token_id, "eos_token_id")

    def __call__(self, input_ids, scores, **kwargs):
        return is_one_of(input_ids[:, -1], self.eos_token_id)


class StopStringCriteria(StoppingCriteria):
    """Stops a row whose text has a stop string that ends within the last token.

    Args:
        tokenizer: of the model; its tokens' own text is compared.
        stop_strings: a text or a list of texts.
    """

    def __init__(self, tokenizer, stop_strings):
        stop_strings = [stop_strings] if isinstance(stop_strings, str) else list(stop_strings)
        if not stop_strings or not all(isinstance(text, str) and text for text in stop_strings):
            raise ValueError(f"[stop_strings] expected texts that are not empty, got {stop_strings!r}: correct them")
        self.tokenizer, self.stop_strings = tokenizer, tuple(stop_strings)
        self.longest = max(map(len, self.stop_strings))
        self._texts = {}

    def text_of(self, token):
        """What a token adds inside a text: decoded after another token, since some tokenizers trim a first space."""
        if token not in self._texts:
            before = self.tokenizer.convert_tokens_to_ids(self.tokenizer.tokenize("abc"))
            start = self.tokenizer.decode(before, clean_up_tokenization_spaces=False)
            both = self.tokenizer.decode([*before, token], clean_up_tokenization_spaces=False)
            self._texts[token] = both[len(start) :]
        return self._texts[token]

    def stops(self, tokens):
        last, text = self.text_of(tokens[-1]), ""
        for token in reversed(tokens[:-1]):
            if len(text) >= self.longest - 1:
                break
            text = self.text_of(token) + text
        whole = text + last
        return any(whole.find(stop, max(len(text) - len(stop) + 1, 0)) >= 0 for stop in self.stop_strings)

    def __call__(self, input_ids, scores, **kwargs):
        return ops.tensor([self.stops(row) for row in ops.tolist(input_ids)], dtype=ops.bool_, like=input_ids)


class StoppingCriteriaList(list):
    """A row stops where any criterion says so."""

    def __call__(self, input_ids, scores, **kwargs):
        done = every(input_ids, False)
        for criterion in self:
            stops = criterion(input_ids, scores, **kwargs)
            done = ops.logical_or(done, every(input_ids, stops) if isinstance(stops, bool) else stops)
        return done

    @property
    def max_length(self):
        return next((c.max_length for c in self if isinstance(c, MaxLengthCriteria)), None)


def is_one_of(ids, tokens):
    """ids (...) -> bools: whether each is one of the listed tokens."""
    found = ids == tokens[0]
    for token in tokens[1:]:
        found = ops.logical_or(found, ids == token)
    return found
