"""text-classification: labels of a text, or of a pair of texts."""

from __future__ import annotations

import warnings
from typing import Any

from . import batching
from .base import Pipeline
from .scores import ClassificationFunction, best, labelled


class TextClassificationPipeline(Pipeline):
    """[{"label", "score"}] of a text, or of {"text", "text_pair"}.

    Args:
        top_k: how many labels to give, None for all; one, without a list around it for lists of texts, by default.
        function_to_apply: "sigmoid", "softmax" or "none"; default: what the model's problem asks for.
        return_all_scores: the older way of `top_k=None`.
    Further arguments are the tokenizer's.
    """

    _load_tokenizer = True
    _load_image_processor = False
    _load_feature_extractor = False

    def _sanitize_parameters(self, return_all_scores=None, function_to_apply=None, top_k="", **tokenizer_kwargs):
        postprocess_params = {}
        if return_all_scores is None:
            return_all_scores = getattr(self.model.config, "return_all_scores", None)
        if isinstance(top_k, int) or top_k is None:
            postprocess_params = {"top_k": top_k, "_legacy": False}
        elif return_all_scores is not None:
            warnings.warn("[text-classification] return_all_scores is old; use top_k=None, or top_k=1", stacklevel=3)
            postprocess_params["top_k"] = None if return_all_scores else 1
        if function_to_apply is not None:
            postprocess_params["function_to_apply"] = ClassificationFunction.of(function_to_apply)
        return tokenizer_kwargs, {}, postprocess_params

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        result = super().__call__(inputs, **kwargs)
        return [result] if isinstance(inputs, str) and "top_k" not in kwargs else result

    def preprocess(self, inputs: Any, **tokenizer_kwargs: Any) -> Any:
        if isinstance(inputs, list) and len(inputs) == 1 and isinstance(inputs[0], list) and len(inputs[0]) == 2:
            inputs = {"text": inputs[0][0], "text_pair": inputs[0][1]}
        if isinstance(inputs, list):
            raise ValueError(
                '[text-classification] expected a text or a dictionary {"text": ..., "text_pair": ...}, got a list '
                "inside a list; give pairs as dictionaries"
            )
        texts = inputs if isinstance(inputs, dict) else {"text": inputs}
        return self.tokenizer(**texts, return_tensors=self.tensors, **tokenizer_kwargs)

    def _needs_exact_lengths(self) -> bool:
        return self.model.config.pad_token_id is None  # the head takes the last token there is

    def _forward(self, model_inputs: Any) -> Any:
        return self.run_model(model_inputs)

    def postprocess(
        self, model_outputs: Any, function_to_apply: Any = None, top_k: int | None = 1, _legacy: bool = True
    ) -> Any:
        config = self.model.config
        apply = function_to_apply or ClassificationFunction.default(config, regression=True)
        results = labelled(apply(batching.to_numpy(model_outputs["logits"])[0]), config.id2label)
        if _legacy:
            return best(results, 1)[0] if top_k == 1 else results
        return best(results, top_k)
