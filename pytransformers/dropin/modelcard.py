"""Tables for model cards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def make_markdown_table(lines: Sequence[dict[str, Any]] | None) -> str:
    """Rows as a Markdown table under the keys of the first; fractions are cut to four decimals. "" without rows."""
    if not lines:
        return ""
    rows = [[str(name) for name in lines[0]], *([_text(value) for value in row.values()] for row in lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    texts = ["| " + " | ".join(map(str.ljust, row, widths)) + " |\n" for row in rows]
    texts.insert(1, "".join(f"|:{'-' * width}:" for width in widths) + "|\n")
    return "".join(texts)


def _text(value: Any) -> str:
    text = str(value)
    is_long = isinstance(value, float) and len(text.partition(".")[2]) > 4
    return f"{value:.4f}" if is_long else text
