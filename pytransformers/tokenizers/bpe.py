"""Byte pair encoding in Python (Sennrich et al., 2016, arXiv:1508.07909), on characters that stand for bytes."""

from __future__ import annotations

import heapq
from functools import lru_cache


@lru_cache
def bytes_to_unicode() -> dict[int, str]:
    """{byte: visible character}, as GPT-2 writes bytes: printable ones as they are, the others from U+0100 on."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in visible]
    return {**{byte: chr(byte) for byte in visible}, **{byte: chr(256 + i) for i, byte in enumerate(others)}}


def get_pairs(word: tuple[str, ...] | str) -> set[tuple[str, str]]:
    """The pairs of neighbours in a word."""
    return set(zip(word, word[1:], strict=False))


def merge(word: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    """The pieces of a word after merging neighbours, the pair of the lowest rank first, everywhere it stands.

    Takes n log n steps for n characters: a heap of pairs over a linked list of pieces.
    """
    pieces: list[str | None] = list(word)
    before, after = list(range(-1, len(word) - 1)), list(range(1, len(word) + 1))
    heap: list[tuple[int, int, str, str]] = []

    def offer(left: int) -> None:
        if left >= 0 and after[left] < len(pieces):
            pair = pieces[left], pieces[after[left]]
            rank = ranks.get(pair)
            if rank is not None:
                heapq.heappush(heap, (rank, left, *pair))

    for left in range(len(word) - 1):
        offer(left)
    while heap:
        rank = heap[0][0]
        places = []
        while heap and heap[0][0] == rank:  # all places of one pair, before any pair that they give rise to
            places.append(heapq.heappop(heap))
        changed: dict[int, None] = {}  # in order
        for _, left, first, second in places:
            right = after[left]
            if right >= len(pieces) or pieces[left] != first or pieces[right] != second:
                continue  # another merge took one of the two
            pieces[left], pieces[right] = first + second, None
            after[left] = after[right]
            if after[left] < len(pieces):
                before[after[left]] = left
            changed[left] = None
        for left in changed:
            if pieces[left] is not None:
                offer(left)
                if before[left] >= 0 and before[left] not in changed:
                    offer(before[left])
    return [piece for piece in pieces if piece is not None]


def to_byte_text(text: str) -> str:
    """Text as characters that stand for its UTF-8 bytes."""
    characters = bytes_to_unicode()
    return "".join(characters[byte] for byte in text.encode())
