"""Beam search: the `num_beams` likeliest texts are kept, each step from all their continuations. Also drawn ones.

State besides that of `search.py`, with n beams for each of `batch` prompts:

    running, finished_ids      (batch, n, capacity): texts that go on, texts that have ended
    running_scores, scores     (batch, n): their log-probability; that of ended ones under the length penalty
    ended                      (batch, n): which of `finished_ids` are real
    path, finished_path        (batch, n, capacity): for each new token the beam it came from, -1 where there is none
    open                       (batch, 1): whether a running text may still beat the ended ones
    stuck                      whether every continuation has ended
"""

from .. import decoding, ops
from .criteria import is_one_of
from .search import Search, is_static, text_and

FAR = -1.0e9


def flat(x):
    """(batch, n, ...) -> (batch * n, ...)."""
    batch, n, *rest = ops.shape(x)
    return ops.reshape(x, (batch * n, *rest))


def chosen(x, index):
    """x (batch, n, ...) at index (batch, k) -> (batch, k, ...)."""
    batch, n, *_ = ops.shape(x)
    rows = index + ops.arange(batch, like=x)[:, None] * n
    return ops.take(flat(x), rows, 0)


class Beams(Search):
    """What searches over beams share."""

    @property
    def expand(self):
        return self.config.num_beams

    def penalty(self, length):
        """length ** length_penalty."""
        if is_static(length):
            return length**self.config.length_penalty
        return ops.pow(ops.cast(length, ops.float32), self.config.length_penalty)


class BeamSearch(Beams):
    @property
    def beams(self):
        return self.config.num_beams

    def begin(self, state):
        n, ids = self.beams, state["ids"]
        rows, capacity = ops.shape(ids)
        batch = rows // n
        running = ops.reshape(ids, (batch, n, capacity))
        first = ops.one_hot(ops.zeros((batch,), dtype=ops.int64, like=ids), n, ops.float32)
        lowest = ops.full((batch, n), FAR, like=ids)
        path = ops.full((batch, n, capacity), -1, dtype=ops.int64, like=ids)
        return {
            **state, "prompt": state["length"], "running": running, "finished_ids": ops.cat((running,)),
            "running_scores": (1 - first) * FAR, "scores": lowest, "path": path, "finished_path": ops.cat((path,)),
            "ended": ops.zeros((batch, n), dtype=ops.bool_, like=ids),
            "open": ops.ones((batch, 1), dtype=ops.bool_, like=ids),
            "stuck": ops.zeros((), dtype=ops.bool_, like=ids),
        }  # fmt: skip

    def choose(self, model, logits, state, outputs):
        config, n = self.config, self.beams
        length, prompt = state["length"], state["prompt"]
        scores = self.processors(model, state)(*text_and(state, ops.log_softmax(logits, -1)))
        vocab = ops.size(scores, 1)
        batch = ops.size(state["running_scores"], 0)

        # the likeliest continuations of all beams, enough that n of them go on
        total = ops.reshape(scores, (batch, n, vocab)) + state["running_scores"][:, :, None]
        total = ops.reshape(total, (batch, n * vocab))
        keep = max(2, 1 + len(self.eos_token_id)) * n
        if config.do_sample:
            index = ops.multinomial(ops.softmax(total, -1), keep)
            best = ops.gather(total, 1, index)
        else:
            best, index = ops.topk(total, keep)
        beam, token = ops.floor_divide(index, vocab), index % vocab
        texts = chosen(state["running"], beam)
        texts = ops.update_slice(texts, ops.cast(token, ops.dtype(texts))[:, :, None], length, 2)
        path = chosen(state["path"], beam)
        source = beam + ops.arange(batch, like=beam)[:, None] * n
        path = ops.update_slice(path, ops.cast(source, ops.int64)[:, :, None], length - prompt, 2)

        # which of them end here
        after = length + 1
        ends = ops.full(ops.shape(token), False, dtype=ops.bool_, like=token)
        if self.eos_token_id:
            ends = is_one_of(token, self.eos_token_id)
        if self.criteria:
            ends = ops.logical_or(ends, ops.reshape(self.stops(flat(texts), after, scores), ops.shape(ends)))
        ends = ops.logical_or(ends, ops.tensor(after >= state["max_length"], dtype=ops.bool_, like=ends))

        # the n best that do not go on running
        apart = best + ops.cast(ends, ops.float32) * FAR
        running_scores, following = ops.topk(apart, n)
        running, running_path = chosen(texts, following), chosen(path, following)
        moved = ops.reshape(chosen(source, following), (-1,))

        # the n best of those that had ended and those among the first n that end now
        stop_early = config.early_stopping is True
        just = ops.logical_and(ends, (ops.arange(keep, like=ends) < n)[None])
        ended_scores = best / self.penalty(after - prompt)
        closed = ops.logical_not(state["open"])
        if stop_early:
            closed = ops.logical_or(closed, ops.all(state["ended"], -1, True))
        ended_scores = ended_scores + ops.cast(closed, ops.float32) * FAR
        ended_scores = ended_scores + ops.cast(ops.logical_not(just), ops.float32) * FAR
        kept_scores, order = ops.topk(ops.cat((state["scores"], ended_scores), 1), n)
        finished_ids = chosen(ops.cat((state["finished_ids"], texts), 1), order)
        finished_path = chosen(ops.cat((state["finished_path"], path), 1), order)
        ended = chosen(ops.cat((state["ended"], just), 1), order)

        # whether the best running text may still beat the worst ended one
        longest = state["max_length"] if config.early_stopping == "never" and config.length_penalty > 0 else after
        hope = running_scores[:, :1] / self.penalty(longest - prompt)
        worst = ops.where(ended, ops.amin(kept_scores, 1, True), ops.full_like(kept_scores, FAR))
        open_ = ops.logical_and(state["open"], ops.any(hope > worst, -1, True))

        new = {
            **state, "length": after, "ids": flat(running), "running": running, "running_scores": running_scores,
            "path": running_path, "finished_ids": finished_ids, "finished_path": finished_path, "scores": kept_scores,
            "ended": ended, "open": open_, "stuck": ops.all(ends),
        }  # fmt: skip
        if state.get("cache") is not None:
            new["cache"] = state["cache"].reorder(moved)
        return new, {**outputs, "logits": logits, "scores": scores}

    def running(self, state):
        going = ops.logical_and(ops.any(state["open"]), ops.logical_not(state["stuck"]))
        if self.config.early_stopping is True:
            going = ops.logical_and(going, ops.logical_not(ops.all(state["ended"])))
        return bool(going) if is_static(state["length"]) else going

    def result(self, state):
        """Sequences (batch * num_return_sequences, length), their scores, and where each token came from."""
        count = self.config.num_return_sequences
        path = flat(state["finished_path"][:, :count])
        prompt = int(state["prompt"])
        new = max((sum(place >= 0 for place in row) for row in ops.tolist(path)), default=0)
        return {
            "sequences": decoding.first(flat(state["finished_ids"][:, :count]), prompt + new),
            "sequences_scores": ops.reshape(state["scores"][:, :count], (-1,)),
            "beam_indices": decoding.first(path, new),
        }  # fmt: skip
