"""Other libraries that training may be combined with: none is active here, which these functions say."""

from __future__ import annotations

from ..utils.import_utils import has_packages


def is_deepspeed_zero3_enabled() -> bool:
    """Whether parameters are spread over processes by DeepSpeed."""
    return False


def deepspeed_config() -> None:
    """The active configuration of DeepSpeed."""
    return None


def is_wandb_available() -> bool:
    return has_packages("wandb")


def is_tensorboard_available() -> bool:
    return has_packages("tensorboard") or has_packages("tensorboardX")


def is_optuna_available() -> bool:
    return has_packages("optuna")


def is_ray_available() -> bool:
    return has_packages("ray")


def is_comet_available() -> bool:
    return has_packages("comet_ml")


def is_mlflow_available() -> bool:
    return has_packages("mlflow")
