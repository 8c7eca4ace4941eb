import numpy as np

from ..harness import Case, ids, natively, padding_mask

CONFIG = {
    "vocab_size": 99, "d_model": 32, "d_kv": 10, "d_ff": 37, "num_layers": 2, "num_heads": 4, "num_labels": 3,
    "relative_attention_num_buckets": 8, "relative_attention_max_distance": 12, "decoder_start_token_id": 0,
    "pad_token_id": 0, "eos_token_id": 1,
}  # fmt: skip
EVERYTHING = {"output_hidden_states": True, "output_attentions": True}


def text(rng, length=17):
    """Longer than the farthest distance; each row ends in the end-of-sequence token, one row before the padding."""
    mask = padding_mask(2, length)
    input_ids = ids(rng, (2, length)) * mask
    for row in range(2):
        input_ids[row, mask[row].sum() - 1] = 1
    return {"input_ids": input_ids, "attention_mask": mask}


def pair(rng):
    return text(rng) | {"decoder_input_ids": ids(rng, (2, 6)), "decoder_attention_mask": padding_mask(2, 6)}


def labels(rng):
    values = ids(rng, (2, 6))
    values[0, 4:] = -100
    return text(rng) | {"labels": values}


def spans(rng):
    return text(rng) | {"start_positions": np.array([1, 30]), "end_positions": np.array([3, 4])}


def head_masks(rng):
    names = "head_mask", "decoder_head_mask", "cross_attn_head_mask"
    return pair(rng) | {name: rng.random((2, 4)).astype(np.float32) for name in names}


def left_padded(rng):
    """What a padded position says is nobody's business, so it has no label."""
    mask = padding_mask(2, 6, left=True)
    return text(rng) | {
        "attention_mask": padding_mask(2, 17, left=True), "decoder_input_ids": ids(rng, (2, 6)),
        "decoder_attention_mask": mask, "labels": np.where(mask, ids(rng, (2, 6)), -100),
    }  # fmt: skip


def embeds(rng):
    return {
        "inputs_embeds": rng.standard_normal((2, 9, 32)).astype(np.float32),
        "decoder_inputs_embeds": rng.standard_normal((2, 6, 32)).astype(np.float32),
    }


def additive(rng):
    mask = np.where(np.tril(np.ones((2, 1, 6, 6))) > 0, rng.standard_normal((2, 1, 6, 6)), -1e4)
    return pair(rng) | {"decoder_attention_mask": mask.astype(np.float32)}


def plain(rng):
    return {"input_ids": ids(rng, (2, 9)), "decoder_input_ids": ids(rng, (2, 6))}


def case(name, model, inputs, options=EVERYTHING, skip_outputs=(), **config):
    return Case(
        f"t5-{name}", "t5", model, "T5Config", {**CONFIG, **config}, inputs, options, skip_outputs=skip_outputs
    )


CASES = [
    case("base", "T5Model", pair),
    case("gated", "T5Model", pair, feed_forward_proj="gated-gelu"),
    case("silu", "T5Model", pair, feed_forward_proj="gated-silu", relative_attention_num_buckets=32),
    case("no-mask", "T5Model", plain),
    case("mask-4d", "T5Model", additive),
    case("embeds", "T5Model", embeds),
    case("head-masks", "T5Model", head_masks),
    case("no-cache", "T5Model", pair, {"use_cache": False}),
    case("factor", "T5Model", pair, initializer_factor=0.5),
    case("generation", "T5ForConditionalGeneration", labels),
    case("left-padded", "T5ForConditionalGeneration", left_padded),
    case("generation-untied", "T5ForConditionalGeneration", labels, tie_word_embeddings=False),
    case("generation-gated", "T5ForConditionalGeneration", pair, feed_forward_proj="gated-gelu"),
    case("deep-decoder", "T5ForConditionalGeneration", labels, num_decoder_layers=3),
    case("shallow-decoder", "T5ForConditionalGeneration", pair, num_decoder_layers=1),
    case("encoder", "T5EncoderModel", text),
    case("encoder-head-mask", "T5EncoderModel", lambda rng: text(rng) | {"head_mask": rng.random(4).astype("float32")}),
    case("sequence", "T5ForSequenceClassification", lambda rng: text(rng) | {"labels": np.array([2, 0])}),
    case("sequence-no-labels", "T5ForSequenceClassification", text),
    case(
        "sequence-multi-label", "T5ForSequenceClassification",
        lambda rng: text(rng) | {"labels": np.array([[1, 0, 1], [0, 0, 1]], np.float32)},
    ),
    case("token", "T5ForTokenClassification", lambda rng: text(rng) | {"labels": rng.integers(0, 3, (2, 17))}),
    case("question-answering", "T5ForQuestionAnswering", spans, num_labels=2),
    case("question-answering-no-labels", "T5ForQuestionAnswering", text, num_labels=2),
    natively(case("base", "T5Model", pair)),
    natively(case("generation", "T5ForConditionalGeneration", labels)),
    natively(case("mask-4d", "T5Model", additive)),
]  # fmt: skip
