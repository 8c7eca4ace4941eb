"""text-generation: the continuation of a text, or the next message of a chat."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from enum import Enum
from typing import Any

from ..configs.generation import GenerationConfig
from . import batching
from .base import is_stream
from .generating import GeneratingPipeline


class ReturnType(Enum):
    """What is returned of a continuation."""

    TENSORS = 0
    NEW_TEXT = 1
    FULL_TEXT = 2


class Chat:
    """Messages {"role", "content"}, kept apart from a list of texts."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
                raise ValueError(
                    "[text-generation] expected each message of a chat to be a dictionary with 'role' and 'content', "
                    f"got {message!r:.80}"
                )
        self.messages = list(messages)


class TextGenerationPipeline(GeneratingPipeline):
    """[{"generated_text"}] of a prompt, or of a chat (a list of messages), one for each sequence asked for.

    Args:
        return_full_text: with the prompt before it (default), or the new text alone.
        return_tensors: give {"generated_token_ids"} instead, prompt included.
        prefix: text put before the prompt, not shown.
        handle_long_generation: "hole" cuts the prompt's beginning so that what is generated fits the model.
        stop_sequence: text whose tokens end the generation.
        truncation, padding, add_special_tokens, max_length, tokenizer_encode_kwargs: of the tokenizer.
        clean_up_tokenization_spaces, skip_special_tokens: of decoding, both True by default.
        continue_final_message: write on in the chat's last message; default: if it is the assistant's.
        assistant_model, assistant_tokenizer: a draft model for assisted generation, to the constructor.
    Further arguments are those of `generate`; by default it samples at temperature 0.7, up to 256 new tokens.
    """

    _default_generation_config = GenerationConfig(max_new_tokens=256, do_sample=True, temperature=0.7)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "prefix" not in self._preprocess_params and self.prefix is not None:
            before, forward, _ = self._sanitize_parameters(prefix=self.prefix, **self._forward_params)
            self._preprocess_params |= before
            self._forward_params |= forward

    def _sanitize_parameters(
        self, return_full_text=None, return_tensors=None, return_text=None, return_type=None,
        clean_up_tokenization_spaces=None, prefix=None, handle_long_generation=None, stop_sequence=None,
        truncation=None, max_length=None, continue_final_message=None, skip_special_tokens=None,
        tokenizer_encode_kwargs=None, add_special_tokens=None, padding=None, **generate_kwargs,
    ):  # fmt: skip
        if handle_long_generation not in (None, "hole"):
            raise ValueError(f"[handle_long_generation] expected None or 'hole', got {handle_long_generation!r}")
        if max_length is not None:
            generate_kwargs["max_length"] = max_length
        if prefix:
            special = bool(add_special_tokens)
            generate_kwargs["prefix_length"] = len(self.tokenizer(prefix, add_special_tokens=special)["input_ids"])
        before = {
            "truncation": truncation, "max_length": max_length, "prefix": prefix, "padding": padding,
            "handle_long_generation": handle_long_generation, "continue_final_message": continue_final_message,
            "tokenizer_encode_kwargs": tokenizer_encode_kwargs, "add_special_tokens": add_special_tokens,
            "max_new_tokens": generate_kwargs.get("max_new_tokens"),
        }  # fmt: skip
        if stop_sequence is not None:
            generate_kwargs["eos_token_id"] = self.tokenizer.encode(stop_sequence, add_special_tokens=False)
        after = {
            "return_type": self._return_type(return_type, return_full_text, return_tensors, return_text),
            "clean_up_tokenization_spaces": clean_up_tokenization_spaces,
            "continue_final_message": continue_final_message, "skip_special_tokens": skip_special_tokens,
        }  # fmt: skip
        before, after = ({name: v for name, v in d.items() if v is not None} for d in (before, after))
        return before, {**generate_kwargs, **self._assistance()}, after

    @staticmethod
    def _return_type(given: Any, full: bool | None, tensors: bool | None, text: bool | None) -> Any:
        if given is not None:
            return given
        named = [("return_full_text", full), ("return_text", text), ("return_tensors", tensors)]
        chosen = [name for name, value in named if value is not None]
        if len(chosen) > 1:
            raise ValueError(f"[text-generation] `{chosen[0]}` is mutually exclusive with `{chosen[1]}`")
        if full is not None:
            return ReturnType.FULL_TEXT if full else ReturnType.NEW_TEXT
        return None if tensors is None else ReturnType.TENSORS

    def __call__(self, text_inputs: Any, **kwargs: Any) -> Any:
        return super().__call__(as_chats(text_inputs), **kwargs)

    def preprocess(
        self, prompt_text: Any, prefix: str = "", handle_long_generation: str | None = None,
        add_special_tokens: bool | None = None, truncation: Any = None, padding: Any = None,
        max_length: int | None = None, continue_final_message: bool | None = None,
        tokenizer_encode_kwargs: dict[str, Any] | None = None, max_new_tokens: int | None = None,
        **generate_kwargs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        options = {"add_special_tokens": add_special_tokens, "truncation": truncation, "padding": padding,
                   "max_length": max_length}  # fmt: skip
        options = {name: value for name, value in options.items() if value is not None}
        options |= tokenizer_encode_kwargs or {}
        if isinstance(prompt_text, Chat):
            options.pop("add_special_tokens", None)  # the template writes them
            goes_on = continues(prompt_text, continue_final_message)
            inputs = self.tokenizer.apply_chat_template(
                prompt_text.messages, add_generation_prompt=not goes_on, continue_final_message=goes_on,
                return_dict=True, return_tensors=self.tensors, **options,
            )  # fmt: skip
        elif isinstance(prompt_text, str):
            inputs = self.tokenizer(prefix + prompt_text, return_tensors=self.tensors, **options)
        else:
            raise ValueError(f"[text-generation] expected a text or a chat, got {prompt_text!r:.80}")
        inputs = {name: inputs[name] for name in ("input_ids", "attention_mask") if name in inputs}
        if handle_long_generation == "hole":
            inputs = self._cut(inputs, max_new_tokens, max_length)
        return {**inputs, "prompt_text": prompt_text}

    def _cut(self, inputs: dict[str, Any], max_new_tokens: int | None, max_length: int | None) -> dict[str, Any]:
        """The end of the prompt that leaves room for what is generated."""
        length = inputs["input_ids"].shape[-1]
        if max_new_tokens is None:
            max_new_tokens = (max_length or self.generation_config.max_length) - length
            if max_new_tokens < 0:
                raise ValueError(
                    f"[handle_long_generation] expected a max_length above the prompt's {length} tokens; "
                    "pass max_new_tokens"
                )
        most = self.tokenizer.model_max_length
        if length + max_new_tokens <= most:
            return inputs
        if max_new_tokens >= most:
            raise ValueError(
                f"[handle_long_generation] expected fewer new tokens than the model's {most}, got {max_new_tokens}"
            )
        return {name: value[:, max_new_tokens - most :] for name, value in inputs.items()}

    def _forward(self, model_inputs: dict[str, Any], **generate_kwargs: Any) -> dict[str, Any]:
        prompts = model_inputs["prompt_text"]
        inputs = {name: model_inputs[name] for name in ("input_ids", "attention_mask") if name in model_inputs}
        if inputs["input_ids"].shape[1] == 0:
            inputs = {}  # generation starts from the first token there is
        if longer := generate_kwargs.pop("prefix_length", 0):
            settings = generate_kwargs.get("generation_config", self.generation_config)
            for name, new in (("max_length", "max_new_tokens"), ("min_length", "min_new_tokens")):
                length = generate_kwargs.get(name) or getattr(settings, name)
                if length and new not in generate_kwargs and getattr(settings, new) is None:
                    generate_kwargs[name] = length + longer
        sequences, others = self.generate(inputs, **generate_kwargs)
        kept = {name: model_inputs[name] for name in ("input_ids", "attention_mask") if name in model_inputs}
        return {**kept, "sequences": sequences, "others": others, "prompt_text": prompts}

    def postprocess(
        self, model_outputs: dict[str, Any], return_type: Any = ReturnType.FULL_TEXT,
        clean_up_tokenization_spaces: bool = True, continue_final_message: bool | None = None,
        skip_special_tokens: bool = True,
    ) -> list[dict[str, Any]]:  # fmt: skip
        prompt = model_outputs["prompt_text"]
        ids = batching.to_numpy(model_outputs["input_ids"])[0]
        padding = 0
        if model_outputs.get("attention_mask") is not None and ids.size:
            padding = int(batching.to_numpy(model_outputs["attention_mask"])[0].argmax())
        others = {name: value[0].tolist() for name, value in model_outputs["others"].items()}

        def decode(tokens: Any) -> str:
            return self.tokenizer.decode(
                tokens.tolist(), skip_special_tokens=skip_special_tokens,
                clean_up_tokenization_spaces=clean_up_tokenization_spaces,
            )  # fmt: skip

        start = len(decode(ids[padding:])) if ids.size else 0
        records = []
        for index, sequence in enumerate(model_outputs["sequences"][0]):
            sequence = sequence[padding:]
            if return_type is ReturnType.TENSORS:
                record = {"generated_token_ids": sequence.tolist()}
            else:
                text = decode(sequence)[start:]
                full = return_type is ReturnType.FULL_TEXT
                record = {"generated_text": _joined(prompt, text, continue_final_message) if full else text}
            records.append(record | {name: values[index] for name, values in others.items()})
        return records


def as_chats(inputs: Any) -> Any:
    """Chats made recognisable: one, a list of them, or an iterator of them; all else as it is."""
    if not is_stream(inputs) and not isinstance(inputs, tuple):
        return inputs
    if isinstance(inputs, Iterator):
        first = next(inputs, None)
        inputs = itertools.chain([] if first is None else [first], inputs)
        return map(Chat, inputs) if isinstance(first, (list, tuple)) else inputs
    first = inputs[0] if len(inputs) else None
    if isinstance(first, dict):
        return Chat(inputs)
    return [Chat(chat) for chat in inputs] if isinstance(first, (list, tuple)) else inputs


def continues(chat: Chat, given: bool | None) -> bool:
    """Whether the last message is written on: as asked, else if it is the assistant's."""
    return chat.messages[-1]["role"] == "assistant" if given is None else given


def _joined(prompt: Any, text: str, continue_final_message: bool | None) -> Any:
    """The prompt with the new text after it; a chat with the new message, or with its last one longer."""
    if isinstance(prompt, str):
        return prompt + text
    if not continues(prompt, continue_final_message):
        return [*prompt.messages, {"role": "assistant", "content": text}]
    *before, last = prompt.messages
    return [*before, {"role": last["role"], "content": last["content"] + text}]
