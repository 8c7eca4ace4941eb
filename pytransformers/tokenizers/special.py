"""Special tokens: attributes such as `pad_token` and `pad_token_id`, and the files' ways to write them."""

from __future__ import annotations

from typing import Any

from tokenizers import AddedToken

NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


class Token:
    """An attribute that holds one special token's text, or None."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, tokenizer: Any, owner: type | None = None) -> Any:
        if tokenizer is None:
            return self
        token = tokenizer._special.get(self.name)
        return None if token is None else str(token)

    def __set__(self, tokenizer: Any, token: str | AddedToken | None) -> None:
        if token is not None and not isinstance(token, (str, AddedToken)):
            raise TypeError(f"[{self.name}] expected text or an AddedToken, got {token!r}")
        tokenizer._special[self.name] = token


class TokenId:
    """An attribute that gives one special token's id, or None; assigning an id names the token."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name.removesuffix("_id")

    def __get__(self, tokenizer: Any, owner: type | None = None) -> Any:
        if tokenizer is None:
            return self
        token = getattr(tokenizer, self.name)
        return None if token is None else tokenizer.convert_tokens_to_ids(token)

    def __set__(self, tokenizer: Any, index: int | None) -> None:
        setattr(tokenizer, self.name, None if index is None else tokenizer.convert_ids_to_tokens(index))


class SpecialTokens:
    """The seven named special tokens, and any further ones in `additional_special_tokens`."""

    bos_token, bos_token_id = Token(), TokenId()
    eos_token, eos_token_id = Token(), TokenId()
    unk_token, unk_token_id = Token(), TokenId()
    sep_token, sep_token_id = Token(), TokenId()
    pad_token, pad_token_id = Token(), TokenId()
    cls_token, cls_token_id = Token(), TokenId()
    mask_token, mask_token_id = Token(), TokenId()

    _special: dict[str, str | AddedToken | None]
    _additional: list[str | AddedToken]

    @property
    def additional_special_tokens(self) -> list[str]:
        """Special tokens beyond the named ones."""
        return [str(token) for token in self._additional]

    @property
    def additional_special_tokens_ids(self) -> list[int]:
        return self.convert_tokens_to_ids(self.additional_special_tokens)

    @property
    def special_tokens_map(self) -> dict[str, Any]:
        """{attribute: text} of the special tokens that are set."""
        named = {name: str(self._special[name]) for name in NAMES if self._special.get(name) is not None}
        return {**named, **({"additional_special_tokens": self.additional_special_tokens} if self._additional else {})}

    @property
    def all_special_tokens(self) -> list[str]:
        """Every special token once."""
        named = (getattr(self, name) for name in NAMES)
        return list(dict.fromkeys(token for token in (*named, *self.additional_special_tokens) if token is not None))

    @property
    def all_special_ids(self) -> list[int]:
        return self.convert_tokens_to_ids(self.all_special_tokens)


def from_json(value: Any) -> Any:
    """A token as files write it: text, or an object with the flags of an AddedToken."""
    if isinstance(value, dict) and "content" in value:
        flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
        return AddedToken(value["content"], **{flag: value[flag] for flag in flags if flag in value})
    return value


def to_json(token: str | AddedToken, typed: bool = False) -> Any:
    """The inverse of `from_json`; `typed` adds the key by which `transformers` tells tokens from other objects."""
    if isinstance(token, str):
        return token
    flags = ("lstrip", "normalized", "rstrip", "single_word", "special")
    value = {"content": token.content, **{flag: getattr(token, flag) for flag in flags}}
    return {"__type": "AddedToken", **value} if typed else value
