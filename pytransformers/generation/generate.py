"""`generate`: from a prompt and a GenerationConfig to the search, and from its last state to what is returned."""

import copy

from pytransformers.configs.generation import GenerationConfig

from .. import decoding, ops
from .assisted import assistant_tokens, write_assisted
from .beams import BeamSearch
from .constrained import ConstrainedBeamSearch
from .contrastive import ContrastiveSearch
from .criteria import MaxTimeCriteria, StoppingCriteriaList, StopStringCriteria
from .groups import GroupBeamSearch
from .guidance import UnbatchedClassifierFreeGuidanceLogitsProcessor
from .loop import run
from .processors import LogitsProcessorList
from .request import Request
from .results import Record
from .search import Sampling

MODES = {
    "greedy_search": Sampling, "sample": Sampling, "assisted_generation": Sampling, "beam_search": BeamSearch,
    "beam_sample": BeamSearch, "group_beam_search": GroupBeamSearch, "contrastive_search": ContrastiveSearch,
    "constrained_beam_search": ConstrainedBeamSearch,
}  # fmt: skip


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
            assistant_tokenizer: refused; an assistant must have the model's tokenizer.
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
        if assistant_tokenizer is not None:
            raise ValueError(
                "[assistant_tokenizer] expected an assistant with the model's own tokenizer: leave this argument out"
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
                "watermark": decoding.watermark(config.watermarking_config, self),
                "guidance": guidance_of(self, config, negative_prompt_ids, negative_prompt_attention_mask),
            }  # fmt: skip
            record = Record(config, streamer)
            if streamer is not None:
                streamer.put(request.prompt)
            search = request.search(MODES[mode], criteria, extras)
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
        return config, config.update(**kwargs), given

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
