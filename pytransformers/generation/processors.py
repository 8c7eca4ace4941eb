"""What changes the scores of the next token by rule: penalties, bans, forced tokens.

Each processor is called as `processor(input_ids, scores)`, with the text so far (rows, length) and scores (rows,
vocab), and returns new scores. Compiled loops keep the text in a buffer of fixed length: then `cur_len` says how much
of it is text, and `known` (rows, length), if given, which of its places hold a token rather than padding.
"""

import numpy as np

from .. import ops

LOWEST = -float("inf")


class LogitsProcessor:
    """Base class: define `__call__(input_ids, scores)`, for JAX and TensorFlow with `cur_len` as third argument."""

    takes_buffer = False  # whether `__call__` takes `cur_len` and `known`
    in_graph = True  # whether it can be compiled, or has to see numbers

    def __call__(self, input_ids, scores):
        raise TypeError(f"[{type(self).__name__}] expected __call__ to be defined by the subclass")


class Processor(LogitsProcessor):
    """Base class of the processors here."""

    takes_buffer = True

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        raise TypeError(f"[{type(self).__name__}] expected __call__ to be defined by the subclass")


class LogitsProcessorList(list):
    """Processors applied one after another."""

    def __call__(self, input_ids, scores, cur_len=None, known=None, **kwargs):
        for processor in self:
            if getattr(processor, "takes_buffer", False):
                scores = processor(input_ids, scores, cur_len, known)
            elif isinstance(processor, HammingDiversityLogitsProcessor):
                scores = processor(input_ids, scores, **kwargs)
            else:
                scores = processor(input_ids, scores) if cur_len is None else processor(input_ids, scores, cur_len)
        return scores


# -- pieces ----------------------------------------------------------------------------------------------------------
def length_of(input_ids, cur_len):
    return ops.size(input_ids, 1) if cur_len is None else cur_len


def places(input_ids, cur_len, known):
    """(rows, length) True where the buffer holds text; None where it does everywhere."""
    if cur_len is None:
        return known
    inside = ops.expand((ops.arange(ops.size(input_ids, 1), like=input_ids) < cur_len)[None], ops.shape(input_ids))
    return inside if known is None else ops.logical_and(known, inside)


def rescored(scores, ids, wanted, change):
    """scores (rows, vocab) with `change` applied to those of ids (rows, n), where `wanted` (rows, n) or everywhere."""
    if wanted is None:
        return ops.scatter(scores, 1, ids, change(ops.gather(scores, 1, ids)))
    vocab = ops.size(scores, 1)
    ids = ops.where(wanted, ids, ops.full_like(ids, vocab))  # the rest goes to a column that is dropped
    wide = ops.pad(scores, (0, 1))
    return ops.scatter(wide, 1, ids, change(ops.gather(wide, 1, ids)))[:, :vocab]


def put(scores, tokens, value):
    """scores with those of the listed tokens set to `value`, in every row."""
    return ops.index_fill(scores, 1, tokens, value)


def when(condition, change, scores):
    """`change(scores)` where `condition`, a bool or a scalar tensor, holds."""
    if isinstance(condition, (bool, np.bool_)):
        return change(scores) if condition else scores
    return ops.where(condition, change(scores), scores)


def lowest(x):
    return ops.full_like(x, LOWEST)


def banned(scores, ids, found):
    """scores with those of ids (rows, n) lowest, where `found` (rows, n)."""
    bans = ops.where(found, ops.full((), LOWEST, dtype=ops.dtype(scores), like=scores), 0.0)
    return ops.scatter_add(scores, 1, ids, bans)


def as_tokens(value, where):
    """Token ids as a list of int, from an int, a list or an array."""
    value = np.asarray(value).reshape(-1).tolist()
    if any(not isinstance(token, int) or token < 0 for token in value):
        raise ValueError(f"[{where}] expected token ids >= 0, got {value}: correct them")
    return value


def positive(value, where):
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"[{where}] expected a number > 0, got {value!r}: correct it")
    return float(value)


# -- length ----------------------------------------------------------------------------------------------------------
class MinLengthLogitsProcessor(Processor):
    """No end of sequence before `min_length` tokens, the prompt counted."""

    def __init__(self, min_length, eos_token_id, device=None):
        if isinstance(min_length, (float, str)) or (isinstance(min_length, int) and min_length < 0):
            raise ValueError(f"[min_length] expected an integer >= 0, got {min_length!r}: correct it")
        self.min_length, self.eos_token_id = min_length, as_tokens(eos_token_id, "eos_token_id")

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        short = length_of(input_ids, cur_len) < self.min_length
        return when(short, lambda s: put(s, self.eos_token_id, LOWEST), scores)


class MinNewTokensLengthLogitsProcessor(Processor):
    """No end of sequence before `min_new_tokens` tokens after a prompt of `prompt_length_to_skip`."""

    def __init__(self, prompt_length_to_skip, min_new_tokens, eos_token_id, device=None):
        self.prompt_length_to_skip, self.min_new_tokens = prompt_length_to_skip, min_new_tokens
        self.eos_token_id = as_tokens(eos_token_id, "eos_token_id")

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        short = length_of(input_ids, cur_len) - self.prompt_length_to_skip < self.min_new_tokens
        return when(short, lambda s: put(s, self.eos_token_id, LOWEST), scores)


class ForcedBOSTokenLogitsProcessor(Processor):
    """The token after a start of one token."""

    def __init__(self, bos_token_id):
        self.bos_token_id = as_tokens(bos_token_id, "forced_bos_token_id")

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        return when(length_of(input_ids, cur_len) == 1, lambda s: put(lowest(s), self.bos_token_id, 0.0), scores)


class ForcedEOSTokenLogitsProcessor(Processor):
    """The last token, when `max_length` is reached."""

    def __init__(self, max_length, eos_token_id, device=None):
        self.max_length, self.eos_token_id = max_length, as_tokens(eos_token_id, "forced_eos_token_id")

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        last = length_of(input_ids, cur_len) == self.max_length - 1
        return when(last, lambda s: put(lowest(s), self.eos_token_id, 0.0), scores)


class ExponentialDecayLengthPenalty(Processor):
    """Raises the end of sequence's score by |score| (factor^n - 1), n tokens after `start` new ones."""

    def __init__(self, exponential_decay_length_penalty, eos_token_id, input_ids_seq_length):
        start, self.factor = exponential_decay_length_penalty
        self.start = start + input_ids_seq_length
        self.eos_token_id = as_tokens(eos_token_id, "eos_token_id")

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        past = length_of(input_ids, cur_len) - self.start

        def raised(s):
            index = ops.tensor([self.eos_token_id], dtype=ops.int64, like=s)
            index = ops.expand(index, (ops.size(s, 0), len(self.eos_token_id)))
            steps = ops.cast(ops.tensor(past, like=s), ops.dtype(s))
            growth = ops.pow(ops.full((), self.factor, dtype=ops.dtype(s), like=s), steps) - 1
            return rescored(s, index, None, lambda x: x + ops.abs(x) * growth)

        return when(past > 0, raised, scores)


# -- repetition ------------------------------------------------------------------------------------------------------
class RepetitionPenaltyLogitsProcessor(Processor):
    """Divides positive scores of tokens already there by `penalty`, and multiplies negative ones.

    Padding does not count as text. Keskar et al., arXiv:1909.05858.
    """

    def __init__(self, penalty, prompt_ignore_length=0):
        self.penalty, self.prompt_ignore_length = positive(penalty, "repetition_penalty"), prompt_ignore_length

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        wanted = places(input_ids, cur_len, known)
        if self.prompt_ignore_length:
            later = (ops.arange(ops.size(input_ids, 1), like=input_ids) >= self.prompt_ignore_length)[None]
            later = ops.expand(later, ops.shape(input_ids))
            wanted = later if wanted is None else ops.logical_and(wanted, later)
        return rescored(scores, input_ids, wanted, self.change)

    def change(self, x):
        return ops.where(x < 0, x * self.penalty, x / self.penalty)


class OfEncoder(Processor):
    """Holds the encoder's input (batch, n), and where it is no padding; repeated for the beams of the scores."""

    def hold(self, encoder_input_ids, encoder_known):
        self.encoder_input_ids, self.encoder_known = encoder_input_ids, encoder_known

    def held(self, scores):
        ids, known = self.encoder_input_ids, self.encoder_known
        beams = ops.size(scores, 0) // ops.size(ids, 0)
        if beams > 1:
            ids = ops.repeat_interleave(ids, beams, 0)
            known = None if known is None else ops.repeat_interleave(known, beams, 0)
        return ids, known


class EncoderRepetitionPenaltyLogitsProcessor(OfEncoder):
    """The reverse penalty for the tokens of the encoder's input: above 1 they become likelier."""

    def __init__(self, penalty, encoder_input_ids, encoder_known=None):
        self.penalty = 1 / positive(penalty, "encoder_repetition_penalty")
        self.hold(encoder_input_ids, encoder_known)

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        return rescored(scores, *self.held(scores), lambda x: RepetitionPenaltyLogitsProcessor.change(self, x))


def repeated(ids, end, size, wanted, tail):
    """(tokens, found): those that end a run of `size` in ids (rows, n) whose beginning equals `tail` (rows, size - 1).

    Only the first `end` of ids are searched (None: all), and only where `wanted`.
    """
    following = ids[:, size - 1 :]
    count = ops.size(following, 1)
    tests = [ids[:, place : place + count] == tail[:, place : place + 1] for place in range(size - 1)]
    if wanted is not None:
        tests += [wanted[:, place : place + count] for place in range(size)]
    if end is not None:
        tests.append((ops.arange(count, like=ids) + (size - 1) < end)[None])
    found = ops.ones_like(following, ops.bool_) if not tests else tests[0]
    for test in tests[1:]:
        found = ops.logical_and(found, test)
    return following, ops.expand(found, ops.shape(following))


def tail_of(input_ids, cur_len, count):
    """The last `count` tokens (rows, count)."""
    if cur_len is None:
        return ops.pad(input_ids[:, -count:], (max(count - ops.size(input_ids, 1), 0), 0), -1) if count else input_ids
    index = ops.arange(count, like=input_ids) + (cur_len - count)
    return ops.take(input_ids, ops.clamp(index, 0), 1)


class NoRepeatNGramLogitsProcessor(Processor):
    """No run of `ngram_size` tokens twice. Padding does not count as text."""

    def __init__(self, ngram_size):
        if not isinstance(ngram_size, int) or ngram_size <= 0:
            raise ValueError(f"[no_repeat_ngram_size] expected an integer > 0, got {ngram_size!r}: correct it")
        self.ngram_size = ngram_size

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        size = self.ngram_size
        if ops.size(input_ids, 1) < size:
            return scores
        tail = tail_of(input_ids, cur_len, size - 1)
        return banned(scores, *repeated(input_ids, cur_len, size, known, tail))


class EncoderNoRepeatNGramLogitsProcessor(OfEncoder):
    """No run of `encoder_ngram_size` tokens that the encoder's input has."""

    def __init__(self, encoder_ngram_size, encoder_input_ids, encoder_known=None):
        if not isinstance(encoder_ngram_size, int) or encoder_ngram_size <= 0:
            raise ValueError(
                f"[encoder_no_repeat_ngram_size] expected an integer > 0, got {encoder_ngram_size!r}: correct it"
            )
        self.ngram_size = encoder_ngram_size
        self.hold(encoder_input_ids, encoder_known)

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        size, (ids, wanted) = self.ngram_size, self.held(scores)
        if ops.size(ids, 1) < size or ops.size(input_ids, 1) < size - 1:
            return scores
        following, found = repeated(ids, None, size, wanted, tail_of(input_ids, cur_len, size - 1))
        return when(length_of(input_ids, cur_len) + 1 >= size, lambda s: banned(s, following, found), scores)


class SequenceBiasLogitsProcessor(Processor):
    """Adds a bias to the last token of a sequence where the text ends with the rest of it.

    Args:
        sequence_bias: {(token, ...): bias}, or a list of [[token, ...], bias].
    """

    def __init__(self, sequence_bias):
        try:
            pairs = list(sequence_bias.items() if isinstance(sequence_bias, dict) else sequence_bias)
            self.sequence_bias = {tuple(as_tokens(tokens, "")): float(bias) for tokens, bias in pairs}
        except (TypeError, ValueError):
            self.sequence_bias = {}
        if not self.sequence_bias or () in self.sequence_bias:
            raise ValueError(
                f"[sequence_bias] expected a number for each sequence of token ids >= 0, got {sequence_bias!r}: "
                "pass {(token, token): bias}"
            )

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        vocab, sequences = ops.size(scores, 1), list(self.sequence_bias)
        highest = max(map(max, sequences))
        if highest >= vocab:
            raise ValueError(f"[sequence_bias] expected tokens below the vocabulary's {vocab}, got {highest}")
        shape = (ops.size(scores, 0), len(sequences))
        # a sequence of several tokens counts once the text is as long as the whole of it
        lengths = ops.tensor([0 if len(tokens) == 1 else len(tokens) for tokens in sequences], like=scores)
        found = ops.expand((lengths <= length_of(input_ids, cur_len))[None], shape)
        longest = max(map(len, sequences)) - 1
        if longest:
            prefixes = [(-1,) * (longest - len(tokens) + 1) + tokens[:-1] for tokens in sequences]
            prefixes = ops.tensor(prefixes, dtype=ops.int64, like=scores)[None]
            tail = ops.cast(tail_of(input_ids, cur_len, longest), ops.int64)[:, None]
            found = ops.logical_and(found, ops.all(ops.logical_or(tail == prefixes, prefixes < 0), -1))
        bias = ops.tensor([list(self.sequence_bias.values())], dtype=ops.dtype(scores), like=scores)
        bias = ops.where(found, bias, ops.zeros_like(bias))
        last = ops.tensor([[tokens[-1] for tokens in sequences]], dtype=ops.int64, like=scores)
        return ops.scatter_add(scores, 1, ops.expand(last, shape), bias)


class NoBadWordsLogitsProcessor(SequenceBiasLogitsProcessor):
    """Sequences of tokens that must not come. An end-of-sequence token alone is no bad word."""

    def __init__(self, bad_words_ids, eos_token_id=None):
        ends = [] if eos_token_id is None else [[end] for end in as_tokens(eos_token_id, "eos_token_id")]
        words = bad_words_ids if isinstance(bad_words_ids, (list, tuple)) else []
        if not words or not all(isinstance(word, (list, tuple)) for word in words):
            raise ValueError(f"[bad_words_ids] expected a list of lists of token ids, got {bad_words_ids!r}")
        words = [word for word in words if list(word) not in ends]
        self.sequence_bias = {}
        if words:
            super().__init__([(word, LOWEST) for word in words])

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        return super().__call__(input_ids, scores, cur_len, known) if self.sequence_bias else scores


# -- tokens ----------------------------------------------------------------------------------------------------------
class SuppressTokensLogitsProcessor(Processor):
    """Tokens that never come."""

    def __init__(self, suppress_tokens, device=None):
        self.suppress_tokens = as_tokens(suppress_tokens, "suppress_tokens")

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        return put(scores, self.suppress_tokens, LOWEST) if self.suppress_tokens else scores


class SuppressTokensAtBeginLogitsProcessor(Processor):
    """Tokens that do not come where the text is `begin_index` long."""

    def __init__(self, begin_suppress_tokens, begin_index, device=None):
        self.begin_suppress_tokens = as_tokens(begin_suppress_tokens, "begin_suppress_tokens")
        self.begin_index = begin_index

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        begins = length_of(input_ids, cur_len) == self.begin_index
        return when(begins, lambda s: put(s, self.begin_suppress_tokens, LOWEST), scores)


class PrefixConstrainedLogitsProcessor(LogitsProcessor):
    """Only the tokens that `prefix_allowed_tokens_fn(batch_id, ids)` lists may come. Runs outside compiled code."""

    in_graph = False

    def __init__(self, prefix_allowed_tokens_fn, num_beams):
        self.allowed, self.num_beams = prefix_allowed_tokens_fn, num_beams

    def __call__(self, input_ids, scores, cur_len=None):
        length, rows = int(length_of(input_ids, cur_len)), []
        for row in range(ops.size(scores, 0)):
            tokens = as_tokens(self.allowed(row // self.num_beams, input_ids[row, :length]), "prefix_allowed_tokens_fn")
            if not tokens:
                raise ValueError(
                    "[prefix_allowed_tokens_fn] expected at least one token, got none for batch row "
                    f"{row // self.num_beams}: return the end-of-sequence token to stop"
                )
            rows.append(put(lowest(scores[row : row + 1]), tokens, 0.0))
        return scores + ops.cat(rows, 0)


class InfNanRemoveLogitsProcessor(Processor):
    """NaN becomes 0, an infinity the largest or smallest number of the dtype."""

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        smallest = ops.finfo_min(ops.dtype(scores))
        scores = ops.where(scores == scores, scores, ops.zeros_like(scores))
        return ops.clamp(scores, smallest, -smallest)


class HammingDiversityLogitsProcessor(LogitsProcessor):
    """Lowers a token's score by how many beams of earlier groups take it at this step (arXiv:1610.02424)."""

    def __init__(self, diversity_penalty, num_beams, num_beam_groups):
        self.diversity_penalty = positive(diversity_penalty, "diversity_penalty")
        if not 1 < num_beam_groups <= num_beams:
            raise ValueError(
                f"[num_beam_groups] expected at least 2 and at most num_beams ({num_beams}), got {num_beam_groups}: "
                "correct it"
            )
        self.group_size = num_beams // num_beam_groups

    def __call__(self, input_ids, scores, current_tokens, beam_group_idx):
        """scores (batch * group size, vocab); current_tokens (batch * beams,) or (batch, beams), by group."""
        if beam_group_idx == 0:
            return scores
        batch, vocab = ops.size(scores, 0) // self.group_size, ops.size(scores, 1)
        taken = ops.reshape(current_tokens, (batch, -1))[:, : beam_group_idx * self.group_size]
        ones = ops.ones(ops.shape(taken), dtype=ops.dtype(scores), like=scores)
        count = ops.scatter_add(ops.zeros((batch, vocab), dtype=ops.dtype(scores), like=scores), 1, taken, ones)
        return scores - self.diversity_penalty * ops.repeat_interleave(count, self.group_size, 0)
