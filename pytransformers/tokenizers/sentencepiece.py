"""Reading sentencepiece's model files, without sentencepiece and without protobuf.

A .model file is a ModelProto in protobuf's wire format (protobuf.dev/programming-guides/encoding): fields, each a key
(number << 3 | wire type) and a value. Fields that are not in the tables below are passed over.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .charsmap import is_charsmap

UNIGRAM, BPE = 1, 2  # of TrainerSpec.model_type
MODEL_TYPES = {UNIGRAM: "unigram", BPE: "bpe", 3: "word", 4: "char"}
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6  # of a piece
SPACE = "\u2581"  # stands for a space inside pieces

SCORE = struct.Struct("<f")
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
PIECES, TRAINER, NORMALIZER, DENORMALIZER = 1, 2, 3, 5  # fields of ModelProto
# Field number -> (attribute, how it is read).
TRAINER_FIELDS = {
    3: ("model_type", int),
    24: ("treat_whitespace_as_suffix", bool),
    35: ("byte_fallback", bool),
    44: ("unk_surface", str),
    45: ("unk_piece", str),
    46: ("bos_piece", str),
    47: ("eos_piece", str),
    48: ("pad_piece", str),
}
NORMALIZER_FIELDS = {
    2: ("charsmap", bytes),
    3: ("add_dummy_prefix", bool),
    4: ("remove_extra_whitespaces", bool),
    5: ("escape_whitespaces", bool),
}
WIRE_TYPES = {int: VARINT, bool: VARINT, str: BYTES, bytes: BYTES}


class Malformed(ValueError):
    """What is wrong with the bytes; `read` adds the file's name."""


@dataclass
class Normalization:
    """NormalizerSpec: `charsmap` is a compiled table of replacements, or empty."""

    charsmap: bytes = b""
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    escape_whitespaces: bool = True


@dataclass
class Model:
    """A sentencepiece model: piece `i` has the id `i`.

    Attributes:
        pieces, scores, types: one entry per piece; scores are log probabilities (unigram) or minus ranks (BPE).
        model_type: UNIGRAM, BPE, or one of MODEL_TYPES.
        unk_surface: what the unknown piece decodes to.
        data: the file's bytes.
    """

    data: bytes = field(repr=False)
    pieces: list[str] = field(default_factory=list, repr=False)
    scores: list[float] = field(default_factory=list, repr=False)
    types: list[int] = field(default_factory=list, repr=False)
    model_type: int = UNIGRAM
    byte_fallback: bool = False
    treat_whitespace_as_suffix: bool = False
    unk_surface: str = " \u2047 "
    unk_piece: str = "<unk>"
    bos_piece: str = "<s>"
    eos_piece: str = "</s>"
    pad_piece: str = "<pad>"
    normalizer: Normalization = field(default_factory=Normalization)
    denormalizer: Normalization = field(default_factory=Normalization)

    def of_type(self, *types: int) -> list[int]:
        """The ids of the pieces of these types."""
        return [index for index, kind in enumerate(self.types) if kind in types]

    @property
    def unk_id(self) -> int:
        """The id of the unknown piece."""
        return self.types.index(UNKNOWN)


def read(path: str | os.PathLike[str]) -> Model:
    """Read a .model file. OSError names the file and says what is wrong with it."""
    where = os.fspath(path)
    with open(where, "rb") as file:
        data = file.read()
    try:
        return parse(data)
    except Malformed as error:
        raise OSError(
            f"[{where}] expected a sentencepiece model, got {error}; download or save the file again"
        ) from error


def parse(data: bytes) -> Model:
    """A model from the bytes of its file. Malformed if they are none."""
    model = Model(data)
    for number, kind, value in _fields(data, 0, len(data)):
        if number == PIECES:
            _piece(model, data, _message("a piece", kind, value))
        elif number == TRAINER:
            _fill(model, TRAINER_FIELDS, data, _message("trainer_spec", kind, value))
        elif number == NORMALIZER:
            _fill(model.normalizer, NORMALIZER_FIELDS, data, _message("normalizer_spec", kind, value))
        elif number == DENORMALIZER:
            _fill(model.denormalizer, NORMALIZER_FIELDS, data, _message("denormalizer_spec", kind, value))
    _check(model)
    return model


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
    raise Malformed("a number that does not end" if shift >= 70 else f"an end inside a number at byte {at}")


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, Any]]:
    """(field number, wire type, value) of a message: an int, or for BYTES and fixed sizes (start, stop) in `data`."""
    while at < end:
        key = data[at]
        if key < 0x80:
            at += 1
        else:
            key, at = _varint(data, at, end)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(data, at, end)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, at = _varint(data, at, end)
        elif kind == FIXED32:
            size = 4
        elif kind == FIXED64:
            size = 8
        else:
            raise Malformed(f"wire type {kind} at byte {at}")
        if number == 0:
            raise Malformed(f"field number 0 at byte {at}")
        if size > end - at:
            raise Malformed(f"a field of {size} bytes where {end - at} are left, at byte {at}")
        yield number, kind, (at, at + size)
        at += size


def _message(name: str, kind: int, value: Any) -> tuple[int, int]:
    if kind != BYTES:
        raise Malformed(f"wire type {kind} for {name}")
    return value


def _text(data: bytes, start: int, stop: int) -> str:
    try:
        return data[start:stop].decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"text that is not UTF-8 at byte {start + error.start}") from error


def _piece(model: Model, data: bytes, place: tuple[int, int]) -> None:
    piece, score, piece_type = None, 0.0, NORMAL
    start, stop = place
    size = stop - start - 7
    if 0 < size < 128 and data[start] == 0x0A and data[start + 1] == size and data[stop - 5] == 0x15:
        # Text and score alone: nearly all pieces are written so, and the general way takes three times as long.
        model.pieces.append(_text(data, start + 2, stop - 5))
        model.scores.append(SCORE.unpack_from(data, stop - 4)[0])
        model.types.append(NORMAL)
        return
    for number, kind, value in _fields(data, *place):
        if number == 1 and kind == BYTES:
            piece = _text(data, *value)
        elif number == 2 and kind == FIXED32:
            (score,) = SCORE.unpack_from(data, value[0])
        elif number == 3 and kind == VARINT:
            piece_type = value
    if not piece:
        raise Malformed(f"no text for piece {len(model.pieces)}")
    model.pieces.append(piece)
    model.scores.append(score)
    model.types.append(piece_type)


def _fill(target: Any, table: dict[int, tuple[str, type]], data: bytes, place: tuple[int, int]) -> None:
    for number, kind, value in _fields(data, *place):
        name, read_as = table.get(number, (None, None))
        if name is None:
            continue
        if kind != WIRE_TYPES[read_as]:
            raise Malformed(f"wire type {kind} for {name}")
        if read_as is str:
            value = _text(data, *value)
        elif read_as is bytes:
            value = data[slice(*value)]
        setattr(target, name, read_as(value))


def _check(model: Model) -> None:
    """What sentencepiece itself asks of a model."""
    if not model.pieces:
        raise Malformed("no pieces")
    if model.model_type not in MODEL_TYPES:
        raise Malformed(f"model_type {model.model_type}")
    strange = set(model.types) - {NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE}
    if strange:
        raise Malformed(f"a piece of type {min(strange)}")
    if len(set(model.pieces)) < len(model.pieces):
        first = next(piece for index, piece in enumerate(model.pieces) if model.pieces.index(piece) < index)
        raise Malformed(f"the piece {first!r} twice")
    unknown = model.of_type(UNKNOWN)
    if len(unknown) != 1:
        raise Malformed(f"{len(unknown)} unknown pieces instead of 1")
    if not all(score == score and abs(score) != float("inf") for score in model.scores):
        raise Malformed("a score that is no number")
    for spec in (model.normalizer, model.denormalizer):
        if spec.charsmap and not is_charsmap(spec.charsmap):
            raise Malformed(f"a precompiled_charsmap of {len(spec.charsmap)} bytes whose sizes do not fit")
    for index in model.of_type(BYTE):
        if byte_of(model.pieces[index]) is None:
            raise Malformed(f"the byte piece {model.pieces[index]!r}")
    if model.byte_fallback and len(model.of_type(BYTE)) != 256:
        raise Malformed(f"{len(model.of_type(BYTE))} byte pieces instead of 256")


def byte_of(piece: str) -> int | None:
    """The byte that a piece such as <0x0A> stands for."""
    if len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
        try:
            return int(piece[3:5], 16)
        except ValueError:
            return None
    return None
