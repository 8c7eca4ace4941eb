"""text2text-generation, summarization, translation: a text from a text, by encoder-decoders."""

from __future__ import annotations

import logging
import warnings
from enum import Enum
from typing import Any

from ..configs.generation import GenerationConfig
from .base import return_tensor
from .generating import GeneratingPipeline

logger = logging.getLogger(__name__)


class ReturnType(Enum):
    """What is returned of a generated sequence."""

    TENSORS = 0
    TEXT = 1


class Text2TextGenerationPipeline(GeneratingPipeline):
    """[{"generated_text"}] of a text; a list of texts gives one such dictionary each, or lists for several sequences.

    Args:
        return_tensors: give {"generated_token_ids"} instead, an array of the framework.
        truncation: cut long texts, as the tokenizer's.
        stop_sequence: text whose first token ends the generation.
        clean_up_tokenization_spaces: of decoding, False by default.
    Further arguments are those of `generate`; by default it searches with 4 beams, up to 256 new tokens. A model's
    `task_specific_params` may name a prefix that is put before each text, as T5's "translate English to German: ".
    """

    _default_generation_config = GenerationConfig(max_new_tokens=256, num_beams=4)
    return_name = "generated"

    def _sanitize_parameters(
        self, return_tensors=None, return_text=None, return_type=None, clean_up_tokenization_spaces=None,
        truncation=None, stop_sequence=None, **generate_kwargs,
    ):  # fmt: skip
        if return_tensors is not None and return_type is None:
            return_type = ReturnType.TENSORS if return_tensors else ReturnType.TEXT
        if stop_sequence is not None:
            ids = self.tokenizer.encode(stop_sequence, add_special_tokens=False)
            if len(ids) > 1:
                warnings.warn(f"[stop_sequence] {stop_sequence!r} has several tokens; the first ends", stacklevel=3)
            generate_kwargs["eos_token_id"] = ids[0]
        after = {"return_type": return_type, "clean_up_tokenization_spaces": clean_up_tokenization_spaces}
        after = {name: value for name, value in after.items() if value is not None}
        before = {} if truncation is None else {"truncation": truncation}
        return before, {**generate_kwargs, **self._assistance()}, after

    def check_inputs(self, input_length: int, min_length: int, max_length: int) -> Any:
        """Warn where lengths look wrong for the task."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = super().__call__(*args, **kwargs)
        texts = isinstance(args[0], list) and all(isinstance(text, str) for text in args[0])
        return [found[0] for found in result] if texts and all(len(found) == 1 for found in result) else result

    def preprocess(self, inputs: Any, truncation: Any = False) -> dict[str, Any]:
        if not isinstance(inputs, str):
            raise ValueError(f"[{self.task}] expected a text, got {inputs!r:.80}")
        encoded = self.tokenizer((self.prefix or "") + inputs, truncation=truncation, return_tensors=self.tensors)
        return {name: value for name, value in encoded.items() if name != "token_type_ids"}

    def _forward(self, model_inputs: dict[str, Any], **generate_kwargs: Any) -> dict[str, Any]:
        lengths = (generate_kwargs.get(n, getattr(self.generation_config, n)) for n in ("min_length", "max_length"))
        self.check_inputs(model_inputs["input_ids"].shape[1], *lengths)
        return {"output_ids": self.generate(dict(model_inputs), **generate_kwargs)[0]}

    def postprocess(
        self, model_outputs: Any, return_type: Any = ReturnType.TEXT, clean_up_tokenization_spaces: bool = False
    ) -> list[dict[str, Any]]:
        name, records = self.return_name, []
        for ids in model_outputs["output_ids"][0]:
            if return_type is ReturnType.TENSORS:
                records.append({f"{name}_token_ids": return_tensor(ids, self.framework)})
                continue
            text = self.tokenizer.decode(
                ids.tolist(), skip_special_tokens=True, clean_up_tokenization_spaces=clean_up_tokenization_spaces
            )
            records.append({f"{name}_text": text})
        return records


class SummarizationPipeline(Text2TextGenerationPipeline):
    """[{"summary_text"}] of a text; arguments as `Text2TextGenerationPipeline`."""

    return_name = "summary"

    def check_inputs(self, input_length: int, min_length: int, max_length: int) -> None:
        if max_length < min_length:
            logger.warning("[summarization] min_length=%s is above max_length=%s", min_length, max_length)
        if input_length < max_length:
            message = "[summarization] max_length=%s is more than the text's %s tokens; a summary is shorter"
            logger.warning(message, max_length, input_length)


class TranslationPipeline(Text2TextGenerationPipeline):
    """[{"translation_text"}] of a text.

    Args:
        src_lang, tgt_lang: languages, for tokenizers of many; default: the task's, as in translation_en_to_fr.
    Further arguments as `Text2TextGenerationPipeline`.
    """

    return_name = "translation"

    def check_inputs(self, input_length: int, min_length: int, max_length: int) -> None:
        if input_length > 0.9 * max_length:
            logger.warning(
                "[translation] the text has %s tokens, max_length=%s may be too few", input_length, max_length
            )

    def _sanitize_parameters(self, src_lang=None, tgt_lang=None, **kwargs):
        before, forward, after = super()._sanitize_parameters(**kwargs)
        if src_lang is None and tgt_lang is None and len(parts := self.task.split("_")) == 4:
            src_lang, tgt_lang = parts[1], parts[3]
        before |= {name: v for name, v in (("src_lang", src_lang), ("tgt_lang", tgt_lang)) if v is not None}
        return before, forward, after

    def preprocess(
        self, inputs: Any, truncation: Any = False, src_lang: str | None = None, tgt_lang: str | None = None
    ) -> dict[str, Any]:
        build = getattr(self.tokenizer, "_build_translation_inputs", None)
        if build is None:
            return super().preprocess(inputs, truncation)
        return build(inputs, return_tensors=self.tensors, truncation=truncation, src_lang=src_lang, tgt_lang=tgt_lang)
