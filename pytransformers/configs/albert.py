"""ALBERT (Lan et al., 2019), arXiv:1909.11942."""

from __future__ import annotations

from .base import PretrainedConfig
from .bert import POSITION_EMBEDDINGS
from .checks import activation, divides, integers, numbers, one_of, token_id


class AlbertConfig(PretrainedConfig):
    """Settings of an ALBERT encoder: layers share weights within each of `num_hidden_groups` groups."""

    model_type = "albert"
    checks = (
        integers("vocab_size", "embedding_size", "hidden_size", "num_hidden_groups", "inner_group_num"),
        integers("num_attention_heads", "intermediate_size", "max_position_embeddings"),
        integers("num_hidden_layers", "type_vocab_size", "chunk_size_feed_forward", least=0),
        numbers("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout_prob", most=1),
        numbers("initializer_range", "layer_norm_eps"),
        activation("hidden_act"),
        one_of("position_embedding_type", POSITION_EMBEDDINGS),
        divides("num_attention_heads", "hidden_size"),
        token_id("pad_token_id"),
    )

    vocab_size: int = 30000
    embedding_size: int = 128
    hidden_size: int = 4096
    num_hidden_layers: int = 12
    num_hidden_groups: int = 1
    num_attention_heads: int = 64
    intermediate_size: int = 16384
    inner_group_num: int = 1
    hidden_act: str = "gelu_new"
    hidden_dropout_prob: float = 0
    attention_probs_dropout_prob: float = 0
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    classifier_dropout_prob: float = 0.1
    position_embedding_type: str = "absolute"
    pad_token_id: int | None = 0
    bos_token_id: int | None = 2
    eos_token_id: int | list[int] | None = 3
