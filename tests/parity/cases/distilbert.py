import numpy as np

from ..harness import Case, ids, padding_mask

CONFIG = {
    "vocab_size": 99, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 37, "max_position_embeddings": 40,
    "num_labels": 3,
}  # fmt: skip
EVERYTHING = {"output_hidden_states": True, "output_attentions": True}


def text(rng):
    return {"input_ids": ids(rng, (2, 9)), "attention_mask": padding_mask(2, 9)}


def token_labels(rng):
    labels = ids(rng, (2, 9))
    labels[0, :4] = -100
    return text(rng) | {"labels": labels}


def choices(rng):
    return {name: np.stack([value, value[::-1]], 1) for name, value in text(rng).items()} | {"labels": np.array([1, 0])}


def spans(rng):
    return text(rng) | {"start_positions": np.array([1, 20]), "end_positions": np.array([3, 4])}


def case(name, model, inputs, **config):
    return Case(
        f"distilbert-{name}", "distilbert", model, "DistilBertConfig", {**CONFIG, **config}, inputs, EVERYTHING
    )


CASES = [
    case("base", "DistilBertModel", text),
    case("relu", "DistilBertModel", text, activation="relu"),
    case("sinusoids", "DistilBertModel", text, sinusoidal_pos_embds=True),
    case("no-mask", "DistilBertModel", lambda rng: {"input_ids": ids(rng, (2, 9))}),
    case("left-padded", "DistilBertModel", lambda rng: text(rng) | {"attention_mask": padding_mask(2, 9, left=True)}),
    case("embeds", "DistilBertModel", lambda rng: {"inputs_embeds": rng.standard_normal((2, 9, 32)).astype("float32")}),
    case("head-mask", "DistilBertModel", lambda rng: text(rng) | {"head_mask": rng.random((2, 4)).astype("float32")}),
    case("masked-lm", "DistilBertForMaskedLM", token_labels),
    case("masked-lm-untied", "DistilBertForMaskedLM", text, tie_word_embeddings=False),
    case("sequence", "DistilBertForSequenceClassification", lambda rng: text(rng) | {"labels": np.array([2, 0])}),
    case(
        "sequence-regression", "DistilBertForSequenceClassification",
        lambda rng: text(rng) | {"labels": np.array([0.5, -1.0], np.float32)}, num_labels=1,
    ),
    case("multiple-choice", "DistilBertForMultipleChoice", choices),
    case("token", "DistilBertForTokenClassification", lambda rng: text(rng) | {"labels": rng.integers(0, 3, (2, 9))}),
    case("question-answering", "DistilBertForQuestionAnswering", spans, num_labels=2),
]  # fmt: skip
