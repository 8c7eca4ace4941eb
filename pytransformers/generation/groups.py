"""Diverse beam search (Vijayakumar et al., arXiv:1610.02424): groups of beams, each led away from the ones before it.

State besides that of `search.py`, with n beams in g groups of m for each of `batch` prompts:

    running          (batch, n, capacity): texts that go on;  running_scores (batch, n)
    held             (batch, n, capacity): texts that have ended, without their end;  held_scores (batch, n)
    held_length      (batch, n): their lengths, 0 where nothing is held yet
    path, held_path  (batch, n, capacity): the beam that each new token came from, -1 where there is none
    done             (batch, g): groups that cannot improve
"""

from .. import ops
from .beams import FAR, Beams, chosen, flat
from .criteria import is_one_of
from .search import is_static


class GroupBeamSearch(Beams):
    @property
    def groups(self):
        """(first, end) beams of each group."""
        size = self.config.num_beams // self.config.num_beam_groups
        return [(begin, begin + size) for begin in range(0, self.config.num_beams, size)]

    def begin(self, state):
        n, ids = self.config.num_beams, state["ids"]
        rows, capacity = ops.shape(ids)
        batch = rows // n
        running = ops.reshape(ids, (batch, n, capacity))
        leads = ops.tensor([[0.0 if beam in dict(self.groups) else FAR for beam in range(n)]], like=ids)
        path = ops.full((batch, n, capacity), -1, dtype=ops.int64, like=ids)
        return {
            **state, "prompt": state["length"], "running": running, "held": ops.cat((running,)), "path": path,
            "held_path": ops.cat((path,)), "running_scores": ops.expand(ops.cast(leads, ops.float32), (batch, n)),
            "held_scores": ops.full((batch, n), FAR, dtype=ops.float32, like=ids),
            "held_length": ops.zeros((batch, n), dtype=ops.int64, like=ids),
            "done": ops.zeros((batch, len(self.groups)), dtype=ops.bool_, like=ids),
            "stopped": ops.zeros((), dtype=ops.bool_, like=ids),
        }  # fmt: skip

    def choose(self, model, logits, state, outputs):
        n, length = self.config.num_beams, state["length"]
        processors = self.processors(model, state)
        log_p = ops.log_softmax(logits, -1)
        vocab = ops.size(log_p, 1)
        batch = ops.size(state["running"], 0)
        log_p = ops.reshape(log_p, (batch, n, vocab))
        names = ("running", "running_scores", "path", "held", "held_scores", "held_length", "held_path")
        parts, taken, sources, all_scores, done = {name: [] for name in names}, [], [], [], []
        for index, (begin, end) in enumerate(self.groups):
            group = {name: state[name][:, begin:end] for name in names}
            current = ops.cat(taken, 1) if taken else ops.zeros((batch, 0), dtype=ops.int64, like=log_p)
            ids, cur_len, known = self.text_of(state, group["running"], begin, end)
            scores = processors(
                ids, flat(log_p[:, begin:end]), cur_len, known, current_tokens=current, beam_group_idx=index
            )
            scores = ops.reshape(scores, (batch, end - begin, vocab))
            all_scores.append(scores)
            group, token, source, finished = self.step(state, group, scores, state["done"][:, index], begin)
            for name in names:
                parts[name].append(group[name])
            taken.append(token)
            sources.append(source + begin)
            done.append(finished)
        new = {**state, **{name: ops.cat(values, 1) for name, values in parts.items()}}
        source = ops.cat(sources, 1) + ops.arange(batch, like=log_p)[:, None] * n
        after = length + 1
        new.update(ids=flat(new["running"]), length=after, done=ops.stack(done, 1))
        if state.get("cache") is not None:
            new["cache"] = state["cache"].reorder(ops.reshape(source, (-1,)))
        scores = flat(ops.cat(all_scores, 1))
        if self.criteria:
            new["stopped"] = ops.all(self.stops(new["ids"], after, scores))
        return new, {**outputs, "logits": logits, "scores": scores}

    def text_of(self, state, running, begin, end):
        """The processors' view of one group."""
        length, ids, known = state["length"], flat(running), state.get("known", state.get("mask"))
        if known is not None:
            rows, capacity = ops.shape(known)
            known = flat(ops.reshape(known, (-1, self.config.num_beams, capacity))[:, begin:end])
        if not is_static(length):
            return ids, length, known
        return ids[:, :length], None, None if known is None else known[:, :length]

    def step(self, state, group, scores, done, begin):
        """The next beams of the group that begins at beam `begin`.

        Gives the group, tokens and sources (batch, m), and whether it is done (batch,).
        """
        config, length, prompt = self.config, state["length"], state["prompt"]
        batch, m, vocab = ops.shape(scores)
        total = ops.reshape(scores + group["running_scores"][:, :, None], (batch, m * vocab))
        best, index = ops.topk(total, max(2, 1 + len(self.eos_token_id)) * m)
        beam, token = ops.floor_divide(index, vocab), index % vocab
        ends = ops.full(ops.shape(token), False, dtype=ops.bool_, like=token)
        if self.eos_token_id:
            ends = is_one_of(token, self.eos_token_id)

        # what goes on: the first m that do not end, in their order
        rank = ops.arange(ops.size(token, 1), like=token)[None]
        order = ops.topk(-ops.cast(rank + ops.cast(ends, ops.int64) * 1000, ops.float32), m)[1]
        running_scores, source, token_on = (ops.gather(x, 1, order) for x in (best, beam, token))
        # a group that is done only fills up
        shut = done[:, None]
        running_scores = ops.where(shut, ops.zeros_like(running_scores), running_scores)
        token_on = ops.where(shut, ops.full_like(token_on, self.pad_token_id), token_on)
        source = ops.where(shut, ops.zeros_like(source), source)

        # what ends among the first m joins what is held, if it is better
        joins = ops.logical_and(ops.logical_and(ends, rank < m), ops.logical_not(shut))
        after = length + 1
        joined = ops.where(joins, best / self.penalty(after - prompt), ops.full_like(best, FAR))
        texts = ops.cat((group["held"], chosen(group["running"], beam)), 1)
        steps = ops.update_slice(chosen(group["path"], beam), self.place(beam, begin)[:, :, None], length - prompt, 2)
        paths = ops.cat((group["held_path"], steps), 1)
        lengths = ops.where(joins, ops.zeros_like(beam) + length, ops.zeros_like(beam))
        lengths = ops.cat((group["held_length"], ops.cast(lengths, ops.int64)), 1)
        held_scores, kept = ops.topk(ops.cat((group["held_scores"], joined), 1), m)
        held_length = ops.gather(lengths, 1, kept)

        # done when m are held and no running text can beat the worst of them
        full = ops.all(held_length > 0, -1)
        if config.early_stopping is not True:
            longest = state["max_length"] if config.early_stopping == "never" and config.length_penalty > 0 else after
            hope = ops.amax(best, -1) / self.penalty(longest - prompt)
            full = ops.logical_and(full, ops.amin(held_scores, -1) >= hope)
        running = chosen(group["running"], source)
        running = ops.update_slice(running, ops.cast(token_on, ops.dtype(running))[:, :, None], length, 2)
        places = self.place(source, begin)[:, :, None]
        path = ops.update_slice(chosen(group["path"], source), places, length - prompt, 2)
        new = {
            "running": running, "running_scores": running_scores, "path": path, "held": chosen(texts, kept),
            "held_scores": held_scores, "held_length": held_length, "held_path": chosen(paths, kept),
        }  # fmt: skip
        return new, token_on, source, ops.logical_or(done, full)

    def place(self, beam, begin):
        """beam (batch, k) within the group that begins there, as its row among all rows."""
        rows = begin + ops.arange(ops.size(beam, 0), like=beam)[:, None] * self.config.num_beams
        return ops.cast(beam + rows, ops.int64)

    def running(self, state):
        over = ops.logical_or(ops.all(state["done"]), state["stopped"])
        more = state["length"] < state["max_length"]
        going = ops.logical_not(over)
        return (more and bool(going)) if isinstance(more, bool) else ops.logical_and(more, going)

    def counted(self, state, row, beams):
        """Of the beams of a group that is not done, those whose texts count when the search ends."""
        return beams

    def result(self, state):
        """The best texts of all groups: those held, and, of groups that are not done, those still running."""
        config, n = self.config, self.config.num_beams
        length, prompt, size = int(state["length"]), int(state["prompt"]), n // config.num_beam_groups
        penalty = float(length - prompt) ** config.length_penalty
        fields = ("running", "running_scores", "path", "held", "held_scores", "held_length", "held_path", "done")
        rows = zip(*(ops.tolist(state[name]) for name in fields), strict=True)
        found = []
        for row, (running, scores, path, held, held_scores, held_length, held_path, done) in enumerate(rows):
            best = []
            for group, (begin, end) in enumerate(self.groups):
                beams = [beam for beam in range(begin, end) if held_length[beam]]
                texts = [(held_scores[i], held[i][: held_length[i]], held_path[i]) for i in beams]
                if not done[group]:
                    beams = self.counted(state, row, range(begin, end))
                    open_ = [(scores[i] / penalty, running[i][:length], path[i]) for i in beams]
                    texts = sorted(texts + open_, key=lambda text: -text[0])[:size]
                best += texts
            found += sorted(best, key=lambda text: -text[0])[: config.num_return_sequences]
        longest = max(len(text) for _, text, _ in found)
        width = min(longest + 1, int(state["max_length"]))
        fill = self.pad_token_id
        sequences, steps = [], []
        for _, text, path in found:
            ending = self.eos_token_id[:1] if self.eos_token_id and len(text) < width else []
            sequences.append((text + ending + [fill] * width)[:width])
            steps.append([place for place in path if place >= 0])
        new = max(map(len, steps))
        like = state["running"]
        steps = [(path + [-1] * new)[:new] for path in steps]
        return {
            "sequences": ops.tensor(sequences, dtype=ops.dtype(like), like=like),
            "sequences_scores": ops.tensor([score for score, *_ in found], dtype=ops.float32, like=like),
            "beam_indices": ops.tensor(steps, dtype=ops.int64, like=like),
        }  # fmt: skip
