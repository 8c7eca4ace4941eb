"""A watermark in generated text, and its detector (Kirchenbauer et al., arXiv:2306.04634).

Which tokens are green follows from torch's own generator, so that texts marked by `transformers` are recognised here
and the other way round. The same device and settings are needed for writing and detecting.
"""

import collections
import logging
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from pytransformers.configs.watermark import WatermarkingConfig

from .generation.processors import LogitsProcessor

logger = logging.getLogger(__name__)
TABLE_SIZE = 1_000_003
CANDIDATES = 40  # how many likely tokens "selfhash" looks at, as in the authors' code


class WatermarkLogitsProcessor(LogitsProcessor):
    """Raises the scores of green tokens. The further arguments are the fields of WatermarkingConfig."""

    def __init__(self, vocab_size, device, greenlist_ratio=0.25, bias=2.0, hashing_key=15485863,
                 seeding_scheme="lefthash", context_width=1):  # fmt: skip
        WatermarkingConfig(greenlist_ratio, bias, hashing_key, seeding_scheme, context_width)
        self.vocab_size, self.greenlist_size = vocab_size, int(vocab_size * greenlist_ratio)
        self.bias, self.seeding_scheme, self.context_width = bias, seeding_scheme, context_width
        self.hash_key, self.rng = hashing_key, torch.Generator(device=device)
        self.rng.manual_seed(hashing_key)
        self.fixed_table = torch.randperm(TABLE_SIZE, generator=self.rng, device=device)

    def seed_of(self, context):
        """The number that decides what is green after the last of context (length,); products wrap at 64 bits."""
        if self.seeding_scheme == "lefthash":
            return self.hash_key * context[-1].item() % (2**64 - 1)
        hashes = self.fixed_table[context[-self.context_width :] % TABLE_SIZE] + 1
        return (self.hash_key * hashes * hashes[-1]).min().item() % (2**64 - 1)

    def green(self, context):
        """(vocab_size * greenlist_ratio,) tokens that are green after context (length,)."""
        self.rng.manual_seed(self.seed_of(context))
        return torch.randperm(self.vocab_size, device=context.device, generator=self.rng)[: self.greenlist_size]

    def chosen(self, context, scores):
        """Tokens to raise after context (length,), for scores (vocab,)."""
        if self.seeding_scheme == "lefthash":
            return self.green(context)
        likely = scores.sort(descending=True)[1][:CANDIDATES, None]
        green = [token for token in likely if token in self.green(torch.cat((context, token)))]
        return torch.cat(green) if green else likely[:0, 0]

    def __call__(self, input_ids, scores):
        if input_ids.shape[1] < self.context_width:
            logger.warning(
                "[watermarking_config] expected a text of at least context_width=%d tokens, got %d: this token is not "
                "marked", self.context_width, input_ids.shape[1],
            )  # fmt: skip
            return scores
        scores = scores.clone()
        for context, row in zip(input_ids, scores, strict=True):
            row[self.chosen(context, row)] += self.bias
        return scores


@dataclass
class WatermarkDetectorOutput:
    """What a detector finds, each an array (batch,): counts of tokens scored and of green ones, the share of these, how
    many standard deviations above chance it lies, the probability of that by chance, whether it is above the
    threshold, and 1 - p_value.
    """

    num_tokens_scored: np.ndarray | None = None
    num_green_tokens: np.ndarray | None = None
    green_fraction: np.ndarray | None = None
    z_score: np.ndarray | None = None
    p_value: np.ndarray | None = None
    prediction: np.ndarray | None = None
    confidence: np.ndarray | None = None


class WatermarkDetector:
    """Tells marked text from other text.

    Args:
        model_config: of the model that may have written the text.
        device: where it did.
        watermarking_config: a WatermarkingConfig or dict, as for `generate`.
        ignore_repeated_ngrams: count each context with its token once.
        max_cache_size: of how many contexts the result is remembered.
    """

    def __init__(self, model_config, device, watermarking_config, ignore_repeated_ngrams=False, max_cache_size=128):
        start = "decoder_start_token_id" if model_config.is_encoder_decoder else "bos_token_id"
        self.bos_token_id = getattr(model_config, start, None)
        settings = dict(watermarking_config)
        self.processor = WatermarkLogitsProcessor(model_config.vocab_size, device, **settings)
        self.greenlist_ratio = settings.get("greenlist_ratio", WatermarkingConfig.greenlist_ratio)
        self.ignore_repeated_ngrams, self.device = ignore_repeated_ngrams, device
        self._is_green = lru_cache(max_cache_size)(self.is_green)

    def is_green(self, ngram):
        """Whether the last token of a tuple of tokens is green there."""
        tokens = torch.tensor(ngram, device=self.device)
        context = tokens if self.processor.seeding_scheme == "selfhash" else tokens[:-1]
        return bool((self.processor.green(context) == tokens[-1]).any())

    def count(self, tokens):
        """(scored, green) tokens of a list."""
        width = self.processor.context_width + (self.processor.seeding_scheme == "lefthash")
        ngrams = collections.Counter(zip(*(tokens[place:] for place in range(width)), strict=False))
        if self.ignore_repeated_ngrams:
            ngrams = dict.fromkeys(ngrams, 1)
        return sum(ngrams.values()), sum(times for ngram, times in ngrams.items() if self._is_green(ngram))

    def __call__(self, input_ids, z_threshold=3.0, return_dict=False):
        """Which of input_ids (batch, length) are marked: (batch,) bools, or with `return_dict` what was found.

        Leave the prompt out, and padding: both count as text.

        Raises:
            ValueError: the text is not longer than the context.
        """
        if input_ids[0, 0] == self.bos_token_id:
            input_ids = input_ids[:, 1:]
        if input_ids.shape[1] <= self.processor.context_width:
            raise ValueError(
                f"[WatermarkDetector] expected more than context_width={self.processor.context_width} tokens, got "
                f"{input_ids.shape[1]}: pass a longer text"
            )
        scored, green = np.array([self.count(row) for row in input_ids.tolist()], np.float64).T
        share = self.greenlist_ratio
        z = (green - share * scored) / np.sqrt(scored * share * (1 - share))
        marked = z > z_threshold
        if not return_dict:
            return marked
        # Polya's approximation of the normal distribution
        p = 1 - 0.5 * (1 + np.sign(z) * (1 - np.exp(-2 * z**2 / np.pi)))
        return WatermarkDetectorOutput(scored, green, green / scored, z, p, marked, 1 - p)
