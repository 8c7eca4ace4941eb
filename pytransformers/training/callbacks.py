"""What a training loop tells its callbacks, and how they steer it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from ..utils.files import read_json_object, write_text

# The moments at which a loop calls its callbacks, in the order of a run.
EVENTS = (
    "on_init_end", "on_train_begin", "on_epoch_begin", "on_step_begin", "on_pre_optimizer_step", "on_optimizer_step",
    "on_substep_end", "on_step_end", "on_prediction_step", "on_evaluate", "on_predict", "on_save", "on_log",
    "on_epoch_end", "on_train_end",
)  # fmt: skip


class ExportableState:
    """Something whose state is saved with a training run: `state()` gives {"args": ..., "attributes": ...}."""

    def state(self) -> dict[str, Any]:
        raise NotImplementedError(f"[{type(self).__name__}] expected a method state(), found none; define it")

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """An object made from "args", with "attributes" set afterwards."""
        made = cls(**state["args"])
        for name, value in state["attributes"].items():
            setattr(made, name, value)
        return made


@dataclass
class TrainerState:
    """Where a training run stands. A step is one update of the parameters.

    epoch: with its fraction done. logging_steps, eval_steps, save_steps: updates between two of these; a number below
    1 is a share of `max_steps`. log_history: one dictionary per log. best_*: of the metric that is watched.
    stateful_callbacks: {class name: its `state()`}, made from the callbacks that are given.
    """

    epoch: float | None = None
    global_step: int = 0
    max_steps: int = 0
    logging_steps: float = 500
    eval_steps: float = 500
    save_steps: float = 500
    train_batch_size: int | None = None
    num_train_epochs: int = 0
    num_input_tokens_seen: int = 0
    total_flos: float = 0
    log_history: list[dict[str, float]] = field(default_factory=list)
    best_metric: float | None = None
    best_global_step: int | None = None
    best_model_checkpoint: str | None = None
    is_local_process_zero: bool = True
    is_world_process_zero: bool = True
    is_hyper_param_search: bool = False
    trial_name: str | None = None
    trial_params: dict[str, Any] | None = None
    stateful_callbacks: Any = None

    def __post_init__(self) -> None:
        if self.log_history is None:
            self.log_history = []
        if not isinstance(self.stateful_callbacks, dict):
            self.stateful_callbacks = _states(self.stateful_callbacks or ())

    def save_to_json(self, json_path: str) -> None:
        write_text(json_path, json.dumps(asdict(self), indent=2, sort_keys=True) + "\n")

    @classmethod
    def load_from_json(cls, json_path: str) -> Self:
        return cls(**read_json_object(json_path))

    def compute_steps(self, args: Any, max_steps: int) -> None:
        """Take logging_steps, eval_steps and save_steps from `args`, shares turned into steps."""
        for name in ("logging_steps", "eval_steps", "save_steps"):
            steps = getattr(args, name)
            if steps is not None:
                setattr(self, name, -int(-max_steps * steps // 1) if steps < 1 else steps)


def _states(callbacks: Any) -> dict[str, Any]:
    """{class name: state}, or a list of states where a class comes several times."""
    states: dict[str, Any] = {}
    for callback in callbacks:
        if not isinstance(callback, ExportableState):
            raise TypeError(
                f"[TrainerState] expected callbacks that are ExportableState, got {type(callback).__name__}"
            )
        states.setdefault(type(callback).__name__, []).append(callback.state())
    return {name: found[0] if len(found) == 1 else found for name, found in states.items()}


@dataclass
class TrainerControl(ExportableState):
    """What callbacks ask of the loop. The loop resets `should_epoch_stop` each epoch and the last three each step."""

    should_training_stop: bool = False
    should_epoch_stop: bool = False
    should_save: bool = False
    should_evaluate: bool = False
    should_log: bool = False

    def _new_training(self) -> None:
        self.should_training_stop = False

    def _new_epoch(self) -> None:
        self.should_epoch_stop = False

    def _new_step(self) -> None:
        self.should_save = self.should_evaluate = self.should_log = False

    def state(self) -> dict[str, Any]:
        return {"args": asdict(self), "attributes": {}}


class TrainerCallback:
    """Base of callbacks: override `on_step_end(self, args, state, control, **kwargs)` and the other EVENTS as needed.

    args: the arguments of the run; state: TrainerState; control: TrainerControl, which the callback may change and
    return. kwargs: model, processing_class, optimizer, lr_scheduler, train_dataloader, eval_dataloader; `metrics` on
    evaluation and `logs` on logging.
    """


def _do_nothing(self: TrainerCallback, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
    """Called at the moment that the name says; does nothing unless overridden."""


for _event in EVENTS:
    setattr(TrainerCallback, _event, _do_nothing)


class EarlyStoppingCallback(TrainerCallback, ExportableState):
    """Stops a run when the metric `args.metric_for_best_model` has not improved for some evaluations.

    Args:
        early_stopping_patience: how many evaluations in a row may fail to improve it.
        early_stopping_threshold: by how much it must change to count as improved.
    """

    def __init__(self, early_stopping_patience: int = 1, early_stopping_threshold: float | None = 0.0) -> None:
        self.early_stopping_patience = early_stopping_patience
        self.early_stopping_threshold = early_stopping_threshold
        self.early_stopping_patience_counter = 0

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if args.metric_for_best_model is None or args.eval_strategy == "no":
            raise ValueError(
                "[EarlyStoppingCallback] expected metric_for_best_model and an eval_strategy of 'steps' or 'epoch', "
                f"got {args.metric_for_best_model!r} and {args.eval_strategy!r}; set both"
            )

    def on_evaluate(
        self, args: Any, state: TrainerState, control: TrainerControl, metrics: Any = None, **kwargs: Any
    ) -> None:
        value = (metrics or {}).get(f"eval_{args.metric_for_best_model.removeprefix('eval_')}")
        if value is None:
            return
        change = 0.0 if state.best_metric is None else value - state.best_metric
        better = change > 0 if args.greater_is_better else change < 0
        if state.best_metric is None or better and abs(change) > self.early_stopping_threshold:
            self.early_stopping_patience_counter = 0
        else:
            self.early_stopping_patience_counter += 1
        if self.early_stopping_patience_counter >= self.early_stopping_patience:
            control.should_training_stop = True

    def state(self) -> dict[str, Any]:
        arguments = ("early_stopping_patience", "early_stopping_threshold")
        return {
            "args": {name: getattr(self, name) for name in arguments},
            "attributes": {"early_stopping_patience_counter": self.early_stopping_patience_counter},
        }
