"""DistilBERT (Sanh et al., arXiv:1910.01108): BERT's encoder without token types and pooler, at half its depth."""

import numpy as np

from pytransformers.configs.distilbert import DistilBertConfig
from pytransformers.outputs import BaseModelOutput

from .. import nn, ops
from ..layers import heads, init, masks
from ..layers.activations import activation
from ..layers.attention import merge_heads, scale_heads, split_heads
from ..layers.dense import activated
from ..layers.embeddings import embed, positions
from ..layers.stack import run
from ..pretrained import PreTrainedModel

NORM_EPS = 1e-12


def sinusoids(length, width):
    """(length, width) float32: sines at even, cosines at odd features (Vaswani et al., arXiv:1706.03762)."""
    angles = np.arange(length)[:, None] / np.power(10000, 2 * (np.arange(width) // 2) / width)
    return np.where(np.arange(width) % 2 == 0, np.sin(angles), np.cos(angles)).astype(np.float32)


class DistilBertEmbeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.fixed = config.sinusoidal_pos_embds
        self.word_embeddings = nn.Embedding(config.vocab_size, config.dim, config.pad_token_id)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.dim)
        self.LayerNorm = nn.LayerNorm(config.dim, NORM_EPS)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, input_ids, inputs_embeds):
        x = embed(self.word_embeddings, input_ids, inputs_embeds)
        place = self.position_embeddings(positions(x, None))
        return self.dropout(self.LayerNorm(x + (ops.stop_gradient(place) if self.fixed else place)))


class DistilBertAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.head_dim = config.dim // config.n_heads
        self.dropout_p = config.attention_dropout
        self.q_lin = nn.Linear(config.dim, config.dim)
        self.k_lin = nn.Linear(config.dim, config.dim)
        self.v_lin = nn.Linear(config.dim, config.dim)
        self.out_lin = nn.Linear(config.dim, config.dim)

    def forward(self, x, mask, head_mask, output_attentions):
        query, key, value = (split_heads(lin(x), self.head_dim) for lin in (self.q_lin, self.k_lin, self.v_lin))
        context, weights = ops.attention(
            query, key, value, mask=mask, dropout_p=self.dropout_p if self.training else 0.0,
            implementation=self.config.attn_implementation, return_weights=output_attentions,
        )  # fmt: skip
        context, weights = scale_heads(context, weights, head_mask)
        return self.out_lin(merge_heads(context)), weights


class DistilBertFeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.lin1 = nn.Linear(config.dim, config.hidden_dim)
        self.lin2 = nn.Linear(config.hidden_dim, config.dim)
        self.activation = activation(config.activation)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x):
        return self.dropout(self.lin2(activated(self.lin1, self.activation, x)))


class DistilBertBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention = DistilBertAttention(config)
        self.sa_layer_norm = nn.LayerNorm(config.dim, NORM_EPS)
        self.ffn = DistilBertFeedForward(config)
        self.output_layer_norm = nn.LayerNorm(config.dim, NORM_EPS)

    def forward(self, x, mask, head_mask, output_attentions):
        context, weights = self.attention(x, mask, head_mask, output_attentions)
        x, _ = self.sa_layer_norm(context, x)
        return self.output_layer_norm(self.ffn(x), x)[0], weights


class DistilBertEncoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gradient_checkpointing = False
        self.layer = nn.ModuleList([DistilBertBlock(config) for _ in range(config.n_layers)])

    def forward(self, x, mask, head_mask, output_attentions, output_hidden_states):
        states, attentions = [x], []
        for layer, heads_kept in zip(self.layer, head_mask, strict=True):
            x, weights = run(self, layer, x, mask, heads_kept, output_attentions)
            states.append(x)
            attentions.append(weights)
        return BaseModelOutput(
            x, tuple(states) if output_hidden_states else None, tuple(attentions) if output_attentions else None
        )


class DistilBertPreTrainedModel(PreTrainedModel):
    config_class = DistilBertConfig
    base_model_prefix = "distilbert"
    _no_split_modules = ("DistilBertEmbeddings", "DistilBertBlock")
    _keys_to_ignore_on_load_unexpected = (r"embeddings\.position_ids$",)

    def init_weights(self, module, name):
        init.normal(module, self.config.initializer_range)
        if self.config.sinusoidal_pos_embds and name.endswith("position_embeddings"):
            nn.init.copy_(module.weight, sinusoids(self.config.max_position_embeddings, self.config.dim))


class DistilBertModel(DistilBertPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embeddings = DistilBertEmbeddings(config)
        self.transformer = DistilBertEncoder(config)
        self.post_init()

    def get_input_embeddings(self):
        return self.embeddings.word_embeddings

    def set_input_embeddings(self, value):
        self.embeddings.word_embeddings = value

    def forward(self, input_ids=None, attention_mask=None, head_mask=None, inputs_embeds=None, *,
                output_attentions=None, output_hidden_states=None, return_dict=None):  # fmt: skip
        """input_ids, attention_mask (batch, length), or inputs_embeds (batch, length, dim)."""
        output = self.transformer(
            self.embeddings(input_ids, inputs_embeds), masks.padding(attention_mask),
            masks.head_mask(head_mask, self.config.n_layers), *self.wants(output_attentions, output_hidden_states),
        )  # fmt: skip
        return self.respond(output, return_dict)


class DistilBertForMaskedLM(heads.MaskedLM, DistilBertPreTrainedModel):
    _tied_weights_keys = {"vocab_projector.weight": "distilbert.embeddings.word_embeddings.weight"}

    def __init__(self, config):
        super().__init__(config)
        self.activation = activation(config.activation)
        self.distilbert = DistilBertModel(config)
        self.vocab_transform = nn.Linear(config.dim, config.dim)
        self.vocab_layer_norm = nn.LayerNorm(config.dim, NORM_EPS)
        self.vocab_projector = nn.Linear(config.dim, config.vocab_size)
        self.post_init()

    def get_output_embeddings(self):
        return self.vocab_projector

    def set_output_embeddings(self, value):
        self.vocab_projector = value

    def logits(self, x):
        return self.vocab_projector(self.vocab_layer_norm(activated(self.vocab_transform, self.activation, x)))


class DistilBertClassifier(DistilBertPreTrainedModel):
    """Pools the first token in the head."""

    def __init__(self, config, num_labels):
        super().__init__(config)
        self.distilbert = DistilBertModel(config)
        self.pre_classifier = nn.Linear(config.dim, config.dim)
        self.classifier = nn.Linear(config.dim, num_labels)
        self.dropout = nn.Dropout(config.seq_classif_dropout)
        self.post_init()

    def pool(self, states):
        return ops.relu(self.pre_classifier(states[:, 0]))


class DistilBertForSequenceClassification(heads.PooledClassification, DistilBertClassifier):
    def __init__(self, config):
        super().__init__(config, config.num_labels)


class DistilBertForMultipleChoice(heads.MultipleChoice, DistilBertClassifier):
    def __init__(self, config):
        super().__init__(config, 1)


class DistilBertForTokenClassification(heads.TokenClassification, DistilBertPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.distilbert = DistilBertModel(config)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.dim, config.num_labels)
        self.post_init()


class DistilBertForQuestionAnswering(heads.QuestionAnswering, DistilBertPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.distilbert = DistilBertModel(config)
        self.qa_outputs = nn.Linear(config.dim, config.num_labels)
        self.dropout = nn.Dropout(config.qa_dropout)
        self.post_init()

    def scores(self, states):
        return self.qa_outputs(self.dropout(states))
