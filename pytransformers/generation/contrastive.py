"""Contrastive search (Su et al., arXiv:2202.06417): of the likeliest tokens the one least like the text so far.

State besides that of `search.py`: `logits` (rows, vocab) of the next token, `context` (rows, capacity, hidden), the
last layer's states of the text, `next`, the token that has been selected, and, if asked for, `seen` of the model.
"""

from .. import ops
from .search import Sampling, text_and

OWN = ("logits", "context", "next", "finished", "seen")


class ContrastiveSearch(Sampling):
    scores_inside = True

    def __init__(self, *args):
        super().__init__(*args)
        if not self.config.use_cache:
            raise ValueError("[contrastive_search] expected use_cache=True, got False: each token is read with a cache")
        self.options = {**self.options, "output_hidden_states": True}

    @property
    def candidates(self):
        return self.config.top_k

    def prefill(self, model, inputs):
        logits, state, seen = super().prefill(model, inputs)
        states = last_states(seen)
        context = ops.pad(states, (0, 0, 0, self.capacity - ops.size(states, 1)))
        state = {**state, "logits": logits, "context": context}
        return self.select(model, {**state, "seen": seen} if (seen := self.asked(seen)) else state)

    def asked(self, seen):
        """What the caller wants of what the search needs for itself."""
        wanted = self.config.output_hidden_states and self.config.return_dict_in_generate
        return {name: value for name, value in seen.items() if wanted or not name.endswith("hidden_states")}

    def forward(self, model, state):
        return self.select(model, state)

    def select(self, model, state):
        """Read all candidates and take the best. The cache, context and logits of the next state are its own.

        What was seen of the model is that of the text's last token, as in other searches, so it waits one step.
        """
        length, logits, many = state["length"], state["logits"], self.candidates
        scores = self.processors(model, state)(*text_and(state, logits))
        likely, tokens = ops.topk(ops.softmax(scores, -1), many)  # (rows, candidates)
        rows = ops.size(tokens, 0)

        inner = {name: value for name, value in state.items() if name not in OWN}
        inner = self.repeat(inner, many)
        token = ops.cast(ops.reshape(tokens, (-1, 1)), ops.dtype(inner["ids"]))
        inner["ids"] = ops.update_slice(inner["ids"], token, length, 1)
        inner["length"] = length + 1
        after, inner, seen = self.call(model, inner)
        states = last_states(seen)[:, -1]  # (rows * candidates, hidden)

        chosen = self.best(state, ops.reshape(states, (rows, many, -1)), likely)  # (rows,)
        place = chosen + ops.arange(rows, like=chosen) * many
        context = ops.update_slice(state["context"], ops.take(states, place, 0)[:, None], length, 1)
        new = {
            **state, "cache": inner["cache"].reorder(place), "context": context, "logits": ops.take(after, place, 0),
            "next": ops.squeeze(ops.gather(tokens, 1, chosen[:, None]), 1),
        }  # fmt: skip
        if "seen" in state:
            new["seen"] = {
                name: tuple(ops.take(layer, place, 0) for layer in value) for name, value in self.asked(seen).items()
            }  # fmt: skip
        return scores, new, {**state.get("seen", {}), "before": logits}

    def best(self, state, states, likely):
        """Which candidate: (1 - alpha) probability - alpha (largest cosine to any state of the text).

        states (rows, candidates, hidden), likely (rows, candidates).
        """
        alpha, context = self.config.penalty_alpha, state["context"]
        cosine = ops.einsum("rkh,rnh->rkn", unit(states), unit(context))
        shown = (ops.arange(self.capacity, like=context) < state["length"])[None]
        if "mask" in state:
            shown = ops.logical_and(shown, state["mask"])
        lowest = ops.finfo_min(ops.dtype(cosine))
        cosine = ops.where(shown[:, None], cosine, ops.full_like(cosine, lowest))
        score = (1.0 - alpha) * likely - alpha * ops.cast(ops.amax(cosine, -1), ops.float32)
        return ops.argmax(score, -1)

    def choose(self, model, scores, state, outputs):
        outputs = dict(outputs)
        return self.append(state, state["next"], {**outputs, "logits": outputs.pop("before"), "scores": scores})


def last_states(seen):
    return (seen["hidden_states"] if "hidden_states" in seen else seen["decoder_hidden_states"])[-1]


def unit(x):
    length = ops.sqrt(ops.sum(ops.square(x), -1, True))
    return x / ops.where(length == 0, ops.ones_like(length), length)
