"""T5 (Raffel et al., 2019), arXiv:1910.10683, and T5 v1.1 (gated activations, untied embeddings)."""

from __future__ import annotations

from .base import PretrainedConfig
from .checks import ACTIVATIONS, activation, integers, near, numbers, token_id


def feed_forward(config: T5Config) -> str | None:
    """`feed_forward_proj` is an activation's name, or that name after "gated-"."""
    value = config.feed_forward_proj
    if isinstance(value, str) and value.removeprefix("gated-") in ACTIVATIONS:
        return None
    hint = near(str(value).removeprefix("gated-"), ACTIVATIONS)
    return f"expected feed_forward_proj to be an activation such as 'relu', or 'gated-gelu', got {value!r}{hint}"


class T5Config(PretrainedConfig):
    """Settings of a T5 encoder-decoder. `num_decoder_layers` defaults to `num_layers`."""

    model_type = "t5"
    keys_to_ignore_at_inference = ["past_key_values"]
    attribute_map = {
        "hidden_size": "d_model",
        "num_attention_heads": "num_heads",
        "num_hidden_layers": "num_layers",
        "head_dim": "d_kv",
    }
    derived = {**PretrainedConfig.derived, "feed_forward_proj": ("dense_act_fn", "is_gated_act")}
    checks = (
        integers("vocab_size", "d_model", "d_kv", "d_ff", "num_heads"),
        integers("num_layers", "num_decoder_layers", least=0),
        integers("relative_attention_num_buckets", "relative_attention_max_distance"),
        numbers("dropout_rate", "classifier_dropout", most=1),
        numbers("layer_norm_epsilon", "initializer_factor"),
        activation("dense_act_fn"),
        token_id("pad_token_id"),
    )

    vocab_size: int = 32128
    d_model: int = 512
    d_kv: int = 64
    d_ff: int = 2048
    num_layers: int = 6
    num_decoder_layers: int | None = None
    num_heads: int = 8
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128
    dropout_rate: float = 0.1
    layer_norm_epsilon: float = 1e-6
    initializer_factor: float = 1.0
    feed_forward_proj: str = "relu"
    is_encoder_decoder: bool = True
    use_cache: bool = True
    pad_token_id: int | None = 0
    eos_token_id: int | list[int] | None = 1
    classifier_dropout: float = 0.0
    dense_act_fn: str | None = None
    is_gated_act: bool | None = None

    def derive(self) -> None:
        """The decoder's depth, and the activation that `feed_forward_proj` describes."""
        if self.num_decoder_layers is None:
            self.num_decoder_layers = self.num_layers
        self.require(feed_forward)
        name = self.feed_forward_proj.removeprefix("gated-")
        if self.is_gated_act is None:
            self.is_gated_act = name != self.feed_forward_proj
        if self.dense_act_fn is None:
            # The first gated checkpoints were trained with the tanh form and say only "gelu".
            self.dense_act_fn = "gelu_new" if self.feed_forward_proj == "gated-gelu" else name
