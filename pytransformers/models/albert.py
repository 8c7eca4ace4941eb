"""ALBERT (Lan et al., arXiv:1909.11942): an encoder whose layers share their weights and whose embedding is narrow."""

from pytransformers.configs.albert import AlbertConfig
from pytransformers.outputs import AlbertForPreTrainingOutput, BaseModelOutput, BaseModelOutputWithPooling

from .. import nn, ops
from ..layers import heads, init, losses, masks
from ..layers.activations import activation
from ..layers.attention import SelfAttention
from ..layers.dense import activated
from ..layers.embeddings import TextEmbeddings
from ..layers.stack import run
from ..pretrained import PreTrainedModel


class AlbertAttention(SelfAttention):
    """Self-attention with its output projection, residual and norm, which checkpoints name side by side."""

    def __init__(self, config):
        super().__init__(config, positions=config.position_embedding_type, position_scale=1.0)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x, mask, head_mask, output_attentions):
        context, weights, _ = super().forward(x, mask, head_mask=head_mask, output_attentions=output_attentions)
        return self.LayerNorm(self.dropout(self.dense(context)), x)[0], weights


class AlbertLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention = AlbertAttention(config)
        self.ffn = nn.Linear(config.hidden_size, config.intermediate_size)
        self.activation = activation(config.hidden_act)
        self.ffn_output = nn.Linear(config.intermediate_size, config.hidden_size)
        self.full_layer_layer_norm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(self, x, mask, head_mask, output_attentions):
        x, weights = self.attention(x, mask, head_mask, output_attentions)
        return self.full_layer_layer_norm(self.ffn_output(activated(self.ffn, self.activation, x)), x)[0], weights


class AlbertLayerGroup(nn.Module):
    """Layers that follow each other; the whole group is repeated."""

    def __init__(self, config):
        super().__init__()
        self.albert_layers = nn.ModuleList([AlbertLayer(config) for _ in range(config.inner_group_num)])


class AlbertTransformer(nn.Module):
    """`num_hidden_layers` runs through `num_hidden_groups` groups, each repeated equally often.

    A hidden state is kept for each run, attentions for each layer in it. As in `transformers`, the runs of one group
    share its first rows of a head mask.
    """

    def __init__(self, config):
        super().__init__()
        self.gradient_checkpointing = False
        self.num_hidden_layers = config.num_hidden_layers
        self.embedding_hidden_mapping_in = nn.Linear(config.embedding_size, config.hidden_size)
        self.albert_layer_groups = nn.ModuleList([AlbertLayerGroup(config) for _ in range(config.num_hidden_groups)])

    def forward(self, x, mask, head_mask, output_attentions, output_hidden_states):
        x = self.embedding_hidden_mapping_in(x)
        states, attentions = [x], []
        groups, repeats = len(self.albert_layer_groups), self.num_hidden_layers // len(self.albert_layer_groups)
        for index in range(self.num_hidden_layers):
            group = index * groups // self.num_hidden_layers
            for inner, layer in enumerate(self.albert_layer_groups[group].albert_layers):
                row = min(group * repeats + inner, self.num_hidden_layers - 1)
                x, weights = run(self, layer, x, mask, head_mask[row], output_attentions)
                attentions.append(weights)
            states.append(x)
        return BaseModelOutput(
            x, tuple(states) if output_hidden_states else None, tuple(attentions) if output_attentions else None
        )


class AlbertPreTrainedModel(PreTrainedModel):
    config_class = AlbertConfig
    base_model_prefix = "albert"
    _no_split_modules = ("TextEmbeddings", "AlbertLayerGroup")
    _keys_to_ignore_on_load_unexpected = (r"embeddings\.position_ids$",)

    def init_weights(self, module, name):
        init.normal(module, self.config.initializer_range)


class AlbertModel(AlbertPreTrainedModel):
    def __init__(self, config, add_pooling_layer=True):
        super().__init__(config)
        self.embeddings = TextEmbeddings(config, config.embedding_size)
        self.encoder = AlbertTransformer(config)
        self.pooler = nn.Linear(config.hidden_size, config.hidden_size) if add_pooling_layer else None
        self.post_init()

    def get_input_embeddings(self):
        return self.embeddings.word_embeddings

    def set_input_embeddings(self, value):
        self.embeddings.word_embeddings = value

    def forward(self, input_ids=None, attention_mask=None, token_type_ids=None, position_ids=None, head_mask=None,
                inputs_embeds=None, *, output_attentions=None, output_hidden_states=None,
                return_dict=None):  # fmt: skip
        """input_ids, attention_mask, token_type_ids, position_ids (batch, length).

        inputs_embeds (batch, length, embedding_size); head_mask (heads,) or (layers, heads).
        """
        output_attentions, output_hidden_states = self.wants(output_attentions, output_hidden_states)
        outputs = self.encoder(
            self.embeddings(input_ids, token_type_ids, position_ids, inputs_embeds), masks.padding(attention_mask),
            masks.head_mask(head_mask, self.config.num_hidden_layers), output_attentions, output_hidden_states,
        )  # fmt: skip
        x = outputs.last_hidden_state
        pooled = None if self.pooler is None else ops.tanh(self.pooler(x[:, 0]))
        output = BaseModelOutputWithPooling(x, pooled, outputs.hidden_states, outputs.attentions)
        return self.respond(output, return_dict)


class AlbertMLMHead(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.embedding_size)
        self.activation = activation(config.hidden_act)
        self.LayerNorm = nn.LayerNorm(config.embedding_size, config.layer_norm_eps)
        self.decoder = nn.Linear(config.embedding_size, config.vocab_size)
        self.bias = self.decoder.bias

    def forward(self, x):
        return self.decoder(self.LayerNorm(activated(self.dense, self.activation, x)))


class AlbertSOPHead(nn.Module):
    """Do two segments stand in their order (0) or swapped (1)?"""

    def __init__(self, config):
        super().__init__()
        self.dropout = nn.Dropout(config.classifier_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, pooled):
        return self.classifier(self.dropout(pooled))


class AlbertVocabularyModel(AlbertPreTrainedModel):
    """Heads over the vocabulary share its embedding."""

    _tied_weights_keys = {"predictions.decoder.weight": "albert.embeddings.word_embeddings.weight"}
    _always_tied_weights_keys = {"predictions.decoder.bias": "predictions.bias"}

    def get_output_embeddings(self):
        return self.predictions.decoder

    def set_output_embeddings(self, value):
        self.predictions.decoder = value
        self.predictions.bias = value.bias

    def logits(self, x):
        return self.predictions(x)


class AlbertForPreTraining(AlbertVocabularyModel):
    def __init__(self, config):
        super().__init__(config)
        self.albert = AlbertModel(config)
        self.predictions = AlbertMLMHead(config)
        self.sop_classifier = AlbertSOPHead(config)
        self.post_init()

    def forward(self, *inputs, labels=None, sentence_order_label=None, return_dict=None, **kwargs):
        """labels (batch, length), sentence_order_label (batch,): with both, the loss is the sum of theirs."""
        outputs = self.albert(*inputs, return_dict=True, **kwargs)
        logits, order = self.logits(outputs.last_hidden_state), self.sop_classifier(outputs.pooler_output)
        loss = None
        if labels is not None and sentence_order_label is not None:
            loss = losses.token_cross_entropy(logits, labels) + losses.token_cross_entropy(order, sentence_order_label)
        output = AlbertForPreTrainingOutput(loss, logits, order, outputs.hidden_states, outputs.attentions)
        return self.respond(output, return_dict)


class AlbertForMaskedLM(heads.MaskedLM, AlbertVocabularyModel):
    def __init__(self, config):
        super().__init__(config)
        self.albert = AlbertModel(config, add_pooling_layer=False)
        self.predictions = AlbertMLMHead(config)
        self.post_init()


class AlbertClassifier(AlbertPreTrainedModel):
    """A dropout and one linear layer over the encoder."""

    def __init__(self, config, pooled, num_labels):
        super().__init__(config)
        self.albert = AlbertModel(config, add_pooling_layer=pooled)
        rate = config.classifier_dropout_prob
        self.dropout = nn.Dropout(config.hidden_dropout_prob if rate is None else rate)
        self.classifier = nn.Linear(config.hidden_size, num_labels)
        self.post_init()


class AlbertForSequenceClassification(heads.PooledClassification, AlbertClassifier):
    def __init__(self, config):
        super().__init__(config, pooled=True, num_labels=config.num_labels)


class AlbertForMultipleChoice(heads.MultipleChoice, AlbertClassifier):
    def __init__(self, config):
        super().__init__(config, pooled=True, num_labels=1)


class AlbertForTokenClassification(heads.TokenClassification, AlbertClassifier):
    def __init__(self, config):
        super().__init__(config, pooled=False, num_labels=config.num_labels)


class AlbertForQuestionAnswering(heads.QuestionAnswering, AlbertPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.albert = AlbertModel(config, add_pooling_layer=False)
        self.qa_outputs = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()
