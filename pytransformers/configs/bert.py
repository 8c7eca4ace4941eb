"""BERT (Devlin et al., 2018), arXiv:1810.04805."""

from __future__ import annotations

from .base import PretrainedConfig
from .checks import activation, divides, integers, numbers, one_of, token_id

POSITION_EMBEDDINGS = ("absolute", "relative_key", "relative_key_query")


class BertConfig(PretrainedConfig):
    """Settings of a BERT encoder, or decoder with `is_decoder=True`."""

    model_type = "bert"
    checks = (
        integers("vocab_size", "hidden_size", "num_attention_heads", "intermediate_size", "max_position_embeddings"),
        integers("num_hidden_layers", "type_vocab_size", "chunk_size_feed_forward", least=0),
        numbers("hidden_dropout_prob", "attention_probs_dropout_prob", most=1),
        numbers("classifier_dropout", most=1, optional=True),
        numbers("initializer_range", "layer_norm_eps"),
        activation("hidden_act"),
        one_of("position_embedding_type", POSITION_EMBEDDINGS),
        divides("num_attention_heads", "hidden_size"),
        token_id("pad_token_id"),
    )

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int | None = 0
    position_embedding_type: str = "absolute"
    use_cache: bool = True
    classifier_dropout: float | None = None
