"""Finding added tokens in text: leftmost first, then longest."""

from __future__ import annotations

import re
from collections.abc import Iterable


class Trie:
    """Words as nested dictionaries of characters; the key "" ends a word."""

    def __init__(self, *args: Iterable[str]) -> None:
        self.data: dict[str, dict] = {}
        self._tokens: set[str] = set()
        self._starts: re.Pattern[str] | None = None
        self.update(*args)

    def update(self, *args: Iterable[str]) -> None:
        """Add words."""
        for words in args:
            for word in words:
                self.add(word)

    def add(self, word: str) -> None:
        """Add one word; an empty one is nothing to be found."""
        if not word:
            return
        self._tokens.add(word)
        self._starts = None
        node = self.data
        for char in word:
            node = node.setdefault(char, {})
        node[""] = {}

    def split(self, text: str) -> list[str]:
        """The text in pieces, each a word of the trie or what lies between; the pieces joined are the text."""
        if not self.data or not text:
            return [text] if text else []
        if self._starts is None:  # to skip quickly over characters that begin no word
            self._starts = re.compile("[" + re.escape("".join(self.data)) + "]")
        pieces, done, start = [], 0, 0
        while (found := self._starts.search(text, start)) is not None:
            start = found.start()
            end = self._longest(text, start)
            if end is None:
                start += 1
                continue
            pieces += [text[done:start], text[start:end]]
            done = start = end
        pieces.append(text[done:])
        return [piece for piece in pieces if piece]

    def _longest(self, text: str, start: int) -> int | None:
        """Where the longest word that starts here ends."""
        node, end = self.data, None
        for index in range(start, len(text)):
            node = node.get(text[index])
            if node is None:
                break
            if "" in node:
                end = index + 1
        return end
