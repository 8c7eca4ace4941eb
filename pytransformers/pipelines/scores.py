"""From a model's numbers to scores, in NumPy."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0 / (1.0 + small), small / (1.0 + small))


def softmax(logits: np.ndarray, axis: int = -1) -> np.ndarray:
    """Exponentials that sum to 1 along `axis`."""
    exponentials = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


def member(kind: Any, name: Any, argument: str) -> Any:
    """The member of the Enum `kind` with this name, in either case; a member stays. Errors name the argument."""
    try:
        return name if isinstance(name, kind) else kind(str(name).lower())
    except ValueError:
        known = ", ".join(one.value for one in kind)
        raise ValueError(f"[{argument}] expected one of {known}, got {name!r}") from None


class ClassificationFunction(Enum):
    """What turns a classifier's logits into scores."""

    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"
    NONE = "none"

    @classmethod
    def of(cls, name: Any) -> ClassificationFunction:
        """From its name, in either case; itself stays."""
        return member(cls, name, "function_to_apply")

    @classmethod
    def default(cls, config: Any, regression: bool) -> ClassificationFunction:
        """The one that fits the model's problem; `regression` says whether that kind is looked at."""
        kinds = {
            "regression": cls.NONE if regression else None,
            "multi_label_classification": cls.SIGMOID,
            "single_label_classification": cls.SOFTMAX,
        }
        return kinds.get(config.problem_type) or (cls.SOFTMAX if config.num_labels > 1 else cls.SIGMOID)

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        return {"sigmoid": sigmoid, "softmax": softmax}.get(self.value, np.asarray)(logits)


def labelled(scores: np.ndarray, id2label: dict[int, str]) -> list[dict[str, Any]]:
    """[{"label", "score"}] for each class, in the model's order."""
    return [{"label": id2label[index], "score": float(score)} for index, score in enumerate(scores)]


def best(results: list[dict[str, Any]], top_k: int | None) -> list[dict[str, Any]]:
    """The `top_k` of highest score, all for None, highest first."""
    return sorted(results, key=lambda result: result["score"], reverse=True)[:top_k]
