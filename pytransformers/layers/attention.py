"""Pieces every attention block is made of."""

from .. import nn, ops
from .cache import keys_values, with_cache
from .dense import projections


def split_heads(x, head_dim):
    """(batch, length, heads * head_dim) -> (batch, heads, length, head_dim)."""
    batch, length, width = ops.shape(x)
    return ops.transpose(ops.reshape(x, (batch, length, width // head_dim, head_dim)), 1, 2)


def merge_heads(x):
    """(batch, heads, length, head_dim) -> (batch, length, heads * head_dim)."""
    return ops.flatten(ops.transpose(x, 1, 2), 2)


def scale_heads(context, weights, head_mask):
    """context (batch, heads, length, head_dim) and weights (or None), each head times its value in (1, heads, 1, 1)."""
    if head_mask is None:
        return context, weights
    return context * head_mask, None if weights is None else weights * head_mask


def relative_scores(query, key, table, with_key, start=None):
    """Scores (batch, heads, query, key) of the distance from each query to each key.

    The first query stands at the key `start`; by default the last of both are aligned.

    query (batch, heads, query, head_dim), key alike; table (2 * positions - 1, head_dim) holds a vector per distance,
    the middle row for none. The query meets the vector (Shaw et al., arXiv:1803.02155), with `with_key` the key does
    too (Huang et al., arXiv:2009.13658, method 4).
    """
    queries, keys = ops.size(query, 2), ops.size(key, 2)
    places = ops.arange(queries, like=query) + (keys - queries if start is None else start)
    distance = places[:, None] - ops.arange(keys, like=query)[None] + ops.size(table, 0) // 2
    vectors = ops.take(table, distance, 0)
    scores = ops.einsum("bhqd,qkd->bhqk", query, vectors)
    return scores + ops.einsum("bhkd,qkd->bhqk", key, vectors) if with_key else scores


class SelfAttention(nn.Module):
    """Query, key and value projections and the attention between them, under the checkpoint names of BERT.

    Also attends to an encoder (`encoder_states`) and keeps a cache, for decoders. The output projection belongs to the
    block that holds this one. Vaswani et al., arXiv:1706.03762.

    `positions` other than "absolute" ("relative_key", "relative_key_query") adds `relative_scores`, times
    `position_scale` (default: scaled as the other scores).
    """

    def __init__(self, config, bias=True, dropout=None, positions="absolute", position_scale=None):
        super().__init__()
        self.config = config
        self.positions = positions
        self.head_dim = config.hidden_size // config.num_attention_heads
        self.dropout_p = config.attention_probs_dropout_prob if dropout is None else dropout
        self.query = nn.Linear(config.hidden_size, config.hidden_size, bias)
        self.key = nn.Linear(config.hidden_size, config.hidden_size, bias)
        self.value = nn.Linear(config.hidden_size, config.hidden_size, bias)
        if positions != "absolute":
            self.position_scale = self.head_dim**-0.5 if position_scale is None else position_scale
            self.distance_embedding = nn.Embedding(2 * config.max_position_embeddings - 1, self.head_dim)

    def project(self, states):
        """states (batch, length, hidden) -> key, value (batch, heads, length, head_dim)."""
        return split_heads(self.key(states), self.head_dim), split_heads(self.value(states), self.head_dim)

    def forward(self, x, mask=None, *, causal=False, head_mask=None, encoder_states=None, cache=None, layer=0,
                output_attentions=False):  # fmt: skip
        """x (batch, length, hidden) -> context (batch, length, hidden), weights or None, cache."""
        if encoder_states is None:
            projected = projections((self.query, self.key, self.value), x)
            query, key, value = (split_heads(states, self.head_dim) for states in projected)
            key, value, cache = with_cache(key, value, cache, layer)
        else:
            query = split_heads(self.query(x), self.head_dim)
            key, value, cache = keys_values(self.project, x, encoder_states, cache, layer)
        bias = None
        if self.positions != "absolute":
            table, with_key = self.distance_embedding.weight, self.positions == "relative_key_query"
            start = None if cache is None or encoder_states is not None else cache.length - ops.size(x, 1)
            bias = self.position_scale * relative_scores(query, key, table, with_key, start)
        context, weights = ops.attention(
            query, key, value, mask=mask, bias=bias, causal=causal, dropout_p=self.dropout_p if self.training else 0.0,
            implementation=self.config.attn_implementation, return_weights=output_attentions,
        )  # fmt: skip
        context, weights = scale_heads(context, weights, head_mask)
        return merge_heads(context), weights, cache
