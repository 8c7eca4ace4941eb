"""One call of `generate`: its prompt and settings, checked in NumPy, and as tensors for the search."""

import inspect
import logging
import warnings

import numpy as np

from pytransformers.outputs import BaseModelOutput

from .. import decoding, ops
from ..layers.cache import DynamicCache, StaticCache
from .build import build
from .processors import as_tokens

logger = logging.getLogger(__name__)

# settings that compiled programs do not depend on: lengths are tensors, constraints and criteria stay on the host
NOT_COMPILED = ("max_length", "max_new_tokens", "min_length", "min_new_tokens", "constraints", "force_words_ids",
                "max_time", "stop_strings", "transformers_version")  # fmt: skip
FLAGS = ("output_attentions", "output_hidden_states")
UNUSED = ("cache_position", "position_ids", "logits_to_keep", "use_cache", "labels", *FLAGS)  # settled here
SMALLEST_BUCKET = 16


def bucket(length, limit=None):
    """The smallest power of two that holds `length`, but not above `limit`: compiled programs serve a whole bucket."""
    if decoding.eager:
        return length
    size = max(SMALLEST_BUCKET, 1 << max(length - 1, 0).bit_length())
    return size if limit is None else max(min(size, limit), length)


def padded(array, length, value):
    """A NumPy array (rows, n, ...) with `value` after each row, up to `length`."""
    return np.pad(array, ((0, 0), (0, length - array.shape[1]), *((0, 0),) * (array.ndim - 2)), constant_values=value)


class Request:
    """
    Args:
        model, config: config is a copy for this call, whose lengths are settled here.
        inputs, arguments: of `generate`. given: names of the settings that the caller has chosen.
        room: further tokens that the buffer has to hold.

    What it gives: `inputs` of `Search.prefill`; `prompt`, the ids as the caller passed them; `rows`, `length` and
    `capacity`; the tokens `eos`, `pad`, `fill`; `key`, once `search` is called.
    """

    def __init__(self, model, config, inputs, arguments, given, room=0):
        self.model, self.config, self.room = model, config, room
        if inputs is not None:
            if arguments.get(model.main_input_name) is not None:
                raise ValueError(
                    f"[generate] expected the prompt once, got inputs and {model.main_input_name}: pass one of them"
                )
            arguments[model.main_input_name] = inputs
        arguments = {n: v for n, v in arguments.items() if v is not None and n not in UNUSED}
        self.options = {flag: True for flag in FLAGS if getattr(config, flag) and config.return_dict_in_generate}
        self.embeds, self.inputs = None, {}
        self._tokens()
        ids, mask = self._encoder(arguments) if model.config.is_encoder_decoder else self._prompt(arguments)
        self.rows = len(ids) * max(config.num_beams, config.num_return_sequences)
        self.length = ids.shape[1]
        self.prompt = decoding.ids(ids, model)
        self._lengths(given)
        self.capacity = bucket(config.max_length + room, None if self.limit is None else self.limit + room)
        self.static = bucket(self.length, self.limit)
        self._buffers(ids, mask)
        self._cache(arguments.pop("past_key_values", None))
        self._further(arguments)

    @property
    def limit(self):
        return self.model.position_limit

    # -- settings ----------------------------------------------------------------------------------------------------
    def _tokens(self):
        config = self.config
        self.eos = tokens_of(config.eos_token_id)
        self.pad = next(iter(tokens_of(config.pad_token_id)), None)
        if self.pad is None and self.eos:
            logger.info("[generate] no pad_token_id: rows that have ended are filled with eos_token_id %s", self.eos[0])
        self.fill = self.pad if self.pad is not None else self.eos[0] if self.eos else 0
        constrained = config.constraints is not None or config.force_words_ids is not None
        if config.num_beams > 1 and config.num_beam_groups == 1 and not constrained and self.eos:
            self.fill = self.pad or self.eos[0]  # a padding token 0 counts as none here in transformers 4.57

    def _lengths(self, given):
        """`max_length` and `min_length` in tokens of the whole text, settled and checked."""
        config, limit, length = self.config, self.limit, self.length
        both = self.model.config.is_encoder_decoder
        if config.max_new_tokens is not None:
            if "max_length" in given:
                logger.warning("[generate] max_new_tokens and max_length are both given: max_new_tokens counts")
            config.max_length = length + config.max_new_tokens
        elif self.embeds is None and "max_length" not in given and config.max_length == 20:
            config.max_length = length + 20 if limit is None else min(length + 20, limit)
        if config.min_new_tokens is not None:
            config.min_length = length + config.min_new_tokens
        if limit is not None and length > limit:
            raise ValueError(
                f"[generate] expected a prompt of at most {limit} tokens, the model's positions, got {length}: "
                "truncate it"
            )
        if limit is not None and config.max_length > limit and not both:
            warnings.warn(
                f"[generate] {config.max_length} tokens are asked for, and the model has {limit} positions: "
                "generation ends there", stacklevel=4,
            )  # fmt: skip
            config.max_length = limit
        if length >= config.max_length:
            raise ValueError(
                f"[generate] expected max_length above the length of {'decoder_' * both}input_ids, got "
                f"{config.max_length} for {length} tokens: set max_new_tokens, or a shorter prompt"
            )
        if config.min_length > config.max_length:
            warnings.warn(
                f"[generate] min_length {config.min_length} is above max_length {config.max_length}, which counts",
                stacklevel=4,
            )

    # -- inputs ------------------------------------------------------------------------------------------------------
    def _ids(self, values, name):
        """Token ids (batch, length) as int64, checked."""
        try:
            ids = decoding.host(values)
        except ValueError as error:
            raise ValueError(
                f"[generate] expected rows of the same length in {name}, got {len(values)} of several: pad them, and "
                "pass attention_mask"
            ) from error
        if ids.ndim != 2 or 0 in ids.shape or not np.issubdtype(ids.dtype, np.integer):
            raise ValueError(
                f"[generate] expected {name} (batch, length) of integers, at least one in each row, got shape "
                f"{ids.shape} of {ids.dtype}: pass what a tokenizer gives with return_tensors"
            )
        vocab = self.model.config.vocab_size
        if ids.min() < 0 or ids.max() >= vocab:
            raise ValueError(
                f"[generate] expected {name} below the model's vocabulary of {vocab}, got "
                f"{ids.min() if ids.min() < 0 else ids.max()}: use the model's own tokenizer, or "
                "resize_token_embeddings"
            )
        return ids.astype(np.int64)

    def _mask(self, ids, shape, arguments):
        """The attention mask (batch, length) as bools, or None if nothing is hidden."""
        mask = arguments.pop("attention_mask", None)
        if mask is not None:
            mask = decoding.host(mask) != 0
            if mask.shape != shape:
                raise ValueError(f"[generate] expected attention_mask of shape {shape}, got {mask.shape}")
        elif ids is not None and self.pad is not None and self.pad not in self.eos:
            mask = ids != self.pad  # padding that nobody marked
        return None if mask is None or mask.all() else mask

    def _prompt(self, arguments):
        ids, embeds = arguments.pop("input_ids", None), arguments.pop("inputs_embeds", None)
        if embeds is not None:
            self.embeds, self.said = embeds, None if ids is None else self._ids(ids, "input_ids")
            ids = np.full(embeds.shape[:2], self.fill)
        elif ids is None:
            ids = [tokens_of(self.config.bos_token_id)[:1]]
            if not ids[0]:
                raise ValueError("[generate] expected a prompt or bos_token_id to start with, got none: pass input_ids")
        ids = self._ids(ids, "input_ids")
        mask = self._mask(None if embeds is not None else ids, ids.shape, arguments)
        if mask is not None and not mask[:, -1].all():
            warnings.warn(
                "[generate] a prompt is padded on the right, where new tokens go: set the tokenizer's padding_side to "
                "'left'", stacklevel=4,
            )  # fmt: skip
        self.source = (ids, mask)
        return ids, mask

    def _encoder(self, arguments):
        """What the encoder reads goes to `inputs`; gives the decoder's start."""
        model, config = self.model, self.config
        outputs, start = arguments.pop("encoder_outputs", None), arguments.pop("decoder_input_ids", None)
        shown = arguments.pop("decoder_attention_mask", None)
        encoder = {n: arguments.pop(n) for n in (model.main_input_name, "inputs_embeds") if n in arguments}
        if outputs is None and not encoder:
            raise ValueError(f"[generate] expected {model.main_input_name} for the encoder, got none: pass the text")
        ids = encoder.get("input_ids")
        ids = None if ids is None else self._ids(ids, "input_ids")
        read = ids if ids is not None else next(iter(encoder.values())) if encoder else outputs[0]
        mask = self._mask(ids, tuple(read.shape[:2]), arguments)
        self.source = (ids, mask)
        if ids is not None:
            length = bucket(ids.shape[1], self.limit)
            if length > ids.shape[1]:
                mask = padded(np.ones(ids.shape, bool) if mask is None else mask, length, False)
            encoder["input_ids"] = decoding.ids(padded(ids, length, self.fill), model)
        if mask is not None:
            encoder["attention_mask"] = decoding.ids(mask.astype(np.int64), model)
        self.inputs["encoder"] = encoder
        if outputs is not None:
            if not hasattr(outputs, "last_hidden_state"):
                outputs = BaseModelOutput(outputs[0])
            self.inputs["encoder_outputs"] = outputs
        first = config.decoder_start_token_id
        firsts = tokens_of(config.bos_token_id if first is None else first)
        if not firsts:
            raise ValueError("[generate] expected decoder_start_token_id, got none: set it in the generation config")
        firsts = np.array(firsts * (len(read) if len(firsts) == 1 else 1))[:, None]
        if len(firsts) != len(read):
            raise ValueError(f"[generate] expected one decoder_start_token_id or {len(read)}, got {len(firsts)}")
        if start is None:
            return firsts, None
        start = self._ids(start, "decoder_input_ids")
        shown = self._mask(None, start.shape, {"attention_mask": shown})
        if not (start[:, 0] == firsts[:, 0]).any():
            start = np.concatenate((firsts, start), 1)
            shown = None if shown is None else np.concatenate((firsts >= 0, shown), 1)
        return start, shown

    def _buffers(self, ids, mask):
        config, model, inputs, length = self.config, self.model, self.inputs, self.length
        inputs["ids"] = decoding.ids(padded(ids, self.capacity, self.fill), model)
        inputs["length"], inputs["max_length"] = decoding.scalar(length), decoding.scalar(config.max_length)
        if config.min_length:
            inputs["min_length"] = decoding.scalar(config.min_length)
        if mask is not None:
            inputs["mask"] = decoding.ids(padded(mask, self.capacity, True), model)
        if self.embeds is not None:
            more = self.static - length
            inputs["inputs_embeds"] = ops.pad(self.embeds, (0, 0, 0, more)) if more else self.embeds
            inputs["known"] = decoding.ids(padded(np.zeros(ids.shape, bool), self.capacity, True), model)
            config.use_cache = True

    def _cache(self, past):
        past = DynamicCache.from_legacy_cache(past) if isinstance(past, (tuple, list)) else past
        if past is None or not past.length:
            return
        if past.length >= self.length:
            raise ValueError(
                f"[generate] expected input_ids longer than the cache of {past.length}, got {self.length}: pass the "
                "whole text"
            )
        self.inputs["cache"] = StaticCache.of(past, self.capacity)

    def _further(self, arguments):
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
            types = decoding.host(types).astype(np.int64)
            if types.shape != self.prompt.shape:
                raise ValueError(
                    f"[generate] expected token_type_ids of shape {tuple(self.prompt.shape)} as input_ids, got "
                    f"{types.shape}"
                )
            rest = np.repeat(types[:, -1:], self.capacity - types.shape[1], 1)
            further["token_type_ids"] = decoding.ids(np.concatenate((types, rest), 1), self.model)
        if further:
            self.inputs["model"] = further

    # -- search ------------------------------------------------------------------------------------------------------
    def search(self, kind, criteria, extras):
        """The search of this request, of a class of MODES. It knows no tensor; `key` tells it from others."""
        config, eos, own, guidance = self.config, self.eos, extras["own"], extras["guidance"]
        if reads_source(config) and self.source[0] is not None:
            ids, mask = self.source
            length = bucket(ids.shape[1], self.limit)
            if mask is None and length > ids.shape[1]:
                mask = np.ones(ids.shape, bool)
            self.inputs["source"] = decoding.ids(padded(ids, length, self.fill), self.model)
            if mask is not None:
                self.inputs["source_mask"] = decoding.ids(padded(mask, length, False), self.model)
        self.inputs["prompt_length"] = decoding.scalar(self.length)

        def processors(model, state):
            source = (state["source"], state.get("source_mask")) if "source" in state else None
            return build(
                config, eos, state, state["prompt_length"], own, source, guidance, extras["prefix_fn"],
                extras["watermark"],
            )  # fmt: skip

        if decoding.eager:  # nothing in them changes from step to step
            made = processors(self.model, self.inputs)

            def processors(model, state):
                return made

        search = kind(config, eos, self.fill, processors, criteria, self.static, self.capacity, self.options)
        opaque = not kind.in_graph or guidance is not None or extras["prefix_fn"] is not None
        opaque = opaque or any(not getattr(x, "in_graph", True) for x in own)
        search.in_graph = not (opaque or criteria)
        if opaque and kind.scores_inside and not decoding.eager:
            raise ValueError(
                f"[{config.get_generation_mode()}] expected processors that can be compiled, got guidance_scale, "
                "prefix_allowed_tokens_fn or a processor with in_graph=False: leave them out, or use PyTorch"
            )
        settled = {name: value for name, value in config.to_dict().items() if name not in NOT_COMPILED}
        self.key = (
            kind.__name__, repr(settled), self.fill, tuple(eos), self.static, self.capacity, repr(self.options),
            *(id(x) for x in own),  # criteria and what is opaque stay outside of what is compiled
        )  # fmt: skip
        return search


def accepted(model):
    """Names of the arguments that a call of the model takes."""
    functions = [model.forward, model.base_model.forward]
    functions += [model.encode_decode] if model.config.is_encoder_decoder else []
    return {name for function in functions for name in inspect.signature(function).parameters}


def reads_source(config):
    """Whether a processor looks at what the encoder, or the prompt, says."""
    return (config.encoder_repetition_penalty or 1.0) != 1.0 or (config.encoder_no_repeat_ngram_size or 0) > 0


def tokens_of(tokens):
    """Token ids of a setting, which may be None or an array, as a list; those below 0 count as none."""
    if tokens is None:
        return []
    tokens = np.asarray(decoding.host(tokens)).reshape(-1)
    return as_tokens(tokens[tokens >= 0], "generation")
