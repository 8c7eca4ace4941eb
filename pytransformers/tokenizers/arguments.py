"""What a tokenizer's arguments may be, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

UNLIMITED = int(1e30)  # model_max_length where none is known, as files of `transformers` write it
LARGE = int(1e20)  # anything above is as good as unlimited
PADDING = {True: "longest", False: "do_not_pad", None: "do_not_pad"}
TRUNCATION = {True: "longest_first", False: "do_not_truncate", None: "do_not_truncate"}
PADDINGS = ("longest", "max_length", "do_not_pad")
TRUNCATIONS = ("longest_first", "only_first", "only_second", "do_not_truncate")
SIDES = ("right", "left")
TEXTS = ("text", "text_pair", "text_target", "text_pair_target")


def one_of(name: str, value: Any, known: Sequence[str]) -> Any:
    value = getattr(value, "value", value)  # an enumeration's member says its text
    if value not in known:
        raise ValueError(f"[tokenizer] expected {name} to be one of {', '.join(known)}, got {value!r}")
    return value


def given(value: bool | None, default: bool) -> bool:
    return default if value is None else value


def as_rows(text: Any, text_pair: Any, words: bool) -> tuple[list[Any], bool]:
    """(what the Rust library encodes, whether it is one text). TypeError says which entry is no text."""
    single = _is_text(text, words)
    texts = [text] if single else list(text) if isinstance(text, (list, tuple)) else None
    if texts is None:
        raise TypeError(f"[tokenizer] expected text, or a list of texts, got {type(text).__name__}")
    columns = [texts]
    if text_pair is not None:
        columns.append([text_pair] if single else list(text_pair) if isinstance(text_pair, (list, tuple)) else [])
        if len(columns[1]) != len(texts):
            raise ValueError(f"[tokenizer] expected as many texts in text_pair as in text, got {len(columns[1])}")
    rows = []
    for index, row in enumerate(zip(*columns, strict=True)):
        if len(row) == 1 and not words and isinstance(row[0], (list, tuple)) and len(row[0]) == 2:
            row = tuple(row[0])  # a list of (text, text) pairs
        for entry in row:
            if not _is_text(entry, words):
                what = "a list of words" if words else "text"
                raise TypeError(f"[tokenizer] expected {what} at position {index}, got {entry!r:.60}")
        rows.append(row if len(row) > 1 else row[0])
    return rows, single


def _is_text(value: Any, words: bool) -> bool:
    if not words:
        return isinstance(value, str)
    return isinstance(value, (list, tuple)) and all(isinstance(word, str) for word in value)
