"""One step of generation, and the search that takes one token after another: greedy, or drawn.

A search is a description without tensors. It maps a state, a dict of tensors of fixed shapes and a cache, to the next
one (`advance`), after `start` has read the prompt. `loop.run` repeats it: by itself in PyTorch, in JAX and TensorFlow
as one compiled loop, or step by step where somebody listens. What the state holds:

    ids         (rows, capacity): prompt and new tokens, then padding
    length      how many of them are text
    max_length  where to end;  min_length: before which no row ends, if there is one
    mask        (rows, capacity) False at the prompt's padding, if it has any
    known       as `mask`, where some of the prompt is no text (but `inputs_embeds`)
    offset      (rows, 1): position of a token minus its place in `ids`, if there is padding
    finished    (rows,) rows that have ended
    cache       keys and values, or None
    encoder, encoder_mask   the encoder's last states and its attention mask, for encoder-decoders
"""

from pytransformers.outputs import BaseModelOutput

from .. import decoding, ops
from ..layers.cache import StaticCache
from .criteria import is_one_of

CARRIED = (
    "ids", "length", "max_length", "min_length", "mask", "known", "model", "prompt_length", "source", "source_mask",
)  # fmt: skip
BY_ROW = {"ids", "mask", "known", "offset", "encoder", "encoder_mask", "logits"}
GROWTH = 256  # new tokens that a cache has room for at first, where it can grow


def is_static(length):
    """Whether a length is a number while the code runs, as in PyTorch, or a tensor of a compiled program."""
    return isinstance(length, int)


def text(state, length=None):
    """(ids, cur_len, known) for the processors: exactly the text where its length is a number, else the buffer."""
    length = state["length"] if length is None else length
    ids, known = state["ids"], state.get("known", state.get("mask"))
    if not is_static(length):
        return ids, length, known
    return ids[:, :length], None, None if known is None else known[:, :length]


class Search:
    """What every search needs.

    Args:
        config: a GenerationConfig whose special tokens and lengths are settled.
        eos_token_id: a list of tokens that end a row, may be empty. pad_token_id fills rows that have ended.
        processors: state -> LogitsProcessorList.
        criteria: a StoppingCriteriaList, may be empty.
        prompt: (static) length of the prompt's buffer. capacity: that of prompt and new tokens.
        options: further arguments of every call of the model that are no tensors.
    """

    scores_inside = False  # whether `prefill` and `forward`, which are always compiled, call the processors

    def __init__(self, config, eos_token_id, pad_token_id, processors, criteria, prompt, capacity, options):
        self.config, self.eos_token_id, self.pad_token_id = config, eos_token_id, pad_token_id
        self.processors, self.criteria, self.options = processors, criteria, options
        self.prompt, self.capacity = prompt, capacity

    in_graph = True  # whether it can be compiled, or has to see numbers

    @property
    def expand(self):
        """Rows for each row of the prompt."""
        return max(self.config.num_beams, self.config.num_return_sequences)

    # -- the model ---------------------------------------------------------------------------------------------------
    def prefill(self, model, inputs):
        """Read the prompt. Gives logits (rows, vocab) of the next token, the state, and what was asked for.

        inputs: `ids` (batch, capacity), `length`, `max_length`, and, as it applies, `mask` and
        `known` (batch, capacity), `encoder` (its arguments), `encoder_outputs`, `cache`, `inputs_embeds`, `model`
        (further tensors, rows first).
        """
        state = {name: inputs[name] for name in CARRIED if name in inputs}
        length = inputs["length"]
        encoded = None
        if "encoder" in inputs:
            encoded = inputs.get("encoder_outputs")
            if encoded is None:
                encoded = model.get_encoder()(**inputs["encoder"], **self.encoder_options(), return_dict=True)
            state["encoder"] = encoded.last_hidden_state
            if inputs["encoder"].get("attention_mask") is not None:
                state["encoder_mask"] = inputs["encoder"]["attention_mask"]
        if "mask" in state:
            state["offset"] = offsets(state["mask"], length)
        if self.config.use_cache:
            room = min(self.capacity, length + GROWTH) if is_static(length) else self.capacity
            state["cache"] = inputs["cache"] if "cache" in inputs else StaticCache(room)
        logits, state, outputs = self.call(model, state, inputs.get("inputs_embeds"), first=True)
        if self.expand > 1:
            state = self.repeat({**state, "logits": logits}, self.expand)
            logits = state.pop("logits")
            outputs = {
                name: tuple(ops.repeat_interleave(layer, self.expand, 0) for layer in value)
                for name, value in outputs.items()
            }  # fmt: skip
        if encoded is not None:
            outputs.update({f"encoder_{name}": value for name, value in self.seen(encoded).items()})
        return logits, state, outputs

    def forward(self, model, state):
        """Read the last token. Gives logits (rows, vocab), the state, and what was asked for of the model's outputs."""
        return self.call(model, state)

    def call(self, model, state, inputs_embeds=None, first=False, width=1):
        """Read the text that the cache does not hold: logits of what follows, the new state, what was asked for.

        Logits are (rows, vocab) after the last token, with `width` > 1 (rows, width, vocab) after each that was read.
        Compiled code reads exactly `width` tokens; where lengths are numbers, all that is missing is read.
        """
        length, cache = state["length"], state.get("cache")
        begin = 0 if cache is None else cache.length
        whole = first or cache is None
        if is_static(length):
            new = length - begin
        else:
            new = width if not whole else self.prompt if first else self.capacity

        def read(x):
            """What this call reads of x (rows, capacity)."""
            if is_static(begin) and is_static(length):
                return x[:, begin:length]
            return x[:, begin:new] if whole else ops.take(x, ops.arange(new, like=x) + begin, 1)

        arguments = dict(state.get("model", {}))
        if "token_type_ids" in arguments:
            arguments["token_type_ids"] = read(arguments["token_type_ids"])
        if "encoder" in state:
            arguments["encoder_outputs"] = BaseModelOutput(state["encoder"])
            if "encoder_mask" in state:
                arguments["attention_mask"] = state["encoder_mask"]
            if "mask" in state:
                arguments["decoder_attention_mask"] = self.padded(state, begin, new, whole)["attention_mask"]
        elif "mask" in state:
            arguments.update(self.padded(state, begin, new, whole))
        at_end = is_static(length) or not whole
        last = None if at_end else ops.reshape(length - 1, (1,))
        keep = {"logits_to_keep": 1 if at_end else last} if model.keeps_logits and width == 1 else {}
        if inputs_embeds is not None:
            arguments["inputs_embeds"] = inputs_embeds
        ids = state["ids"][:, :length] if is_static(length) else read(state["ids"])
        arguments = model.prepare_inputs_for_generation(
            ids, past_key_values=cache, use_cache=cache is not None, **arguments
        )
        outputs = model(**arguments, **keep, **self.options, return_dict=True)
        logits = outputs.logits
        if width == 1:
            if not (keep or at_end):
                logits = ops.take(logits, last, 1)
            logits = logits[:, -1]
        if cache is not None:
            cache = outputs.past_key_values
            state = {**state, "cache": cache.crop(length) if whole and not is_static(length) else cache}
        return ops.cast(logits, ops.float32), state, self.seen(outputs)

    def seen(self, outputs):
        """The states and attentions that were asked for."""
        names = [name for name in outputs if name.endswith(("attentions", "hidden_states"))]
        return {name: outputs[name] for name in names if not name.startswith("encoder_")}

    def padded(self, state, begin, new, whole):
        """The attention mask and positions of a call whose prompt has padding."""
        mask, length = state["mask"], state["length"]
        if is_static(length):
            mask = mask[:, :length]
        elif whole:
            mask = mask[:, :new]
        if not whole:
            places = (ops.arange(new, like=mask) + begin)[None]
            return {"attention_mask": mask, "position_ids": state["offset"] + places}
        mask = ops.cast(mask, ops.int64)
        positions = ops.where(mask == 0, ops.ones_like(mask), ops.cumsum(mask, 1) - 1)
        return {"attention_mask": mask, "position_ids": positions[:, begin:]}

    def repeat(self, state, times):
        """Each row of a state `times` times."""
        rows = ops.repeat_interleave(ops.arange(ops.size(state["ids"], 0), like=state["ids"]), times, 0)
        moved = dict(state)
        for name in BY_ROW & moved.keys():
            moved[name] = ops.take(state[name], rows, 0)
        if "cache" in state:
            moved["cache"] = state["cache"].reorder(rows)
        if "model" in state:
            moved["model"] = {key: ops.take(tensor, rows, 0) for key, tensor in state["model"].items()}
        return moved

    def encoder_options(self):
        return {n: v for n, v in self.options.items() if n in ("output_attentions", "output_hidden_states")}

    # -- the loop ----------------------------------------------------------------------------------------------------
    def start(self, model, inputs):
        """The state after the first new token, and what was seen on the way."""
        logits, state, outputs = self.prefill(model, inputs)
        return self.choose(model, logits, self.begin(state), outputs)

    def advance(self, model, state):
        logits, state, outputs = self.forward(model, state)
        return self.choose(model, logits, state, outputs)

    def begin(self, state):
        """What the search adds to the state before the first token."""
        return state

    def stops(self, ids, length, scores):
        """(rows,) bools of the criteria on the text so far."""
        return self.criteria(ids[:, : int(length)], scores)


class Sampling(Search):
    """The likeliest token, or one drawn by probability; rows go on until they end."""

    def begin(self, state):
        rows = ops.size(state["ids"], 0)
        return {**state, "finished": ops.zeros((rows,), dtype=ops.bool_, like=state["ids"])}

    def choose(self, model, logits, state, outputs):
        scores = self.processors(model, state)(*text_and(state, logits))
        if self.config.do_sample:
            token = ops.squeeze(ops.multinomial(ops.softmax(scores, -1), 1), 1)
        else:
            token = ops.argmax(scores, -1)
        return self.append(state, token, {**outputs, "logits": logits, "scores": scores})

    def append(self, state, token, seen):
        """Write a token (rows,) behind the text; rows that have ended get padding."""
        ids, length, finished = state["ids"], state["length"], state["finished"]
        token = ops.cast(token, ops.dtype(ids))
        if self.eos_token_id or self.criteria:
            token = ops.where(finished, self.pad_token_id, token)
        ids = ops.update_slice(ids, token[:, None], length, 1)
        length = length + 1
        if self.eos_token_id:
            finished = ops.logical_or(finished, is_one_of(token, self.eos_token_id))
        if self.criteria:
            finished = ops.logical_or(finished, self.stops(ids, length, seen["scores"]))
        return {**state, "ids": ids, "length": length, "finished": finished}, {**seen, "token": token}

    def running(self, state):
        more = state["length"] < state["max_length"]
        if not (self.eos_token_id or self.criteria):
            return more
        over = ops.all(state["finished"])
        return (more and not over) if isinstance(more, bool) else ops.logical_and(more, ops.logical_not(over))

    def result(self, state):
        """Sequences (rows, length)."""
        return {"sequences": decoding.first(state["ids"], int(state["length"]))}


def text_and(state, scores):
    """The arguments of the processors."""
    ids, cur_len, known = text(state)
    return ids, scores, cur_len, known


def offsets(mask, length):
    """(rows, 1): how far positions lag behind places, for `mask` (rows, n) and a prompt of `length`."""
    inside = (ops.arange(ops.size(mask, 1), like=mask) < length)[None]
    return ops.sum(ops.cast(ops.logical_and(mask, inside), ops.int64), 1, True) - length
