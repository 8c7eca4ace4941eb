"""image-classification: labels of an image."""

from __future__ import annotations

from typing import Any

from ..processors.images import load_image
from . import batching
from .base import Pipeline
from .scores import ClassificationFunction, best, labelled


class ImageClassificationPipeline(Pipeline):
    """[{"label", "score"}] of an image: PIL's, a path, bytes, base64 text, or a URL.

    Args:
        top_k: how many labels to give, 5 by default.
        function_to_apply: "sigmoid", "softmax" or "none"; default: what the model's problem asks for.
        timeout: of a URL, in seconds.
    """

    _load_tokenizer = False
    _load_image_processor = True
    _load_feature_extractor = False

    def _sanitize_parameters(self, top_k=None, function_to_apply=None, timeout=None):
        after = {} if top_k is None else {"top_k": top_k}
        if function_to_apply is not None:
            after["function_to_apply"] = ClassificationFunction.of(function_to_apply)
        return {} if timeout is None else {"timeout": timeout}, {}, after

    def __call__(self, inputs: Any = None, **kwargs: Any) -> Any:
        inputs = kwargs.pop("images", inputs)
        if inputs is None:
            raise ValueError("[image-classification] expected an image or a list of images, got None")
        return super().__call__(inputs, **kwargs)

    def preprocess(self, image: Any, timeout: float | None = None) -> Any:
        return self.image_processor(images=load_image(image, timeout), return_tensors=self.tensors)

    def _forward(self, model_inputs: Any) -> Any:
        return self.run_model(model_inputs)

    def postprocess(self, model_outputs: Any, function_to_apply: Any = None, top_k: int | None = 5) -> Any:
        config = self.model.config
        apply = function_to_apply or ClassificationFunction.default(config, regression=False)
        return best(labelled(apply(batching.to_numpy(model_outputs["logits"])[0]), config.id2label), top_k)
