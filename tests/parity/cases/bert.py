import numpy as np

from ..harness import Case, ids, natively, padding_mask

CONFIG = dict(
    vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=37,
    max_position_embeddings=40, num_labels=3,
)  # fmt: skip
EVERYTHING = dict(output_hidden_states=True, output_attentions=True)


def text(rng):
    return {
        "input_ids": ids(rng, (2, 9)),
        "attention_mask": padding_mask(2, 9),
        "token_type_ids": rng.integers(0, 2, (2, 9)),
    }


def token_labels(rng):
    labels = ids(rng, (2, 9))
    labels[0, :4] = -100
    return text(rng) | {"labels": labels}


def choices(rng):
    return {name: np.stack([value, value[::-1]], 1) for name, value in text(rng).items()} | {"labels": np.array([1, 0])}


def decoder(rng):
    return token_labels(rng) | {
        "encoder_hidden_states": rng.standard_normal((2, 5, 32)).astype(np.float32),
        "encoder_attention_mask": padding_mask(2, 5),
    }


def without_labels(make):
    return lambda rng: {name: value for name, value in make(rng).items() if name != "labels"}


def case(name, model, inputs, options=EVERYTHING, skip_outputs=(), **config):
    return Case(
        f"bert-{name}", "bert", model, "BertConfig", {**CONFIG, **config}, inputs, options, skip_outputs=skip_outputs
    )


CASES = [
    case("base", "BertModel", text),
    case("relu", "BertModel", text, hidden_act="relu"),
    case("relative-key", "BertModel", text, position_embedding_type="relative_key"),
    case("relative-key-query", "BertForMaskedLM", token_labels, position_embedding_type="relative_key_query"),
    case("no-mask", "BertModel", lambda rng: {"input_ids": ids(rng, (2, 9))}),
    case("embeds", "BertModel", lambda rng: {"inputs_embeds": rng.standard_normal((2, 9, 32)).astype(np.float32)}),
    case("positions", "BertModel", lambda rng: text(rng) | {"position_ids": rng.integers(0, 40, (2, 9))}),
    case("mask-3d", "BertModel", lambda rng: text(rng) | {"attention_mask": np.tril(np.ones((2, 9, 9), np.int64))}),
    case(
        "head-mask", "BertModel", lambda rng: text(rng) | {"head_mask": rng.random((2, 4)).astype(np.float32)},
    ),
    case(
        "pretraining", "BertForPreTraining", lambda rng: token_labels(rng) | {"next_sentence_label": np.array([0, 1])}
    ),
    case("masked-lm", "BertForMaskedLM", token_labels),
    case("masked-lm-untied", "BertForMaskedLM", token_labels, tie_word_embeddings=False),
    case("next-sentence", "BertForNextSentencePrediction", lambda rng: text(rng) | {"labels": np.array([0, 1])}),
    case("sequence", "BertForSequenceClassification", lambda rng: text(rng) | {"labels": np.array([2, 0])}),
    case(
        "sequence-regression", "BertForSequenceClassification",
        lambda rng: text(rng) | {"labels": np.array([0.5, -1.0], np.float32)}, num_labels=1,
    ),
    case(
        "sequence-multi-label", "BertForSequenceClassification",
        lambda rng: text(rng) | {"labels": np.array([[1, 0, 1], [0, 0, 1]], np.float32)},
    ),
    case("multiple-choice", "BertForMultipleChoice", choices),
    case("token", "BertForTokenClassification", lambda rng: text(rng) | {"labels": rng.integers(0, 3, (2, 9))}),
    case(
        "question-answering", "BertForQuestionAnswering",
        lambda rng: text(rng) | {"start_positions": np.array([1, 20]), "end_positions": np.array([3, 4])}, num_labels=2,
    ),
    case("decoder", "BertModel", text, is_decoder=True),
    # Given labels, this one class of the oracle keeps no cache.
    case("causal-lm-loss", "BertLMHeadModel", token_labels, skip_outputs=("past_key_values",), is_decoder=True),
    case("causal-lm", "BertLMHeadModel", without_labels(token_labels), is_decoder=True),
    case(
        "cross-attention", "BertLMHeadModel", without_labels(decoder), is_decoder=True, add_cross_attention=True,
    ),
    natively(case("masked-lm", "BertForMaskedLM", token_labels)),
    natively(case("relative-key-query", "BertForMaskedLM", token_labels, position_embedding_type="relative_key_query")),
    natively(case("cross-attention", "BertLMHeadModel", without_labels(decoder), is_decoder=True,
                  add_cross_attention=True)),
]  # fmt: skip
