"""zero-shot-classification: labels given with the call, judged by a model of natural language inference.

After Yin et al. 2019, "Benchmarking zero-shot text classification", arXiv:1909.00161.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import batching
from .base import ArgumentHandler, ChunkPipeline
from .scores import softmax

logger = logging.getLogger(__name__)
OPTIONS = ("candidate_labels", "hypothesis_template", "multi_label", "multi_class")


class ZeroShotClassificationArgumentHandler(ArgumentHandler):
    """Pairs of a text and a sentence about each label."""

    def _parse_labels(self, labels: Any) -> list[str]:
        if isinstance(labels, str):
            labels = [label.strip() for label in labels.split(",") if label.strip()]
        return labels

    def __call__(self, sequences: Any, labels: Any, hypothesis_template: str) -> tuple[list[list[str]], list[str]]:
        if not labels or not sequences:
            raise ValueError("[zero-shot-classification] expected at least one text and at least one label")
        if hypothesis_template.format(labels[0]) == hypothesis_template:
            raise ValueError(
                f"[zero-shot-classification] expected hypothesis_template to have {{}} where the label goes, got "
                f"{hypothesis_template!r}"
            )
        sequences = [sequences] if isinstance(sequences, str) else sequences
        return [[text, hypothesis_template.format(label)] for text in sequences for label in labels], sequences


class ZeroShotClassificationPipeline(ChunkPipeline):
    """{"sequence", "labels", "scores"} of a text, best label first.

    Args:
        candidate_labels: a list, or text with commas between.
        hypothesis_template: the sentence made of a label, "This example is {}." by default.
        multi_label: score each label by itself, so that several may be true.
    The model's `label2id` names the label that starts with "entail".
    """

    _load_tokenizer = True
    _load_image_processor = False
    _load_feature_extractor = False

    def __init__(self, args_parser: Any = None, **kwargs: Any) -> None:
        self._args_parser = args_parser or ZeroShotClassificationArgumentHandler()
        super().__init__(**kwargs)
        if self.entailment_id == -1:
            logger.warning(
                "[zero-shot-classification] expected a label that starts with 'entail' in the model's label2id, found "
                "none; the last one is taken"
            )

    @property
    def entailment_id(self) -> int:
        """The index of the entailment label; -1 if no label says so."""
        labels = self.model.config.label2id.items()
        return next((index for label, index in labels if label.lower().startswith("entail")), -1)

    def _sanitize_parameters(self, **kwargs):
        if unknown := kwargs.keys() - set(OPTIONS):
            raise TypeError(f"[zero-shot-classification] expected {', '.join(OPTIONS)}, got {', '.join(unknown)}")
        if kwargs.get("multi_class") is not None:
            kwargs["multi_label"] = kwargs["multi_class"]
        preprocess_params = {}
        if "candidate_labels" in kwargs:
            preprocess_params["candidate_labels"] = self._args_parser._parse_labels(kwargs["candidate_labels"])
        if "hypothesis_template" in kwargs:
            preprocess_params["hypothesis_template"] = kwargs["hypothesis_template"]
        return preprocess_params, {}, {"multi_label": kwargs["multi_label"]} if "multi_label" in kwargs else {}

    def __call__(self, sequences: Any, *args: Any, **kwargs: Any) -> Any:
        if args:
            if len(args) > 1 or "candidate_labels" in kwargs:
                raise ValueError(f"[zero-shot-classification] expected texts and candidate_labels, got also {args}")
            kwargs["candidate_labels"] = args[0]
        return super().__call__(sequences, **kwargs)

    def preprocess(
        self, inputs: Any, candidate_labels: Any = None, hypothesis_template: str = "This example is {}."
    ) -> Iterator[dict[str, Any]]:
        pairs, sequences = self._args_parser(inputs, candidate_labels, hypothesis_template)
        for label, pair in zip(candidate_labels, pairs, strict=False):
            yield {"candidate_label": label, "sequence": sequences[0], **self._encode(*pair)}

    def _encode(self, text: str, hypothesis: str) -> dict[str, Any]:
        """The text is cut where both are too long, the hypothesis never."""
        try:
            return self.tokenizer([text], [hypothesis], return_tensors=self.tensors, truncation="only_first")
        except ValueError as error:
            if "too short" not in str(error):
                raise
            return self.tokenizer([text], [hypothesis], return_tensors=self.tensors, truncation=False)

    def _needs_exact_lengths(self) -> bool:
        return self.model.config.pad_token_id is None

    def _forward(self, inputs: Any) -> dict[str, Any]:
        model_inputs = {name: inputs[name] for name in self.tokenizer.model_input_names if name in inputs}
        kept = {name: inputs[name] for name in ("candidate_label", "sequence")}
        return {**kept, "logits": self.run_model(model_inputs)["logits"]}

    def postprocess(self, model_outputs: Any, multi_label: bool = False) -> dict[str, Any]:
        labels = [outputs["candidate_label"] for outputs in model_outputs]
        logits = np.concatenate([batching.to_numpy(outputs["logits"]) for outputs in model_outputs])
        entailment = self.entailment_id
        if multi_label or len(labels) == 1:
            contradiction = -1 if entailment == 0 else 0
            scores = softmax(logits[:, [contradiction, entailment]])[:, 1]
        else:
            scores = softmax(logits[:, entailment])
        order = scores.argsort()[::-1]
        return {
            "sequence": model_outputs[0]["sequence"],
            "labels": [labels[index] for index in order],
            "scores": scores[order].tolist(),
        }
