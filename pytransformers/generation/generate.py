"""`generate`: from a prompt and a GenerationConfig to the search, and from its last state to what is returned."""

import copy
import inspect
import logging
import warnings

from pytransformers.configs.generation import GenerationConfig
from pytransformers.outputs import BaseModelOutput

from .. import decoding, ops
from ..layers.cache import DynamicCache, StaticCache
from .assisted import assistant_tokens, write_assisted
from .beams import BeamSearch
from .build import build
from .contrastive import ContrastiveSearch
from .criteria import MaxTimeCriteria, StoppingCriteriaList, StopStringCriteria
from .groups import GroupBeamSearch
from .guidance import UnbatchedClassifierFreeGuidanceLogitsProcessor
from .loop import run
from .processors import LogitsProcessorList, as_tokens
from .results import Record
from .search import Sampling

logger = logging.getLogger(__name__)

MODES = {
    "greedy_search": Sampling, "sample": Sampling, "assisted_generation": Sampling, "beam_search": BeamSearch,
    "beam_sample": BeamSearch, "group_beam_search": GroupBeamSearch, "contrastive_search": ContrastiveSearch,
}  # fmt: skip
LENGTHS = ("max_length", "max_new_tokens", "min_length", "min_new_tokens")  # are tensors in compiled programs
FLAGS = ("output_attentions", "output_hidden_states")
SMALLEST_BUCKET = 16


def bucket(length, limit=None):
    """The smallest power of two that holds `length`, but not above `limit`: compiled programs serve a whole bucket."""
    if decoding.eager:
        return length
    size = max(SMALLEST_BUCKET, 1 << max(length - 1, 0).bit_length())
    return size if limit is None else max(min(size, limit), length)


class GenerationMixin:
    """What models that write text can do."""

    writes_text = False  # whether `forward` gives scores of the next token
    keeps_logits = False  # whether it takes `logits_to_keep`

    @classmethod
    def can_generate(cls):
        """Whether the model has scores for the next token."""
        return cls.writes_text

    def prepare_inputs_for_generation(self, input_ids, past_key_values=None, attention_mask=None, inputs_embeds=None,
                                      encoder_outputs=None, use_cache=None, **kwargs):  # fmt: skip
        """Arguments of `forward` for the next token.

        input_ids (rows, length) is the text so far, of which only what the cache does not hold is read; where the
        cache's length is a tensor of a compiled program, input_ids is that part alone.
        """
        past = 0 if past_key_values is None else past_key_values.length
        if isinstance(past, int) and past:
            input_ids = input_ids[:, past:]
        inputs = {"past_key_values": past_key_values, "use_cache": use_cache, **kwargs}
        if attention_mask is not None:
            inputs["attention_mask"] = attention_mask
        if encoder_outputs is not None:
            return {"decoder_input_ids": input_ids, "encoder_outputs": encoder_outputs, **inputs}
        if inputs_embeds is not None:
            return {"inputs_embeds": inputs_embeds, **inputs}
        return {"input_ids": input_ids, **inputs}

    def generate(self, inputs=None, generation_config=None, logits_processor=None, stopping_criteria=None,
                 prefix_allowed_tokens_fn=None, synced_gpus=None, assistant_model=None, streamer=None,
                 negative_prompt_ids=None, negative_prompt_attention_mask=None, *, tokenizer=None,
                 assistant_tokenizer=None, **kwargs):  # fmt: skip
        """Write on from a prompt, or from an encoder's input.

        Args:
            inputs: (batch, length) token ids of the prompt, or what an encoder reads (also by its own name, such as
                `input_ids`). Rows of different lengths are padded on the left, with `attention_mask` 0 there.
            generation_config: a GenerationConfig; default: the model's own. `kwargs` that are fields of it override it.
            logits_processor: a list of further processors (input_ids, scores) -> scores.
            stopping_criteria: a list of further criteria (input_ids, scores) -> (rows,) bools.
            prefix_allowed_tokens_fn: (batch_id, ids) -> tokens that may follow.
            assistant_model: a smaller model of the same vocabulary that drafts tokens (arXiv:2211.17192).
            streamer: its `put(ids)` gets the prompt and then every token, and `end()` is called at the end.
            negative_prompt_ids, negative_prompt_attention_mask: with `guidance_scale`, what to lead away from.
            tokenizer: needed for `stop_strings`.
            kwargs: fields of GenerationConfig, and further inputs of the model. In JAX `prng_key` or `seed`, in
                TensorFlow `seed`, choose the random stream; in PyTorch it is torch's own.
        Returns:
            (rows, length) ids, the prompt first for a decoder; rows that end early are padded. With
            `return_dict_in_generate`, an object with `sequences` and what was asked for. In JAX always such an object,
            as Flax models gave it.
        Raises:
            ValueError: settings contradict each other, or the prompt does not fit them.
        """
        if not self.can_generate():
            raise TypeError(
                f"[generate] expected a model with a language-model head, got {type(self).__name__}: load the "
                "checkpoint with AutoModelForCausalLM or AutoModelForSeq2SeqLM"
            )
        random = decoding.stream(kwargs)
        config, arguments, given = self._settings(generation_config, kwargs)
        mode = config.get_generation_mode(assistant_model)
        criteria = _criteria(config, stopping_criteria, tokenizer)
        assisted = mode == "assisted_generation"
        with decoding.no_gradient():
            drafted = assistant_tokens(config, assistant_model) if assisted else 0
            request = Request(self, config, inputs, dict(arguments), given, room=drafted)
            if streamer is not None and (config.num_beams > 1 or request.rows > 1):
                raise ValueError(
                    f"[streamer] expected one text without beams, got {request.rows} rows and {config.num_beams} "
                    "beams: stream them one by one"
                )
            extras = {
                "own": LogitsProcessorList(logits_processor or ()), "prefix_fn": prefix_allowed_tokens_fn,
                "guidance": guidance_of(self, config, negative_prompt_ids, negative_prompt_attention_mask),
            }  # fmt: skip
            record = Record(config, streamer)
            if streamer is not None:
                streamer.put(request.prompt)
            search = request.search(_mode(mode), criteria, extras)
            if assisted:
                drafter = None
                if assistant_model is not None:
                    drafter = Request(assistant_model, copy.deepcopy(config), inputs, arguments, given, room=drafted)
                state = write_assisted(self, request, search, record, assistant_model, drafter, extras, random)
            else:
                state = run(self, search, request.key, request.inputs, record.listener, random)
            if streamer is not None:
                streamer.end()
            return record.result(self, search.result(state), state, request)

    def _settings(self, generation_config, kwargs):
        """The config of this call, the model's arguments, and which fields the caller has set."""
        own = self.generation_config
        if generation_config is None:
            config = copy.deepcopy(own)
        else:
            config = copy.deepcopy(generation_config)
            defaults = GenerationConfig()
            for name, value in own.to_dict().items():  # what the caller left alone is as the model wants it
                left = getattr(config, name, None) == getattr(defaults, name, None)
                if left and value is not None and name != "transformers_version":
                    setattr(config, name, value)
        given = {name for name, value in kwargs.items() if value is not None}
        if generation_config is not None:
            given |= {n for n, v in generation_config.to_diff_dict().items() if n in ("max_length", "min_length")}
        arguments = config.update(**kwargs)
        for name in FLAGS:
            arguments.pop(name, None)
        return config, arguments, given

    @property
    def position_limit(self):
        """How many positions the model has a learned embedding for, or None."""
        rotary = hasattr(self.config, "rope_theta") or getattr(self.config, "position_embedding_type", "") == "alibi"
        return None if rotary else getattr(self.config, "max_position_embeddings", None)

    def compute_transition_scores(self, sequences, scores, beam_indices=None, normalize_logits=False):
        """The score of each new token (rows, new), from `scores` of the steps; 0 after the end of a beam's text.

        Args: as `generate` returns them, with `return_dict_in_generate=True, output_scores=True`.
        """
        scores = ops.stack(scores, 1)  # (beams, steps, vocab)
        if normalize_logits:
            scores = ops.log_softmax(scores, -1)
        rows, steps, vocab = ops.shape(scores)
        if beam_indices is None:
            beam_indices = ops.expand(ops.arange(rows, like=scores)[:, None], (rows, steps))
        length = max(sum(place >= 0 for place in row) for row in ops.tolist(beam_indices))
        beam_indices = beam_indices[:, :length]
        tokens = sequences[:, ops.size(sequences, 1) - length :]
        place = (ops.clamp(beam_indices, 0) * steps + ops.arange(length, like=scores)[None]) * vocab
        place = place + ops.cast(tokens, ops.dtype(place))
        found = ops.take(ops.reshape(scores, (-1,)), place, 0)
        return ops.where(beam_indices < 0, ops.zeros_like(found), found)


def _mode(name):
    if name in MODES:
        return MODES[name]
    raise ValueError(
        f"[generation] expected a search that this version has, got {name} (constraints, force_words_ids): leave "
        "these out, or use bad_words_ids, sequence_bias or prefix_allowed_tokens_fn"
    )


def guidance_of(model, config, ids, mask):
    """The processor of classifier-free guidance, or None."""
    if config.guidance_scale is None or config.guidance_scale == 1:
        return None
    ids = None if ids is None else decoding.ids(ids, model)
    mask = None if mask is None else decoding.ids(mask, model)
    return UnbatchedClassifierFreeGuidanceLogitsProcessor(config.guidance_scale, model, ids, mask, config.use_cache)


def _criteria(config, own, tokenizer):
    criteria = StoppingCriteriaList()
    if config.max_time is not None:
        criteria.append(MaxTimeCriteria(config.max_time))
    if config.stop_strings is not None:
        if tokenizer is None:
            raise ValueError("[stop_strings] expected the model's tokenizer, got none: pass tokenizer=")
        criteria.append(StopStringCriteria(tokenizer, config.stop_strings))
    criteria.extend(own or ())
    return criteria


class Request:
    """One call of `generate`: its prompt and settings, checked, and as tensors for the search."""

    def __init__(self, model, config, inputs, arguments, given, room=0):
        self.model, self.config, self.given, self.room = model, config, given, room
        if inputs is not None:
            name = model.main_input_name
            if arguments.get(name) is not None:
                raise ValueError(f"[generate] expected the prompt once, got inputs and {name}: pass one of them")
            arguments[name] = inputs
        arguments = {name: value for name, value in arguments.items() if value is not None}
        self.options = {flag: True for flag in FLAGS if getattr(config, flag) and config.return_dict_in_generate}
        self.embeds = None
        self.tensors = {}
        self._tokens()
        if model.config.is_encoder_decoder:
            ids, mask = self._encoder(arguments)
        else:
            ids, mask = self._prompt(arguments)
        self.prompt = ids
        self._lengths(ids)
        self._buffers(ids, mask, arguments)

    # -- settings ----------------------------------------------------------------------------------------------------
    def _tokens(self):
        config = self.config
        self.eos = [] if config.eos_token_id is None else _numbers(config.eos_token_id)
        self.pad = None if config.pad_token_id is None else _numbers(config.pad_token_id)[0]
        if self.pad is None and self.eos:
            logger.info("[generate] no pad_token_id: rows that have ended are filled with eos_token_id %s", self.eos[0])
        self.fill = self.pad if self.pad is not None else self.eos[0] if self.eos else 0
        if config.num_beams > 1 and config.num_beam_groups == 1 and self.eos:
            self.fill = self.pad or self.eos[0]  # a padding token 0 counts as none here in transformers 4.57
        self.eos = [token for token in self.eos if token >= 0]

    def _lengths(self, ids):
        """`max_length` in tokens of the whole text, settled and checked."""
        model, config, given = self.model, self.config, self.given
        limit, length = model.position_limit, ops.size(ids, 1)
        name = "decoder_input_ids" if model.config.is_encoder_decoder else "input_ids"
        embedded = 0 if self.embeds is None else length
        if config.max_new_tokens is not None:
            if "max_length" in given:
                logger.warning("[generate] max_new_tokens and max_length are both given: max_new_tokens counts")
            config.max_length = length + config.max_new_tokens
        elif "max_length" not in given and config.max_length == 20:
            config.max_length = length + 20
            if limit is not None:
                config.max_length = min(config.max_length, limit)
        elif embedded:
            config.max_length += embedded
        if config.min_new_tokens is not None:
            config.min_length = length + config.min_new_tokens
        elif embedded:
            config.min_length += embedded
        if limit is not None and length > limit:
            raise ValueError(
                f"[generate] expected a prompt of at most {limit} tokens, the model's positions, got {length}: "
                "truncate it"
            )
        if limit is not None and config.max_length > limit and not model.config.is_encoder_decoder:
            warnings.warn(
                f"[generate] {config.max_length} tokens are asked for, and the model has {limit} positions: "
                "generation ends there", stacklevel=4,
            )  # fmt: skip
            config.max_length = limit
        if length >= config.max_length:
            raise ValueError(
                f"[generate] expected max_length above the length of {name}, got {config.max_length} for {length} "
                "tokens: set max_new_tokens, or a shorter prompt"
            )
        if config.min_length > config.max_length:
            warnings.warn(
                f"[generate] min_length {config.min_length} is above max_length {config.max_length}, which counts",
                stacklevel=4,
            )

    # -- inputs ------------------------------------------------------------------------------------------------------
    def _mask(self, ids, arguments):
        """The attention mask (batch, length) of token ids, or None if nothing is hidden."""
        mask = arguments.pop("attention_mask", None)
        if mask is not None:
            mask = decoding.ids(mask, self.model)
            if len(ops.shape(mask)) != 2:
                raise ValueError(
                    f"[generate] expected attention_mask (batch, length), got {len(ops.shape(mask))} dimensions"
                )
        elif ids is not None and self.pad is not None and self.pad not in self.eos:
            mask = ops.cast(ids != self.pad, ops.int64)  # padding that nobody marked
        if mask is None or bool(ops.all(mask != 0)):
            return None
        return mask

    def _prompt(self, arguments):
        model, config = self.model, self.config
        ids = arguments.pop("input_ids", None)
        embeds = arguments.pop("inputs_embeds", None)
        if ids is None and embeds is None:
            start = config.bos_token_id
            if start is None:
                raise ValueError("[generate] expected a prompt or bos_token_id to start with, got none: pass input_ids")
            ids = [[_numbers(start)[0]]]
        if embeds is not None:
            self.embeds = embeds
            batch, length = ops.shape(embeds)[:2]
            ids = ops.full((batch, length), self.fill, dtype=ops.int64, like=embeds)
        ids = decoding.ids(ids, model)
        if len(ops.shape(ids)) != 2:
            raise ValueError(f"[generate] expected input_ids (batch, length), got {len(ops.shape(ids))} dimensions")
        if 0 in ops.shape(ids):
            raise ValueError(f"[generate] expected at least one token in each row, got {tuple(ops.shape(ids))}")
        self._within(ids, model.config.vocab_size, "input_ids")
        mask = self._mask(ids if embeds is None else None, arguments)
        if mask is not None and ops.size(mask, 1) != ops.size(ids, 1):
            raise ValueError(
                f"[generate] expected attention_mask of {ops.size(ids, 1)} tokens as input_ids, got {ops.size(mask, 1)}"
            )
        if mask is not None and not bool(ops.all(mask[:, -1] != 0)):
            warnings.warn(
                "[generate] a prompt is padded on the right, where new tokens go: set the tokenizer's padding_side to "
                "'left'", stacklevel=5,
            )  # fmt: skip
        self.source = (ids, mask)
        return ids, mask

    def _encoder(self, arguments):
        """What the encoder reads goes to `tensors`; gives the decoder's start."""
        model, config = self.model, self.config
        outputs = arguments.pop("encoder_outputs", None)
        decoder_ids = arguments.pop("decoder_input_ids", None)
        encoder = {}
        main = model.main_input_name
        for name in (main, "inputs_embeds"):
            if name in arguments:
                value = arguments.pop(name)
                encoder[name] = decoding.ids(value, model) if name == "input_ids" else value
        ids = encoder.get("input_ids")
        if outputs is None and not encoder:
            raise ValueError(f"[generate] expected {main} for the encoder, got none: pass the text to work on")
        if ids is not None:
            if 0 in ops.shape(ids):
                raise ValueError(f"[generate] expected at least one token in each row, got {tuple(ops.shape(ids))}")
            self._within(ids, model.config.vocab_size, "input_ids")
        mask = self._mask(ids, arguments)
        first = next(iter(encoder.values())) if encoder else outputs[0]
        batch = ops.size(first, 0)
        self.source = (ids, mask)
        if ids is not None and not decoding.eager:
            length = ops.size(ids, 1)
            more = bucket(length, model.position_limit) - length
            if more:
                shown = ops.ones((batch, length), dtype=ops.int64, like=ids) if mask is None else mask
                mask = ops.pad(shown, (0, more))
                ids = encoder["input_ids"] = ops.pad(ids, (0, more), self.fill)
        if mask is not None:
            encoder["attention_mask"] = mask
        self.tensors["encoder"] = encoder
        if outputs is not None:
            self.tensors["encoder_outputs"] = (
                outputs if hasattr(outputs, "last_hidden_state") else BaseModelOutput(outputs[0])
            )
        start = config.decoder_start_token_id
        start = config.bos_token_id if start is None else start
        if start is None:
            raise ValueError("[generate] expected decoder_start_token_id, got none: set it in the generation config")
        starts = _numbers(start)
        starts = starts * batch if len(starts) == 1 else starts
        if len(starts) != batch:
            raise ValueError(f"[generate] expected one decoder_start_token_id or {batch}, got {len(starts)}")
        begin = decoding.ids([[token] for token in starts], model)
        if decoder_ids is None:
            return begin, None
        decoder_ids = decoding.ids(decoder_ids, model)
        if not bool(ops.any(decoder_ids[:, 0] == begin[:, 0])):
            decoder_ids = ops.cat((begin, decoder_ids), 1)
        return decoder_ids, None

    @staticmethod
    def _within(ids, vocab_size, name):
        highest, lowest = int(ops.amax(ids)), int(ops.amin(ids))
        if lowest < 0 or highest >= vocab_size:
            raise ValueError(
                f"[generate] expected {name} below the model's vocabulary of {vocab_size}, got "
                f"{lowest if lowest < 0 else highest}: use the model's own tokenizer, or resize_token_embeddings"
            )

    def _buffers(self, ids, mask, arguments):
        model, config = self.model, self.config
        batch, length = ops.shape(ids)
        self.rows = batch * max(config.num_beams, config.num_return_sequences)
        limit = model.position_limit
        self.length = length
        self.capacity = bucket(config.max_length + self.room, None if limit is None else limit + self.room)
        self.static = bucket(length, limit)
        tensors = self.tensors
        tensors["ids"] = ops.pad(ids, (0, self.capacity - length), self.fill)
        tensors["length"], tensors["max_length"] = decoding.scalar(length), decoding.scalar(config.max_length)
        if config.min_length:
            tensors["min_length"] = decoding.scalar(config.min_length)
        if mask is not None:
            tensors["mask"] = ops.pad(mask, (0, self.capacity - length), 1) != 0
        if self.embeds is not None:
            tensors["inputs_embeds"] = self._padded_embeds(length)
            shown = ops.zeros((batch, length), dtype=ops.int64, like=ids)
            tensors["known"] = ops.pad(shown, (0, self.capacity - length), 1) != 0
            config.use_cache = True
        past = arguments.pop("past_key_values", None)
        if past is not None:
            past = DynamicCache.from_legacy_cache(past) if isinstance(past, (tuple, list)) else past
            if past.length:
                if past.length >= length:
                    raise ValueError(
                        f"[generate] expected input_ids longer than the cache of {past.length}, got {length}: pass the "
                        "whole text"
                    )
                tensors["cache"] = StaticCache.of(past, self.capacity)
        arguments.pop("cache_position", None), arguments.pop("position_ids", None)
        arguments.pop("logits_to_keep", None), arguments.pop("use_cache", None)
        self._further(arguments, length)
        self.inputs = tensors

    def _further(self, arguments, length):
        """Arguments of the model that are left. Token types go on as the prompt's last one."""
        if not arguments:
            return
        known = accepted(self.model)
        unknown = sorted(name for name in arguments if name not in known)
        if unknown:
            raise ValueError(
                f"[generate] expected settings of generation or inputs of {type(self.model).__name__}, got "
                f"{', '.join(unknown)}: check the names, or leave them out"
            )
        types = arguments.pop("token_type_ids", None)
        further = {name: value for name, value in arguments.items() if hasattr(value, "shape")}
        self.options.update((name, value) for name, value in arguments.items() if name not in further)
        if types is not None:
            types = decoding.ids(types, self.model)
            rest = ops.expand(types[:, -1:], (ops.size(types, 0), self.capacity - length))
            further["token_type_ids"] = ops.cat((types, rest), 1)
        if further:
            self.tensors["model"] = further

    def _padded_embeds(self, length):
        embeds = self.embeds
        return ops.pad(embeds, (0, 0, 0, self.static - length)) if not decoding.eager else embeds

    # -- search ------------------------------------------------------------------------------------------------------
    def search(self, kind, criteria, extras):
        """The search of this request, which knows no tensor; `key` tells it from others."""
        config, eos, source = self.config, self.eos, self.source
        own, guidance = extras["own"], extras["guidance"]
        static = decoding.eager

        def processors(model, state):
            encoder = source if static else _held(state, source)
            length = self.length if static else state["prompt_length"]
            return build(config, eos, state, length, own, encoder, guidance, extras["prefix_fn"])

        if static:  # nothing in them changes from step to step
            made = build(config, eos, self.inputs, self.length, own, source, guidance, extras["prefix_fn"])

            def processors(model, state):
                return made
        else:
            self.inputs["prompt_length"] = decoding.scalar(self.length)
            if source[0] is not None and _reads_source(config):
                self.inputs["source"], mask = source
                if mask is not None:
                    self.inputs["source_mask"] = mask
        search = kind(config, eos, self.fill, processors, criteria, self.static, self.capacity, self.options)
        opaque = guidance is not None or extras["prefix_fn"] is not None
        search.in_graph = not (opaque or criteria or any(not getattr(x, "in_graph", True) for x in own))
        settled = {name: value for name, value in config.to_dict().items() if name not in LENGTHS}
        self.key = (
            kind.__name__, repr(settled), self.fill, tuple(eos), self.static, self.capacity, repr(self.options),
            tuple(id(x) for x in own), tuple(id(x) for x in criteria), id(guidance) if guidance else None,
            id(extras["prefix_fn"]) if extras["prefix_fn"] else None,
        )  # fmt: skip
        return search


def accepted(model):
    """Names of the arguments that a call of the model takes."""
    found = {*inspect.signature(model.forward).parameters, *inspect.signature(model.base_model.forward).parameters}
    if model.config.is_encoder_decoder:
        found |= {*inspect.signature(model.encode_decode).parameters}
    return found


def _reads_source(config):
    return (config.encoder_repetition_penalty or 1.0) != 1.0 or (config.encoder_no_repeat_ngram_size or 0) > 0


def _held(state, source):
    return (state["source"], state.get("source_mask")) if "source" in state else None


def _numbers(tokens):
    return as_tokens(ops.tolist(tokens) if hasattr(tokens, "shape") else tokens, "generation")
