"""What the tokenizers of sentencepiece models share: a plain base class, and Rust tokenizers made from .model files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE, Unigram

from ..utils.files import make_folder
from . import sentencepiece
from .fast import PreTrainedTokenizerFast
from .plain import PreTrainedTokenizer
from .ranks import is_ranks
from .segment import Pieces
from .sentencepiece import CONTROL, SPACE, UNIGRAM, USER_DEFINED, Model
from .special import NAMES


class SentencePieceTokenizer(PreTrainedTokenizer):
    """A tokenizer in Python whose pieces are sentencepiece's. `sp_model` cuts the text.

    Before `super().__init__` a subclass calls `load_model`.
    """

    def load_model(self, vocab_file: str | os.PathLike[str], add_dummy_prefix: bool | None = None) -> None:
        """Read the .model file. OSError names it if it is none."""
        self.vocab_file = vocab_file
        self.sp_model = Pieces(read_model(vocab_file, type(self).__name__), add_dummy_prefix)

    @property
    def vocab_size(self) -> int:
        """Number of pieces; `len(tokenizer)` counts added tokens too."""
        return len(self.sp_model)

    def get_vocab(self) -> dict[str, int]:
        """{token: id}, added tokens included."""
        pieces = list(self.sp_model.model.pieces)
        for index, token in self.added_tokens_decoder.items():
            if index < len(pieces):
                pieces[index] = token.content
        return {**{piece: index for index, piece in enumerate(pieces)}, **self.added_tokens_encoder}

    def _tokenize(self, text: str, **kwargs: Any) -> list[str]:
        return self.sp_model.encode(text)

    def _convert_token_to_id(self, token: str) -> int:
        return self.sp_model.piece_to_id(token)

    def _convert_id_to_token(self, index: int) -> str:
        return self.sp_model.id_to_piece(index)

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text of tokens, special ones set apart by a space before a run of them."""
        special = set(self.all_special_tokens)
        text, run, after_special = "", [], False
        for token in tokens:
            if token not in special:
                run.append(token)
            else:
                text += ("" if after_special else " ") + self.sp_model.decode(run) + token
                run = []
            after_special = token in special
        return (text + self.sp_model.decode(run)).strip()

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Write the .model file; returns its path in a tuple."""
        return save_model(self, self.sp_model.serialized_model_proto(), save_directory, filename_prefix)


class PrefixSpace(SentencePieceTokenizer):
    """A plain tokenizer that puts a space before the text: sentencepiece's, before every run between added tokens
    (`legacy`), or its own, before the whole text only.
    """

    def load(self, vocab_file: str | os.PathLike[str], legacy: bool | None, from_slow: bool) -> None:
        """Read the .model file; `from_slow` keeps sentencepiece's space even without `legacy`."""
        self.legacy = True if legacy is None else legacy
        self.load_model(vocab_file, None if self.legacy or from_slow else False)

    @property
    def unk_token_length(self) -> int:
        """How many pieces the unknown token's text is cut into."""
        return len(self.sp_model.encode(str(self.unk_token)))

    def tokenize(self, text: str, **kwargs: Any) -> list[str]:
        """The tokens of a text, added tokens found first."""
        if self.legacy or not text:
            return super().tokenize(text, **kwargs)
        text = text.replace(SPACE, " ")
        if self.add_prefix_space:
            text = SPACE + text
        tokens = super().tokenize(text, **kwargs)
        if len(tokens) > 1 and tokens[0] == SPACE and tokens[1] in self.all_special_tokens:
            tokens = tokens[1:]
        return tokens

    def _tokenize(self, text: str, **kwargs: Any) -> list[str]:
        if self.legacy or not text.startswith((SPACE, " ")):
            return self.sp_model.encode(text)
        # Models that drop spaces at the beginning would drop this one, but not behind other text.
        tokens, size = self.sp_model.encode(str(self.unk_token) + text), self.unk_token_length
        return tokens[size:] if len(tokens) >= size else tokens


class SentencePieceTokenizerFast(PreTrainedTokenizerFast):
    """A tokenizer in Rust that can be made from a .model file. Subclasses define `assemble`."""

    def __init__(
        self,
        vocab_file: str | os.PathLike[str] | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        **settings: Any,
    ) -> None:
        if settings.get("add_prefix_space") is not None and vocab_file is not None:
            settings["from_slow"] = True  # tokenizer.json may say otherwise
        super().__init__(vocab_file=vocab_file, tokenizer_file=tokenizer_file, **settings)
        self.vocab_file = vocab_file

    def build(self, settings: dict[str, Any]) -> Tokenizer:
        path = settings.get("vocab_file")
        if path is None or is_ranks(path):
            return super().build(settings)
        model = read_model(path, type(self).__name__)
        try:
            return self.assemble(model, settings)
        except Exception as error:  # the Rust library raises nothing more precise
            raise OSError(
                f"[{os.fspath(path)}] expected a model that the Rust library can run, got: {error}; "
                f"take {type(self).__name__.removesuffix('Fast')}, or another model"
            ) from error

    def assemble(self, model: Model, settings: dict[str, Any]) -> Tokenizer:
        """The Rust tokenizer of a model."""
        raise NotImplementedError(f"[{type(self).__name__}] defines no assemble")

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Copy the .model file that this was made from; returns the copy's path in a tuple."""
        if not self.can_save_slow_tokenizer:
            raise ValueError(
                f"[{type(self).__name__}] expected the .model file that the tokenizer was made from, found none; "
                "save it with save_pretrained, which writes tokenizer.json"
            )
        with open(self.vocab_file, "rb") as file:
            return save_model(self, file.read(), save_directory, filename_prefix)


def read_model(path: Any, wanted_by: str) -> Model:
    """`sentencepiece.read`, and an error where there is no file."""
    try:
        return sentencepiece.read(path)
    except (TypeError, FileNotFoundError, IsADirectoryError) as error:
        raise OSError(f"[{wanted_by}] expected the path of a sentencepiece .model file, got {path!r}") from error


def save_model(tokenizer: Any, data: bytes, folder: str, filename_prefix: str | None) -> tuple[str, ...]:
    """Write a .model file under the name that the tokenizer's class gives it."""
    prefix = f"{filename_prefix}-" if filename_prefix else ""
    path = os.path.join(make_folder(folder), prefix + tokenizer.vocab_files_names["vocab_file"])
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, path)
    return (path,)


def rust_tokenizer(model: Model, pieces: list[tuple[str, float]], byte_fallback: bool = False) -> Tokenizer:
    """A Rust tokenizer with the pieces (text, score) of a model, and nothing around it yet.

    Control pieces and user-defined ones are added tokens in it, the former special.
    """
    if model.model_type == UNIGRAM:
        tokenizer = Tokenizer(Unigram(pieces, model.unk_id, byte_fallback))
    elif model.model_type == sentencepiece.BPE:
        vocab = {piece: index for index, (piece, _) in enumerate(pieces)}
        tokenizer = Tokenizer(
            BPE(vocab, merges(pieces), unk_token=model.unk_piece, fuse_unk=True, byte_fallback=byte_fallback)
        )
    else:
        raise ValueError(f"a {sentencepiece.MODEL_TYPES[model.model_type]} model instead of unigram or BPE")
    tokenizer.add_tokens(
        [
            AddedToken(model.pieces[index], normalized=False, special=model.types[index] == CONTROL)
            for index in model.of_type(CONTROL, USER_DEFINED)
        ]
    )
    return tokenizer


def merges(pieces: Iterable[tuple[str, float]]) -> list[tuple[str, str]]:
    """The merges of a BPE model, best first: every cut of a piece into two others, which sentencepiece does not write
    down. Of equal scores the longer first half comes first, then the longer second, then the lower ids.
    """
    pieces = list(pieces)
    ids = {piece: index for index, (piece, _) in enumerate(pieces)}
    found = []
    for piece, score in pieces:
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in ids and right in ids:
                found.append((-score, -cut, cut - len(piece), ids[piece], left, right))
    found.sort()
    return [(left, right) for *_, left, right in found]


def adds_prefix_space(settings: dict[str, Any]) -> bool:
    """Whether there is a space before the text: yes for tokenizers from folders and hubs, unless their files say no.

    `transformers` puts none there if a fast tokenizer is made from the .model file alone and not told.
    """
    asked = settings.get("add_prefix_space")
    return "name_or_path" in settings if asked is None else asked


def prefix_scheme(settings: dict[str, Any]) -> str:
    """Where Metaspace puts a space: before every run between added tokens, before the text only, or nowhere."""
    if not adds_prefix_space(settings):
        return "never"
    return "first" if settings.get("legacy") is False else "always"


def metaspace(tokenizer: Tokenizer, scheme: str) -> None:
    """Set spaces apart as sentencepiece does, and put them back when decoding."""
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme=scheme)
    tokenizer.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme=scheme)


def as_special(token: str | AddedToken | None) -> AddedToken | None:
    """A special token that is matched in text as it stands."""
    return AddedToken(token, normalized=False, special=True) if isinstance(token, str) else token


def no_sampling(sp_model_kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """The settings of sentencepiece's processor. ValueError if they ask for random segmentations."""
    settings = dict(sp_model_kwargs or {})
    if settings.get("enable_sampling"):
        raise ValueError("[sp_model_kwargs] expected no enable_sampling: segmentations are the best ones, not drawn")
    return settings


def id_of(token: str, pieces: list[tuple[str, float]], settings: dict[str, Any]) -> int:
    """The id that a special token will have: its piece's, or one behind the pieces, where they lack it."""
    ids = {piece: index for index, (piece, _) in enumerate(pieces)}
    named = (str(settings[name]) for name in NAMES if settings.get(name) is not None)
    for name in named:
        ids.setdefault(name, len(ids))
    if token not in ids:
        raise ValueError(f"no piece {token!r}")
    return ids[token]
