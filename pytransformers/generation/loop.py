"""Repeating a search: step after step, or as one compiled loop."""

from .. import decoding, ops


def run(model, search, key, inputs, listener, random):
    """The last state of `search`.

    Args:
        key: tells this search from others, for what is compiled.
        inputs: of `Search.prefill`.
        listener: None, or a function that sees what each step saw; without one the loop is compiled whole.
        random: of the backend's `decoding.stream`.
    """
    if listener is None and search.in_graph and not decoding.eager:

        def whole(model, inputs):
            state, _ = search.start(model, inputs)
            return ops.while_loop(search.running, lambda state: (search.advance(model, state)[0],), (state,))[0]

        return decoding.compiled(model, key, whole)(random, inputs)
    start, advance = steps(model, search, key)
    state, seen = start(decoding.fold(random, 0), inputs)
    turn = 1
    while True:
        if listener is not None:
            listener(seen)
        if not search.running(state):
            return state
        state, seen = advance(decoding.fold(random, turn), state)
        turn += 1


def steps(model, search, key):
    """`start` and `advance` of a search as functions of (random, state), compiled as far as they can be."""
    if search.in_graph or decoding.eager:
        return (
            decoding.compiled(model, key, search.start), decoding.compiled(model, key, search.advance, donate=True)
        )  # fmt: skip

    def chosen(read, begin):
        def step(random, state):
            logits, state, outputs = read(random, state)
            with decoding.outside(random):
                return search.choose(model, logits, begin(state), outputs)

        return step

    prefill = decoding.compiled(model, key, search.prefill)
    forward = decoding.compiled(model, key, search.forward, donate=True)
    return chosen(prefill, search.begin), chosen(forward, lambda state: state)
