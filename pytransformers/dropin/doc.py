"""Decorators that put texts around docstrings, for model code of others that uses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def add_start_docstrings(*texts: str) -> Callable[[Any], Any]:
    """The texts, then the object's own docstring."""
    return lambda target: _documented(target, [*texts, target.__doc__])


def add_end_docstrings(*texts: str) -> Callable[[Any], Any]:
    """The object's own docstring, then the texts."""
    return lambda target: _documented(target, [target.__doc__, *texts])


def _documented(target: Any, texts: list[str | None]) -> Any:
    target.__doc__ = "".join(filter(None, texts))
    return target


def _leave_alone(*args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """A decorator that changes nothing: what it would add to the docstring is about another package."""
    return lambda target: target


add_start_docstrings_to_model_forward = add_start_docstrings
add_code_sample_docstrings = replace_return_docstrings = _leave_alone
