"""DistilBERT (Sanh et al., 2019), arXiv:1910.01108."""

from __future__ import annotations

from .base import PretrainedConfig
from .checks import activation, divides, flags, integers, numbers, token_id


class DistilBertConfig(PretrainedConfig):
    """Settings of a DistilBERT encoder."""

    model_type = "distilbert"
    attribute_map = {"hidden_size": "dim", "num_attention_heads": "n_heads", "num_hidden_layers": "n_layers"}
    checks = (
        integers("vocab_size", "max_position_embeddings", "n_heads", "dim", "hidden_dim"),
        integers("n_layers", "chunk_size_feed_forward", least=0),
        numbers("dropout", "attention_dropout", "qa_dropout", "seq_classif_dropout", most=1),
        numbers("initializer_range"),
        flags("sinusoidal_pos_embds"),
        activation("activation"),
        divides("n_heads", "dim"),
        token_id("pad_token_id"),
    )

    vocab_size: int = 30522
    max_position_embeddings: int = 512
    sinusoidal_pos_embds: bool = False
    n_layers: int = 6
    n_heads: int = 12
    dim: int = 768
    hidden_dim: int = 3072
    dropout: float = 0.1
    attention_dropout: float = 0.1
    activation: str = "gelu"
    initializer_range: float = 0.02
    qa_dropout: float = 0.1
    seq_classif_dropout: float = 0.2
    pad_token_id: int | None = 0
