"""token-classification: a label for each token, or for each entity they make up.

Labels may follow the scheme B-X, I-X, O (Ramshaw and Marcus 1995, "Text chunking using transformation-based learning").
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from enum import Enum
from typing import Any

import numpy as np

from . import batching
from .base import ArgumentHandler, ChunkPipeline, is_stream
from .scores import member, softmax


class TokenClassificationArgumentHandler(ArgumentHandler):
    """(inputs, is_split_into_words, offset_mapping, delimiter) from what a call is given."""

    def __call__(self, inputs: Any, **kwargs: Any) -> tuple[Any, bool, Any, str | None]:
        split, delimiter = kwargs.get("is_split_into_words", False), kwargs.get("delimiter")
        if is_stream(inputs) and not isinstance(inputs, list):
            return inputs, split, None, delimiter
        if not isinstance(inputs, (str, list, tuple)) or (not isinstance(inputs, str) and not inputs):
            raise ValueError(f"[token-classification] expected at least one text, got {inputs!r:.80}")
        inputs = [inputs] if isinstance(inputs, str) else list(inputs)
        offsets = kwargs.get("offset_mapping")
        if offsets:
            if isinstance(offsets, list) and isinstance(offsets[0], tuple):
                offsets = [offsets]
            if len(offsets) != len(inputs):
                raise ValueError(
                    f"[token-classification] expected an offset_mapping for each of {len(inputs)} texts, "
                    f"got {len(offsets)}"
                )
        return inputs, split, offsets, delimiter


class AggregationStrategy(Enum):
    """How tokens become entities."""

    NONE = "none"
    SIMPLE = "simple"
    FIRST = "first"
    AVERAGE = "average"
    MAX = "max"

    @classmethod
    def of(cls, name: Any) -> AggregationStrategy:
        """From its name, in either case; itself stays."""
        return member(cls, name, "aggregation_strategy")


BY_WORD = (AggregationStrategy.FIRST, AggregationStrategy.AVERAGE, AggregationStrategy.MAX)


class TokenClassificationPipeline(ChunkPipeline):
    """[{"entity", "score", "index", "word", "start", "end"}] of a text, or [{"entity_group", "score", "word", "start",
    "end"}] with an aggregation strategy.

    Args:
        aggregation_strategy: "none"; "simple" joins neighbouring tokens of one entity; "first", "average" and "max"
            give each word one label before, that of its first token, of the mean of its scores, or of its surest token.
        ignore_labels: labels to leave out, ["O"] by default.
        stride: label long texts whole, in chunks that share this many tokens; needs an aggregation strategy.
        is_split_into_words: texts are lists of words; `delimiter` (" ") joins them to the text that offsets refer to.
        grouped_entities, ignore_subwords: the older way of `aggregation_strategy`.
    """

    _load_tokenizer = True
    _load_image_processor = False
    _load_feature_extractor = False
    default_input_names = "sequences"

    def __init__(self, args_parser: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._args_parser = args_parser or TokenClassificationArgumentHandler()

    def _sanitize_parameters(
        self, ignore_labels=None, grouped_entities=None, ignore_subwords=None, aggregation_strategy=None,
        offset_mapping=None, is_split_into_words=False, stride=None, delimiter=None,
    ):  # fmt: skip
        before: dict[str, Any] = {"is_split_into_words": is_split_into_words}
        if is_split_into_words:
            before["delimiter"] = " " if delimiter is None else delimiter
        if offset_mapping is not None:
            before["offset_mapping"] = offset_mapping
        after = {}
        if grouped_entities is not None or ignore_subwords is not None:
            grouped = "first" if ignore_subwords else "simple"
            aggregation_strategy = grouped if grouped_entities else "none"
            warnings.warn(
                "[token-classification] grouped_entities and ignore_subwords are old; use "
                f"aggregation_strategy={aggregation_strategy!r}", stacklevel=3,
            )  # fmt: skip
        if aggregation_strategy is not None:
            strategy = AggregationStrategy.of(aggregation_strategy)
            if strategy in BY_WORD and not self.tokenizer.is_fast:
                raise ValueError(
                    f"[token-classification] expected a tokenizer that knows words for {strategy.value!r}; use 'simple'"
                )
            after["aggregation_strategy"] = strategy
        if ignore_labels is not None:
            after["ignore_labels"] = ignore_labels
        if stride is not None:
            if stride >= self.tokenizer.model_max_length:
                raise ValueError("`stride` must be less than `tokenizer.model_max_length`")
            if after.get("aggregation_strategy") is AggregationStrategy.NONE:
                raise ValueError("[token-classification] expected an aggregation_strategy with stride, got 'none'")
            if not self.tokenizer.is_fast:
                raise ValueError("[token-classification] expected a fast tokenizer for stride")
            before["tokenizer_params"] = {"return_overflowing_tokens": True, "padding": True, "stride": stride}
        return before, {}, after

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        _, split, offsets, delimiter = self._args_parser(inputs, **kwargs)
        kwargs.update(is_split_into_words=split, delimiter=delimiter)
        if offsets:
            kwargs["offset_mapping"] = offsets
        if split and isinstance(inputs, (list, tuple)) and not all(isinstance(words, list) for words in inputs):
            inputs = [inputs]
        return super().__call__(list(inputs) if isinstance(inputs, tuple) else inputs, **kwargs)

    def preprocess(
        self, sentence: Any, offset_mapping: Any = None, is_split_into_words: bool = False, delimiter: str = " ",
        tokenizer_params: dict[str, Any] | None = None,
    ) -> Iterator[dict[str, Any]]:  # fmt: skip
        text, words = sentence, None
        if is_split_into_words:
            if not isinstance(sentence, (list, tuple)):
                raise ValueError("When `is_split_into_words=True`, `sentence` must be a list of tokens.")
            text = delimiter.join(sentence)
            ends = np.cumsum([len(word) + len(delimiter) for word in sentence])
            words = [int(end) - len(word) - len(delimiter) for end, word in zip(ends, sentence, strict=True)]
        elif not isinstance(sentence, str):
            raise ValueError("When `is_split_into_words=False`, `sentence` must be an untokenized string.")
        fast = self.tokenizer.is_fast
        encoded = self.tokenizer(
            [sentence], truncation=bool(self.tokenizer.model_max_length), return_special_tokens_mask=True,
            return_offsets_mapping=fast, is_split_into_words=is_split_into_words, **(tokenizer_params or {}),
        )  # fmt: skip
        encoded.pop("overflow_to_sample_mapping", None)
        for index in range(len(encoded["input_ids"])):
            features = {name: np.array([values[index]], np.int64) for name, values in encoded.items()}
            offsets = features.pop("offset_mapping", None)
            if offset_mapping is not None:
                offsets = np.array(offset_mapping, np.int64)
            features["sentence"] = text
            features["offsets"] = None if offsets is None else self._absolute(offsets[0], encoded, index, words)
            yield features

    @staticmethod
    def _absolute(offsets: np.ndarray, encoded: Any, index: int, words: list[int] | None) -> list[list[int]]:
        """Offsets in the whole text; those of split words count from the word's start."""
        if words is not None:
            starts = [0 if word is None else words[word] for word in encoded.word_ids(index)]
            offsets = offsets + np.array(starts)[:, None]
        return offsets.tolist()

    def _forward(self, model_inputs: Any) -> dict[str, Any]:
        kept = {name: model_inputs[name] for name in ("special_tokens_mask", "offsets", "sentence", "input_ids")}
        names = [name for name in model_inputs if name not in ("special_tokens_mask", "offsets", "sentence", "is_last")]
        return {"logits": self.run_model({name: model_inputs[name] for name in names})[0], **kept}

    def postprocess(
        self, all_outputs: Any, aggregation_strategy: Any = AggregationStrategy.NONE, ignore_labels: Any = None
    ) -> list[dict[str, Any]]:
        ignored = ["O"] if ignore_labels is None else ignore_labels
        found = []
        for outputs in all_outputs:
            values = (batching.to_numpy(outputs[name])[0] for name in ("input_ids", "logits", "special_tokens_mask"))
            ids, logits, special = values
            tokens = self.gather_pre_entities(
                outputs["sentence"], ids, softmax(logits), outputs["offsets"], special, aggregation_strategy
            )
            entities = self.aggregate(tokens, aggregation_strategy)
            found += [e for e in entities if e.get("entity", e.get("entity_group")) not in ignored]
        return self.aggregate_overlapping_entities(found) if len(all_outputs) > 1 else found

    def aggregate_overlapping_entities(self, entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Of entities that overlap, as chunks of one text give them, the longest, then the surest."""
        kept: list[dict[str, Any]] = []
        for entity in sorted(entities, key=lambda e: e["start"]):
            if kept and entity["start"] < kept[-1]["end"]:
                kept[-1] = max(kept[-1], entity, key=lambda e: (e["end"] - e["start"], e["score"]))
            else:
                kept.append(entity)
        return kept

    def gather_pre_entities(
        self, sentence: str, input_ids: np.ndarray, scores: np.ndarray, offset_mapping: Any,
        special_tokens_mask: np.ndarray, aggregation_strategy: AggregationStrategy,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """For each token that is not special: "word", "scores", "start", "end", "index", "is_subword"."""
        model = getattr(getattr(self.tokenizer, "backend_tokenizer", None), "model", None)
        knows_words = bool(getattr(model, "continuing_subword_prefix", None))
        if offset_mapping is not None and aggregation_strategy in BY_WORD and not knows_words:
            warnings.warn(
                "[token-classification] this tokenizer does not mark subwords; tokens without a space between are one "
                "word", stacklevel=2,
            )  # fmt: skip
        tokens = []
        words = self.tokenizer.convert_ids_to_tokens(input_ids.tolist())
        for index in np.nonzero(special_tokens_mask == 0)[0].tolist():
            word, start, end, subword = words[index], None, None, False
            if offset_mapping is not None:
                start, end = offset_mapping[index]
                text = sentence[start:end]
                if int(input_ids[index]) == self.tokenizer.unk_token_id:
                    word = text
                elif knows_words:
                    subword = len(word) != len(text)
                else:
                    subword = start > 0 and " " not in sentence[start - 1 : start + 1]
            tokens.append({"word": word, "scores": scores[index], "start": start, "end": end, "index": index,
                           "is_subword": subword})  # fmt: skip
        return tokens

    def aggregate(
        self, pre_entities: list[dict[str, Any]], aggregation_strategy: AggregationStrategy
    ) -> list[dict[str, Any]]:
        """Tokens as entities: one for each token, or joined."""
        if aggregation_strategy in BY_WORD:
            return self.group_entities(self.aggregate_words(pre_entities, aggregation_strategy))
        entities = []
        for token in pre_entities:
            best = int(token["scores"].argmax())
            kept = {name: token[name] for name in ("index", "word", "start", "end")}
            label = self.model.config.id2label[best]
            entities.append({"entity": label, "score": float(token["scores"][best]), **kept})
        return entities if aggregation_strategy is AggregationStrategy.NONE else self.group_entities(entities)

    def aggregate_words(
        self, entities: list[dict[str, Any]], aggregation_strategy: AggregationStrategy
    ) -> list[dict[str, Any]]:
        """One entity for each word: a token and the subwords after it."""
        groups: list[list[dict[str, Any]]] = []
        for entity in entities:
            if groups and entity["is_subword"]:
                groups[-1].append(entity)
            else:
                groups.append([entity])
        return [self.aggregate_word(group, aggregation_strategy) for group in groups]

    def aggregate_word(
        self, entities: list[dict[str, Any]], aggregation_strategy: AggregationStrategy
    ) -> dict[str, Any]:
        """The tokens of a word as one entity."""
        choose = {
            AggregationStrategy.FIRST: lambda: entities[0]["scores"],
            AggregationStrategy.MAX: lambda: max((e["scores"] for e in entities), key=np.max),
            AggregationStrategy.AVERAGE: lambda: np.nanmean([e["scores"] for e in entities], axis=0),
        }
        scores = choose[aggregation_strategy]()
        best = int(scores.argmax())
        return {
            "entity": self.model.config.id2label[best],
            "score": float(scores[best]),
            "word": self.tokenizer.convert_tokens_to_string([e["word"] for e in entities]),
            "start": entities[0]["start"],
            "end": entities[-1]["end"],
        }

    def group_entities(self, entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Neighbours of one kind joined; B-X begins a new one."""
        groups: list[list[dict[str, Any]]] = []
        for entity in entities:
            begins, tag = self.get_tag(entity["entity"])
            if groups and begins != "B" and tag == self.get_tag(groups[-1][-1]["entity"])[1]:
                groups[-1].append(entity)
            else:
                groups.append([entity])
        return [self.group_sub_entities(group) for group in groups]

    def group_sub_entities(self, entities: list[dict[str, Any]]) -> dict[str, Any]:
        """A run of entities of one kind as one."""
        return {
            "entity_group": entities[0]["entity"].split("-", 1)[-1],
            "score": float(np.nanmean([e["score"] for e in entities])),
            "word": self.tokenizer.convert_tokens_to_string([e["word"] for e in entities]),
            "start": entities[0]["start"],
            "end": entities[-1]["end"],
        }

    def get_tag(self, entity_name: str) -> tuple[str, str]:
        """("B" or "I", the kind) of a label; one without a prefix continues."""
        prefix, _, tag = entity_name.partition("-")
        return (prefix, tag) if prefix in ("B", "I") and tag else ("I", entity_name)


NerPipeline = TokenClassificationPipeline
