"""Training a Rust tokenizer of the same kind as another one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import AddedToken, Tokenizer, pre_tokenizers, trainers

from .special import from_json

TRAINERS = {
    "BPE": trainers.BpeTrainer,
    "Unigram": trainers.UnigramTrainer,
    "WordLevel": trainers.WordLevelTrainer,
    "WordPiece": trainers.WordPieceTrainer,
}


def train_like(
    tokenizer: Tokenizer,
    texts: Iterable[Any],
    vocab_size: int,
    length: int | None,
    new_special_tokens: Sequence[str | AddedToken],
    renamed: dict[str, str],
    options: dict[str, Any],
) -> Tokenizer:
    """A tokenizer with the pipeline of `tokenizer` and a vocabulary trained on `texts`.

    `renamed` gives old special tokens new texts; `options` go to the Rust library's trainer.
    """
    state = json.loads(tokenizer.to_str())
    added, processor, model = state.pop("added_tokens"), state.pop("post_processor"), state["model"]
    kind = model["type"]
    if kind not in TRAINERS:
        raise ValueError(f"[train_new_from_iterator] expected a model of {', '.join(TRAINERS)}, got {kind}")
    options = {**_emptied(model, renamed), **options}
    if '"type": "ByteLevel"' in json.dumps(state["pre_tokenizer"]):
        options.setdefault("initial_alphabet", pre_tokenizers.ByteLevel.alphabet())
    special = [
        from_json({**token, "content": renamed.get(token["content"], token["content"])})
        for token in added
        if token["special"] or kind == "Unigram"
    ]
    made = Tokenizer.from_str(json.dumps({**state, "added_tokens": [], "post_processor": None}))
    trainer = TRAINERS[kind](vocab_size=vocab_size, special_tokens=[*special, *new_special_tokens], **options)
    made.train_from_iterator(texts, trainer=trainer, length=length)
    if processor is not None:
        _renumber(processor, made, renamed)
        made = Tokenizer.from_str(json.dumps({**json.loads(made.to_str()), "post_processor": processor}))
    return made


def _emptied(model: dict[str, Any], renamed: dict[str, str]) -> dict[str, Any]:
    """Take the vocabulary out of a model's state; returns what the trainer must know of it."""
    if model.get("unk_token") is not None:
        model["unk_token"] = renamed.get(model["unk_token"], model["unk_token"])
    if model["type"] == "Unigram":
        if model["unk_id"] is None:
            model["vocab"] = []
            return {}
        unknown = model["vocab"][model["unk_id"]][0]
        unknown = renamed.get(unknown, unknown)
        model.update(unk_id=0, vocab=[[unknown, 0.0]])
        return {"unk_token": unknown}
    model["vocab"] = {}
    if model["type"] != "BPE":
        return {}
    model["merges"] = []
    affixes = ("continuing_subword_prefix", "end_of_word_suffix")
    return {name: model[name] for name in affixes if model[name] is not None}


def _renumber(processor: dict[str, Any], tokenizer: Tokenizer, renamed: dict[str, str]) -> None:
    """Give the special tokens of a post-processor, or of a sequence of those, their new texts and ids."""

    def index(token: str) -> int:
        found = tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"[train_new_from_iterator] expected {token!r} among the special tokens, found it not")
        return found

    for inner in processor.get("processors", ()):
        _renumber(inner, tokenizer, renamed)
    for entry in (processor.get("special_tokens") or {}).values():
        entry["tokens"] = [renamed.get(token, token) for token in entry["tokens"]]
        entry["ids"] = [index(token) for token in entry["tokens"]]
    for name in ("cls", "sep"):
        if name in processor:
            token = renamed.get(processor[name][0], processor[name][0])
            processor[name] = [token, index(token)]
