"""BatchEncoding: what a tokenizer returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .arguments import CharSpan, TokenSpan
from .tensors import as_tensor


def _of_encoding(name: str, takes: str, doc: str, span: type | None = None) -> Callable[..., Any]:
    """A method that asks one text's Rust encoding. `batch.method(3, 7)` means text 3; `batch.method(7)` text 0."""

    def method(self: BatchEncoding, batch_or_index: int, index: int | None = None, *args: Any, **kwargs: Any) -> Any:
        batch, index = (0, batch_or_index) if index is None else (batch_or_index, index)
        found = getattr(self._encoding(batch), name)(index, *args, **kwargs)
        return found if span is None or found is None else span(*found)

    method.__name__, method.__doc__ = name, f"{doc} Takes (batch index, {takes}) or ({takes})."
    return method


class BatchEncoding(dict):
    """Model inputs by name: "input_ids", "attention_mask", ..., each (batch, length), or (length,) for one text.

    Values are lists of integers, or arrays if tensors were asked for. Items are also attributes. An integer index
    gives the Rust encoding of one text, with its tokens and offsets.
    """

    def __init__(
        self,
        data: dict[str, Any] | None = None,
        encoding: Any = None,
        tensor_type: str | None = None,
        prepend_batch_axis: bool = False,
        n_sequences: int | None = None,
    ) -> None:
        """`encoding` is one Rust encoding, a list of them, or a function that makes the list when it is needed."""
        super().__init__(data or {})
        if encoding is not None and not isinstance(encoding, (list, tuple)) and not callable(encoding):
            encoding = [encoding]
        self._encodings = encoding
        self._n_sequences = n_sequences
        if tensor_type is not None:
            self.convert_to_tensors(tensor_type, prepend_batch_axis)

    @property
    def data(self) -> BatchEncoding:
        """The values by name, which this object itself is."""
        return self

    @property
    def encodings(self) -> list[Any] | None:
        """The Rust encodings, one per row; None if the batch was made by hand, or by a plain tokenizer."""
        if callable(self._encodings):
            self._encodings = self._encodings()
        return self._encodings

    @property
    def is_fast(self) -> bool:
        """Whether offsets and words can be asked for."""
        return self._encodings is not None

    @property
    def n_sequences(self) -> int | None:
        """1 for texts, 2 for pairs of texts."""
        if self._n_sequences is None and self._encodings:
            self._n_sequences = self.encodings[0].n_sequences
        return self._n_sequences

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return super().__getitem__(key)
        if isinstance(key, slice):
            return {name: value[key] for name, value in self.items()}
        return self._encoding(key)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getitem__(name)
        except KeyError:
            raise AttributeError(f"[BatchEncoding] expected one of {', '.join(self)}, got {name!r}") from None

    def __reduce__(self) -> Any:
        return type(self), (dict(self), self.encodings, None, False, self._n_sequences)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """From a pickle that `transformers` wrote; ours hold no state beside the arguments of `__init__`."""
        self.__init__(state["data"], state["encodings"])

    def copy(self) -> BatchEncoding:
        """Another batch with the same values."""
        return type(self)(dict(self), self._encodings, n_sequences=self._n_sequences)

    __copy__ = copy

    def _encoding(self, batch_index: int) -> Any:
        encodings = self.encodings
        if encodings is None:
            raise ValueError("[BatchEncoding] expected a batch that a fast tokenizer made; this one holds no offsets")
        return encodings[batch_index]

    def tokens(self, batch_index: int = 0) -> list[str]:
        """The tokens of one text, special ones included."""
        return self._encoding(batch_index).tokens

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """For each token the word it came from; None for special tokens."""
        return self._encoding(batch_index).word_ids

    words = word_ids

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """For each token 0 or 1, the text of the pair it came from; None for special tokens."""
        return self._encoding(batch_index).sequence_ids

    token_to_sequence = _of_encoding("token_to_sequence", "token", "Which text of the pair a token came from.")
    token_to_word = _of_encoding("token_to_word", "token", "Which word a token came from.")
    token_to_chars = _of_encoding("token_to_chars", "token", "The characters (start, end) of a token.", CharSpan)
    word_to_tokens = _of_encoding("word_to_tokens", "word", "The tokens (start, end) of a word.", TokenSpan)
    word_to_chars = _of_encoding("word_to_chars", "word", "The characters (start, end) of a word.", CharSpan)
    char_to_token = _of_encoding("char_to_token", "character", "The token of a character; None for spaces.")
    char_to_word = _of_encoding("char_to_word", "character", "The word of a character; None for spaces.")

    def convert_to_tensors(self, tensor_type: str | None = None, prepend_batch_axis: bool = False) -> BatchEncoding:
        """Turn the values into arrays, in place: "np", "pt", "tf" or "jax"."""
        tensor_type = getattr(tensor_type, "value", tensor_type)
        if tensor_type is not None:
            for name, value in self.items():
                self[name] = as_tensor(name, [value] if prepend_batch_axis else value, tensor_type)
        return self

    def to(self, device: Any, *, non_blocking: bool = False) -> BatchEncoding:
        """Move PyTorch tensors to a device, in place."""
        for name, value in self.items():
            if hasattr(value, "to"):
                self[name] = value.to(device, non_blocking=non_blocking)
        return self
