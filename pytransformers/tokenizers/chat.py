"""Conversations to text and ids, by the chat template that a checkpoint brings."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from . import files

CONTINUED = "CONTINUE_FINAL_MESSAGE_TAG "  # stands behind the last message while it is rendered


class ChatTemplates:
    """`apply_chat_template`. `chat_template` is a Jinja template, several by name, or None."""

    chat_template: str | dict[str, str] | None = None

    def get_chat_template(self, chat_template: str | None = None, tools: Sequence[Any] | None = None) -> str:
        """The template to use: the one given, or the one with that name, or the tokenizer's own.

        Of several, "tool_use" is taken if there are tools, else "default".
        """
        own = self.chat_template
        if isinstance(own, dict):
            if chat_template in own:
                return own[chat_template]
            if chat_template is None:
                for name in (["tool_use"] if tools is not None else []) + ["default"]:
                    if name in own:
                        return own[name]
                raise ValueError(
                    f"[chat template] expected the name of one of several templates, {', '.join(sorted(own))}, got none"
                )
        elif chat_template is None:
            chat_template = own
        if chat_template is None:
            raise ValueError(
                "[chat template] this tokenizer has none; set tokenizer.chat_template, or pass chat_template="
            )
        return chat_template

    def apply_chat_template(
        self,
        conversation: Sequence[Any],
        tools: Sequence[dict[str, Any] | Callable[..., Any]] | None = None,
        documents: Sequence[dict[str, str]] | None = None,
        chat_template: str | None = None,
        add_generation_prompt: bool = False,
        continue_final_message: bool = False,
        tokenize: bool = True,
        padding: Any = False,
        truncation: Any = False,
        max_length: int | None = None,
        return_tensors: str | None = None,
        return_dict: bool = False,
        return_assistant_tokens_mask: bool = False,
        tokenizer_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Turn a conversation, or a list of them, into ids, or into text.

        Args:
            conversation: messages, {"role": "user", "content": "..."}, oldest first.
            tools: what the model may call: JSON schemas, or functions with hints and docstring.
            documents: what the model may look up, {"title": ..., "text": ...}.
            chat_template: a template, or the name of one of the tokenizer's.
            add_generation_prompt: whether to end with what begins an answer.
            continue_final_message: whether to leave the last message open.
            tokenize: False gives text.
            padding, truncation, max_length, return_tensors: as in `__call__`.
            return_dict: whether to return all model inputs, and not the ids alone.
            return_assistant_tokens_mask: adds "assistant_masks", 1 for what the template marks with
                `{% generation %}`; needs `return_dict`.
            tokenizer_kwargs: further arguments of `__call__`.
            kwargs: further variables of the template.
        Raises:
            ChatTemplateError: the template has a mistake, refuses the conversation, or leaves its sandbox.
        """
        if return_dict and not tokenize:
            raise ValueError("[chat template] expected tokenize=True with return_dict=True; text is no model input")
        if return_assistant_tokens_mask and not return_dict:
            raise ValueError("[chat template] expected return_dict=True with return_assistant_tokens_mask=True")
        if continue_final_message and (add_generation_prompt or return_assistant_tokens_mask):
            other = "add_generation_prompt" if add_generation_prompt else "return_assistant_tokens_mask"
            raise ValueError(f"[chat template] expected continue_final_message or {other}, got both; leave one out")
        template = self.get_chat_template(chat_template, tools)
        if not isinstance(conversation, (list, tuple)) and not hasattr(conversation, "messages"):
            raise TypeError(f"[chat template] expected a list of messages, got {conversation!r:.60}")
        several = isinstance(conversation, (list, tuple)) and bool(conversation)
        several = several and (isinstance(conversation[0], (list, tuple)) or hasattr(conversation[0], "messages"))
        texts, spans = render_jinja_template(
            conversations=conversation if several else [conversation],
            tools=tools,
            documents=documents,
            chat_template=template,
            return_assistant_tokens_mask=return_assistant_tokens_mask,
            continue_final_message=continue_final_message,
            add_generation_prompt=add_generation_prompt,
            **{**self.special_tokens_map, **kwargs},
        )
        if not tokenize:
            return texts if several else texts[0]
        encoded = self(
            texts if several else texts[0],
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            add_special_tokens=False,
            return_tensors=return_tensors,
            **(tokenizer_kwargs or {}),
        )
        if not return_dict:
            return encoded["input_ids"]
        if return_assistant_tokens_mask:
            rows = encoded["input_ids"] if several or return_tensors else [encoded["input_ids"]]
            masks = [self._assistant_mask(encoded, i, len(row), spans[i]) for i, row in enumerate(rows)]
            encoded["assistant_masks"] = masks if several or return_tensors else masks[0]
            encoded.convert_to_tensors(return_tensors)
        return encoded

    @staticmethod
    def _assistant_mask(encoded: Any, row: int, length: int, spans: list[tuple[int, int]]) -> list[int]:
        """1 for the tokens inside the spans of characters."""
        mask = [0] * length
        for start, end in spans:
            first = encoded.char_to_token(row, start)
            last = encoded.char_to_token(row, end - 1)
            if first is None:  # cut off
                break
            stop = last + 1 if last else length
            mask[first:stop] = [1] * (stop - first)
        return mask

    def encode_message_with_chat_template(
        self, message: dict[str, Any], conversation_history: Sequence[dict[str, Any]] | None = None, **kwargs: Any
    ) -> list[int]:
        """The ids that one more message adds to a conversation, as far as the template lets them be told apart."""
        if "add_generation_prompt" in kwargs:
            raise ValueError("[chat template] expected no add_generation_prompt here; encode the prompt by itself")
        history = list(conversation_history or ())
        ids = self.apply_chat_template([*history, message], **kwargs)
        before = self.apply_chat_template(history, **kwargs) if history else []
        same = 0
        while same < min(len(ids), len(before)) and ids[same] == before[same]:
            same += 1
        return ids[same:]

    def _chat_files(self) -> dict[str, str]:
        """{file name: template} as files of their own."""
        own = self.chat_template
        named = own if isinstance(own, dict) else {} if own is None else {"default": own}
        return {
            files.CHAT_TEMPLATE if name == "default" else f"{files.CHAT_TEMPLATES}/{name}.jinja": text
            for name, text in named.items()
        }


def render_jinja_template(
    conversations: Sequence[Any],
    tools: Sequence[Any] | None = None,
    documents: Sequence[dict[str, str]] | None = None,
    chat_template: str = "",
    return_assistant_tokens_mask: bool = False,
    continue_final_message: bool = False,
    add_generation_prompt: bool = False,
    **kwargs: Any,
) -> tuple[list[str], list[list[tuple[int, int]]]]:
    """(the text of each conversation, where the assistant's words are in it); jinja2 is imported here."""
    try:
        from .jinja import Tracker, render
    except ModuleNotFoundError as error:
        raise ImportError(
            "[chat template] expected jinja2 to be installed, found none; run: pip install 'jinja2>=3.1'"
        ) from error
    for document in documents or ():
        if not isinstance(document, dict):
            raise TypeError(f"[chat template] expected each document to be a dictionary, got {document!r:.60}")
    variables = {
        "tools": None if tools is None else [_schema(tool) for tool in tools],
        "documents": documents,
        "add_generation_prompt": add_generation_prompt,
        **kwargs,
    }
    texts, spans = [], []
    for chat in conversations:
        chat, last = getattr(chat, "messages", chat), ""
        if continue_final_message:
            chat, last = _open_ended(chat)
        tracker = Tracker() if return_assistant_tokens_mask else None
        text = render(chat_template, {**variables, "messages": chat}, tracker)
        if tracker is not None:
            spans.append(tracker.spans)
        texts.append(_cut_after(text, last) if continue_final_message else text)
    return texts, spans


def _schema(tool: Any) -> dict[str, Any]:
    from .json_schema import get_json_schema

    if isinstance(tool, dict):
        return tool
    if not callable(tool):
        raise ValueError(f"[chat template] expected each tool to be a JSON schema or a function, got {tool!r:.60}")
    return get_json_schema(tool)


def _open_ended(chat: Sequence[Any]) -> tuple[Sequence[Any], str]:
    """(the conversation with a tag behind its last message, that message)."""
    chat = copy.deepcopy(chat)
    content = chat[-1]["content"] if chat else None
    if isinstance(content, str):
        chat[-1]["content"] = content + CONTINUED
        return chat, content
    for block in reversed(content or ()):
        if "text" in block:
            text = block["text"]
            block["text"] = text + CONTINUED
            return chat, text
    raise ValueError("[chat template] expected text in the last message to continue, found none")


def _cut_after(text: str, last: str) -> str:
    """The text up to the tag behind the last message."""
    tag = CONTINUED.strip()
    if last.strip() not in text or tag not in text:
        raise ValueError(
            "[chat template] expected the last message in what the template makes, found it changed or left out; "
            "this template cannot continue it"
        )
    place = text.rindex(tag)
    # A template that trims messages took the space behind the tag, and would have taken the message's own.
    return text[:place] if text.startswith(CONTINUED, place) else text[:place].rstrip()
