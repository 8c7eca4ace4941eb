"""The table of replacements that a sentencepiece model carries for its normaliser.

It is the size in bytes of a trie, the trie, and the replacements, each ended by a zero byte. The trie is a double array
of 32-bit units as the Darts-clone library writes it: a unit's label is the byte that leads to it, and its base, xor the
next byte, the place of the next unit.
"""

from __future__ import annotations

import struct
from collections import defaultdict

MOST_NODES, LONGEST = 1 << 16, 256  # below one character: nodes of the trie, and bytes of a rule


def is_charsmap(charsmap: bytes) -> bool:
    """Whether the sizes fit."""
    size = int.from_bytes(charsmap[:4], "little")
    return len(charsmap) >= 8 and size % 4 == 0 and 4 <= size < len(charsmap) - 3


class Rules(dict):
    """{first character: {text: replacement}}, decoded when first asked for, longest text first.

    ValueError if the table contradicts itself.
    """

    def __init__(self, charsmap: bytes) -> None:
        size = int.from_bytes(charsmap[:4], "little")
        self.units = struct.unpack_from(f"<{size // 4}I", charsmap, 4)
        self.replacements = charsmap[4 + size :]
        # A unit is a child of the node whose base, xor the child's label, is the unit's place.
        self.children: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for place, unit in enumerate(self.units):
            label = unit & 0x8000_00FF
            if 0 < label < 256:
                self.children[place ^ label].append((label, place))

    def __missing__(self, char: str) -> dict[str, str]:
        base = self._base(0)
        for byte in char.encode():
            place = next((place for label, place in self.children.get(base, ()) if label == byte), None)
            if place is None:
                self[char] = {}
                return {}
            base = self._base(place)
        rules = {}
        nodes = [(char.encode(), place)]
        visited = 0
        while nodes:
            text, place = nodes.pop()
            visited += 1
            if visited + len(nodes) > MOST_NODES or len(text) > LONGEST:
                raise _error("one whose trie goes round in circles")
            base = self._base(place)
            if self._has_value(place):
                rules[_utf8_text(text)] = self._replacement(base)
            nodes += [(text + bytes([label]), child) for label, child in self.children.get(base, ())]
        self[char] = dict(sorted(rules.items(), key=lambda rule: -len(rule[0])))
        return self[char]

    def leaves_alone(self, byte: int) -> bool:
        """Whether no rule is for this ASCII character, alone or before another one."""
        for label, place in self.children.get(self._base(0), ()):
            if label == byte:
                following = self.children.get(self._base(place), ())
                return not self._has_value(place) and all(label > 127 for label, _ in following)
        return True

    def _base(self, place: int) -> int:
        unit = self.units[place]
        return place ^ ((unit >> 10) << ((unit & 1 << 9) >> 6))

    def _has_value(self, place: int) -> bool:
        return bool(self.units[place] >> 8 & 1)

    def _replacement(self, place: int) -> str:
        start = self.units[place] & 0x7FFF_FFFF if place < len(self.units) else len(self.replacements)
        stop = self.replacements.find(0, start)
        if stop < 0:
            raise _error("one that points outside itself")
        return _utf8_text(self.replacements[start:stop])


def _utf8_text(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise _error(f"one with {text!r}, which is not UTF-8") from error


def _error(got: str) -> ValueError:
    return ValueError(f"[sentencepiece] expected a table of replacements, got {got}; download the model again")
