"""Vision Transformer (Dosovitskiy et al., 2020), arXiv:2010.11929."""

from __future__ import annotations

from .base import PretrainedConfig
from .checks import activation, divides, flags, image_sizes, integers, numbers


class ViTConfig(PretrainedConfig):
    """Settings of a ViT encoder. Sizes are in pixels; `pooler_output_size` defaults to `hidden_size`."""

    model_type = "vit"
    checks = (
        integers("hidden_size", "num_attention_heads", "intermediate_size", "num_channels", "encoder_stride"),
        integers("num_hidden_layers", least=0),
        integers("pooler_output_size"),
        image_sizes("image_size", "patch_size"),
        numbers("hidden_dropout_prob", "attention_probs_dropout_prob", most=1),
        numbers("initializer_range", "layer_norm_eps"),
        activation("hidden_act", "pooler_act"),
        flags("qkv_bias"),
        divides("num_attention_heads", "hidden_size"),
    )

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    image_size: int | tuple[int, int] = 224
    patch_size: int | tuple[int, int] = 16
    num_channels: int = 3
    qkv_bias: bool = True
    encoder_stride: int = 16
    pooler_output_size: int | None = None
    pooler_act: str = "tanh"

    def derive(self) -> None:
        """The pooler's width, if it was not given."""
        self.pooler_output_size = self.pooler_output_size or self.hidden_size
