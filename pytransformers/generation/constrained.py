"""Constrained beam search: texts that must hold given phrases (Hokamp and Liu, arXiv:1704.07138; Post and Vilar,
arXiv:1804.06609).

Beside the likeliest continuations of all beams stand those that bring a beam's constraints further. They are sorted by
how far they have come (their bank), and the beams are taken from the banks in turn. A text that ends counts only when
its constraints are fulfilled.

The model's steps are compiled, and this is done on the host between them. State as of `groups.py` with one group.
"""

import numpy as np

from pytransformers.configs.constraints import ConstraintListState, constraints_of

from .. import decoding, ops
from .groups import GroupBeamSearch
from .search import text_and

HOSTED = ("running", "running_scores", "path", "held", "held_scores", "held_length", "held_path", "done")


class ConstrainedBeamSearch(GroupBeamSearch):
    in_graph = False

    def __init__(self, config, *args):
        if config.num_beams < 2 or config.num_beam_groups > 1 or config.do_sample:
            raise ValueError(
                "[constraints] expected num_beams > 1, num_beam_groups=1 and do_sample=False with constraints or "
                f"force_words_ids, got {config.num_beams}, {config.num_beam_groups} and {config.do_sample}: set them so"
            )
        super().__init__(config, *args)
        self.constraints = constraints_of(config)

    def progress(self, text):
        """The state of the constraints after text, a list."""
        state = ConstraintListState(self.constraints)
        state.reset(text)
        return state

    def choose(self, model, logits, state, outputs):
        n, rows = self.config.num_beams, ops.size(logits, 0)
        scores = self.processors(model, state)(*text_and(state, ops.log_softmax(logits, -1)))
        total = scores + ops.reshape(state["running_scores"], (rows, 1))
        batch, vocab = rows // n, ops.size(scores, 1)
        best, index = ops.topk(ops.reshape(total, (batch, n * vocab)), max(2, 1 + len(self.eos_token_id)) * n)
        best, index, every = (decoding.host(x) for x in (best, index, total))
        host = {name: np.array(decoding.host(state[name])) for name in HOSTED}
        before = {name: host[name].copy() for name in ("running", "path")}
        texts = self.texts(state)
        length, place = int(state["length"]), int(state["length"]) - int(state["prompt"])
        longest = int(state["max_length"]) - int(state["prompt"])
        source = np.arange(rows).reshape(batch, n)

        for row in range(batch):
            first = row * n
            if host["done"][row, 0]:
                beams, tokens, values = [0] * n, [self.pad_token_id] * n, [0.0] * n
            else:
                mine, likely = texts[first : first + n], (*np.divmod(index[row], vocab), best[row])
                for beam, score in self.ending(mine, *likely):
                    self.hold(host, row, beam, score / (place + 1) ** self.config.length_penalty, length, place)
                beams, tokens, values = self.following(mine, *likely, every[first : first + n])
                host["done"][row, 0] = self.hopeless(host, row, best[row].max(), place + 1, longest)
            for name in before:
                host[name][row] = before[name][row, beams]
            source[row] = first + np.array(beams)
            host["running"][row, :, length], host["running_scores"][row] = tokens, values
            host["path"][row, :, place] = source[row]

        new = {
            name: ops.tensor(value, dtype=ops.dtype(state[name]), like=state[name]) for name, value in host.items()
        }
        ids = host["running"].reshape(rows, -1)
        new["ids"] = ops.tensor(ids, dtype=ops.dtype(state["ids"]), like=state["ids"])
        new = {**state, **new, "length": state["length"] + 1}
        stopped = bool(self.eos_token_id) and bool(np.isin(ids[:, length], self.eos_token_id).all())
        if self.criteria:
            stopped = stopped or bool(ops.all(self.stops(new["ids"], new["length"], scores)))
        new["stopped"] = ops.tensor(stopped, dtype=ops.bool_, like=state["stopped"])
        if state.get("cache") is not None:
            rows = ops.tensor(source.reshape(-1), dtype=ops.int64, like=state["ids"])
            new["cache"] = state["cache"].reorder(rows)
        return new, {**outputs, "logits": logits, "scores": total}

    def texts(self, state):
        """The text of each row as a list, without padding."""
        length, known = int(state["length"]), state.get("known", state.get("mask"))
        ids = decoding.host(state["ids"])[:, :length]
        if known is None:
            return ids.tolist()
        return [row[shown].tolist() for row, shown in zip(ids, decoding.host(known)[:, :length], strict=True)]

    def ending(self, texts, beam, token, score):
        """(beam, score) of the likeliest n continuations that end a text which has all it must hold."""
        n = self.config.num_beams
        ends = np.flatnonzero(np.isin(token[:n], self.eos_token_id))
        return [(beam[rank], float(score[rank])) for rank in ends if self.progress(texts[beam[rank]]).completed]

    def hold(self, host, row, beam, score, length, place):
        """Keep the text of a beam among the n best that have ended."""
        free = np.flatnonzero(host["held_length"][row] == 0)
        slot = free[0] if len(free) else host["held_scores"][row].argmin()
        if len(free) or score > host["held_scores"][row, slot]:
            host["held"][row, slot], host["held_scores"][row, slot] = host["running"][row, beam], score
            host["held_length"][row, slot], host["held_path"][row, slot] = length, host["path"][row, beam]
            host["held_path"][row, slot, place] = row * self.config.num_beams + beam

    def hopeless(self, host, row, best, new, longest):
        """Whether n texts are held and none that runs, scored `best` at most, can beat the worst of them.

        new: how many tokens it has written; longest: how many there can be.
        """
        config, held = self.config, host["held_scores"][row]
        if not host["held_length"][row].all():
            return False
        if config.early_stopping is True:
            return True
        steps = longest if config.early_stopping == "never" and config.length_penalty > 0 else new
        return held.min() >= held.dtype.type(float(best) / steps**config.length_penalty)

    def following(self, texts, beam, token, score, every):
        """Beams, tokens and scores (n,) that go on.

        beam, token, score: of the likeliest continuations; every: scores (n, vocab) of all of them.
        """
        n, vocab = every.shape
        on = np.flatnonzero(~np.isin(token, self.eos_token_id))[:n]
        found = [(int(beam[rank]), int(token[rank]), score[rank]) for rank in on]
        written = [[*texts[b], t] for b, t, _ in found]
        states, seen = [self.progress(text) for text in written], set(map(tuple, written))
        for b, text in enumerate(texts):
            state = self.progress(text)
            for t in () if state.completed else state.advance() or ():
                if t >= vocab:
                    raise ValueError(f"[constraints] expected tokens below the vocabulary's {vocab}, got {t}")
                after = state.copy()
                after.add(t)
                if (*text, t) not in seen:
                    seen.add((*text, t))
                    found.append((b, t, every[b, t]))
                    states.append(after)
        if len(found) > n:
            banks = np.array([state.get_bank() for state in states])
            found = [found[place] for place in in_turn(banks, np.array([value for *_, value in found]))[:n]]
        return zip(*found, strict=True)

    def counted(self, state, row, beams):
        """Those that have all they must hold; all of them if these are too few."""
        texts = self.texts(state)[row * len(beams) :]
        complete = [beam for beam in beams if self.progress(texts[beam]).completed]
        return complete if len(complete) >= self.config.num_return_sequences else beams


def in_turn(banks, scores):
    """The order of candidates: the best of each bank, from the farthest on, then the second best, and so on."""
    order = np.argsort(-((banks * 100).astype(scores.dtype) + scores), kind="stable")
    turns = [0]
    for last, bank in zip(banks[order], banks[order][1:], strict=False):
        turns.append(turns[-1] + 1 if bank == last else 0)
    return order[np.argsort(turns, kind="stable")]
