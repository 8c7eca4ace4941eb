"""Special tokens: attributes such as `pad_token` and `pad_token_id`, and the files' ways to write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokenizers import AddedToken

NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
ADDITIONAL = "additional_special_tokens"
FLAGS = ("lstrip", "normalized", "rstrip", "single_word", "special")


class SpecialTokensMixin:
    """The named special tokens, and any further ones in `additional_special_tokens`.

    `tokenizer.pad_token` is text or None, `tokenizer.pad_token_id` its id; both can be assigned. A model's own names
    (`image_token`) come from `extra_special_tokens`. Names are attributes through `__getattr__`, so that a subclass may
    define one of them itself, as a property or before `__init__`.
    """

    SPECIAL_TOKENS_ATTRIBUTES: list[str] = [*NAMES, ADDITIONAL]

    def __init__(self, verbose: bool = False, **kwargs: Any) -> None:
        self._pad_token_type_id = 0
        self.verbose = verbose
        self._special_tokens_map: dict[str, Any] = {**dict.fromkeys(self.SPECIAL_TOKENS_ATTRIBUTES), ADDITIONAL: []}
        for name in self.SPECIAL_TOKENS_ATTRIBUTES:
            if kwargs.get(name) is not None:
                setattr(self, name, kwargs[name])

    def _named(self, key: str) -> tuple[str, bool] | None:
        """(the special token's attribute, whether its id is meant) if `key` is about one."""
        known = self.__dict__.get("_special_tokens_map")
        if known is None:
            return None
        if key in known:
            return key, False
        for suffix in ("_ids", "_id"):
            if key.endswith(suffix):
                name = key.removesuffix(suffix)
                return (name, True) if name in known else None
        return None

    def __getattr__(self, key: str) -> Any:
        found = self._named(key)
        if found is None:
            raise AttributeError(f"{type(self).__name__} has no attribute {key!r}")
        name, is_id = found
        if is_id:
            value = getattr(self, name)
            return None if value is None else self.convert_tokens_to_ids(value)
        value = self._special_tokens_map[name]
        if name == ADDITIONAL:
            return [str(token) for token in value or ()]
        return None if value is None else str(value)

    def __setattr__(self, key: str, value: Any) -> None:
        found = self._named(key)
        if found is None:
            return super().__setattr__(key, value)
        name, is_id = found
        if is_id and value is not None:
            value = self.convert_ids_to_tokens(value)
        tokens = value or [] if name == ADDITIONAL else [] if value is None else [value]
        if not isinstance(tokens, (list, tuple)) or not all(isinstance(t, (str, AddedToken)) for t in tokens):
            expected = "a list of text or AddedToken" if name == ADDITIONAL else "text or an AddedToken"
            raise TypeError(f"[{name}] expected {expected}, got {value!r}")
        self._special_tokens_map[name] = list(tokens) if name == ADDITIONAL else value

    def _set_model_specific_special_tokens(self, special_tokens: dict[str, str | AddedToken]) -> None:
        """Add named special tokens that only some models have, {"image_token": "<image>"}."""
        self.SPECIAL_TOKENS_ATTRIBUTES = [*self.SPECIAL_TOKENS_ATTRIBUTES, *special_tokens]
        for name, token in special_tokens.items():
            self._special_tokens_map[name] = None
            setattr(self, name, token)

    @property
    def pad_token_type_id(self) -> int:
        """The segment of padding."""
        return self._pad_token_type_id

    @property
    def special_tokens_map_extended(self) -> dict[str, Any]:
        """{attribute: text or AddedToken} of the special tokens that are set."""
        found = {name: self._special_tokens_map.get(name) for name in self.SPECIAL_TOKENS_ATTRIBUTES}
        return {name: value for name, value in found.items() if value}

    @property
    def special_tokens_map(self) -> dict[str, Any]:
        """{attribute: text} of the special tokens that are set."""
        found = {name: getattr(self, name) for name in self.SPECIAL_TOKENS_ATTRIBUTES}
        return {name: value for name, value in found.items() if value}

    @property
    def all_special_tokens_extended(self) -> list[str | AddedToken]:
        """Every special token once, with its flags where they are known."""
        tokens: dict[str, str | AddedToken] = {}
        for value in self.special_tokens_map_extended.values():
            for token in value if isinstance(value, (list, tuple)) else [value]:
                tokens.setdefault(str(token), token)
        return list(tokens.values())

    @property
    def all_special_tokens(self) -> list[str]:
        """Every special token once."""
        return [str(token) for token in self.all_special_tokens_extended]

    @property
    def all_special_ids(self) -> list[int]:
        """The ids of `all_special_tokens`."""
        return self.convert_tokens_to_ids(self.all_special_tokens)

    def add_tokens(
        self, new_tokens: str | AddedToken | Sequence[str | AddedToken], special_tokens: bool = False
    ) -> int:
        """Add one token or several; returns how many were new to the vocabulary. Resize the model after it."""
        if not new_tokens:
            return 0
        tokens = list(new_tokens) if isinstance(new_tokens, (list, tuple)) else [new_tokens]
        for token in tokens:
            if not isinstance(token, (str, AddedToken)):
                raise TypeError(f"[add_tokens] expected text or an AddedToken, got {token!r}")
        return self._add_tokens(tokens, special_tokens=special_tokens)

    def add_special_tokens(
        self, special_tokens_dict: dict[str, Any], replace_additional_special_tokens: bool = True
    ) -> int:
        """Set special tokens by attribute name, adding new ones to the vocabulary; returns how many were new.

        Without `replace_additional_special_tokens`, the additional ones join those that are there.
        """
        added: list[AddedToken] = []
        for name, value in special_tokens_dict.items():
            if name not in self.SPECIAL_TOKENS_ATTRIBUTES:
                raise ValueError(
                    f"[add_special_tokens] expected {', '.join(self.SPECIAL_TOKENS_ATTRIBUTES[:-1])} or "
                    f"{self.SPECIAL_TOKENS_ATTRIBUTES[-1]}, got {name!r}"
                )
            tokens = value if isinstance(value, (list, tuple)) else [value]
            tokens = [AddedToken(t, normalized=False, special=True) if isinstance(t, str) else t for t in tokens]
            if name == ADDITIONAL:
                if not replace_additional_special_tokens:
                    tokens = [token for token in tokens if str(token) not in self.additional_special_tokens]
                    self._special_tokens_map[name].extend(tokens)
                elif tokens:
                    setattr(self, name, tokens)
            else:
                setattr(self, name, value if isinstance(value, (list, tuple)) else tokens[0])
            added += [token for token in tokens if token not in added]
        return self.add_tokens(added, special_tokens=True)

    def sanitize_special_tokens(self) -> int:
        """Make sure that every special token is in the vocabulary; returns how many were not."""
        return self.add_tokens(self.all_special_tokens_extended, special_tokens=True)


def from_json(value: Any) -> Any:
    """A token as files write it: text, or an object with the flags of an AddedToken."""
    if isinstance(value, dict) and isinstance(value.get("content"), str):
        return AddedToken(value["content"], **{flag: value[flag] for flag in FLAGS if flag in value})
    if isinstance(value, dict):
        return {name: from_json(item) for name, item in value.items()}
    return [from_json(item) for item in value] if isinstance(value, list) else value


def to_json(value: Any, typed: bool = False) -> Any:
    """The inverse of `from_json`; `typed` adds the key by which `transformers` tells tokens from other objects."""
    if isinstance(value, AddedToken):
        flags = {flag: getattr(value, flag) for flag in FLAGS}
        return {**({"__type": "AddedToken"} if typed else {}), "content": value.content, **flags}
    if isinstance(value, dict):
        return {name: to_json(item, typed) for name, item in value.items()}
    return [to_json(item, typed) for item in value] if isinstance(value, (list, tuple)) else value
