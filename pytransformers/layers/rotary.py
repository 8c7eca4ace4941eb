"""Rotary position embeddings (Su et al., arXiv:2104.09864) and the ways to stretch them over longer texts."""

import math

import numpy as np

from .. import nn, ops


def rotary_dim(config):
    """Features of a head that turn: all, or the first `config.partial_rotary_factor` of them."""
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(head_dim * getattr(config, "partial_rotary_factor", 1.0))


def default(config, scaling):
    dim = rotary_dim(config)
    return 1.0 / config.rope_theta ** (np.arange(0, dim, 2) / dim), 1.0


def linear(config, scaling):
    """Positions divided by `factor` (Chen et al., arXiv:2306.15595)."""
    inv_freq, _ = default(config, scaling)
    return inv_freq / scaling["factor"], 1.0


def yarn(config, scaling):
    """Slow features are interpolated, fast ones kept, with a ramp between (Peng et al., arXiv:2309.00071)."""
    factor, dim, base = scaling["factor"], rotary_dim(config), config.rope_theta
    trained = scaling.get("original_max_position_embeddings") or config.max_position_embeddings

    def feature(rotations):
        """The feature that turns so many times over the trained length."""
        return dim * math.log(trained / (rotations * 2 * math.pi)) / (2 * math.log(base))

    def temperature(weight):
        return 0.1 * weight * math.log(factor) + 1.0 if factor > 1 else 1.0

    low, high = feature(scaling.get("beta_fast") or 32), feature(scaling.get("beta_slow") or 1)
    if scaling.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dim - 1)
    ramp = np.clip((np.arange(dim // 2) - low) / (high - low if high != low else 0.001), 0, 1)
    inv_freq, _ = default(config, scaling)
    inv_freq = inv_freq / factor * ramp + inv_freq * (1 - ramp)

    attention_scaling, mscale, mscale_all = (scaling.get(k) for k in ("attention_factor", "mscale", "mscale_all_dim"))
    if attention_scaling is None:
        both = mscale and mscale_all
        attention_scaling = temperature(mscale) / temperature(mscale_all) if both else temperature(1.0)
    return inv_freq, attention_scaling


def llama3(config, scaling):
    """Long wavelengths divided by `factor`, short ones kept, those between blended (Llama 3.1, arXiv:2407.21783)."""
    factor, low, high = scaling["factor"], scaling["low_freq_factor"], scaling["high_freq_factor"]
    inv_freq, _ = default(config, scaling)
    rotations = scaling["original_max_position_embeddings"] * inv_freq / (2 * math.pi)
    kept = np.clip((rotations - low) / (high - low), 0, 1)
    return (1 - kept) * inv_freq / factor + kept * inv_freq, 1.0


def longrope(config, scaling, factors="short_factor"):
    """A factor for each feature, one list up to the trained length and one beyond (Ding et al., arXiv:2402.13753)."""
    trained, factor, attention_scaling = longrope_length(config), scaling.get("factor"), scaling.get("attention_factor")
    if trained != config.max_position_embeddings or factor is None:
        factor = config.max_position_embeddings / trained
    if attention_scaling is None:
        attention_scaling = math.sqrt(1 + math.log(factor) / math.log(trained)) if factor > 1 else 1.0
    inv_freq, _ = default(config, scaling)
    return inv_freq / np.asarray(scaling[factors], np.float64), attention_scaling


def longrope_length(config):
    return getattr(config, "original_max_position_embeddings", None) or config.max_position_embeddings


# Inverse frequencies (rotary_dim / 2,) and the factor on cos and sin, for texts up to the trained length.
FREQUENCIES = {
    "default": default, "linear": linear, "dynamic": default, "yarn": yarn, "llama3": llama3, "longrope": longrope,
}  # fmt: skip


class RotaryEmbedding(nn.Module):
    """cos and sin tables for `ops.rotary_embedding`, computed once for all layers.

    `config.rope_scaling` is None or a dict with "rope_type" (or "type", the older spelling), one of `FREQUENCIES`, and
    that type's values. "dynamic" and "longrope" depend on the largest position of each call.
    """

    def __init__(self, config):
        super().__init__()
        scaling = config.rope_scaling or {}
        self.rope_type = scaling.get("rope_type", scaling.get("type", "default"))
        if self.rope_type not in FREQUENCIES:
            raise ValueError(
                f"[rope_scaling] expected a rope_type of {', '.join(FREQUENCIES)}, got {self.rope_type!r}: "
                "correct the config"
            )
        inv_freq, self.attention_scaling = FREQUENCIES[self.rope_type](config, scaling)
        self.inv_freq = constant(inv_freq)
        if self.rope_type == "dynamic":
            dim = rotary_dim(config)
            self.factor = scaling["factor"]
            self.trained_length = config.max_position_embeddings
            self.exponents = constant(np.arange(0, dim, 2) / (dim - 2))
        elif self.rope_type == "longrope":
            self.trained_length = longrope_length(config)
            self.long_inv_freq = constant(longrope(config, scaling, "long_factor")[0])

    def frequencies(self, position_ids):
        """(rotary_dim / 2,) float32."""
        inv_freq = ops.cast(self.inv_freq, ops.float32)
        if self.rope_type not in ("dynamic", "longrope"):
            return inv_freq
        length = ops.cast(ops.amax(position_ids) + 1, ops.float32)
        if self.rope_type == "longrope":
            return ops.where(length > self.trained_length, ops.cast(self.long_inv_freq, ops.float32), inv_freq)
        # "NTK-aware" scaling: the base grows by stretch ** (dim / (dim - 2)).
        stretch = ops.clamp(self.factor * length / self.trained_length - (self.factor - 1), min=1.0)
        return inv_freq / ops.pow(stretch, ops.cast(self.exponents, ops.float32))

    def forward(self, position_ids):
        """position_ids (batch | 1, length) -> cos and sin (batch | 1, length, rotary_dim / 2), float32."""
        angles = ops.cast(position_ids, ops.float32)[:, :, None] * self.frequencies(position_ids)
        cos, sin = ops.cos(angles), ops.sin(angles)
        if self.attention_scaling != 1.0:
            cos, sin = cos * self.attention_scaling, sin * self.attention_scaling
        return cos, sin


def constant(values):
    return nn.Buffer(values.astype(np.float32), persistent=False)
