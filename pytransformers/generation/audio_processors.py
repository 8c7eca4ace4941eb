"""Score rules of models that write sound, or text from sound: MusicGen, Bark, Whisper. See `processors.py`."""

import inspect

from .. import ops
from .processors import LogitsProcessor, Processor, as_tokens, length_of, lowest, positive, tail_of, when


class ClassifierFreeGuidanceLogitsProcessor(Processor):
    """uncond + scale (cond - uncond), of scores (2 * rows, vocab) with the conditional rows first: gives (rows, vocab).

    Copet et al., arXiv:2306.05284.
    """

    def __init__(self, guidance_scale):
        if not isinstance(guidance_scale, (int, float)) or guidance_scale <= 1:
            raise ValueError(f"[guidance_scale] expected a number > 1, got {guidance_scale!r}: leave it out for none")
        self.guidance_scale = guidance_scale

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        rows, both = ops.size(input_ids, 0), ops.size(scores, 0)
        if both != 2 * rows:
            raise ValueError(
                f"[guidance_scale] expected scores of {2 * rows} rows for {rows} texts, with the prompt and then "
                f"without, got {both}: pass both to the model"
            )
        towards, away = scores[:rows], scores[rows:]
        return away + (towards - away) * self.guidance_scale


class AlternatingCodebooksLogitsProcessor(Processor):
    """Bark's coarse tokens come from its two codebooks in turn: places 0, 2, ... after the prompt from the first.

    Tokens are `semantic_vocab_size` others, then `codebook_size` of the first codebook, then the second.
    """

    def __init__(self, input_start_len, semantic_vocab_size, codebook_size):
        if not isinstance(input_start_len, int) or input_start_len < 0:
            raise ValueError(f"[input_start_len] expected an integer >= 0, got {input_start_len!r}: correct it")
        self.input_start_len = input_start_len
        self.semantic_vocab_size, self.codebook_size = semantic_vocab_size, codebook_size

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        second = (length_of(input_ids, cur_len) - self.input_start_len) % 2  # 0 or 1, maybe a tensor
        begin = self.semantic_vocab_size + second * self.codebook_size
        end = self.semantic_vocab_size + self.codebook_size + second * ops.size(scores, 1)
        token = columns(scores)
        return ops.where(ops.logical_and(token >= begin, token < end), scores, lowest(scores))


class BarkEosPrioritizerLogitsProcessor(Processor):
    """Only the end may come where its probability is above `min_eos_p`; None for no rule."""

    def __init__(self, eos_token_id, min_eos_p, device=None):
        self.eos_token_id = as_tokens(eos_token_id, "eos_token_id")
        self.min_eos_p = None if min_eos_p is None else positive(min_eos_p, "min_eos_p")

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        if self.min_eos_p is None:
            return scores
        likely = ops.softmax(ops.cast(scores, ops.float32), -1) > self.min_eos_p
        ends = columns(scores) == self.eos_token_id[0]
        for end in self.eos_token_id[1:]:
            ends = ops.logical_or(ends, columns(scores) == end)
        stop = ops.any(ops.logical_and(likely, ends), -1, True)
        return ops.where(ops.logical_and(stop, ops.logical_not(ends)), lowest(scores), scores)


class WhisperTimeStampLogitsProcessor(Processor):
    """Timestamps come in pairs, never fall, begin the text, and come where they are likelier than any other token.

    Radford et al., arXiv:2212.04356. Timestamps are the tokens after `no_timestamps_token_id`.

    Args:
        generate_config: has `no_timestamps_token_id` and `eos_token_id`, and may have `max_initial_timestamp_index`,
            the latest timestamp that may come first.
        begin_index: the length of the prompt.
        _detect_timestamp_from_logprob: whether timestamps win by their common probability; default: the config's,
            else True.
    """

    def __init__(self, generate_config, begin_index, _detect_timestamp_from_logprob=None):
        if begin_index is None:
            raise ValueError("[begin_index] expected the length of the prompt, got None: pass it")
        self.no_timestamps_token_id = generate_config.no_timestamps_token_id
        self.timestamp_begin = self.no_timestamps_token_id + 1
        end = generate_config.eos_token_id or generate_config.bos_token_id
        self.eos_token_id = as_tokens(end, "eos_token_id")[0]
        self.begin_index = begin_index
        self.max_initial_timestamp_index = getattr(generate_config, "max_initial_timestamp_index", None)
        detect = getattr(generate_config, "_detect_timestamp_from_logprob", True)
        given = _detect_timestamp_from_logprob
        self._detect_timestamp_from_logprob = detect if given is None else given

    def set_begin_index(self, begin_index):
        self.begin_index = begin_index

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        begin, token = self.timestamp_begin, columns(scores)
        length = length_of(input_ids, cur_len)
        place = ops.arange(ops.size(input_ids, 1), like=input_ids)[None]
        written = ops.logical_and(place >= self.begin_index, place < length)  # (1, length), after the prompt
        stamps = ops.logical_and(written, input_ids >= begin)
        new, tail = length - self.begin_index, tail_of(input_ids, cur_len, 2)
        last = ops.logical_and(tail[:, 1:] >= begin, truth(new >= 1, tail))  # (rows, 1)
        before = ops.logical_or(tail[:, :1] >= begin, truth(new < 2, tail))
        opened = ops.logical_and(last, ops.logical_not(before))  # a stamp without its partner

        # the last timestamp, or the one after it where its pair is complete
        at = ops.amax(ops.where(stamps, place, ops.full_like(place, -1)), -1, True)
        least = ops.gather(input_ids, 1, ops.clamp(at, 0)) + ops.cast(ops.logical_not(opened), ops.dtype(input_ids))
        bans = (
            token == self.no_timestamps_token_id,
            ops.logical_and(ops.logical_and(last, before), token >= begin),
            ops.logical_and(opened, token < self.eos_token_id),
            ops.logical_and(at >= 0, ops.logical_and(token >= begin, token < least)),
        )
        for ban in bans:
            scores = ops.where(ban, lowest(scores), scores)
        scores = when(length == self.begin_index, self.first, scores)
        if self._detect_timestamp_from_logprob:
            log_p = ops.log_softmax(ops.cast(scores, ops.float32), -1)
            likelier = ops.logsumexp(log_p[:, begin:], -1, True) > ops.amax(log_p[:, :begin], -1, True)
            scores = ops.where(ops.logical_and(likelier, token < begin), lowest(scores), scores)
        return scores

    def first(self, scores):
        """Only timestamps may begin the text, no later one than allowed."""
        token, begin = columns(scores), self.timestamp_begin
        ban = token < begin
        if self.max_initial_timestamp_index is not None:
            ban = ops.logical_or(ban, token > begin + self.max_initial_timestamp_index)
        return ops.where(ban, lowest(scores), scores)


class WhisperNoSpeechDetection(LogitsProcessor):
    """Changes no score; `no_speech_prob` (rows,) is then the probability that the start of transcript is silence.

    Args:
        no_speech_token: its id.
        begin_index: the length of the prompt. Where it is above 1, the model is asked again, with what `set_model` and
            `set_inputs` gave, since the first new token's scores come after the start of transcript.
        scores_is_logprobs: whether scores are log-probabilities, as in beam search.
    """

    in_graph = False

    def __init__(self, no_speech_token, begin_index, scores_is_logprobs=False):
        self.no_speech_token, self.is_scores_logprobs = no_speech_token, scores_is_logprobs
        self.start_of_trans_offset = self.begin_index = begin_index
        self.no_speech_prob = [0.0]
        self.model = self.inputs = None

    def set_model(self, model):
        self.model = model

    def set_inputs(self, inputs):
        """inputs: arguments of `model.prepare_inputs_for_generation`, with `inputs` the sound's features."""
        values = {**self.model.prepare_inputs_for_generation(**inputs), **inputs}
        values["input_features"] = values.pop("inputs")
        if "input_ids" in values and "input_ids" not in inspect.signature(self.model.forward).parameters:
            values.setdefault("decoder_input_ids", values.pop("input_ids"))
        self.inputs = values

    def set_begin_index(self, begin_index):
        self.begin_index = begin_index

    def __call__(self, input_ids, scores, cur_len=None):
        if int(length_of(input_ids, cur_len)) == self.begin_index:
            logits, as_log_p = scores, self.is_scores_logprobs
            if self.start_of_trans_offset > 1:
                if self.inputs is None:
                    raise ValueError(
                        "[WhisperNoSpeechDetection] expected the model and its inputs for a prompt of "
                        f"{self.start_of_trans_offset} tokens, got none: call set_model and set_inputs"
                    )
                place = self.begin_index - self.start_of_trans_offset
                logits, as_log_p = ops.stop_gradient(self.model(**self.inputs).logits)[:, place], False
            p = ops.exp(logits) if as_log_p else ops.softmax(ops.cast(logits, ops.float32), -1)
            self.no_speech_prob = p[:, self.no_speech_token]
        return scores


def columns(scores):
    """(1, vocab): the token of each score."""
    return ops.arange(ops.size(scores, 1), like=scores)[None]


def truth(value, like):
    """A bool, or a tensor of one, as a tensor."""
    return ops.tensor(value, dtype=ops.bool_, like=like)
