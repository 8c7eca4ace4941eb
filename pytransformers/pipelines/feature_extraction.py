"""feature-extraction: the states of each token."""

from __future__ import annotations

from typing import Any

from . import batching
from .base import Pipeline, return_tensor


class FeatureExtractionPipeline(Pipeline):
    """The states of the model without a head, (1, length, hidden_size) as nested lists.

    Args:
        truncation: cut long texts, as the tokenizer's.
        tokenize_kwargs: further arguments of the tokenizer.
        return_tensors: True gives an array of the framework.
    In a batch each text keeps its own length: the states of padding are cut off.
    """

    _load_tokenizer = True
    _load_image_processor = False
    _load_feature_extractor = False

    def _sanitize_parameters(self, truncation=None, tokenize_kwargs=None, return_tensors=None, **kwargs):
        tokenize_kwargs = dict(tokenize_kwargs or {})
        if truncation is not None:
            if "truncation" in tokenize_kwargs:
                raise ValueError("[feature-extraction] got truncation twice, as an argument and in tokenize_kwargs")
            tokenize_kwargs["truncation"] = truncation
        return tokenize_kwargs, {}, {} if return_tensors is None else {"return_tensors": return_tensors}

    def preprocess(self, inputs: Any, **tokenize_kwargs: Any) -> Any:
        return self.tokenizer(inputs, return_tensors=self.tensors, **tokenize_kwargs)

    def _forward(self, model_inputs: Any) -> dict[str, Any]:
        return {"states": self.run_model(model_inputs)[0], "attention_mask": model_inputs.get("attention_mask")}

    def postprocess(self, model_outputs: Any, return_tensors: bool = False) -> Any:
        states, mask = model_outputs["states"], model_outputs["attention_mask"]
        if mask is not None and len(states) == 1:
            mask = batching.to_numpy(mask)
            if not mask.all() and mask.shape == tuple(states.shape[:2]):
                states = states[:, : int(mask.sum())]
        return return_tensor(states, self.framework) if return_tensors else batching.to_numpy(states).tolist()
