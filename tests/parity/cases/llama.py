import numpy as np

from ..harness import Case, ids, natively, padding_mask

CONFIG = dict(
    vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    intermediate_size=37, max_position_embeddings=40, num_labels=3, pad_token_id=0,
)  # fmt: skip
EVERYTHING = dict(output_hidden_states=True, output_attentions=True)
LENGTH = 9


def text(rng, length=LENGTH):
    mask = padding_mask(2, length)
    return {"input_ids": ids(rng, (2, length)) * mask, "attention_mask": mask}


def labelled(rng, left=False):
    """Labels only where the token and the one before it are text: a place without text has no defined answer."""
    mask = padding_mask(2, LENGTH, left)
    tokens = ids(rng, (2, LENGTH)) * mask
    known = mask * np.pad(mask, ((0, 0), (1, 0)))[:, :-1]
    return {"input_ids": tokens, "attention_mask": mask, "labels": np.where(known, tokens, -100)}


def additive_mask(rng):
    mask = np.where(np.tril(np.ones((LENGTH, LENGTH))), 0, np.finfo(np.float32).min)
    mask = np.broadcast_to(mask, (2, 1, LENGTH, LENGTH)).astype(np.float32).copy()
    mask[1, :, 2:, 1] = np.finfo(np.float32).min
    return {"input_ids": ids(rng, (2, LENGTH)), "attention_mask": mask}


def case(name, model, inputs, options=EVERYTHING, skip_outputs=(), **config):
    return Case(
        f"llama-{name}", "llama", model, "LlamaConfig", {**CONFIG, **config}, inputs, options,
        skip_outputs=skip_outputs,
    )  # fmt: skip


def scaled(name, length=LENGTH, **rope_scaling):
    return case(f"rope-{name}", "LlamaModel", lambda rng: text(rng, length), {}, rope_scaling=rope_scaling)


CASES = [
    case("base", "LlamaModel", text),
    case("no-mask", "LlamaModel", lambda rng: {"input_ids": ids(rng, (2, LENGTH))}),
    case("embeds", "LlamaModel", lambda rng: {"inputs_embeds": rng.standard_normal((2, 9, 32)).astype(np.float32)}),
    case("positions", "LlamaModel", lambda rng: text(rng) | {"position_ids": rng.integers(0, 40, (2, LENGTH))}),
    case("mask-4d", "LlamaModel", additive_mask),
    case("biases", "LlamaModel", text, attention_bias=True, mlp_bias=True),
    case("no-groups", "LlamaModel", text, num_key_value_heads=4),
    case("one-group", "LlamaModel", text, num_key_value_heads=1),
    case("head-dim", "LlamaModel", text, head_dim=16),
    case("gelu-eps", "LlamaModel", text, hidden_act="gelu", rms_norm_eps=0.1, rope_theta=500.0),
    scaled("default", rope_type="default"),
    scaled("linear", rope_type="linear", factor=2.0),
    scaled("linear-old-spelling", type="linear", factor=3.0),
    scaled("dynamic-short", rope_type="dynamic", factor=2.0),
    scaled("dynamic-long", length=60, rope_type="dynamic", factor=2.0),
    scaled("yarn", rope_type="yarn", factor=4.0),
    scaled(
        "yarn-all", rope_type="yarn", factor=4.0, original_max_position_embeddings=20, beta_fast=8.0, beta_slow=2.0,
        mscale=0.7, mscale_all_dim=1.1, truncate=False,
    ),
    scaled("yarn-attention", rope_type="yarn", factor=4.0, attention_factor=0.6),
    scaled(
        "llama3", rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=20,
    ),
    scaled(
        "longrope-short", rope_type="longrope", factor=2.0, short_factor=[1.0, 1.1, 1.3, 1.6],
        long_factor=[1.0, 2.0, 4.0, 8.0],
    ),
    scaled(
        "longrope-long", length=60, rope_type="longrope", factor=2.0, short_factor=[1.0, 1.1, 1.3, 1.6],
        long_factor=[1.0, 2.0, 4.0, 8.0],
    ),
    case("causal-lm", "LlamaForCausalLM", labelled),
    case("causal-lm-left", "LlamaForCausalLM", lambda rng: labelled(rng, left=True)),
    case("causal-lm-tied", "LlamaForCausalLM", labelled, tie_word_embeddings=True),
    case("causal-lm-last", "LlamaForCausalLM", text, dict(logits_to_keep=2)),
    case("causal-lm-no-cache", "LlamaForCausalLM", text, dict(use_cache=False)),
    case("sequence", "LlamaForSequenceClassification", lambda rng: text(rng) | {"labels": np.array([2, 0])}),
    case(
        "sequence-regression", "LlamaForSequenceClassification",
        lambda rng: text(rng) | {"labels": np.array([0.5, -1.0], np.float32)}, num_labels=1,
    ),
    case("token", "LlamaForTokenClassification", lambda rng: text(rng) | {"labels": rng.integers(0, 3, (2, LENGTH))}),
    case(
        "question-answering", "LlamaForQuestionAnswering",
        lambda rng: text(rng) | {"start_positions": np.array([1, 20]), "end_positions": np.array([3, 4])},
    ),
    natively(case("base", "LlamaModel", text)),
    natively(case("one-group", "LlamaModel", text, num_key_value_heads=1)),
]  # fmt: skip
