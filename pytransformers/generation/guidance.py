"""Classifier-free guidance of text (Sanchez et al., arXiv:2306.17806)."""

from .. import ops
from .processors import LogitsProcessor, length_of


class UnbatchedClassifierFreeGuidanceLogitsProcessor(LogitsProcessor):
    """uncond + scale (cond - uncond), in log-probabilities; `uncond` is the model's view without the prompt.

    It runs the model on its own, so that it works outside compiled code and keeps a state: make one for each call.

    Args:
        guidance_scale: above 1 the text keeps closer to the prompt.
        model: the one that generates.
        unconditional_ids: (rows, length) what to lead away from; default: the prompt's last token.
        unconditional_attention_mask: (rows, length) its mask.
        use_cache: whether to keep keys and values.
    """

    in_graph = False

    def __init__(self, guidance_scale, model, unconditional_ids=None, unconditional_attention_mask=None,
                 use_cache=True):  # fmt: skip
        self.guidance_scale, self.model, self.use_cache = guidance_scale, model, use_cache
        self.ids, self.mask = unconditional_ids, unconditional_attention_mask
        self.cache, self.begun = None, False

    def __call__(self, input_ids, scores, cur_len=None):
        scores = ops.log_softmax(scores, -1)
        last = input_ids[:, : int(length_of(input_ids, cur_len))][:, -1:]
        if not self.begun:
            self.ids = last if self.ids is None else self.ids
            self.mask = ops.ones_like(self.ids, ops.int64) if self.mask is None else self.mask
        else:
            self.ids = ops.cat((self.ids, ops.cast(last, ops.dtype(self.ids))), 1)
            self.mask = ops.cat((self.mask, ops.ones_like(self.mask[:, :1])), 1)
        read = self.ids[:, -1:] if self.begun and self.use_cache else self.ids
        outputs = self.model(
            read, attention_mask=self.mask, use_cache=self.use_cache, past_key_values=self.cache, return_dict=True
        )
        self.cache, self.begun = outputs.get("past_key_values"), True
        away = ops.log_softmax(ops.cast(outputs.logits[:, -1], ops.dtype(scores)), -1)
        return away + self.guidance_scale * (scores - away)
