"""From a GenerationConfig to the processors it asks for, in the order of `transformers`."""

from .. import ops
from . import processors as p
from . import warpers as w


def build(config, eos_token_id, state, prompt_length, own=(), encoder=None, guidance=None, prefix_fn=None,
          watermark=None):  # fmt: skip
    """A LogitsProcessorList.

    Args:
        config: a GenerationConfig. eos_token_id: a list, may be empty.
        state: of the search; its `max_length`, and `min_length` if there is one, may be tensors.
        prompt_length: a number, or a tensor.
        own: further processors, which come before those that shape the distribution.
        encoder: None, or (ids, mask or None) of the encoder's input; of the prompt for a decoder.
        guidance: None, or the processor of classifier-free guidance. prefix_fn: `prefix_allowed_tokens_fn`.
        watermark: None, or the processor that marks texts.
    """
    ids, mask = encoder or (None, None)
    known = None if mask is None else ops.cast(mask, ops.bool_)
    eos = eos_token_id
    decay = config.exponential_decay_length_penalty
    begin = prompt_length
    if config.forced_bos_token_id is not None:  # the token after a start of one is forced
        begin = p.when(prompt_length == 1, lambda length: length + 1, prompt_length)

    def on(value, neutral):
        return value is not None and value != neutral

    table = (
        (guidance is not None, lambda: guidance),
        (config.sequence_bias, lambda: p.SequenceBiasLogitsProcessor(config.sequence_bias)),
        (config.num_beam_groups > 1, lambda: p.HammingDiversityLogitsProcessor(
            config.diversity_penalty, config.num_beams, config.num_beam_groups)),
        (on(config.encoder_repetition_penalty, 1.0) and ids is not None,
         lambda: p.EncoderRepetitionPenaltyLogitsProcessor(config.encoder_repetition_penalty, ids, known)),
        (on(config.repetition_penalty, 1.0), lambda: p.RepetitionPenaltyLogitsProcessor(config.repetition_penalty)),
        (on(config.no_repeat_ngram_size, 0), lambda: p.NoRepeatNGramLogitsProcessor(config.no_repeat_ngram_size)),
        (on(config.encoder_no_repeat_ngram_size, 0) and ids is not None,
         lambda: p.EncoderNoRepeatNGramLogitsProcessor(config.encoder_no_repeat_ngram_size, ids, known)),
        (config.bad_words_ids, lambda: p.NoBadWordsLogitsProcessor(config.bad_words_ids, eos or None)),
        ("min_length" in state and eos, lambda: p.MinLengthLogitsProcessor(state["min_length"], eos)),
        (prefix_fn is not None, lambda: p.PrefixConstrainedLogitsProcessor(prefix_fn, config.num_beams)),
        (config.forced_bos_token_id is not None, lambda: p.ForcedBOSTokenLogitsProcessor(config.forced_bos_token_id)),
        (config.forced_eos_token_id is not None,
         lambda: p.ForcedEOSTokenLogitsProcessor(state["max_length"], config.forced_eos_token_id)),
        (config.remove_invalid_values, p.InfNanRemoveLogitsProcessor),
        (decay is not None and eos, lambda: p.ExponentialDecayLengthPenalty(decay, eos, prompt_length)),
        (config.suppress_tokens, lambda: p.SuppressTokensLogitsProcessor(config.suppress_tokens)),
        (config.begin_suppress_tokens,
         lambda: p.SuppressTokensAtBeginLogitsProcessor(config.begin_suppress_tokens, begin)),
    )  # fmt: skip
    made = [make() for wanted, make in table if wanted]
    made += own
    if config.do_sample:
        made += warp(config, len(eos) + 1 if config.num_beams > 1 else 1)
    if watermark is not None:
        made.append(watermark)
    if config.renormalize_logits:
        made.append(w.LogitNormalization())
    return p.LogitsProcessorList(made)


def warp(config, keep):
    """Those that shape the distribution; at least `keep` tokens stay."""

    def between(value):
        return value is not None and 0.0 < value < 1.0

    c = config
    candidates = max(c.top_k, keep) if c.top_k else None
    table = (
        (c.temperature is not None and c.temperature != 1.0, lambda: w.TemperatureLogitsWarper(float(c.temperature))),
        (c.top_k, lambda: w.TopKLogitsWarper(c.top_k, min_tokens_to_keep=keep)),
        (c.top_p is not None and c.top_p < 1.0,
         lambda: w.TopPLogitsWarper(c.top_p, min_tokens_to_keep=keep, candidates=candidates)),
        (c.min_p is not None, lambda: w.MinPLogitsWarper(c.min_p, min_tokens_to_keep=keep)),
        (c.typical_p is not None and c.typical_p < 1.0,
         lambda: w.TypicalLogitsWarper(c.typical_p, min_tokens_to_keep=keep)),
        (between(c.epsilon_cutoff), lambda: w.EpsilonLogitsWarper(c.epsilon_cutoff, min_tokens_to_keep=keep)),
        (between(c.eta_cutoff), lambda: w.EtaLogitsWarper(c.eta_cutoff, min_tokens_to_keep=keep)),
    )  # fmt: skip
    return [make() for wanted, make in table if wanted]
