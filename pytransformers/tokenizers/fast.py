"""PreTrainedTokenizerFast: a Rust tokenizer with the interface of `transformers`."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tokenizers import AddedToken, Tokenizer

from ..utils.files import make_folder, write_text
from . import files
from .arguments import (
    LARGE,
    PADDING,
    PADDINGS,
    SIDES,
    TEXTS,
    TRUNCATION,
    TRUNCATIONS,
    UNLIMITED,
    as_rows,
    given,
    one_of,
)
from .encoding import BatchEncoding
from .special import NAMES, SpecialTokens, to_json
from .tensors import as_list, kind_of

# What clean_up_tokenization_spaces removes: the space that joining tokens put before these.
SPACED = (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're")
PAD_VALUES = {"attention_mask": 0, "special_tokens_mask": 1}


class PreTrainedTokenizerFast(SpecialTokens):
    """Text to ids and back.

    Args:
        tokenizer_object: a `tokenizers.Tokenizer`, or
        tokenizer_file: the path of a tokenizer.json.
        model_max_length: the longest input of the model, in tokens; `truncation=True` cuts there.
        padding_side, truncation_side: "right" or "left".
        model_input_names: which values the tokenizer returns when not told otherwise.
        clean_up_tokenization_spaces: whether `decode` joins punctuation to the word before it.
        split_special_tokens: whether special tokens inside texts are cut up like other text.
        bos_token, eos_token, ..., additional_special_tokens: text or AddedToken; new ones join the vocabulary.
    Further keyword arguments are kept in `init_kwargs` and saved.
    """

    defaults: ClassVar[dict[str, Any]] = {}  # settings that a subclass has when nothing gives them
    vocab_files: ClassVar[tuple[str, ...]] = ()  # files that `build` reads where there is no tokenizer.json

    def __init__(
        self,
        *,
        tokenizer_object: Tokenizer | None = None,
        tokenizer_file: str | os.PathLike[str] | None = None,
        name_or_path: str = "",
        added_tokens: Sequence[tuple[int, str | AddedToken]] = (),
        **settings: Any,
    ) -> None:
        settings = {**self.defaults, **settings}
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
        self._truncation = self._padding = None  # as they are in the Rust object now
        self._special = {name: settings.pop(name, None) for name in NAMES}
        self._additional = list(settings.pop("additional_special_tokens", None) or [])
        self.name_or_path = str(name_or_path)
        self.model_max_length = settings.get("model_max_length") or UNLIMITED
        self.padding_side = one_of("padding_side", settings.get("padding_side", "right"), SIDES)
        self.truncation_side = one_of("truncation_side", settings.get("truncation_side", "right"), SIDES)
        self.pad_token_type_id = settings.pop("pad_token_type_id", 0)
        self.clean_up_tokenization_spaces = settings.get("clean_up_tokenization_spaces", False)
        self.split_special_tokens = settings.get("split_special_tokens", False)
        self.model_input_names = list(
            settings.get("model_input_names") or ("input_ids", "token_type_ids", "attention_mask")
        )
        self.init_kwargs = settings
        self.adapt(settings)
        self._join_vocabulary(added_tokens)

    def build(self, settings: dict[str, Any]) -> Tokenizer:
        """The Rust tokenizer of an architecture's own vocabulary files. Subclasses that have some override it."""
        raise ValueError(
            f"[{type(self).__name__}] expected tokenizer_file or tokenizer_object, got neither; "
            "give one, or use from_pretrained"
        )

    def adapt(self, settings: dict[str, Any]) -> None:
        """Make the Rust tokenizer follow settings that tokenizer.json may contradict. For subclasses."""

    def _join_vocabulary(self, added_tokens: Sequence[tuple[int, str | AddedToken]]) -> None:
        """Add the tokens that the files list beside the vocabulary, and special tokens it lacks."""
        known = self._tokenizer.get_added_tokens_decoder()
        # A token that is there already with the same flags must not be added anew: its id would not change,
        # but matching it would be set up again, which is slow for large vocabularies.
        tokens = [token for index, token in added_tokens if repr(known.get(index)) != repr(token)]
        special = {str(token): token for token in (*self._special.values(), *self._additional) if token is not None}
        present = {str(token) for token in (*known.values(), *tokens)}
        for text, token in special.items():
            if text not in present:
                tokens.append(token if isinstance(token, AddedToken) else AddedToken(token, special=True))
        for token in tokens:
            if isinstance(token, str):
                token = AddedToken(token, special=token in special, normalized=token not in special)
            self._tokenizer.add_special_tokens([token]) if token.special else self._tokenizer.add_tokens([token])

    # Loading and saving

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], *args: Any, **kwargs: Any
    ) -> PreTrainedTokenizerFast:
        """Load from a folder or a hub id: tokenizer.json, or else the architecture's vocabulary files.

        Keywords override the files' settings; those of HUB_ARGUMENTS say where to look.
        """
        where = os.fspath(pretrained_model_name_or_path)
        hub = files.hub_arguments(kwargs)
        kwargs.pop("use_fast", None)
        settings = {**files.read_settings(where, hub), **kwargs, "name_or_path": where}
        for name in ("tokenizer_class", "tokenizer_file"):
            settings.pop(name, None)
        path = files.find(where, files.TOKENIZER, hub)
        if path is not None:
            return cls(tokenizer_file=path, **settings)
        found = {name: files.find(where, name, hub) for name in cls.vocab_files}
        if not found or None in found.values():
            wanted = " or ".join([files.TOKENIZER, *found])
            raise OSError(f"[{where}] expected {wanted}, found none; give a folder that holds a tokenizer, or a hub id")
        settings.update({f"{name.partition('.')[0]}_file": path for name, path in found.items()})
        return cls(**settings)

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], push_to_hub: bool = False, **kwargs: Any
    ) -> tuple[str, ...]:
        """Write tokenizer.json, tokenizer_config.json and special_tokens_map.json; returns their paths."""
        folder = make_folder(save_directory)
        special = {name: token for name, token in self._special.items() if token is not None}
        added = {
            str(index): to_json(token) for index, token in sorted(self._tokenizer.get_added_tokens_decoder().items())
        }
        settings = {
            **{name: value for name, value in self.init_kwargs.items() if not name.endswith("_file")},
            **{name: to_json(token, typed=True) for name, token in special.items()},
            "added_tokens_decoder": added,
            "additional_special_tokens": [to_json(token, typed=True) for token in self._additional],
            "model_max_length": self.model_max_length,
            "padding_side": self.padding_side,
            "truncation_side": self.truncation_side,
            "clean_up_tokenization_spaces": self.clean_up_tokenization_spaces,
            "tokenizer_class": type(self).__name__,
        }
        plain = {name: to_json(token) for name, token in special.items()}
        if self._additional:
            plain["additional_special_tokens"] = [to_json(token) for token in self._additional]
        texts = {
            files.TOKENIZER: self._backend_text(),
            files.CONFIG: json.dumps(settings, indent=2, sort_keys=True, ensure_ascii=False) + "\n",
            files.SPECIAL_TOKENS: json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n",
            **self.vocabulary_texts(),
        }
        paths = tuple(os.path.join(folder, name) for name in texts)
        for path, text in zip(paths, texts.values(), strict=True):
            write_text(path, text)
        if push_to_hub:
            self.push_to_hub(kwargs.pop("repo_id", os.path.basename(os.path.abspath(folder))), **kwargs)
        return paths

    def _backend_text(self) -> str:
        """tokenizer.json, free of the padding and truncation of the last call."""
        self._set_truncation(None)
        self._set_padding(None)
        return self._tokenizer.to_str(pretty=True)

    def vocabulary_texts(self) -> dict[str, str]:
        """{file name: content} of the architecture's own vocabulary files."""
        return {}

    def push_to_hub(self, repo_id: str, **kwargs: Any) -> Any:
        """Upload the files of `save_pretrained`; arguments as in `utils.hub.push_to_hub`."""
        from ..utils.hub import push_to_hub

        return push_to_hub(self.save_pretrained, repo_id, **kwargs)

    # The vocabulary

    @property
    def backend_tokenizer(self) -> Tokenizer:
        """The Rust tokenizer."""
        return self._tokenizer

    @property
    def is_fast(self) -> bool:
        return True

    @property
    def vocab_size(self) -> int:
        """Number of tokens without the added ones; `len(tokenizer)` counts those too."""
        return self._tokenizer.get_vocab_size(with_added_tokens=False)

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size(with_added_tokens=True)

    def __bool__(self) -> bool:
        return True

    def get_vocab(self) -> dict[str, int]:
        """{token: id}, added tokens included."""
        return self._tokenizer.get_vocab(with_added_tokens=True)

    vocab = property(get_vocab)

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """{id: token} of the added tokens."""
        return self._tokenizer.get_added_tokens_decoder()

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """{text: id} of the added tokens."""
        return {str(token): index for index, token in sorted(self.added_tokens_decoder.items())}

    get_added_vocab = added_tokens_encoder.fget

    def add_tokens(self, new_tokens: Any, special_tokens: bool = False) -> int:
        """Add one token or several, text or AddedToken; returns how many were new. Resize the model after it."""
        tokens = [new_tokens] if isinstance(new_tokens, (str, AddedToken)) else list(new_tokens)
        return self._tokenizer.add_special_tokens(tokens) if special_tokens else self._tokenizer.add_tokens(tokens)

    def add_special_tokens(
        self, special_tokens_dict: dict[str, Any], replace_additional_special_tokens: bool = True
    ) -> int:
        """Set special tokens by attribute name, adding new ones to the vocabulary; returns how many were new."""
        added = 0
        for name, value in special_tokens_dict.items():
            if name == "additional_special_tokens":
                kept = [] if replace_additional_special_tokens else self._additional
                self._additional = [*kept, *(token for token in value if str(token) not in map(str, kept))]
                added += self.add_tokens(value, special_tokens=True)
            elif name in NAMES:
                setattr(self, name, value)
                added += self.add_tokens(value, special_tokens=True)
            else:
                raise ValueError(
                    f"[add_special_tokens] expected {', '.join(NAMES)} or additional_special_tokens, got {name!r}"
                )
        return added

    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> Any:
        """The id of a token, or a list of ids; unknown tokens give `unk_token_id`."""
        if isinstance(tokens, str):
            index = self._tokenizer.token_to_id(tokens)
            unknown = self.unk_token
            if index is None and unknown is not None and tokens != unknown:
                return self._tokenizer.token_to_id(unknown)
            return index
        return [self.convert_tokens_to_ids(token) for token in tokens]

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """The token of an id, or a list of tokens."""
        ids = as_list(ids)
        if isinstance(ids, int):
            return self._tokenizer.id_to_token(ids)
        skipped = set(self.all_special_ids) if skip_special_tokens else ()
        return [self._tokenizer.id_to_token(int(index)) for index in ids if index not in skipped]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text that tokens stand for."""
        decoder = self._tokenizer.decoder
        return decoder.decode(tokens) if decoder is not None else " ".join(tokens)

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens are put around a text or a pair of texts."""
        return self._tokenizer.num_special_tokens_to_add(pair)

    # Text to ids

    def __call__(
        self,
        text: Any = None,
        text_pair: Any = None,
        text_target: Any = None,
        text_pair_target: Any = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        split_special_tokens: bool | None = None,
    ) -> BatchEncoding:
        """Turn a text, or a list of texts, into model inputs.

        Args:
            text: a string or a list of strings; with `is_split_into_words`, a list of words or a list of those.
            text_pair: the second texts, in the same form.
            text_target: texts whose ids become "labels".
            padding: True or "longest" (to the longest of the batch), "max_length", or False.
            truncation: True or "longest_first", "only_first", "only_second", or False.
            max_length: in tokens, special ones included; default `model_max_length`.
            stride: how many tokens overlap between the pieces of `return_overflowing_tokens`.
            return_tensors: "pt", "tf", "jax" or "np"; None gives lists of integers.
        Returns:
            BatchEncoding of (batch, length) values, or of (length,) lists for one text without `return_tensors`.
            Integers are 64 bits wide in PyTorch and NumPy, 32 in TensorFlow and JAX.
        """
        options = {name: value for name, value in locals().items() if name not in ("self", *TEXTS)}
        if text is None and text_target is None:
            raise ValueError("[tokenizer] expected text or text_target, got neither")
        encoded = None if text is None else self._encode(text, text_pair, **options)
        if text_target is None:
            return encoded
        target = self._encode(text_target, text_pair_target, **options)
        if encoded is None:
            return target
        encoded["labels"] = target["input_ids"]
        return encoded

    def _encode(
        self, text: Any, text_pair: Any, *, add_special_tokens: bool, padding: Any, truncation: Any,
        max_length: int | None, stride: int, is_split_into_words: bool, pad_to_multiple_of: int | None,
        padding_side: str | None, return_tensors: str | None, return_token_type_ids: bool | None,
        return_attention_mask: bool | None, return_overflowing_tokens: bool, return_special_tokens_mask: bool,
        return_offsets_mapping: bool, return_length: bool, verbose: bool, split_special_tokens: bool | None,
    ) -> BatchEncoding:  # fmt: skip
        texts, single = as_rows(text, text_pair, is_split_into_words)
        self._plan(padding, truncation, max_length, stride, pad_to_multiple_of, padding_side)
        split = self.split_special_tokens if split_special_tokens is None else split_special_tokens
        if self._tokenizer.encode_special_tokens != split:
            self._tokenizer.encode_special_tokens = split
        try:
            encodings = self._tokenizer.encode_batch(
                texts, add_special_tokens=add_special_tokens, is_pretokenized=is_split_into_words
            )
        except Exception as error:  # the Rust library raises nothing more precise
            raise ValueError(f"[tokenizer] cannot encode with truncation {self._truncation}: {error}") from error
        origin = list(range(len(encodings)))
        if return_overflowing_tokens:
            pieces = [(row, piece) for row, whole in enumerate(encodings) for piece in (whole, *whole.overflowing)]
            origin, encodings = [row for row, _ in pieces], [piece for _, piece in pieces]
        names = self.model_input_names
        wanted = {
            "input_ids": ("ids", True),
            "token_type_ids": ("type_ids", given(return_token_type_ids, "token_type_ids" in names)),
            "attention_mask": ("attention_mask", given(return_attention_mask, "attention_mask" in names)),
            "special_tokens_mask": ("special_tokens_mask", return_special_tokens_mask),
            "offset_mapping": ("offsets", return_offsets_mapping),
        }
        data = {name: [getattr(e, part) for e in encodings] for name, (part, asked) in wanted.items() if asked}
        if return_length:
            data["length"] = [len(ids) for ids in data["input_ids"]]
        if return_overflowing_tokens:
            data["overflow_to_sample_mapping"] = origin
        if single and return_tensors is None and not return_overflowing_tokens:
            data = {name: values[0] if isinstance(values[0], list) else values for name, values in data.items()}
        if verbose and max_length is None and self._truncation is None:
            self._warn_if_too_long(encodings)
        return BatchEncoding(data, encodings, return_tensors)

    def _warn_if_too_long(self, encodings: list[Any]) -> None:
        longest = max((len(encoding) for encoding in encodings), default=0)
        if longest > self.model_max_length:
            import warnings

            warnings.warn(
                f"[tokenizer] expected at most {self.model_max_length} tokens, the model's longest input, "
                f"got {longest}; pass truncation=True",
                stacklevel=4,
            )

    def _plan(
        self, padding: Any, truncation: Any, max_length: int | None, stride: int, multiple: int | None, side: str | None
    ) -> None:
        """Set the Rust tokenizer's padding and truncation as `__call__`'s arguments ask."""
        if max_length is not None and truncation is None and padding in (False, None, "do_not_pad"):
            truncation = True  # a length alone means cutting there
        padding = one_of("padding", PADDING.get(padding, padding), PADDINGS)
        truncation = one_of("truncation", TRUNCATION.get(truncation, truncation), TRUNCATIONS)
        limit = max_length
        if limit is None and self.model_max_length <= LARGE:
            limit = self.model_max_length
        if limit is None:  # nothing says how long; `transformers` leaves such texts as they are
            padding = "do_not_pad" if padding == "max_length" else padding
            truncation = "do_not_truncate"
        if padding != "do_not_pad" and truncation != "do_not_truncate" and multiple and limit % multiple:
            raise ValueError(
                f"[tokenizer] expected max_length to be a multiple of pad_to_multiple_of ({multiple}), got {limit}"
            )
        cut = None
        if truncation != "do_not_truncate":
            cut = {"max_length": limit, "stride": stride, "strategy": truncation, "direction": self.truncation_side}
        self._set_truncation(cut)
        self._set_padding(None if padding == "do_not_pad" else self._pad_plan(padding, limit, multiple, side))

    def _pad_plan(self, padding: str, limit: int | None, multiple: int | None, side: str | None) -> dict[str, Any]:
        if self.pad_token is None or self.pad_token_id is None:
            raise ValueError(
                "[tokenizer] expected a padding token, this tokenizer has none; set tokenizer.pad_token, for instance "
                "to tokenizer.eos_token"
            )
        return {
            "length": limit if padding == "max_length" else None,
            "direction": one_of("padding_side", side or self.padding_side, SIDES),
            "pad_id": self.pad_token_id,
            "pad_token": self.pad_token,
            "pad_type_id": self.pad_token_type_id,
            "pad_to_multiple_of": multiple,
        }

    def _set_truncation(self, plan: dict[str, Any] | None) -> None:
        if plan == self._truncation:
            return
        self._truncation = None
        if plan is None:
            self._tokenizer.no_truncation()
        else:
            try:
                self._tokenizer.enable_truncation(**plan)
            except (ValueError, OverflowError) as error:
                raise ValueError(
                    f"[tokenizer] cannot cut at max_length={plan['max_length']} with stride={plan['stride']}: {error}"
                ) from error
        self._truncation = plan

    def _set_padding(self, plan: dict[str, Any] | None) -> None:
        if plan != self._padding:
            self._tokenizer.no_padding() if plan is None else self._tokenizer.enable_padding(**plan)
            self._padding = plan

    def encode(self, text: Any, text_pair: Any = None, **kwargs: Any) -> Any:
        """The ids alone; arguments as in `__call__`."""
        return self(text, text_pair, **kwargs)["input_ids"]

    def encode_plus(self, text: Any, text_pair: Any = None, **kwargs: Any) -> BatchEncoding:
        """The older name of `__call__` for one text."""
        return self(text, text_pair, **kwargs)

    def batch_encode_plus(self, batch_text_or_text_pairs: Any, **kwargs: Any) -> BatchEncoding:
        """The older name of `__call__` for many texts, or many (text, text) pairs."""
        batch = list(batch_text_or_text_pairs)
        if batch and not kwargs.get("is_split_into_words") and isinstance(batch[0], (list, tuple)):
            first, second = (list(column) for column in zip(*batch, strict=True))
            return self(first, second, **kwargs)
        return self(batch, **kwargs)

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, **kwargs: Any
    ) -> list[str]:
        """The tokens of a text, without special ones unless asked."""
        return self(text, pair, add_special_tokens=add_special_tokens, **kwargs).tokens()

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Bring encoded texts to one length: a batch by name, or a list of single encodings (a collator's use).

        Pads "input_ids", "token_type_ids", "attention_mask" and "special_tokens_mask"; other values stay as they are.
        Arrays come back as arrays of their framework unless `return_tensors` says otherwise.
        """
        main = self.model_input_names[0]
        if isinstance(encoded_inputs, (list, tuple)):
            if not encoded_inputs or not isinstance(encoded_inputs[0], Mapping):
                raise ValueError("[pad] expected a mapping or a list of mappings, each with " + main)
            encoded_inputs = {name: [item[name] for item in encoded_inputs] for name in encoded_inputs[0]}
        if main not in encoded_inputs:
            raise ValueError(f"[pad] expected {main!r} among the values, got {', '.join(encoded_inputs)}")
        values = encoded_inputs[main]
        if return_tensors is None and len(values):
            return_tensors = kind_of(values) or kind_of(values[0])
        data = {name: as_list(value) for name, value in encoded_inputs.items()}
        single = bool(data[main]) and not isinstance(data[main][0], (list, tuple))
        if single:
            data = {name: [value] for name, value in data.items()}
        lengths = [len(row) for row in data[main]]
        sizes = {len(value) for value in data.values()}
        if len(sizes) > 1:
            raise ValueError(f"[pad] expected values of one batch size, got {', '.join(map(str, sorted(sizes)))}")
        if given(return_attention_mask, "attention_mask" in self.model_input_names):
            data.setdefault("attention_mask", [[1] * length for length in lengths])
        self._plan(padding, False, max_length, 0, pad_to_multiple_of, padding_side)
        plan = self._padding
        if plan is not None and lengths:
            target = plan["length"] or max(lengths)
            target = -(-target // (pad_to_multiple_of or 1)) * (pad_to_multiple_of or 1)
            fill = {main: plan["pad_id"], "token_type_ids": plan["pad_type_id"], **PAD_VALUES}
            for name in fill.keys() & data.keys():
                rows = ((list(row), [fill[name]] * (target - len(row))) for row in data[name])
                data[name] = [row + more if plan["direction"] == "right" else more + row for row, more in rows]
        if single and return_tensors is None:
            data = {name: value[0] for name, value in data.items()}
        return BatchEncoding({name: data[name] for name in (*encoded_inputs, *data)}, tensor_type=return_tensors)

    # Ids to text

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> str:
        """The text of one sequence of ids: a list, or an array of any framework."""
        ids = as_list(token_ids)
        text = self._tokenizer.decode([ids] if isinstance(ids, int) else ids, skip_special_tokens=skip_special_tokens)
        if given(clean_up_tokenization_spaces, self.clean_up_tokenization_spaces):
            text = self.clean_up_tokenization(text)
        return text

    def batch_decode(self, sequences: Any, **kwargs: Any) -> list[str]:
        """`decode` of every row."""
        return [self.decode(row, **kwargs) for row in as_list(sequences)]

    @staticmethod
    def clean_up_tokenization(out_string: str) -> str:
        """Remove the spaces that joining English tokens leaves before punctuation and contractions."""
        for spaced in SPACED:
            out_string = out_string.replace(spaced, spaced.strip())
        return out_string

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(name_or_path={self.name_or_path!r}, vocab_size={self.vocab_size}, "
            f"model_max_length={self.model_max_length}, padding_side={self.padding_side!r}, "
            f"special_tokens={self.special_tokens_map})"
        )


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
