"""Python functions as JSON schemas, for chat templates that offer tools to a model."""

from __future__ import annotations

import inspect
import json
import re
import types
from collections.abc import Callable
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

TYPES: dict[Any, dict[str, str]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}
# Types of packages that need not be installed, by module and name.
MEDIA = {("PIL.Image", "Image"): {"type": "image"}, ("torch", "Tensor"): {"type": "audio"}}


class TypeHintParsingException(ValueError):
    """A type hint that has no JSON schema."""


class DocstringParsingException(ValueError):
    """A docstring that does not say what a function's arguments are."""


def get_json_schema(func: Callable[..., Any]) -> dict[str, Any]:
    """The schema of a function: name, description, and the type and description of each argument.

    Types come from the hints, descriptions from a docstring in Google's style. "(choices: [...])" at the end of an
    argument's description lists its values. The format is JSON Schema, as chat templates of tool-using models read it.
    """
    doc = inspect.getdoc(func)
    if not doc:
        raise DocstringParsingException(f"[get_json_schema] expected {func.__name__} to have a docstring, found none")
    description, arguments, returns = parse_google_format_docstring(doc.strip())
    parameters = _parameters(func)
    returned = parameters["properties"].pop("return", None)
    if returned is not None and returns is not None:
        returned["description"] = returns
    for name, schema in parameters["properties"].items():
        if name not in arguments:
            raise DocstringParsingException(
                f"[get_json_schema] expected the docstring of {func.__name__} to describe {name!r}, found nothing"
            )
        text = arguments[name]
        if choices := re.search(r"\(choices:\s*(.*?)\)\s*$", text, re.IGNORECASE):
            schema["enum"] = [choice.strip() for choice in json.loads(choices[1])]
            text = text[: choices.start()].strip()
        schema["description"] = text
    found = {"name": func.__name__, "description": description, "parameters": parameters}
    if returned is not None:
        found["return"] = returned
    return {"type": "function", "function": found}


def parse_google_format_docstring(docstring: str) -> tuple[str | None, dict[str, str], str | None]:
    """(description, {argument: description}, what is returned) of a docstring in Google's style."""
    parts = re.split(r"\n\s*(Args|Returns|Raises):\s*?(?:\n|$)", docstring)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    arguments: dict[str, str] = {}
    lines = [line for line in sections.get("Args", "").split("\n") if line.strip()]
    for entry in re.findall(r"(?:^|\n)\s*(\w+):\s*(.*?)\s*(?=\n\s*\w+:|\Z)", "\n".join(lines), re.DOTALL):
        arguments[entry[0]] = re.sub(r"\s*\n+\s*", " ", entry[1].strip())
    returns = sections.get("Returns")
    return parts[0].strip() or None, arguments, None if returns is None else returns.strip()


def _parameters(func: Callable[..., Any]) -> dict[str, Any]:
    signature = inspect.signature(func)
    for parameter in signature.parameters.values():
        if parameter.annotation is parameter.empty:
            raise TypeHintParsingException(
                f"[get_json_schema] expected a type hint for {parameter.name!r} of {func.__name__}, found none"
            )
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _schema(hint) for name, hint in get_type_hints(func).items()},
    }
    required = [name for name, parameter in signature.parameters.items() if parameter.default is parameter.empty]
    return {**schema, "required": required} if required else schema


def _schema(hint: Any) -> dict[str, Any]:
    origin, args = get_origin(hint), get_args(hint)
    if origin is None:
        if isinstance(hint, type) and (hint.__module__, hint.__name__) in MEDIA:
            return dict(MEDIA[hint.__module__, hint.__name__])
        return dict(TYPES.get(hint, {"type": "object"}))
    if origin in (Union, types.UnionType):
        kinds = [_schema(arg) for arg in args if arg is not type(None)]
        if len(kinds) == 1:
            schema = kinds[0]
        elif all(isinstance(kind.get("type"), str) for kind in kinds):
            schema = {"type": sorted(kind["type"] for kind in kinds)}
        else:
            schema = {"anyOf": kinds}
        return {**schema, "nullable": True} if type(None) in args else schema
    if origin is Literal and all(type(arg) in TYPES for arg in args):
        kinds = list(dict.fromkeys(TYPES[type(arg)]["type"] for arg in args))
        return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": list(args)}
    if origin in (list, tuple) and not args:
        return {"type": "array"}
    if origin is list:
        return {"type": "array", "items": _schema(args[0])}
    if origin is tuple and len(args) > 1 and ... not in args:
        return {"type": "array", "prefixItems": [_schema(arg) for arg in args]}
    if origin is dict:
        return {"type": "object", **({"additionalProperties": _schema(args[1])} if args else {})}
    raise TypeHintParsingException(
        f"[get_json_schema] expected a hint of str, int, float, bool, list, dict, Literal or unions, got {hint}"
    )
