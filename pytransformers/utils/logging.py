"""Loggers, their verbosity, and whether progress bars are drawn; names as in `transformers.utils.logging`.

TRANSFORMERS_VERBOSITY (debug, info, warning, error, critical) sets the first level, TRANSFORMERS_NO_ADVISORY_WARNINGS
silences `warning_advice`, HF_HUB_DISABLE_PROGRESS_BARS the bars.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
from logging import CRITICAL, DEBUG, ERROR, FATAL, INFO, NOTSET, WARN, WARNING, captureWarnings  # noqa: F401
from typing import Any

LIBRARY = __name__.partition(".")[0]
log_levels = {
    "detail": DEBUG, "debug": DEBUG, "info": INFO, "warning": WARNING, "error": ERROR, "critical": CRITICAL,
}  # fmt: skip
_TRUE = ("1", "true", "yes", "on")
_handler: logging.Handler | None = None
_bars = os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS", "").lower() not in _TRUE


def _library_logger() -> logging.Logger:
    """The logger above all of ours, which writes to stderr from the first time it is asked for."""
    global _handler
    logger = logging.getLogger(LIBRARY)
    if _handler is None:
        _handler = logging.StreamHandler(sys.stderr)
        logger.addHandler(_handler)
        logger.propagate = False
        wanted = os.environ.get("TRANSFORMERS_VERBOSITY")
        logger.setLevel(log_levels.get((wanted or "warning").lower(), WARNING))
        if wanted and wanted.lower() not in log_levels:
            logger.warning("[TRANSFORMERS_VERBOSITY] expected one of %s, got %r", ", ".join(log_levels), wanted)
    return logger


def get_logger(name: str | None = None) -> logging.Logger:
    """A logger with `warning_once`, `info_once` and `warning_advice` besides the usual methods."""
    root = _library_logger()
    logger = root if name is None else logging.getLogger(name)
    if not hasattr(logger, "warning_once"):
        logger.warning_once = functools.cache(logger.warning)
        logger.info_once = functools.cache(logger.info)
        logger.warning_advice = functools.partial(_advise, logger)
    return logger


def _advise(logger: logging.Logger, *args: Any, **kwargs: Any) -> None:
    if os.environ.get("TRANSFORMERS_NO_ADVISORY_WARNINGS", "").lower() not in _TRUE:
        logger.warning(*args, stacklevel=2, **kwargs)


def get_log_levels_dict() -> dict[str, int]:
    return log_levels


def get_verbosity() -> int:
    """The level of the library's loggers, as a number of the standard library."""
    return _library_logger().getEffectiveLevel()


def set_verbosity(verbosity: int) -> None:
    _library_logger().setLevel(verbosity)


def set_verbosity_debug() -> None:
    set_verbosity(DEBUG)


def set_verbosity_info() -> None:
    set_verbosity(INFO)


def set_verbosity_warning() -> None:
    set_verbosity(WARNING)


def set_verbosity_error() -> None:
    set_verbosity(ERROR)


def enable_default_handler() -> None:
    _library_logger().addHandler(_handler)


def disable_default_handler() -> None:
    _library_logger().removeHandler(_handler)


def add_handler(handler: logging.Handler) -> None:
    _library_logger().addHandler(handler)


def remove_handler(handler: logging.Handler) -> None:
    logger = _library_logger()
    if handler not in logger.handlers:
        raise ValueError(f"[remove_handler] expected a handler that was added, got {handler!r}")
    logger.removeHandler(handler)


def enable_propagation() -> None:
    """Pass records on to the root logger, as test tools and servers want; then disable the default handler."""
    _library_logger().propagate = True


def disable_propagation() -> None:
    _library_logger().propagate = False


def enable_explicit_format() -> None:
    """Level, file, line and time before each message."""
    formatter = logging.Formatter("[%(levelname)s|%(filename)s:%(lineno)s] %(asctime)s >> %(message)s")
    for handler in _library_logger().handlers:
        handler.setFormatter(formatter)


def reset_format() -> None:
    for handler in _library_logger().handlers:
        handler.setFormatter(None)


# Progress bars


def is_progress_bar_enabled() -> bool:
    return _bars


def enable_progress_bar() -> None:
    global _bars
    _bars = True


def disable_progress_bar() -> None:
    global _bars
    _bars = False


def tqdm(*args: Any, **kwargs: Any) -> Any:
    """`tqdm.auto.tqdm`, silent while progress bars are disabled."""
    from tqdm.auto import tqdm as bar

    return bar(*args, **kwargs if _bars else {**kwargs, "disable": True})
