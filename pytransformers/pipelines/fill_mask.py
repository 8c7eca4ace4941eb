"""fill-mask: what may stand where a text has a mask."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from . import batching
from .base import Pipeline
from .scores import softmax

logger = logging.getLogger(__name__)


class FillMaskPipeline(Pipeline):
    """[{"score", "token", "token_str", "sequence"}] for the mask of a text; a list of those for several masks.

    Args:
        top_k: how many tokens to give, 5 by default.
        targets: a token, or several, to choose among instead of the whole vocabulary.
        tokenizer_kwargs: further arguments of the tokenizer.
    """

    _load_tokenizer = True
    _load_image_processor = False
    _load_feature_extractor = False

    def _sanitize_parameters(self, top_k=None, targets=None, tokenizer_kwargs=None):
        if self.tokenizer.mask_token_id is None:
            self.fail("expected a tokenizer with a mask token, this one has none; choose a masked language model")
        postprocess_params = {}
        if targets is not None:
            postprocess_params["target_ids"] = self.get_target_ids(targets)
        if top_k is not None:
            postprocess_params["top_k"] = top_k
        return {} if tokenizer_kwargs is None else {"tokenizer_kwargs": tokenizer_kwargs}, {}, postprocess_params

    def get_target_ids(self, targets: str | list[str]) -> np.ndarray:
        """The ids of tokens; of a word that is no token, its first token's."""
        vocabulary, found = self.tokenizer.get_vocab(), []
        for target in [targets] if isinstance(targets, str) else targets:
            index = vocabulary.get(target)
            if index is None:
                ids = self.tokenizer(target, add_special_tokens=False, max_length=1, truncation=True)["input_ids"]
                if not ids:
                    logger.warning("[fill-mask] the target %r is no token and gives none; it is left out", target)
                    continue
                index = ids[0]
                token = self.tokenizer.convert_ids_to_tokens(index)
                logger.warning("[fill-mask] the target %r is no token; its first token %r is taken", target, token)
            found.append(index)
        if not found:
            raise ValueError(f"[fill-mask] expected at least one target in the vocabulary, got {targets!r}")
        return np.unique(found)

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        outputs = super().__call__(inputs, **kwargs)
        return outputs[0] if isinstance(inputs, list) and len(inputs) == 1 else outputs

    def preprocess(self, inputs: Any, tokenizer_kwargs: dict[str, Any] | None = None) -> Any:
        features = self.tokenizer(inputs, return_tensors=self.tensors, **(tokenizer_kwargs or {}))
        if not (batching.to_numpy(features["input_ids"]) == self.tokenizer.mask_token_id).any():
            self.fail(f"No mask_token ({self.tokenizer.mask_token}) found on the input {inputs!r:.80}")
        return features

    def _forward(self, model_inputs: Any) -> dict[str, Any]:
        return {"logits": self.run_model(model_inputs)["logits"], "input_ids": model_inputs["input_ids"]}

    def postprocess(self, model_outputs: Any, top_k: int = 5, target_ids: np.ndarray | None = None) -> Any:
        ids = batching.to_numpy(model_outputs["input_ids"])[0]
        places = np.nonzero(ids == self.tokenizer.mask_token_id)[0]
        scores = softmax(batching.to_numpy(model_outputs["logits"][0])[places])
        if target_ids is not None:
            scores = scores[:, target_ids]
        order = np.argsort(-scores, axis=-1, kind="stable")[:, :top_k]
        results = []
        for place, row, chosen in zip(places, scores, order, strict=True):
            results.append([self._proposal(ids, place, row[c], c if target_ids is None else target_ids[c],
                                           len(places) == 1) for c in chosen])  # fmt: skip
        return results[0] if len(results) == 1 else results

    def _proposal(self, ids: np.ndarray, place: int, score: float, token: int, single: bool) -> dict[str, Any]:
        filled = ids.copy()
        filled[place] = token
        filled = filled[filled != self.tokenizer.pad_token_id]
        # With several masks the others are shown, and with them the special tokens.
        sequence = self.tokenizer.decode(filled.tolist(), skip_special_tokens=single)
        text = self.tokenizer.decode([int(token)])
        return {"score": float(score), "token": int(token), "token_str": text, "sequence": sequence}
