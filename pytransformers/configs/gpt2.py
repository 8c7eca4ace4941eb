"""GPT-2 (Radford et al., 2019), "Language Models are Unsupervised Multitask Learners"."""

from __future__ import annotations

from .base import PretrainedConfig
from .checks import activation, divides, flags, integers, numbers, one_of

SUMMARY_TYPES = ("last", "first", "mean", "cls_index", "attn")


class GPT2Config(PretrainedConfig):
    """Settings of a GPT-2 decoder. The `summary_*` fields shape the choice head of the double-heads model."""

    model_type = "gpt2"
    keys_to_ignore_at_inference = ["past_key_values"]
    attribute_map = {
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    }
    checks = (
        integers("vocab_size", "n_positions", "n_embd", "n_head"),
        integers("n_inner", optional=True),
        integers("n_layer", least=0),
        numbers("resid_pdrop", "embd_pdrop", "attn_pdrop", "summary_first_dropout", most=1),
        numbers("layer_norm_epsilon", "initializer_range"),
        flags("scale_attn_weights", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn"),
        activation("activation_function"),
        activation("summary_activation", optional=True),
        one_of("summary_type", SUMMARY_TYPES),
        divides("n_head", "n_embd"),
    )

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None
    activation_function: str = "gelu_new"
    resid_pdrop: float = 0.1
    embd_pdrop: float = 0.1
    attn_pdrop: float = 0.1
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    summary_type: str = "cls_index"
    summary_use_proj: bool = True
    summary_activation: str | None = None
    summary_proj_to_labels: bool = True
    summary_first_dropout: float = 0.1
    scale_attn_weights: bool = True
    use_cache: bool = True
    bos_token_id: int | None = 50256
    eos_token_id: int | list[int] | None = 50256
    scale_attn_by_inverse_layer_idx: bool = False
    reorder_and_upcast_attn: bool = False
