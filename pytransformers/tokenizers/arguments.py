"""What a tokenizer's arguments may be, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple

UNLIMITED = int(1e30)  # model_max_length where none is known, as files of `transformers` write it
LARGE = int(1e20)  # anything above is as good as unlimited
VERY_LARGE_INTEGER, LARGE_INTEGER = UNLIMITED, LARGE  # their names in `transformers`
SIDES = ("right", "left")
# What can be encoded, for annotations.
TextInput = str
PreTokenizedInput = list[str]
EncodedInput = list[int]
TextInputPair = tuple[str, str]
PreTokenizedInputPair = tuple[list[str], list[str]]
EncodedInputPair = tuple[list[int], list[int]]


class PaddingStrategy(str, Enum):
    """To what length texts are padded."""

    LONGEST = "longest"
    MAX_LENGTH = "max_length"
    DO_NOT_PAD = "do_not_pad"


class TruncationStrategy(str, Enum):
    """Which text of a pair is cut."""

    ONLY_FIRST = "only_first"
    ONLY_SECOND = "only_second"
    LONGEST_FIRST = "longest_first"
    DO_NOT_TRUNCATE = "do_not_truncate"


class TensorType(str, Enum):
    """What `return_tensors` may be."""

    PYTORCH = "pt"
    TENSORFLOW = "tf"
    NUMPY = "np"
    JAX = "jax"


class CharSpan(NamedTuple):
    """Characters `start` to `end`, excluded, of a text."""

    start: int
    end: int


class TokenSpan(NamedTuple):
    """Tokens `start` to `end`, excluded, of an encoded text."""

    start: int
    end: int


# Besides the members' own texts.
PADDING = {True: PaddingStrategy.LONGEST, False: PaddingStrategy.DO_NOT_PAD, None: PaddingStrategy.DO_NOT_PAD}
PADDING.update((member.value, member) for member in PaddingStrategy)
TRUNCATION = {True: TruncationStrategy.LONGEST_FIRST, False: TruncationStrategy.DO_NOT_TRUNCATE}
TRUNCATION.update((member.value, member) for member in TruncationStrategy)
TRUNCATION[None] = TruncationStrategy.DO_NOT_TRUNCATE


def strategy(name: str, value: Any, known: dict[Any, Any]) -> Any:
    """The member of an enumeration that an argument means."""
    try:
        return known[value]
    except (KeyError, TypeError):
        texts = ", ".join(dict.fromkeys(member.value for member in known.values()))
        raise ValueError(f"[tokenizer] expected {name} to be one of {texts}, got {value!r}") from None


def one_of(name: str, value: Any, known: Sequence[str]) -> Any:
    if value not in known:
        raise ValueError(f"[tokenizer] expected {name} to be one of {', '.join(known)}, got {value!r}")
    return value


def given(value: bool | None, default: bool) -> bool:
    return default if value is None else value


def refuse_rows(rows: Sequence[Any], words: bool) -> None:
    """Say which of the rows is no text, or no pair of texts, or no Unicode; return if all are good."""
    for index, row in enumerate(rows):
        pair = isinstance(row, (list, tuple)) and len(row) == 2 and (not words or not isinstance(row[0], str))
        for text in row if pair else [row]:
            for word in text if words and isinstance(text, (list, tuple)) else [text]:
                if not isinstance(word, str) or (words and word is text):
                    what = "a list of words" if words else "text"
                    raise TypeError(f"[tokenizer] expected {what} at position {index}, got {row!r:.60}")
                refuse_surrogates(word, f"at position {index}")


def refuse_surrogates(text: str, where: str = "") -> None:
    """Halves of UTF-16 pairs are no characters: no UTF-8 can be made of them. ValueError names the first."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"[tokenizer] expected Unicode text{where and ' ' + where}, got a lone surrogate {text[error.start]!r} at "
            f"character {error.start}; decode the text with errors='replace', or remove it"
        ) from None
