"""Text to pieces and back as sentencepiece does it (Kudo and Richardson, 2018, arXiv:1808.06226), step for step.

The Rust library's unigram and BPE differ from sentencepiece in ties, in rounding and in how they normalise text, which
is why the plain tokenizers, whose ids are sentencepiece's, go another way than the fast ones.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from heapq import heapify, heappop, heappush
from itertools import pairwise

from . import sentencepiece
from .arguments import refuse_surrogates
from .charsmap import Rules
from .sentencepiece import (
    BPE,
    BYTE,
    CONTROL,
    NORMAL,
    SPACE,
    UNIGRAM,
    UNUSED,
    USER_DEFINED,
    Model,
    Normalization,
)

UNKNOWN_PENALTY = 10.0  # below the lowest score: what an unknown character costs in a unigram model
LOWEST_SUM = -100_000.0  # of a unigram model, before its sums begin anew
CACHED_WORDS, LONG_WORD = 1 << 16, 64  # words that a BPE model remembers, and characters from which it does not
MISSING = object()
PLACE_BITS = 40  # of a number that holds a place in the text and, above it, a rank
LAST_PLACE = (1 << PLACE_BITS) - 1
SPACES = re.compile(" +")
INNER_SPACE = re.compile(f"[^{SPACE}]{SPACE}")
WORDS = re.compile(f"{SPACE}*[^{SPACE}]+|{SPACE}+")


class Pieces:
    """A sentencepiece model at work, under the names of sentencepiece's Python class.

    Args:
        model: what `sentencepiece.read` returns.
        add_dummy_prefix: overrides the model's own setting.
    """

    def __init__(self, model: Model, add_dummy_prefix: bool | None = None) -> None:
        if model.model_type not in (UNIGRAM, BPE):
            kind = sentencepiece.MODEL_TYPES[model.model_type]
            raise ValueError(f"[sentencepiece] expected a unigram or BPE model, got {kind}; train one of those")
        self.model = model
        self.add_dummy_prefix = model.normalizer.add_dummy_prefix if add_dummy_prefix is None else add_dummy_prefix
        self._ids = {piece: index for index, piece in enumerate(model.pieces)}

    def __reduce__(self) -> tuple:
        return _restore, (self.model.data, self.add_dummy_prefix)

    def __len__(self) -> int:
        return len(self.model.pieces)

    get_piece_size = __len__

    def piece_to_id(self, piece: str) -> int:
        """The id of a piece; the unknown piece's where there is none."""
        return self._ids.get(piece, self.unk_id())

    def id_to_piece(self, index: int) -> str:
        """The piece of an id. IndexError outside the vocabulary."""
        if not 0 <= index < len(self):
            raise IndexError(f"[sentencepiece] expected an id below {len(self)}, got {index}")
        return self.model.pieces[index]

    def unk_id(self) -> int:
        return self._unknown

    def bos_id(self) -> int:
        return self._control(self.model.bos_piece)

    def eos_id(self) -> int:
        return self._control(self.model.eos_piece)

    def pad_id(self) -> int:
        return self._control(self.model.pad_piece)

    def _control(self, piece: str) -> int:
        """The id of a control piece, -1 where there is none."""
        index = self._ids.get(piece, -1)
        return index if index >= 0 and self.model.types[index] == CONTROL else -1

    def serialized_model_proto(self) -> bytes:
        return self.model.data

    def normalize(self, text: str) -> str:
        """What the model cuts up: text with its characters replaced and its spaces written as U+2581."""
        return self._normalizer(text)

    def encode(self, text: str, out_type: type = str) -> list:
        """The pieces of a text, or with `out_type=int` their ids. An unknown run of characters is one piece, itself.

        ValueError for lone surrogates, which are no text.
        """
        refuse_surrogates(text)
        pieces = self._bytes_or_runs(self._split(self.normalize(text)))
        return pieces if out_type is str else [self.piece_to_id(piece) for piece in pieces]

    def decode(self, pieces: Iterable[str]) -> str:
        """The text of pieces. Control pieces vanish, bytes become characters, or U+FFFD where they are none."""
        normalizer = self.model.normalizer
        types, ids, unk_piece = self.model.types, self._ids, self.model.pieces[self.unk_id()]
        text: list[str] = []
        waiting = bytearray()
        at_start, strips = True, self.add_dummy_prefix or normalizer.remove_extra_whitespaces
        for piece in pieces:
            index = ids.get(piece)
            kind = None if index is None else types[index]
            if kind == BYTE:
                waiting.append(sentencepiece.byte_of(piece))
                continue
            if waiting:
                text.append(_utf8(waiting))
                at_start, waiting = False, bytearray()
            if kind == CONTROL:
                continue
            if kind is None:
                out = piece
            elif piece == unk_piece:
                out = self.model.unk_surface
            else:
                out = piece
                if at_start and strips and piece.startswith(SPACE):
                    out = piece[1:]
                    at_start = normalizer.remove_extra_whitespaces  # more than one is dropped only then
                out = out.replace(SPACE, " ")
            at_start = at_start and not out
            text.append(out)
        text.append(_utf8(waiting))
        text = "".join(text)
        return self._denormalizer(text) if self._denormalizer else text

    # Names of sentencepiece's that code in the wild uses
    PieceToId, IdToPiece, GetPieceSize = piece_to_id, id_to_piece, __len__
    EncodeAsPieces = encode
    DecodePieces = decode

    @cached_property
    def _unknown(self) -> int:
        return self.model.unk_id

    @cached_property
    def _normalizer(self) -> Normalizer:
        model = self.model
        symbols = [model.pieces[index] for index in model.of_type(USER_DEFINED)]
        return Normalizer(model.normalizer, self.add_dummy_prefix, model.treat_whitespace_as_suffix, symbols)

    @cached_property
    def _denormalizer(self) -> Normalizer | None:
        spec = self.model.denormalizer
        return Normalizer(spec, spec.add_dummy_prefix) if spec.charsmap else None

    @cached_property
    def _split(self) -> Callable[[str], Sequence[str]]:
        return (unigram if self.model.model_type == UNIGRAM else bpe)(self.model)

    @cached_property
    def _known(self) -> frozenset[str]:
        """The pieces that may come out of segmentation, other than as unknown characters."""
        kinds = (NORMAL, USER_DEFINED) if self.model.model_type == UNIGRAM else (NORMAL, USER_DEFINED, UNUSED, CONTROL)
        return frozenset(self.model.pieces[index] for index in self.model.of_type(*kinds))

    def _bytes_or_runs(self, pieces: Sequence[str]) -> list[str]:
        known = self._known
        if known.issuperset(pieces):
            return list(pieces)
        out: list[str] = []
        after_unknown = False
        for piece in pieces:
            unknown = piece not in known
            if unknown and self.model.byte_fallback:
                out.extend(f"<0x{byte:02X}>" for byte in piece.encode())
            elif unknown and after_unknown:
                out[-1] += piece
            else:
                out.append(piece)
            after_unknown = unknown
        return out


def _restore(data: bytes, add_dummy_prefix: bool) -> Pieces:
    return Pieces(sentencepiece.parse(data), add_dummy_prefix)


def _utf8(waiting: bytearray) -> str:
    """Bytes as text, each wrong byte as one U+FFFD."""
    return waiting.decode(errors="surrogateescape").translate(_REPLACE) if waiting else ""


_REPLACE = dict.fromkeys(range(0xDC80, 0xDD00), "\ufffd")


class Normalizer:
    """Replaces characters by the longest rule that matches at each place, then handles spaces."""

    def __init__(
        self,
        spec: Normalization,
        add_dummy_prefix: bool,
        space_is_suffix: bool = False,
        symbols: Sequence[str] = (),
    ) -> None:
        self.spec, self.add_dummy_prefix, self.space_is_suffix = spec, add_dummy_prefix, space_is_suffix
        self.symbols = defaultdict(dict)  # by first character; they stay as they are, and come before the rules
        for symbol in sorted(symbols, key=len, reverse=True):
            self.symbols[symbol[0]][symbol] = symbol
        self.rules = Rules(spec.charsmap) if spec.charsmap else defaultdict(dict)
        if spec.charsmap:
            # ASCII that no rule changes, unless something else follows it. Looking up the rest takes longer.
            ascii = (chr(code) for code in range(128) if self.rules.leaves_alone(code))
            stays = "".join(re.escape(char) for char in ascii if char not in self.symbols)
            self.candidate = re.compile(f"[^{stays}]|[{stays}](?=[^\\x00-\\x7f])" if stays else ".", re.DOTALL)
        else:
            first = "".join(map(re.escape, self.symbols))
            self.candidate = re.compile(f"[{first}]") if symbols else None

    def __call__(self, text: str) -> str:
        if not text:
            return ""
        spec = self.spec
        space = SPACE if spec.escape_whitespaces else " "
        parts = self._replace(text)
        if spec.remove_extra_whitespaces:
            text = _without_extra_spaces(parts)
            if not text and all(part == " " if whole else not part.strip(" ") for part, whole in parts):
                return ""  # spaces alone; characters that vanish still leave the dummy space
        else:
            text = "".join(part for part, _ in parts)
        text = text.replace(" ", space)
        if self.add_dummy_prefix and not self.space_is_suffix:
            text = space + text
        if spec.remove_extra_whitespaces:
            text = text.rstrip(space)
        if self.add_dummy_prefix and self.space_is_suffix:
            text += space
        return text

    def _replace(self, text: str) -> list[tuple[str, bool]]:
        """The text in parts: (what stands there now, whether it is one rule's result)."""
        if self.candidate is None:
            return [(text, False)]
        parts = []
        done = 0
        for match in self.candidate.finditer(text):
            start = match.start()
            if start < done:
                continue
            char = text[start]
            for rules in (self.symbols.get(char), self.rules[char]):
                rule = _longest(rules, text, start) if rules else None
                if rule is not None:
                    if start > done:
                        parts.append((text[done:start], False))
                    parts.append((rules[rule], True))
                    done = start + len(rule)
                    break
        if done < len(text):
            parts.append((text[done:], False))
        return parts


def _longest(rules: dict[str, str], text: str, start: int) -> str | None:
    for size in range(len(next(iter(rules))), 0, -1):
        if (rule := text[start : start + size]) in rules:
            return rule
    return None


def _without_extra_spaces(parts: list[tuple[str, bool]]) -> str:
    out = []
    after_space = True
    for part, whole in parts:
        if not whole:
            part = SPACES.sub(" ", part)
        if after_space:
            part = part.lstrip(" ")
        if part:
            out.append(part)
            after_space = part.endswith(" ")
    return "".join(out)


def unigram(model: Model) -> Callable[[str], list[str]]:
    """The most probable segmentation (Kudo, 2018, arXiv:1804.10959), by Viterbi's algorithm.

    Sums are rounded to 32 bits where sentencepiece rounds them, and begin anew where its sums do: it decides between
    segmentations that are equally probable, such as those of "aaa" into "a" and "aa".
    """
    normal = [score for score, kind in zip(model.scores, model.types, strict=True) if kind == NORMAL]
    unknown = _rounded(min(normal, default=0.0) - UNKNOWN_PENALTY)
    largest = max(normal, default=0.0)
    scores: dict[str, float | None] = {}  # of every piece; None for what only begins one
    get = scores.get
    for piece, score, kind in zip(model.pieces, model.scores, model.types, strict=True):
        if kind == USER_DEFINED:
            score = _rounded(len(piece.encode()) * largest) - 0.1
        elif kind != NORMAL:
            continue
        for end in range(1, len(piece)):
            scores.setdefault(piece[:end])
        scores[piece] = score
    longest = max(map(len, scores), default=1)

    def split(text: str) -> list[str]:
        size = len(text)
        best = array("f", [0.0]) + array("f", [float("-inf")]) * size
        came_from = [0] * (size + 1)
        rounded = array("f", [0.0])
        for start in range(size):
            here = best[start]
            if here < LOWEST_SUM:
                for end in range(start, min(size, start + longest) + 1):
                    best[end] -= here
                here = 0.0
            end = start + 1
            score = get(text[start], MISSING)
            if score is None or score is MISSING:
                rounded[0] = here + unknown
                if rounded[0] > best[end]:
                    best[end] = rounded[0]
                    came_from[end] = start
            while score is not MISSING:
                if score is not None:
                    rounded[0] = here + score
                    if rounded[0] > best[end]:
                        best[end] = rounded[0]
                        came_from[end] = start
                if end == size:
                    break
                end += 1
                score = get(text[start:end], MISSING)
        pieces = []
        end = size
        while end:
            start = came_from[end]
            pieces.append(text[start:end])
            end = start
        pieces.reverse()
        return pieces

    return split


def _rounded(value: float) -> float:
    return array("f", [value])[0]


def bpe(model: Model) -> Callable[[str], Sequence[str]]:
    """Byte-pair encoding (Sennrich et al., 2016, arXiv:1508.07909): neighbours are merged into the piece of the highest
    score first, the leftmost of equals. Pieces that are not in use are taken apart again at the end.
    """
    kinds = dict(zip(model.pieces, model.types, strict=True))
    order = {score: rank for rank, score in enumerate(sorted(set(model.scores), reverse=True))}
    ranks = {
        piece: order[score] << PLACE_BITS
        for piece, score in zip(model.pieces, model.scores, strict=True)
        if kinds[piece] in (NORMAL, USER_DEFINED, UNUSED)
    }
    unused = {piece for piece in ranks if kinds[piece] == UNUSED}
    symbols = sorted((piece for piece in ranks if kinds[piece] == USER_DEFINED), key=len, reverse=True)
    symbol = re.compile("(" + "|".join(map(re.escape, symbols)) + ")") if symbols else None
    rank_of = ranks.get

    def merge(word: str) -> list[str]:
        parts = list(word)
        end = len(parts)
        before, after = list(range(-1, end - 1)), list(range(1, end + 1))
        # A number per pair: its rank, and the place of its left half.
        queue = [rank | left for left in range(end - 1) if (rank := rank_of(word[left : left + 2])) is not None]
        heapify(queue)
        made_of = {a + b: (a, b) for a, b in pairwise(word) if a + b in unused} if unused else {}
        while queue:
            pair = heappop(queue)
            left = pair & LAST_PLACE
            right = after[left]
            if not parts[left] or right == end:
                continue  # merged meanwhile into what stands before it
            piece = parts[left] + parts[right]
            if rank_of(piece) != pair - left:
                continue  # one of the two was merged meanwhile
            parts[left], parts[right] = piece, ""
            right = after[left] = after[right]
            previous = before[left]
            if previous >= 0:
                rank = rank_of(parts[previous] + piece)
                if rank is not None:
                    heappush(queue, rank | previous)
                    if parts[previous] + piece in unused:
                        made_of[parts[previous] + piece] = parts[previous], piece
            if right < end:
                before[right] = left
                rank = rank_of(piece + parts[right])
                if rank is not None:
                    heappush(queue, rank | left)
                    if piece + parts[right] in unused:
                        made_of[piece + parts[right]] = piece, parts[right]
        pieces = [part for part in parts if part]
        while not made_of.keys().isdisjoint(pieces):
            pieces = [part for piece in pieces for part in made_of.get(piece, (piece,))]
        return pieces

    merge_word = lru_cache(CACHED_WORDS)(merge)
    spans_words = any(INNER_SPACE.search(piece) for piece in ranks)

    def split(text: str) -> list[str]:
        pieces: list[str] = []
        for index, run in enumerate(symbol.split(text) if symbol else [text]):
            if index % 2:
                pieces.append(run)  # a user-defined symbol, which merges with nothing
                continue
            for word in [run] if spans_words else WORDS.findall(run):
                pieces += merge_word(word) if len(word) < LONG_WORD else merge(word)
        return pieces

    return split
