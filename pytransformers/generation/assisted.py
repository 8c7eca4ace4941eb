"""Assisted decoding: tokens are drafted, and the model reads several of them at once (arXiv:2211.17192).

A draft comes from a smaller model, or from the text itself where its end has stood before (prompt lookup). What is
written is what the model alone would write; drafts only save calls of it.
"""

from .. import decoding, ops
from .criteria import is_one_of
from .search import is_static, text_and


def assistant_tokens(config, assistant_model):
    """How many tokens are drafted at a time, at most."""
    if assistant_model is None:
        return config.prompt_lookup_num_tokens
    return assistant_model.generation_config.num_assistant_tokens


class Lookup:
    """The continuation of an earlier place where the last tokens stand."""

    def __init__(self, config, eos_token_id):
        self.count, self.longest = config.prompt_lookup_num_tokens, config.max_matching_ngram_size or 2
        self.eos_token_id = eos_token_id

    def draft(self, tokens, most):
        """tokens: the text, a list. Gives up to `most` tokens, and None for their probabilities."""
        for size in range(min(self.longest, len(tokens) - 1), 0, -1):
            tail = tokens[-size:]
            for place in range(len(tokens) - size):
                if tokens[place : place + size] == tail:
                    found = tokens[place + size : place + size + min(self.count, most)]
                    ends = [i for i, token in enumerate(found) if token in self.eos_token_id]
                    return found[: ends[0]] if ends else found, None
        return [], None

    def learn(self, drafted, accepted):
        """Nothing is to be learnt."""


class Drafter:
    """A smaller model that writes ahead. It keeps its own cache from draft to draft."""

    def __init__(self, model, request, search, random):
        self.model, self.request, self.search, self.random = model, request, search, random
        config = model.generation_config
        self.count, self.schedule = config.num_assistant_tokens, config.num_assistant_tokens_schedule
        self.threshold = config.assistant_confidence_threshold
        self.state = None
        key = ("draft", *request.key)
        self.prefill = decoding.compiled(model, key, search.prefill)
        self.catch_up = decoding.compiled(model, key, self._catch_up)
        self.forward = decoding.compiled(model, key, search.forward)

    def _catch_up(self, model, state):
        logits, state, _ = self.search.call(model, state, width=2)
        return logits[:, -1], state

    def draft(self, tokens, most):
        """As `Lookup.draft`; probabilities (drafted, vocab) where tokens are drawn."""
        if self.state is None:
            _, self.state, _ = self.prefill(self.random, self.request.inputs)
        state, length = self.state, len(tokens)
        held = state["cache"].length
        known = min(int(held), length - 2)  # two tokens are read, as after a draft that was taken whole
        state = {**state, "cache": state["cache"].crop(decoding.scalar(known)), **self._text(tokens)}
        logits, state = self.catch_up(self.random, state)
        drafted, shares = [], []
        for turn in range(min(int(self.count), most)):
            if turn:
                logits, state, _ = self.forward(decoding.fold(self.random, length + turn), state)
            with decoding.outside(decoding.fold(self.random, 1000 + length + turn)):
                scores = self.search.processors(self.model, state)(*text_and(state, logits))
                share = ops.softmax(scores, -1)
                token = ops.multinomial(share, 1)[:, 0] if self.search.config.do_sample else ops.argmax(share, -1)
                token = ops.tolist(token)[0]
            drafted.append(token)
            shares.append(share)
            state = {**state, **self._text(tokens + drafted)}
            if token in self.request.eos or (self.threshold and ops.tolist(share[0, token]) < self.threshold):
                break
        self.state = state
        return drafted, ops.cat(shares, 0) if shares and self.search.config.do_sample else None

    def _text(self, tokens):
        return text_state(tokens, self.request)

    def learn(self, drafted, accepted):
        """Longer drafts after one that was taken whole, shorter ones after another."""
        if self.schedule in ("heuristic", "heuristic_transient"):
            longer = self.count + 2 if decoding.eager else min(self.count + 2, self.request.room)  # of a fixed width
            self.count = longer if accepted == drafted else max(1, self.count - 1)


def text_state(tokens, request):
    """The part of a state that holds the text."""
    room = request.capacity - len(tokens)
    row = tokens + [request.fill] * room
    return {"ids": ops.tensor([row], dtype=ops.dtype(request.inputs["ids"]), like=request.inputs["ids"]),
            "length": decoding.scalar(len(tokens))}  # fmt: skip


def write_assisted(model, request, search, record, assistant, drafter_request, extras, random):
    """The last state of a search that takes several tokens at once. Arguments as in `generate`."""
    config = request.config
    if request.rows != 1:
        raise ValueError(f"[assistant_model] expected one text at a time, got {request.rows} rows: loop over them")
    if not config.use_cache:
        raise ValueError("[assistant_model] expected use_cache=True: the cache is what assisted generation saves")
    if assistant is None:
        drafter = Lookup(config, request.eos)
    else:
        if assistant.config.vocab_size != model.config.vocab_size:
            raise ValueError(
                f"[assistant_model] expected the model's vocabulary of {model.config.vocab_size}, got "
                f"{assistant.config.vocab_size}: assistants of another tokenizer are not supported"
            )
        drafter = Drafter(assistant, drafter_request, drafter_request.search(type(search), [], extras), random)
    width = request.room + 1

    def verify(model, state):
        logits, state, _ = search.call(model, state, width=width)
        return logits, state

    verify = decoding.compiled(model, ("verify", *request.key), verify)
    prefill = decoding.compiled(model, request.key, search.prefill)
    tokens = ops.tolist(request.prompt)[0]
    logits, state, _ = prefill(random, request.inputs)
    drafted, shares, turn = [], None, 0
    logits = logits[:, None]
    while True:
        with decoding.outside(decoding.fold(random, turn)):
            new = accept(model, search, request, state, logits, tokens, drafted, shares, record)
        tokens += new
        finished = tokens[-1] in request.eos or len(tokens) >= config.max_length
        state = {**state, **text_state(tokens, request)}
        if search.criteria and not finished:
            finished = bool(ops.all(search.stops(state["ids"], state["length"], None)))
        if finished:
            return {**state, "finished": ops.ones((1,), dtype=ops.bool_, like=state["ids"])}
        if drafted:
            drafter.learn(len(drafted), len(new) - 1)
        drafted, shares = drafter.draft(tokens, config.max_length - len(tokens) - 1)
        reach = {**state, **text_state(tokens + drafted, request)}
        reach["cache"] = state["cache"].crop(decoding.scalar(len(tokens) - 1))
        logits, state = verify(decoding.fold(random, turn), reach)
        if is_static(state["length"]) and len(drafted) == 0:
            logits = logits[:, -1:]
        turn += 1


def accept(model, search, request, state, logits, tokens, drafted, shares, record):
    """The tokens that are taken: drafted ones as far as the model agrees, then one of its own.

    logits (1, at least drafted + 1, vocab) follow the text and each drafted token; shares (drafted, vocab) are the
    drafter's probabilities where tokens are drawn.
    """
    new = []
    for place in range(len(drafted) + 1):
        current = {**state, **text_state(tokens + new, request)}
        scores = search.processors(model, current)(*text_and(current, logits[:, place]))
        draft = drafted[place] if place < len(drafted) else None
        token = choose(search, scores, draft, None if shares is None or draft is None else shares[place : place + 1])
        new.append(token)
        chosen = ops.tensor([token], dtype=ops.int64, like=state["ids"])
        if record.listener is not None:
            record.listen({"token": chosen, "scores": scores, "logits": logits[:, place]})
        ended = bool(ops.all(is_one_of(chosen, request.eos))) if request.eos else False
        stops = search.criteria and bool(
            ops.all(search.stops(text_state(tokens + new, request)["ids"], len(tokens + new), scores))
        )
        if ended or stops or token != draft or len(tokens) + len(new) >= request.config.max_length:
            break
    return new


def choose(search, scores, draft, share):
    """One token from scores (1, vocab); a drafted one is kept as often as its probability allows."""
    if not search.config.do_sample:
        return ops.tolist(ops.argmax(scores, -1))[0]
    p = ops.softmax(scores, -1)
    if share is not None:
        ratio = ops.tolist(p[0, draft]) / max(ops.tolist(share[0, draft]), 1e-30)
        if ops.tolist(ops.uniform((), like=scores)) <= ratio:
            return draft
        rest = ops.clamp(p - share, 0)
        p = rest if ops.tolist(ops.sum(rest)) > 0 else p
    return ops.tolist(ops.multinomial(p, 1))[0][0]
