import numpy as np

from ..harness import Case, ids, padding_mask

CONFIG = dict(
    vocab_size=99, embedding_size=16, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=37,
    max_position_embeddings=40, num_labels=3,
)  # fmt: skip
EVERYTHING = dict(output_hidden_states=True, output_attentions=True)
GROUPS = dict(num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2)


def text(rng):
    return {
        "input_ids": ids(rng, (2, 9)),
        "attention_mask": padding_mask(2, 9),
        "token_type_ids": rng.integers(0, 2, (2, 9)),
    }


def left_padded(rng):
    return text(rng) | {"attention_mask": padding_mask(2, 9, left=True)}


def head_mask(rng):
    return text(rng) | {"head_mask": rng.random((4, 4)).astype(np.float32)}


def embeds(rng):
    return {"inputs_embeds": rng.standard_normal((2, 9, 16)).astype(np.float32)}


def token_labels(rng):
    labels = ids(rng, (2, 9))
    labels[0, :4] = -100
    return text(rng) | {"labels": labels}


def choices(rng):
    return {name: np.stack([value, value[::-1]], 1) for name, value in text(rng).items()} | {"labels": np.array([1, 0])}


def case(name, model, inputs, options=EVERYTHING, **config):
    return Case(f"albert-{name}", "albert", model, "AlbertConfig", {**CONFIG, **config}, inputs, options)


CASES = [
    case("base", "AlbertModel", text),
    case("groups", "AlbertModel", text, **GROUPS),
    case("relu", "AlbertModel", text, hidden_act="relu"),
    case("relative", "AlbertModel", text, position_embedding_type="relative_key"),
    case("relative-both", "AlbertModel", text, position_embedding_type="relative_key_query"),
    case("no-mask", "AlbertModel", lambda rng: {"input_ids": ids(rng, (2, 9))}),
    case("left-padded", "AlbertModel", left_padded),
    case("embeds", "AlbertModel", embeds),
    case("positions", "AlbertModel", lambda rng: text(rng) | {"position_ids": rng.integers(0, 40, (2, 9))}),
    case("head-mask", "AlbertModel", head_mask, **GROUPS),
    case(
        "pretraining", "AlbertForPreTraining",
        lambda rng: token_labels(rng) | {"sentence_order_label": np.array([0, 1])}, num_labels=2,
    ),
    case("masked-lm", "AlbertForMaskedLM", token_labels),
    case("masked-lm-untied", "AlbertForMaskedLM", token_labels, tie_word_embeddings=False),
    case("sequence", "AlbertForSequenceClassification", lambda rng: text(rng) | {"labels": np.array([2, 0])}),
    case(
        "sequence-regression", "AlbertForSequenceClassification",
        lambda rng: text(rng) | {"labels": np.array([0.5, -1.0], np.float32)}, num_labels=1,
    ),
    case(
        "sequence-multi-label", "AlbertForSequenceClassification",
        lambda rng: text(rng) | {"labels": np.array([[1, 0, 1], [0, 0, 1]], np.float32)},
    ),
    case("multiple-choice", "AlbertForMultipleChoice", choices),
    case("token", "AlbertForTokenClassification", lambda rng: text(rng) | {"labels": rng.integers(0, 3, (2, 9))}),
    case(
        "question-answering", "AlbertForQuestionAnswering",
        lambda rng: text(rng) | {"start_positions": np.array([1, 20]), "end_positions": np.array([3, 4])}, num_labels=2,
    ),
]  # fmt: skip
