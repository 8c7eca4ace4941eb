"""image-feature-extraction: the states of each patch."""

from __future__ import annotations

from typing import Any

from ..processors.images import load_image
from . import batching
from .base import Pipeline, return_tensor


class ImageFeatureExtractionPipeline(Pipeline):
    """The states of the model without a head, (1, patches, hidden_size) as nested lists.

    Args:
        image_processor_kwargs: further arguments of the image processor.
        pool: give the pooled state (1, hidden_size) instead.
        return_tensors: True gives an array of the framework.
        timeout: of a URL, in seconds.
    """

    _load_tokenizer = False
    _load_image_processor = True
    _load_feature_extractor = False

    def _sanitize_parameters(self, image_processor_kwargs=None, return_tensors=None, pool=None, timeout=None):
        before = {**(image_processor_kwargs or {}), **({} if timeout is None else {"timeout": timeout})}
        after = {"pool": pool, "return_tensors": return_tensors}
        return before, {}, {name: value for name, value in after.items() if value is not None}

    def preprocess(self, image: Any, timeout: float | None = None, **image_processor_kwargs: Any) -> Any:
        image = load_image(image, timeout)
        return self.image_processor(image, return_tensors=self.tensors, **image_processor_kwargs)

    def _forward(self, model_inputs: Any) -> Any:
        return self.run_model(model_inputs)

    def postprocess(self, model_outputs: Any, pool: bool = False, return_tensors: bool = False) -> Any:
        if pool and "pooler_output" not in model_outputs:
            raise ValueError(
                "[image-feature-extraction] expected a model with a pooler for pool=True, this one has none"
            )
        states = model_outputs["pooler_output"] if pool else model_outputs[0]
        return return_tensor(states, self.framework) if return_tensors else batching.to_numpy(states).tolist()
