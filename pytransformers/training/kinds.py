"""Choices that training code makes by name, the records it passes around, and the names of its files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, NamedTuple

from ..utils.generic import ExplicitEnum

TRAINING_ARGS_NAME = "training_args.bin"
TRAINER_STATE_NAME = "trainer_state.json"
OPTIMIZER_NAME, OPTIMIZER_NAME_BIN = "optimizer.pt", "optimizer.bin"
SCHEDULER_NAME, SCALER_NAME = "scheduler.pt", "scaler.pt"
PREFIX_CHECKPOINT_DIR = "checkpoint"


class IntervalStrategy(ExplicitEnum):
    NO = "no"
    STEPS = "steps"
    EPOCH = "epoch"


EvaluationStrategy = IntervalStrategy


class SaveStrategy(ExplicitEnum):
    NO = "no"
    STEPS = "steps"
    EPOCH = "epoch"
    BEST = "best"


class HubStrategy(ExplicitEnum):
    END = "end"
    EVERY_SAVE = "every_save"
    CHECKPOINT = "checkpoint"
    ALL_CHECKPOINTS = "all_checkpoints"


class SchedulerType(ExplicitEnum):
    """The schedules that `get_scheduler` knows."""

    LINEAR = "linear"
    COSINE = "cosine"
    COSINE_WITH_RESTARTS = "cosine_with_restarts"
    POLYNOMIAL = "polynomial"
    CONSTANT = "constant"
    CONSTANT_WITH_WARMUP = "constant_with_warmup"
    INVERSE_SQRT = "inverse_sqrt"
    REDUCE_ON_PLATEAU = "reduce_lr_on_plateau"
    COSINE_WITH_MIN_LR = "cosine_with_min_lr"


class ParallelMode(Enum):
    NOT_PARALLEL = "not_parallel"
    NOT_DISTRIBUTED = "not_distributed"
    DISTRIBUTED = "distributed"
    TPU = "tpu"


class EvalPrediction:
    """Predictions and labels of an evaluation, which unpack as a tuple; inputs and losses follow where they are given.

    Args:
        predictions, label_ids, inputs, losses: NumPy arrays, or tuples of them.
    """

    def __init__(self, predictions: Any, label_ids: Any, inputs: Any = None, losses: Any = None) -> None:
        self.predictions = predictions
        self.label_ids = label_ids
        self.inputs = inputs
        self.losses = losses
        self.elements = (predictions, label_ids, *(values for values in (inputs, losses) if values is not None))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.elements)

    def __getitem__(self, index: int) -> Any:
        return self.elements[index]


class EvalLoopOutput(NamedTuple):
    predictions: Any
    label_ids: Any
    metrics: dict[str, float] | None
    num_samples: int | None


class PredictionOutput(NamedTuple):
    predictions: Any
    label_ids: Any
    metrics: dict[str, float] | None


class TrainOutput(NamedTuple):
    global_step: int
    training_loss: float
    metrics: dict[str, float]


def get_last_checkpoint(folder: str | os.PathLike[str]) -> str | None:
    """The sub-folder checkpoint-N with the greatest N, or None."""
    steps = [
        int(found[1])
        for entry in os.scandir(folder)
        if entry.is_dir() and (found := re.fullmatch(rf"{PREFIX_CHECKPOINT_DIR}-(\d+)", entry.name))
    ]
    return os.path.join(folder, f"{PREFIX_CHECKPOINT_DIR}-{max(steps)}") if steps else None


def has_length(dataset: Any) -> bool:
    """Whether len() works on it."""
    try:
        return len(dataset) is not None
    except (TypeError, NotImplementedError):
        return False
