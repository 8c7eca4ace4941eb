"""What stands for the tokens at the entrance of a text model."""

from .. import nn, ops


def embed(table, input_ids, inputs_embeds):
    """The caller's `inputs_embeds`, or the rows of `table` for `input_ids`."""
    if (input_ids is None) == (inputs_embeds is None):
        raise ValueError("[embeddings] expected one of input_ids and inputs_embeds: pass one, not both or none")
    return table(input_ids) if inputs_embeds is None else inputs_embeds


def positions(x, cache, position_ids=None, cache_position=None):
    """The caller's `position_ids` (batch, length) or `cache_position` (length,), else those that follow the cache.

    x (batch, length, features) gives the length; the result is (batch | 1, length).
    """
    if position_ids is not None:
        return position_ids
    if cache_position is not None:
        return cache_position[None]
    ids = ops.arange(ops.size(x, 1), like=x)[None]
    return ids if cache is None else ids + cache.length


class TextEmbeddings(nn.Module):
    """Word, token type and learned position embeddings, summed and normed, under the checkpoint names of BERT.

    `size` is the embedding's width where it is not the model's (`config.hidden_size`).
    """

    def __init__(self, config, size=None):
        super().__init__()
        size = config.hidden_size if size is None else size
        self.absolute = config.position_embedding_type == "absolute"
        self.word_embeddings = nn.Embedding(config.vocab_size, size, config.pad_token_id)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, size)
        self.LayerNorm = nn.LayerNorm(size, config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids, token_type_ids=None, position_ids=None, inputs_embeds=None, past_length=0):
        """input_ids, token_type_ids, position_ids (batch, length) or inputs_embeds (batch, length, size).

        The first position is `past_length`, the first token type is 0 everywhere.
        """
        x = embed(self.word_embeddings, input_ids, inputs_embeds)
        if token_type_ids is None:
            x = x + self.token_type_embeddings.weight[0]
        else:
            x = x + self.token_type_embeddings(token_type_ids)
        if self.absolute:
            if position_ids is None:
                position_ids = ops.arange(ops.size(x, 1), like=x)[None] + past_length
            x = x + self.position_embeddings(position_ids)
        return self.dropout(self.LayerNorm(x))
