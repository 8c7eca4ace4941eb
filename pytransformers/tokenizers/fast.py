"""PreTrainedTokenizerFast: a Rust tokenizer with the interface of `transformers`."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, ClassVar

from tokenizers import AddedToken, Tokenizer, pre_tokenizers

from . import files, ranks
from .arguments import SIDES, PaddingStrategy, TruncationStrategy, given, one_of, refuse_rows
from .base import PreTrainedTokenizerBase
from .encoding import BatchEncoding
from .storage import write_files

SHORT = 4096  # characters, a millisecond's work
NO_PADDING, NO_TRUNCATION = PaddingStrategy.DO_NOT_PAD, TruncationStrategy.DO_NOT_TRUNCATE


class PreTrainedTokenizerFast(PreTrainedTokenizerBase):
    """Text to ids and back, in Rust.

    Args:
        tokenizer_object: a `tokenizers.Tokenizer`, or
        tokenizer_file: the path of a tokenizer.json, or
        vocab_file, ...: the files that the class names in `vocab_files_names`, from which it builds one.
        added_tokens_decoder: {id: AddedToken} of tokens beside the vocabulary.
    Further arguments as in `PreTrainedTokenizerBase`.

    A subclass for an architecture's own files sets `vocab_files_names`, `defaults` and `slow_tokenizer_class`, and
    defines `build`, and `adapt` and `vocabulary_texts` as far as it needs them.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {"tokenizer_file": files.TOKENIZER}
    defaults: ClassVar[dict[str, Any]] = {}  # settings that a subclass has when nothing gives them

    def __init__(
        self,
        *args: Any,
        tokenizer_object: Tokenizer | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        added_tokens_decoder: dict[int, AddedToken] | None = None,
        **settings: Any,
    ) -> None:
        if len(args) > len(self.vocab_files_names):
            files_ = ", ".join(self.vocab_files_names)
            raise TypeError(f"[{type(self).__name__}] expected at most {files_} by place, got {len(args)} arguments")
        given_by_place = dict(zip(self.vocab_files_names, args, strict=False))
        tokenizer_file = given_by_place.pop("tokenizer_file", tokenizer_file)
        settings = {**self.defaults, **given_by_place, **settings}
        if settings.pop("from_slow", False):
            tokenizer_file = None
        if tokenizer_object is not None:
            tokenizer = copy.deepcopy(tokenizer_object)
        elif tokenizer_file is not None:
            tokenizer = read_tokenizer(tokenizer_file)
        else:
            tokenizer = self.build(settings)
        for name, value in _settings_inside(tokenizer).items():
            settings.setdefault(name, value)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self.add_prefix_space = settings.get("add_prefix_space", False)
        super().__init__(**settings)
        self._tokenizer.encode_special_tokens = self.split_special_tokens
        self._follow_prefix_space()
        self.adapt(settings)
        self._join_vocabulary(added_tokens_decoder or {})

    def build(self, settings: dict[str, Any]) -> Tokenizer:
        """The Rust tokenizer of an architecture's own vocabulary files. Subclasses that have some override it.

        This one takes files of ranks, tekken.json and tiktoken's, as `vocab_file`.
        """
        if settings.get("vocab_file") is not None:
            return ranks.build(settings)
        raise ValueError(
            f"[{type(self).__name__}] expected tokenizer_file or tokenizer_object, got neither; "
            "give one, or use from_pretrained"
        )

    def adapt(self, settings: dict[str, Any]) -> None:
        """Make the Rust tokenizer follow settings that tokenizer.json may contradict. For subclasses."""

    def vocabulary_texts(self) -> dict[str, str]:
        """{file name: content} of the architecture's own vocabulary files."""
        return {}

    def _follow_prefix_space(self) -> None:
        """A pre-tokenizer that knows `add_prefix_space` follows the setting."""
        if self._tokenizer.pre_tokenizer is None:
            return
        state = json.loads(self._tokenizer.pre_tokenizer.__getstate__())
        if state.get("add_prefix_space", self.add_prefix_space) != self.add_prefix_space:
            kind = getattr(pre_tokenizers, state.pop("type"))
            self._tokenizer.pre_tokenizer = kind(**{**state, "add_prefix_space": self.add_prefix_space})

    def _join_vocabulary(self, added_tokens: dict[int, AddedToken]) -> None:
        """Add the tokens that the files list beside the vocabulary, and special tokens it lacks."""
        known = self._tokenizer.get_added_tokens_decoder()
        # A token that is there already with the same flags must not be added anew: its id would not change,
        # but matching it would be set up again, which is slow for large vocabularies.
        same = {repr(token) for token in known.values()}
        special = set(self.all_special_tokens)
        texts = {token.content for token in (*known.values(), *added_tokens.values())}
        joined = []
        for token in (*(token for _, token in sorted(added_tokens.items())), *self.all_special_tokens_extended):
            if isinstance(token, str):
                if token in texts:
                    continue
                token = AddedToken(token, special=token in special)
            else:
                token.special = token.special or token.content in special
            if repr(token) not in same:
                joined.append(token)
        if joined:
            self._tokenizer.add_tokens(joined)

    # Saving

    @classmethod
    def _find_files(cls, where: str, hub: dict[str, Any]) -> dict[str, str | None]:
        names = {**cls.vocab_files_names, "tokenizer_file": files.TOKENIZER}
        found = {argument: files.find(where, name, hub) for argument, name in names.items()}
        if not any(found.values()):
            others = (files.find(where, name, hub) for name in ranks.FILES)
            found["vocab_file"] = next(filter(None, others), None)
        if not any(found.values()):
            wanted = " or ".join(sorted(names.values()))
            raise OSError(f"[{where}] expected {wanted}, found none; give a folder that holds a tokenizer, or a hub id")
        return found

    @property
    def can_save_slow_tokenizer(self) -> bool:
        """Whether the plain tokenizer's files can be written: a sentencepiece model must be at hand."""
        name = self.vocab_files_names.get("vocab_file", "")
        if not name or name.endswith(".model"):
            path = getattr(self, "vocab_file", None)
            return bool(path) and os.path.isfile(path)
        return True

    def _class_to_save(self) -> str:
        name = type(self).__name__
        return name.removesuffix("Fast") if self.can_save_slow_tokenizer else name

    def _save_pretrained(
        self, save_directory: str, legacy_format: bool | None = None, filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        slow = self.slow_tokenizer_class is not None and self.can_save_slow_tokenizer
        if legacy_format and not slow:
            raise ValueError(
                f"[save_pretrained] {type(self).__name__} has no files but tokenizer.json; leave legacy_format out"
            )
        paths: tuple[str, ...] = ()
        if slow and legacy_format is not False:
            paths = super()._save_pretrained(save_directory, filename_prefix=filename_prefix)
        if not legacy_format:
            self._set_truncation(None)
            self._set_padding(None)
            text = self._tokenizer.to_str(pretty=True)
            paths += write_files(save_directory, {files.TOKENIZER: text}, filename_prefix)
        return paths

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Write the architecture's own vocabulary files; returns their paths."""
        return write_files(save_directory, self.vocabulary_texts(), filename_prefix)

    # The vocabulary

    @property
    def backend_tokenizer(self) -> Tokenizer:
        """The Rust tokenizer."""
        return self._tokenizer

    @property
    def decoder(self) -> Any:
        """The Rust tokenizer's decoder."""
        return self._tokenizer.decoder

    @property
    def is_fast(self) -> bool:
        return True

    @property
    def vocab_size(self) -> int:
        """Number of tokens without the added ones; `len(tokenizer)` counts those too."""
        return self._tokenizer.get_vocab_size(with_added_tokens=False)

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size(with_added_tokens=True)

    def get_vocab(self) -> dict[str, int]:
        """{token: id}, added tokens included."""
        return self._tokenizer.get_vocab(with_added_tokens=True)

    vocab = property(get_vocab)

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """{id: token} of the added tokens."""
        return self._tokenizer.get_added_tokens_decoder()

    def _add_tokens(self, new_tokens: Sequence[str | AddedToken], special_tokens: bool = False) -> int:
        add = self._tokenizer.add_special_tokens if special_tokens else self._tokenizer.add_tokens
        return add(list(new_tokens))

    def _convert_token_to_id_with_added_voc(self, token: str) -> int | None:
        index = self._tokenizer.token_to_id(token)
        if index is None and (unknown := self.unk_token) is not None:
            return self._tokenizer.token_to_id(unknown)
        return index

    def _convert_id_to_token(self, index: int) -> str | None:
        return self._tokenizer.id_to_token(int(index))

    def _id_to_token(self, index: int) -> str | None:
        try:
            return self._tokenizer.id_to_token(index)
        except OverflowError:
            raise self._no_ids(index) from None

    @staticmethod
    def _no_ids(ids: Any) -> Exception:
        """The error for what cannot be ids of tokens."""
        rows = ids if isinstance(ids, (list, tuple)) else [ids]
        wrong = next((index for index in rows if not isinstance(index, int)), None)
        if wrong is not None or ids is None:
            return TypeError(f"[decode] expected integers, the ids of tokens, got {wrong!r:.60}")
        wrong = next((index for index in rows if not 0 <= index < 2**32), rows)
        return OverflowError(f"[decode] expected ids from 0 on, got {wrong}; put a token's id in its place, or drop it")

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text that tokens stand for."""
        decoder = self._tokenizer.decoder
        return decoder.decode(tokens) if decoder is not None else " ".join(tokens)

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens are put around a text or a pair of texts."""
        return self._tokenizer.num_special_tokens_to_add(pair)

    # Text to ids

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, **kwargs: Any
    ) -> list[str]:
        """The tokens of a text, without special ones unless asked."""
        return self.encode_plus(text, pair, add_special_tokens=add_special_tokens, **kwargs).tokens()

    def _encode_plus(
        self, text: Any, text_pair: Any = None, return_tensors: Any = None, return_overflowing_tokens: bool = False,
        **kwargs: Any,
    ) -> BatchEncoding:  # fmt: skip
        batch = self._batch_encode_plus(
            [(text, text_pair)] if text_pair else [text],
            return_tensors=return_tensors,
            return_overflowing_tokens=return_overflowing_tokens,
            **kwargs,
        )
        if return_tensors is None and not return_overflowing_tokens:
            for name, value in batch.items():
                batch[name] = value[0] if value and isinstance(value[0], list) else value
        return batch

    def _batch_encode_plus(
        self,
        batch_text_or_text_pairs: Sequence[Any],
        add_special_tokens: bool = True,
        padding_strategy: PaddingStrategy = NO_PADDING,
        truncation_strategy: TruncationStrategy = NO_TRUNCATION,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: Any = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        split_special_tokens: bool = False,
    ) -> BatchEncoding:
        rows = batch_text_or_text_pairs
        if not isinstance(rows, (list, tuple)):
            raise TypeError(f"[tokenizer] expected a list of texts, got {type(rows).__name__}")
        self.set_truncation_and_padding(
            padding_strategy, truncation_strategy, max_length, stride, pad_to_multiple_of, padding_side
        )
        if self._tokenizer.encode_special_tokens != split_special_tokens:
            self._tokenizer.encode_special_tokens = split_special_tokens
        # Offsets are a fifth of the work; where few will ask for them, they are found when someone does.
        many = len(rows) > 1 and not (is_split_into_words or return_offsets_mapping or return_overflowing_tokens)
        again = Again(self, rows, add_special_tokens, split_special_tokens) if many else None
        encode = self._tokenizer.encode_batch_fast if many else self._tokenizer.encode_batch
        encodings = self._run(encode, rows, add_special_tokens, is_split_into_words)
        if again is not None:
            again.first = encodings
        origin = list(range(len(encodings)))
        if return_overflowing_tokens:
            pieces = [(row, piece) for row, whole in enumerate(encodings) for piece in (whole, *whole.overflowing)]
            origin, encodings = [row for row, _ in pieces], [piece for _, piece in pieces]
        data = {"input_ids": list(map(attrgetter("ids"), encodings))}
        if given(return_token_type_ids, "token_type_ids" in self.model_input_names):
            data["token_type_ids"] = list(map(attrgetter("type_ids"), encodings))
        if given(return_attention_mask, "attention_mask" in self.model_input_names):
            if padding_strategy is NO_PADDING:
                data["attention_mask"] = [[1] * len(ids) for ids in data["input_ids"]]
            else:
                data["attention_mask"] = list(map(attrgetter("attention_mask"), encodings))
        if return_special_tokens_mask:
            data["special_tokens_mask"] = list(map(attrgetter("special_tokens_mask"), encodings))
        if return_offsets_mapping:
            data["offset_mapping"] = list(map(attrgetter("offsets"), encodings))
        if return_length:
            data["length"] = list(map(len, data["input_ids"]))
        if return_overflowing_tokens:
            data["overflow_to_sample_mapping"] = origin
        if max_length is None and verbose and encodings:
            self._eventual_warn_about_too_long_sequence(max(data["input_ids"], key=len), max_length, verbose)
        return BatchEncoding(data, again or encodings, return_tensors)

    def _run(self, encode: Any, rows: Sequence[Any], add_special_tokens: bool, words: bool) -> list[Any]:
        """Encode a batch in Rust, on all cores and without the interpreter's lock; say what is wrong with bad input.

        One short text stays on this thread: handing it to another takes longer than encoding it.
        """
        try:
            if len(rows) == 1 and isinstance(rows[0], str) and len(rows[0]) < SHORT and not words:
                return [self._tokenizer.encode(rows[0], add_special_tokens=add_special_tokens)]
            return encode(rows, add_special_tokens=add_special_tokens, is_pretokenized=words)
        except TypeError:
            refuse_rows(rows, words)
            raise
        except Exception as error:  # the Rust library raises nothing more precise
            plan = self._tokenizer.truncation
            raise ValueError(f"[tokenizer] cannot encode with truncation {plan}: {error}") from error

    def set_truncation_and_padding(
        self,
        padding_strategy: PaddingStrategy,
        truncation_strategy: TruncationStrategy,
        max_length: int | None,
        stride: int,
        pad_to_multiple_of: int | None,
        padding_side: str | None,
    ) -> None:
        """Set the Rust tokenizer's padding and truncation."""
        if truncation_strategy is NO_TRUNCATION:
            self._set_truncation(None)
        else:
            self._set_truncation(
                {
                    "max_length": max_length,
                    "stride": stride,
                    "strategy": truncation_strategy.value,
                    "direction": self.truncation_side,
                }
            )
        if padding_strategy is NO_PADDING:
            self._set_padding(None)
        else:
            self._set_padding(
                {
                    "length": max_length if padding_strategy is PaddingStrategy.MAX_LENGTH else None,
                    "direction": one_of("padding_side", padding_side or self.padding_side, SIDES),
                    "pad_id": self.pad_token_id,
                    "pad_token": self.pad_token,
                    "pad_type_id": self.pad_token_type_id,
                    "pad_to_multiple_of": pad_to_multiple_of,
                }
            )

    def _set_truncation(self, plan: dict[str, Any] | None) -> None:
        if plan == self._tokenizer.truncation:
            return
        self._tokenizer.no_truncation()
        if plan is not None:
            try:
                self._tokenizer.enable_truncation(**plan)
            except (ValueError, OverflowError) as error:
                raise ValueError(
                    f"[tokenizer] cannot cut at max_length={plan['max_length']} with stride={plan['stride']}: {error}"
                ) from error

    def _set_padding(self, plan: dict[str, Any] | None) -> None:
        if plan != self._tokenizer.padding:
            self._tokenizer.no_padding() if plan is None else self._tokenizer.enable_padding(**plan)

    # Ids to text

    def _decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> str:
        self._decode_use_source_tokenizer = kwargs.pop("use_source_tokenizer", False)
        ids = [token_ids] if isinstance(token_ids, int) else token_ids
        try:
            text = self._tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)
        except (TypeError, OverflowError):
            raise self._no_ids(ids) from None
        return self._cleaned(text, clean_up_tokenization_spaces)

    def train_new_from_iterator(
        self,
        text_iterator: Iterable[Any],
        vocab_size: int,
        length: int | None = None,
        new_special_tokens: Sequence[str | AddedToken] | None = None,
        special_tokens_map: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> PreTrainedTokenizerFast:
        """A tokenizer of the same kind, trained on other texts.

        Args:
            text_iterator: texts, or lists of texts.
            vocab_size: of the new vocabulary, special tokens included.
            length: how many texts there are, for the progress bar.
            new_special_tokens: more special tokens.
            special_tokens_map: {old special token: new one}.
            kwargs: further arguments of the Rust library's trainer.
        """
        from .training import train_like

        more, renamed = list(new_special_tokens or ()), special_tokens_map or {}
        tokenizer = train_like(self._tokenizer, text_iterator, vocab_size, length, more, renamed, kwargs)
        settings = {name: value for name, value in self.init_kwargs.items() if name not in self.vocab_files_names}
        for name, token in self.special_tokens_map_extended.items():
            if isinstance(token, AddedToken):
                token = copy.deepcopy(token)
                token.content = renamed.get(token.content, token.content)
                settings[name] = token
            elif isinstance(token, str):
                settings[name] = renamed.get(token, token)
        if more := [*self.additional_special_tokens, *more]:
            settings["additional_special_tokens"] = more
        return type(self)(tokenizer_object=tokenizer, **settings)


class Again:
    """Encodings with offsets of a batch that was encoded without, made when they are asked for."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, rows: Sequence[Any], special: bool, split: bool) -> None:
        self.tokenizer, self.rows, self.special, self.split = tokenizer, rows, special, split
        self.plans = tokenizer._tokenizer.truncation, tokenizer._tokenizer.padding
        self.first: list[Any] = []

    def __call__(self) -> list[Any]:
        tokenizer = self.tokenizer
        tokenizer._set_truncation(self.plans[0])
        tokenizer._set_padding(self.plans[1])
        tokenizer._tokenizer.encode_special_tokens = self.split
        encodings = tokenizer._run(tokenizer._tokenizer.encode_batch, self.rows, self.special, False)
        if any(old.ids != new.ids for old, new in zip(self.first, encodings, strict=True)):
            raise ValueError(
                "[BatchEncoding] expected the tokenizer as it was when it made this batch, it has changed; "
                "encode again, or pass return_offsets_mapping=True"
            )
        return encodings


def read_tokenizer(path: str | os.PathLike[str]) -> Tokenizer:
    """A Rust tokenizer from tokenizer.json; OSError names the file."""
    path = os.fspath(path)
    try:
        return Tokenizer.from_file(path)
    except Exception as error:  # the Rust library raises nothing more precise
        raise OSError(
            f"[{path}] expected a tokenizer file of the `tokenizers` library, got: {error}; save or download it again"
        ) from error


def _settings_inside(tokenizer: Tokenizer) -> dict[str, Any]:
    """Settings that tokenizer.json itself holds."""
    settings = {}
    if padding := tokenizer.padding:
        settings["pad_token"] = padding["pad_token"]
        settings["pad_token_type_id"] = padding["pad_type_id"]
        settings["padding_side"] = padding["direction"]
    if truncation := tokenizer.truncation:
        settings["truncation_side"] = truncation["direction"]
    return settings
