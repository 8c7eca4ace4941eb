"""BERT's cutting of text in Python: words and punctuation first, then pieces of words."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterable

# Blocks of Chinese characters, as BERT counts them: not all of CJK, and no Hangul or kana.
CHINESE = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


def whitespace_tokenize(text: str) -> list[str]:
    """Words between spaces."""
    return text.split()


def _is_whitespace(char: str) -> bool:
    """Spaces, tabs and line ends."""
    return char in " \t\n\r" or unicodedata.category(char) == "Zs"


def _is_control(char: str) -> bool:
    """Control and unassigned characters, tabs and line ends apart."""
    return char not in "\t\n\r" and unicodedata.category(char)[0] == "C"


def _is_punctuation(char: str) -> bool:
    """Punctuation, and every visible ASCII character that is no letter or digit."""
    return unicodedata.category(char)[0] == "P" or (" " < char <= "~" and not char.isalnum())


class BasicTokenizer:
    """Text to words: control characters removed, Chinese characters and punctuation set apart.

    Args:
        do_lower_case: whether to lower the case.
        never_split: words that stay whole.
        tokenize_chinese_chars: whether every Chinese character is a word.
        strip_accents: whether to remove accents; None does so when lowering the case.
        do_split_on_punc: whether punctuation is set apart.
    """

    def __init__(
        self,
        do_lower_case: bool = True,
        never_split: Iterable[str] | None = None,
        tokenize_chinese_chars: bool = True,
        strip_accents: bool | None = None,
        do_split_on_punc: bool = True,
    ) -> None:
        self.do_lower_case = do_lower_case
        self.never_split = set(never_split or ())
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.strip_accents = strip_accents
        self.do_split_on_punc = do_split_on_punc

    def tokenize(self, text: str, never_split: Iterable[str] | None = None) -> list[str]:
        """The words of a text."""
        whole = self.never_split | set(never_split or ())
        text = self._clean_text(text)
        if self.tokenize_chinese_chars:
            text = self._tokenize_chinese_chars(text)
        strips = self.do_lower_case if self.strip_accents is None else self.strip_accents
        words: list[str] = []
        for word in unicodedata.normalize("NFC", text).split():
            if word not in whole:
                word = word.lower() if self.do_lower_case else word
                word = self._run_strip_accents(word) if strips else word
            words += self._run_split_on_punc(word, whole)
        return " ".join(words).split()

    def _clean_text(self, text: str) -> str:
        kept = (char for char in text if char not in "\0\ufffd" and not _is_control(char))
        return "".join(" " if _is_whitespace(char) else char for char in kept)

    def _tokenize_chinese_chars(self, text: str) -> str:
        return "".join(f" {char} " if self._is_chinese_char(ord(char)) else char for char in text)

    @staticmethod
    def _is_chinese_char(cp: int) -> bool:
        return cp >= 0x3400 and any(first <= cp <= last for first, last in CHINESE)

    @staticmethod
    def _run_strip_accents(text: str) -> str:
        return "".join(char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != "Mn")

    def _run_split_on_punc(self, text: str, never_split: Container[str] = ()) -> list[str]:
        if not self.do_split_on_punc or text in never_split:
            return [text]
        return "".join(f" {char} " if _is_punctuation(char) else char for char in text).split(" ")


class WordpieceTokenizer:
    """Words to pieces, from the left the longest that is in the vocabulary (Wu et al., 2016, arXiv:1609.08144)."""

    def __init__(self, vocab: Container[str], unk_token: str, max_input_chars_per_word: int = 100) -> None:
        self.vocab = vocab
        self.unk_token = unk_token
        self.max_input_chars_per_word = max_input_chars_per_word

    def tokenize(self, text: str) -> list[str]:
        """The pieces of each word between spaces; `unk_token` for a word that is too long, or has no pieces."""
        tokens: list[str] = []
        for word in text.split():
            tokens += self._pieces(word) or [self.unk_token]
        return tokens

    def _pieces(self, word: str) -> list[str] | None:
        if len(word) > self.max_input_chars_per_word:
            return None
        pieces, start = [], 0
        while start < len(word):
            prefix = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in self.vocab), None)
            if end is None:
                return None
            pieces.append(prefix + word[start:end])
            start = end
        return pieces
