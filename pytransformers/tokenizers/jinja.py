"""Rendering chat templates with Jinja2, sandboxed: a template comes with a checkpoint, and is not to be trusted."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment, SecurityError

TRACKER = "_generation_tracker"


class ChatTemplateError(TemplateError, ValueError):
    """A chat template that cannot be read, refuses the conversation, or tries to leave its sandbox."""


class Tracker:
    """Where in the text the assistant's words are, told while the text is made."""

    def __init__(self) -> None:
        self.blocks: list[str] = []
        self.spans: list[tuple[int, int]] = []

    def mark(self, text: str) -> None:
        start = sum(map(len, self.blocks))
        self.spans.append((start, start + len(text)))


class Generation(Extension):
    """`{% generation %} ... {% endgeneration %}` around the assistant's words."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        call = self.call_method("_marked", [nodes.ContextReference()])
        return nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _marked(self, context: Context, caller: Macro) -> str:
        text = caller()
        tracker = context.get(TRACKER)
        if isinstance(tracker, Tracker):
            tracker.mark(text)
        return text


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, which raises at once where Jinja would go on with nothing."""

    def unsafe_undefined(self, obj: Any, attribute: str) -> NoReturn:
        raise SecurityError(f"{attribute!r} of a {type(obj).__name__} is out of bounds")


def raise_exception(message: str) -> None:
    """For templates, to refuse a conversation."""
    raise ChatTemplateError(message)


def tojson(
    x: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    """JSON as it is; Jinja's own filter escapes what HTML would misread."""
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def strftime_now(format: str) -> str:
    """The time of day, here and now."""
    return datetime.now().strftime(format)


@lru_cache
def environment() -> Sandbox:
    """Jinja as chat templates expect it."""
    made = Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    made.filters["tojson"] = tojson
    made.globals.update(raise_exception=raise_exception, strftime_now=strftime_now)
    return made


@lru_cache
def compiled(template: str) -> Any:
    """A template ready to render; ChatTemplateError names the line of a mistake."""
    try:
        return environment().from_string(template)
    except TemplateSyntaxError as error:
        raise ChatTemplateError(f"[chat template] line {error.lineno}: {error.message}; correct it") from error
    except RecursionError as error:
        raise ChatTemplateError("[chat template] is nested too deeply; correct the template") from error


def render(template: str, variables: dict[str, Any], tracker: Tracker | None = None) -> str:
    """The text that a template makes. ChatTemplateError says what went wrong, and in which line."""
    made = compiled(template)
    try:
        if tracker is None:
            return made.render(variables)
        for block in made.generate({**variables, TRACKER: tracker}):
            tracker.blocks.append(block)
        return "".join(tracker.blocks)
    except Exception as error:
        if isinstance(error, SecurityError):
            what = f"tries to leave its sandbox: {error}"
        elif isinstance(error, ChatTemplateError):
            what = str(error)
        else:
            what = f"{type(error).__name__}: {error}"
        raise ChatTemplateError(f"[chat template] {_line(error)}{what}") from error


def _line(error: BaseException) -> str:
    """The innermost line of the template on the way to an error, as "line 3: ", as far as it is known."""
    line, frame = None, error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == "<template>":
            line = frame.tb_lineno
        frame = frame.tb_next
    return "" if line is None else f"line {line}: "
