"""Text while it is being generated: `generate(..., streamer=...)` hands these each token."""

from __future__ import annotations

import asyncio
import queue
from typing import Any

from .tensors import as_list


class BaseStreamer:
    """Base class: `put(ids)` gets the prompt (1, length), then each token (1,); `end()` is called at the end."""

    def put(self, value: Any) -> None:
        raise TypeError(f"[{type(self).__name__}] expected put(ids) to be defined by the subclass")

    def end(self) -> None:
        raise TypeError(f"[{type(self).__name__}] expected end() to be defined by the subclass")


class TextStreamer(BaseStreamer):
    """Prints text as soon as whole words are there.

    Args:
        tokenizer: of the model.
        skip_prompt: leave the prompt out.
        decode_kwargs: of the tokenizer's `decode`, such as `skip_special_tokens=True`.
    """

    def __init__(self, tokenizer: Any, skip_prompt: bool = False, **decode_kwargs: Any) -> None:
        self.tokenizer, self.skip_prompt, self.decode_kwargs = tokenizer, skip_prompt, decode_kwargs
        self.token_cache: list[int] = []
        self.print_len = 0
        self.next_tokens_are_prompt = True

    def put(self, value: Any) -> None:
        ids = as_list(value)
        if ids and isinstance(ids[0], list):
            if len(ids) > 1:
                raise ValueError(f"[{type(self).__name__}] expected one text, got {len(ids)}: stream them one by one")
            ids = ids[0]
        if self.skip_prompt and self.next_tokens_are_prompt:
            self.next_tokens_are_prompt = False
            return
        self.next_tokens_are_prompt = False
        self.token_cache.extend(ids)
        text = self.tokenizer.decode(self.token_cache, **self.decode_kwargs)
        if text.endswith("\n"):
            ready, self.token_cache, self.print_len = text[self.print_len :], [], 0
        elif text and _is_cjk(text[-1]):
            ready = text[self.print_len :]
            self.print_len += len(ready)
        else:  # the last word may go on, and a last character may not be whole yet
            ready = text[self.print_len : text.rfind(" ") + 1]
            self.print_len += len(ready)
        self.on_finalized_text(ready)

    def end(self) -> None:
        rest = ""
        if self.token_cache:
            rest = self.tokenizer.decode(self.token_cache, **self.decode_kwargs)[self.print_len :]
            self.token_cache, self.print_len = [], 0
        self.next_tokens_are_prompt = True
        self.on_finalized_text(rest, stream_end=True)

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Called with text that will not change any more. For subclasses."""
        print(text, flush=True, end="\n" if stream_end else "")


class TextIteratorStreamer(TextStreamer):
    """An iterator over the pieces of text, for a `generate` that runs in another thread.

    Args:
        timeout: seconds to wait for a piece before `queue.Empty` is raised; None waits for ever.
    """

    def __init__(
        self, tokenizer: Any, skip_prompt: bool = False, timeout: float | None = None, **decode_kwargs: Any
    ) -> None:
        super().__init__(tokenizer, skip_prompt, **decode_kwargs)
        self.text_queue: queue.Queue[str | None] = queue.Queue()
        self.stop_signal, self.timeout = None, timeout

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self.text_queue.put(text, timeout=self.timeout)
        if stream_end:
            self.text_queue.put(self.stop_signal, timeout=self.timeout)

    def __iter__(self) -> TextIteratorStreamer:
        return self

    def __next__(self) -> str:
        value = self.text_queue.get(timeout=self.timeout)
        if value is self.stop_signal:
            raise StopIteration
        return value


class AsyncTextIteratorStreamer(TextStreamer):
    """The same for `async for`, made inside a running event loop."""

    def __init__(
        self, tokenizer: Any, skip_prompt: bool = False, timeout: float | None = None, **decode_kwargs: Any
    ) -> None:
        super().__init__(tokenizer, skip_prompt, **decode_kwargs)
        self.text_queue: asyncio.Queue[str | None] = asyncio.Queue()
        self.stop_signal, self.timeout = None, timeout
        self.loop = asyncio.get_running_loop()

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self.loop.call_soon_threadsafe(self.text_queue.put_nowait, text)
        if stream_end:
            self.loop.call_soon_threadsafe(self.text_queue.put_nowait, self.stop_signal)

    def __aiter__(self) -> AsyncTextIteratorStreamer:
        return self

    async def __anext__(self) -> str:
        value = await asyncio.wait_for(self.text_queue.get(), self.timeout)
        if value is self.stop_signal:
            raise StopAsyncIteration
        return value


# Blocks of characters that stand for themselves, without spaces between words.
CJK = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


def _is_cjk(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in CJK)
