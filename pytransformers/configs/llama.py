"""Llama (Touvron et al., 2023), arXiv:2302.13971 and 2307.09288; Llama 3, arXiv:2407.21783."""

from __future__ import annotations

from .base import PretrainedConfig
from .checks import activation, divides, even, flags, integers, numbers, rope_scaling, token_id


class LlamaConfig(PretrainedConfig):
    """Settings of a Llama decoder. `num_key_value_heads` defaults to `num_attention_heads` (no grouping)."""

    model_type = "llama"
    keys_to_ignore_at_inference = ["past_key_values"]
    checks = (
        integers("vocab_size", "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads"),
        integers("max_position_embeddings", "head_dim", "pretraining_tp"),
        integers("num_hidden_layers", least=0),
        numbers("initializer_range", "rms_norm_eps", "rope_theta"),
        numbers("attention_dropout", most=1),
        flags("attention_bias", "mlp_bias"),
        activation("hidden_act"),
        divides("num_key_value_heads", "num_attention_heads"),
        even("head_dim"),
        rope_scaling,
        token_id("pad_token_id"),
    )

    vocab_size: int = 32000
    hidden_size: int = 4096
    intermediate_size: int = 11008
    num_hidden_layers: int = 32
    num_attention_heads: int = 32
    num_key_value_heads: int | None = None
    hidden_act: str = "silu"
    max_position_embeddings: int = 2048
    initializer_range: float = 0.02
    rms_norm_eps: float = 1e-6
    use_cache: bool = True
    pad_token_id: int | None = None
    bos_token_id: int | None = 1
    eos_token_id: int | list[int] | None = 2
    pretraining_tp: int = 1
    tie_word_embeddings: bool = False
    rope_theta: float = 10000.0
    rope_scaling: dict | None = None
    attention_bias: bool = False
    attention_dropout: float = 0.0
    mlp_bias: bool = False
    head_dim: int | None = None

    def derive(self) -> None:
        """Head counts and sizes that were not given; the older key "type" of rope_scaling."""
        if self.num_key_value_heads is None:
            self.num_key_value_heads = self.num_attention_heads
        if self.head_dim is None:
            self.require(integers("hidden_size", "num_attention_heads"), divides("num_attention_heads", "hidden_size"))
            self.head_dim = self.hidden_size // self.num_attention_heads
        if isinstance(self.rope_scaling, dict) and "type" in self.rope_scaling:
            self.rope_scaling = {"rope_type": self.rope_scaling["type"], **self.rope_scaling}
