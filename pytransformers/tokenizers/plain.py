"""PreTrainedTokenizer: a tokenizer in Python, to be subclassed."""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

from tokenizers import AddedToken

from .arguments import PaddingStrategy, TruncationStrategy
from .base import PreTrainedTokenizerBase
from .encoding import BatchEncoding
from .special import ADDITIONAL
from .trie import Trie

logger = logging.getLogger(__name__)


class PreTrainedTokenizer(PreTrainedTokenizerBase):
    """A tokenizer in Python.

    A subclass defines `vocab_size`, `get_vocab`, `_tokenize`, `_convert_token_to_id`, `_convert_id_to_token`, and as
    far as its model needs them `convert_tokens_to_string`, `build_inputs_with_special_tokens`,
    `create_token_type_ids_from_sequences`, `get_special_tokens_mask`, `prepare_for_tokenization` and
    `save_vocabulary`. It sets up its vocabulary before `super().__init__`, which adds the special tokens it lacks.
    Arguments as in `PreTrainedTokenizerBase`.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.tokens_trie = Trie()
        if not hasattr(self, "_added_tokens_decoder"):
            self._added_tokens_decoder: dict[int, AddedToken] = {}
        self._added_tokens_decoder.update(kwargs.pop("added_tokens_decoder", {}))
        self._added_tokens_encoder = {token.content: i for i, token in self._added_tokens_decoder.items()}
        super().__init__(**kwargs)
        missing = [token for token in self.all_special_tokens_extended if str(token) not in self._added_tokens_encoder]
        self._add_tokens(missing, special_tokens=True)

    @property
    def is_fast(self) -> bool:
        return False

    # The vocabulary

    def _tokenize(self, text: str, **kwargs: Any) -> list[str]:
        """The tokens of a text that holds no added ones."""
        raise NotImplementedError(f"[{type(self).__name__}] defines no _tokenize")

    def _convert_token_to_id(self, token: str) -> int | None:
        raise NotImplementedError(f"[{type(self).__name__}] defines no _convert_token_to_id")

    def _convert_id_to_token(self, index: int) -> str | None:
        raise NotImplementedError(f"[{type(self).__name__}] defines no _convert_id_to_token")

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """{id: token} of the added tokens, by id."""
        return dict(sorted(self._added_tokens_decoder.items()))

    @added_tokens_decoder.setter
    def added_tokens_decoder(self, value: dict[int, AddedToken | str]) -> None:
        for index, token in value.items():
            if not isinstance(index, int) or not isinstance(token, (str, AddedToken)):
                raise TypeError(f"[added_tokens_decoder] expected {{id: text or AddedToken}}, got {index!r}: {token!r}")
            self._added_tokens_decoder[index] = AddedToken(token) if isinstance(token, str) else token
            self._added_tokens_encoder[str(token)] = index
        self._update_trie()
        self._update_total_vocab_size()

    def get_added_vocab(self) -> dict[str, int]:
        """{text: id} of the added tokens, in the order in which they came."""
        return self._added_tokens_encoder

    def __len__(self) -> int:
        return self.total_vocab_size

    def _update_total_vocab_size(self) -> None:
        self.total_vocab_size = len(self.get_vocab())

    def _update_trie(self, unique_no_split_tokens: Sequence[str] = ()) -> None:
        for token in (*(token.content for token in self._added_tokens_decoder.values()), *unique_no_split_tokens):
            if token not in self.tokens_trie._tokens:
                self.tokens_trie.add(token)

    def _add_tokens(self, new_tokens: Sequence[str | AddedToken], special_tokens: bool = False) -> int:
        """Add tokens after the vocabulary's last; one that is in it becomes an added token with its id there."""
        vocab = dict(self.get_vocab())
        first = len(vocab)
        count = 0
        for token in new_tokens or ():
            if not str(token):
                continue
            if isinstance(token, str):
                if token in self._added_tokens_encoder:
                    continue
                special = special_tokens or token in self.all_special_tokens
                token = AddedToken(token, normalized=not special, special=special)
            elif special_tokens and not token.special:
                token = copy.deepcopy(token)
                token.special = True
            if not token.special and token.normalized and getattr(self, "do_lower_case", False):
                token.content = token.content.lower()
            if token.content not in vocab:
                vocab[token.content] = first + count
                count += 1
            index = vocab[token.content]
            if token.special and token.content not in self.all_special_tokens:
                self._special_tokens_map[ADDITIONAL].append(token)
            self._added_tokens_decoder[index] = token
            self._added_tokens_encoder[token.content] = index
        self._update_trie()
        self._update_total_vocab_size()
        return count

    def _convert_token_to_id_with_added_voc(self, token: str) -> int | None:
        index = self._added_tokens_encoder.get(token)
        return self._convert_token_to_id(token) if index is None else index

    def _id_to_token(self, index: int) -> str | None:
        token = self._added_tokens_decoder.get(index)
        return self._convert_id_to_token(index) if token is None else token.content

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens are put around a text or a pair of texts."""
        return len(self.build_inputs_with_special_tokens([], [] if pair else None))

    def get_special_tokens_mask(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None, already_has_special_tokens: bool = False
    ) -> list[int]:
        """1 for special tokens, 0 for others; without `already_has_special_tokens`, of ids to which none are added."""
        if already_has_special_tokens:
            return super().get_special_tokens_mask(token_ids_0, token_ids_1, True)
        return [0] * (len(token_ids_0) + len(token_ids_1 or ()))

    # Text to ids

    def prepare_for_tokenization(
        self, text: str, is_split_into_words: bool = False, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """(the text with what must be done before it is cut, the keyword arguments that were not used)."""
        return text, kwargs

    def tokenize(self, text: str, **kwargs: Any) -> list[str]:
        """The tokens of a text, added tokens found first; further arguments go to `prepare_for_tokenization`."""
        split_special_tokens = kwargs.pop("split_special_tokens", self.split_special_tokens)
        text, unused = self.prepare_for_tokenization(text, **kwargs)
        if unused:
            logger.warning("[tokenize] expected no argument %s", ", ".join(map(repr, unused)))
        if getattr(self, "do_lower_case", False):
            text = self._lower(text)
        if split_special_tokens:
            return list(self._tokenize(text)) if text else []
        tokens: list[str] = []
        for piece in self._strip_around(self.tokens_trie.split(text)):
            if piece in self._added_tokens_encoder:
                tokens.append(piece)
            elif piece:
                tokens.extend(self._tokenize(piece))
        return tokens

    def _lower(self, text: str) -> str:
        """Lower the case of all but special tokens, and added ones that are matched as they stand."""
        kept = [re.escape(token) for token in self.all_special_tokens]
        kept += [re.escape(t.content) for t in self._added_tokens_decoder.values() if not t.special and t.normalized]
        pieces = re.split("(" + "|".join(kept) + ")", text) if kept else [text]
        # Character by character: a word's last letter may have a lower case of its own.
        pieces[::2] = ["".join(map(str.lower, piece)) for piece in pieces[::2]]
        return "".join(pieces)

    def _strip_around(self, pieces: list[str]) -> list[str]:
        """Let added tokens take the spaces around them, or stand back inside words, as their flags ask."""
        for i, piece in enumerate(pieces):
            if piece not in self._added_tokens_encoder:
                continue
            token = self._added_tokens_decoder[self._added_tokens_encoder[piece]]
            left = pieces[i - 1] if i > 0 else None
            right = pieces[i + 1] if i + 1 < len(pieces) else None
            if token.rstrip and right:
                pieces[i + 1] = right.lstrip()
            if token.lstrip and left:
                pieces[i - 1] = left.rstrip()
            if token.single_word and left and left[-1] != " ":
                pieces[i - 1] += piece
                pieces[i] = ""
            elif token.single_word and right and right[0] != " ":
                pieces[i + 1] = piece + pieces[i + 1]
                pieces[i] = ""
        return pieces

    def _to_ids(self, text: Any, is_split_into_words: bool, where: str = "", **kwargs: Any) -> list[int]:
        """The ids of a text, of its words, of tokens, or of ids; `where` it stands is for the error."""
        if isinstance(text, str):
            return self.convert_tokens_to_ids(self.tokenize(text, **kwargs))
        if isinstance(text, (list, tuple)) and text and all(isinstance(word, str) for word in text):
            if is_split_into_words:
                words = (self.tokenize(word, is_split_into_words=True, **kwargs) for word in text)
                text = list(chain.from_iterable(words))
            return self.convert_tokens_to_ids(text)
        if isinstance(text, (list, tuple)) and (is_split_into_words or text):
            if all(isinstance(index, int) for index in text):
                return list(text)
        what = "a list of words" if is_split_into_words else "text, a list of tokens, or of ids"
        raise TypeError(f"[tokenizer] expected {what}{where}, got {text!r:.60}")

    def _encode_plus(
        self,
        text: Any,
        text_pair: Any = None,
        add_special_tokens: bool = True,
        padding_strategy: PaddingStrategy = PaddingStrategy.DO_NOT_PAD,
        truncation_strategy: TruncationStrategy = TruncationStrategy.DO_NOT_TRUNCATE,
        is_split_into_words: bool = False,
        **kwargs: Any,
    ) -> BatchEncoding:
        options, rest = self._split_arguments(kwargs)
        first = self._to_ids(text, is_split_into_words, **rest)
        second = None if text_pair is None else self._to_ids(text_pair, is_split_into_words, **rest)
        return self.prepare_for_model(
            first, pair_ids=second, add_special_tokens=add_special_tokens, padding=padding_strategy.value,
            truncation=truncation_strategy.value, prepend_batch_axis=True, **options,
        )  # fmt: skip

    def _batch_encode_plus(
        self,
        batch_text_or_text_pairs: Sequence[Any],
        add_special_tokens: bool = True,
        padding_strategy: PaddingStrategy = PaddingStrategy.DO_NOT_PAD,
        truncation_strategy: TruncationStrategy = TruncationStrategy.DO_NOT_TRUNCATE,
        is_split_into_words: bool = False,
        **kwargs: Any,
    ) -> BatchEncoding:
        options, rest = self._split_arguments(kwargs)
        padding = {name: options.pop(name, None) for name in ("pad_to_multiple_of", "padding_side")}
        wants_mask, tensors = options.pop("return_attention_mask", None), options.pop("return_tensors", None)
        rows = []
        for row in batch_text_or_text_pairs:
            alone = not isinstance(row, (list, tuple)) or (
                is_split_into_words and not (row and isinstance(row[0], (list, tuple)))
            )
            if not alone and len(row) != 2:
                raise TypeError(f"[tokenizer] expected text or two texts at position {len(rows)}, got {row!r:.60}")
            first, second = (row, None) if alone else row
            where = f" at position {len(rows)}"
            ids = self._to_ids(first, is_split_into_words, where, **rest)
            pair_ids = None if second is None else self._to_ids(second, is_split_into_words, where, **rest)
            rows.append(
                self.prepare_for_model(
                    ids, pair_ids, add_special_tokens=add_special_tokens, truncation=truncation_strategy.value,
                    return_attention_mask=False, **options,
                )
            )  # fmt: skip
        names = rows[0] if rows else ("input_ids",)
        data = {name: [row[name] for row in rows] for name in names}
        data = self.pad(
            data, padding=padding_strategy.value, max_length=options.get("max_length"),
            return_attention_mask=wants_mask, **padding,
        )  # fmt: skip
        return BatchEncoding(data, tensor_type=tensors)

    def _split_arguments(self, kwargs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """(arguments of `prepare_for_model`, arguments of `tokenize`)."""
        if kwargs.pop("return_offsets_mapping", False):
            raise NotImplementedError(
                f"[tokenizer] expected a fast tokenizer for return_offsets_mapping, got {type(self).__name__}; "
                "use its Fast class"
            )
        options = {name: kwargs.pop(name) for name in PREPARE if name in kwargs}
        return options, kwargs

    # Ids to text

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The tokens joined by spaces; subclasses undo what their cutting did."""
        return " ".join(tokens)

    def _decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        spaces_between_special_tokens: bool = True,
        **kwargs: Any,
    ) -> str:
        self._decode_use_source_tokenizer = kwargs.pop("use_source_tokenizer", False)
        tokens = self.convert_ids_to_tokens(token_ids, skip_special_tokens=skip_special_tokens)
        special = set(self.all_special_tokens)
        # Added tokens stand apart; special ones do so only if they lie behind the vocabulary.
        apart = set(self._added_tokens_encoder) - special
        apart |= {t for t in self.additional_special_tokens if self.convert_tokens_to_ids(t) >= self.vocab_size}
        texts: list[str] = []
        run: list[str] = []
        for token in [tokens] if isinstance(tokens, str) else tokens:
            if token is None or (skip_special_tokens and token in special):  # None: an id outside the vocabulary
                continue
            if token not in apart:
                run.append(token)
                continue
            if run and (text := self.convert_tokens_to_string(run)):
                texts.append(text)
            run = []
            texts.append(token)
        if run:
            texts.append(self.convert_tokens_to_string(run))
        text = (" " if spaces_between_special_tokens else "").join(texts)
        return self._cleaned(text, clean_up_tokenization_spaces)


# What `prepare_for_model` takes of the arguments of a call; the others are `tokenize`'s.
PREPARE = (
    "max_length", "stride", "pad_to_multiple_of", "padding_side", "return_tensors", "return_token_type_ids",
    "return_attention_mask", "return_overflowing_tokens", "return_special_tokens_mask", "return_length", "verbose",
)  # fmt: skip
