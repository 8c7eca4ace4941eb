import numpy as np

from ..harness import Case, ids, natively, padding_mask
from .llama import EVERYTHING, LENGTH, additive_mask, labelled, text

CONFIG = dict(
    vocab_size=99, n_embd=32, n_layer=2, n_head=4, n_positions=40, num_labels=3, pad_token_id=0, bos_token_id=1,
    eos_token_id=2,
)  # fmt: skip


def typed(rng):
    return text(rng) | {"token_type_ids": rng.integers(0, 99, (2, LENGTH))}


def with_encoder(rng):
    return text(rng) | {
        "encoder_hidden_states": rng.standard_normal((2, 5, 32)).astype(np.float32),
        "encoder_attention_mask": padding_mask(2, 5),
    }


def choices(rng):
    return {
        "input_ids": ids(rng, (2, 3, LENGTH)),
        "attention_mask": np.stack([padding_mask(2, LENGTH)] * 3, 1),
        "token_type_ids": rng.integers(0, 99, (2, 3, LENGTH)),
        "mc_token_ids": rng.integers(0, LENGTH, (2, 3)),
    }


def labelled_choices(rng):
    given = choices(rng)
    return given | {"labels": given["input_ids"], "mc_labels": np.array([2, 0])}


def without(names, make):
    return lambda rng: {name: value for name, value in make(rng).items() if name not in names}


def case(name, model, inputs, options=EVERYTHING, skip_outputs=(), **config):
    return Case(
        f"gpt2-{name}", "gpt2", model, "GPT2Config", {**CONFIG, **config}, inputs, options, skip_outputs=skip_outputs
    )


CASES = [
    case("base", "GPT2Model", typed),
    case("no-mask", "GPT2Model", lambda rng: {"input_ids": ids(rng, (2, LENGTH))}),
    case("embeds", "GPT2Model", lambda rng: {"inputs_embeds": rng.standard_normal((2, 9, 32)).astype(np.float32)}),
    case("positions", "GPT2Model", lambda rng: text(rng) | {"position_ids": rng.integers(0, 40, (2, LENGTH))}),
    case("mask-4d", "GPT2Model", additive_mask),
    case("head-mask", "GPT2Model", lambda rng: text(rng) | {"head_mask": rng.random((2, 4)).astype(np.float32)}),
    case("inner-eps", "GPT2Model", text, n_inner=50, activation_function="relu", layer_norm_epsilon=0.1),
    case("unscaled", "GPT2Model", text, scale_attn_weights=False),
    case("layer-scale", "GPT2Model", text, scale_attn_by_inverse_layer_idx=True),
    case("upcast", "GPT2Model", text, reorder_and_upcast_attn=True, scale_attn_by_inverse_layer_idx=True),
    case("causal-lm", "GPT2LMHeadModel", labelled),
    case(
        # What it says of places without text is of no use, and another thing than ours: only the loss is compared.
        "causal-lm-left", "GPT2LMHeadModel", lambda rng: labelled(rng, left=True), dict(use_cache=False),
        skip_outputs=("logits",),
    ),
    case("causal-lm-untied", "GPT2LMHeadModel", labelled, tie_word_embeddings=False),
    case("causal-lm-last", "GPT2LMHeadModel", text, dict(logits_to_keep=2)),
    case("cross-attention", "GPT2LMHeadModel", with_encoder, add_cross_attention=True),
    case(
        "cross-attention-flags", "GPT2LMHeadModel", without(["encoder_attention_mask"], with_encoder),
        add_cross_attention=True, reorder_and_upcast_attn=True, scale_attn_by_inverse_layer_idx=True,
    ),
    case("double-heads", "GPT2DoubleHeadsModel", choices),
    case("double-heads-loss", "GPT2DoubleHeadsModel", labelled_choices),
    # With choices, the oracle takes these along the choices instead of the text.
    case("double-heads-last", "GPT2DoubleHeadsModel", text, {}, summary_type="last", summary_activation="tanh"),
    case("double-heads-first", "GPT2DoubleHeadsModel", text, {}, summary_type="first"),
    case("double-heads-mean", "GPT2DoubleHeadsModel", text, {}, summary_type="mean"),
    case("double-heads-no-index", "GPT2DoubleHeadsModel", without(["mc_token_ids"], choices), {}),
    case("double-heads-wide", "GPT2DoubleHeadsModel", choices, {}, summary_proj_to_labels=False),
    case("double-heads-bare", "GPT2DoubleHeadsModel", choices, {}, summary_use_proj=False),
    case("double-heads-one-text", "GPT2DoubleHeadsModel", lambda rng: text(rng) | {"mc_token_ids": np.array([4, 2])}),
    case("sequence", "GPT2ForSequenceClassification", lambda rng: text(rng) | {"labels": np.array([2, 0])}),
    case(
        "sequence-multi-label", "GPT2ForSequenceClassification",
        lambda rng: text(rng) | {"labels": np.array([[1, 0, 1], [0, 0, 1]], np.float32)},
    ),
    case("token", "GPT2ForTokenClassification", lambda rng: text(rng) | {"labels": rng.integers(0, 3, (2, LENGTH))}),
    case(
        "question-answering", "GPT2ForQuestionAnswering",
        lambda rng: text(rng) | {"start_positions": np.array([1, 20]), "end_positions": np.array([3, 4])},
    ),
    natively(case("causal-lm-untied", "GPT2LMHeadModel", labelled, tie_word_embeddings=False)),
    natively(case("upcast", "GPT2Model", text, reorder_and_upcast_attn=True, scale_attn_by_inverse_layer_idx=True)),
]  # fmt: skip
