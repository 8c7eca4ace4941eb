"""BERT (Devlin et al., arXiv:1810.04805): an encoder, or a decoder with cross-attention."""

from pytransformers.configs.bert import BertConfig
from pytransformers.outputs import (
    BaseModelOutputWithPastAndCrossAttentions,
    BaseModelOutputWithPoolingAndCrossAttentions,
    BertForPreTrainingOutput,
)

from .. import nn, ops
from ..layers import heads, init, losses, masks
from ..layers.activations import activation
from ..layers.attention import SelfAttention
from ..layers.cache import as_cache
from ..layers.dense import activated
from ..layers.embeddings import TextEmbeddings
from ..layers.mlp import Intermediate
from ..layers.stack import run
from ..pretrained import PreTrainedModel


class BertSelfOutput(nn.Module):
    """Projection, dropout, residual and norm after it; also at the end of the feed-forward block."""

    def __init__(self, config, width):
        super().__init__()
        self.dense = nn.Linear(width, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x, residual):
        return self.LayerNorm(self.dropout(self.dense(x)), residual)[0]


class BertAttention(nn.Module):
    def __init__(self, config, positions):
        super().__init__()
        self.self = SelfAttention(config, positions=positions)
        self.output = BertSelfOutput(config, config.hidden_size)

    def forward(self, x, mask, **kwargs):
        context, weights, cache = self.self(x, mask, **kwargs)
        return self.output(context, x), weights, cache


class BertLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention = BertAttention(config, config.position_embedding_type)
        if config.add_cross_attention:
            self.crossattention = BertAttention(config, "absolute")
        self.intermediate = Intermediate(config)
        self.output = BertSelfOutput(config, config.intermediate_size)

    def forward(self, x, mask, causal, head_mask, encoder_states, encoder_mask, cache, layer, output_attentions):
        x, weights, cache = self.attention(
            x, mask, causal=causal, head_mask=head_mask, cache=cache, layer=layer, output_attentions=output_attentions
        )
        cross_weights = None
        if encoder_states is not None:
            x, cross_weights, cache = self.crossattention(
                x, encoder_mask, head_mask=head_mask, encoder_states=encoder_states, cache=cache, layer=layer,
                output_attentions=output_attentions,
            )  # fmt: skip
        return self.output(self.intermediate(x), x), weights, cross_weights, cache


class BertEncoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gradient_checkpointing = False
        self.layer = nn.ModuleList([BertLayer(config) for _ in range(config.num_hidden_layers)])

    def forward(self, x, mask=None, causal=False, head_mask=None, encoder_states=None, encoder_mask=None, cache=None,
                output_attentions=False, output_hidden_states=False):  # fmt: skip
        states, attentions, cross_attentions = [x], [], []
        for index, layer in enumerate(self.layer):
            x, weights, cross_weights, cache = run(
                self, layer, x, mask, causal, head_mask[index], encoder_states, encoder_mask, cache, index,
                output_attentions,
            )  # fmt: skip
            states.append(x)
            attentions.append(weights)
            cross_attentions.append(cross_weights)
        return BaseModelOutputWithPastAndCrossAttentions(
            x, cache, tuple(states) if output_hidden_states else None,
            tuple(attentions) if output_attentions else None,
            tuple(cross_attentions) if output_attentions and encoder_states is not None else None,
        )  # fmt: skip


class BertPooler(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x):
        return ops.tanh(self.dense(x[:, 0]))


class BertPreTrainedModel(PreTrainedModel):
    config_class = BertConfig
    base_model_prefix = "bert"
    _no_split_modules = ("TextEmbeddings", "BertLayer")
    _keys_to_ignore_on_load_unexpected = (r"embeddings\.position_ids$",)
    _tied_weights_keys = {}

    def init_weights(self, module, name):
        init.normal(module, self.config.initializer_range)


class BertModel(BertPreTrainedModel):
    def __init__(self, config, add_pooling_layer=True):
        super().__init__(config)
        self.embeddings = TextEmbeddings(config)
        self.encoder = BertEncoder(config)
        self.pooler = BertPooler(config) if add_pooling_layer else None
        self.post_init()

    def get_input_embeddings(self):
        return self.embeddings.word_embeddings

    def set_input_embeddings(self, value):
        self.embeddings.word_embeddings = value

    def forward(self, input_ids=None, attention_mask=None, token_type_ids=None, position_ids=None, head_mask=None,
                inputs_embeds=None, *, encoder_hidden_states=None, encoder_attention_mask=None, past_key_values=None,
                use_cache=None, output_attentions=None, output_hidden_states=None, return_dict=None):  # fmt: skip
        """input_ids, attention_mask, token_type_ids, position_ids (batch, length); see `docs` for the rest."""
        output_attentions, output_hidden_states = self.wants(output_attentions, output_hidden_states)
        decoder = self.config.is_decoder
        use_cache = decoder and (self.config.use_cache if use_cache is None else use_cache)
        cache = as_cache(past_key_values, use_cache)
        past = 0 if cache is None else cache.length
        x = self.embeddings(input_ids, token_type_ids, position_ids, inputs_embeds, past)
        if decoder:
            mask, causal = masks.decoder(attention_mask, ops.size(x, 1), cache, x)
        else:
            mask, causal = masks.padding(attention_mask), False
        outputs = self.encoder(
            x, mask, causal, masks.head_mask(head_mask, self.config.num_hidden_layers), encoder_hidden_states,
            masks.padding(encoder_attention_mask), cache, output_attentions, output_hidden_states,
        )  # fmt: skip
        x = outputs.last_hidden_state
        pooled = None if self.pooler is None else self.pooler(x)
        return self.respond(
            BaseModelOutputWithPoolingAndCrossAttentions(
                x, pooled, outputs.hidden_states, outputs.past_key_values if use_cache else None, outputs.attentions,
                outputs.cross_attentions,
            ), return_dict,
        )  # fmt: skip


class BertPredictionHeadTransform(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.activation = activation(config.hidden_act)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(self, x):
        return self.LayerNorm(activated(self.dense, self.activation, x))


class BertLMPredictionHead(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.transform = BertPredictionHeadTransform(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.bias = self.decoder.bias

    def forward(self, x):
        return self.decoder(self.transform(x))


class BertPredictions(nn.Module):
    """The heads of pretraining, as far as asked for."""

    def __init__(self, config, vocabulary=True, next_sentence=False):
        super().__init__()
        if vocabulary:
            self.predictions = BertLMPredictionHead(config)
        if next_sentence:
            self.seq_relationship = nn.Linear(config.hidden_size, 2)


class BertVocabularyModel(BertPreTrainedModel):
    """Heads over the vocabulary share its embedding."""

    _tied_weights_keys = {"cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight"}
    _always_tied_weights_keys = {"cls.predictions.decoder.bias": "cls.predictions.bias"}

    def get_output_embeddings(self):
        return self.cls.predictions.decoder

    def set_output_embeddings(self, value):
        self.cls.predictions.decoder = value
        self.cls.predictions.bias = value.bias

    def logits(self, x):
        return self.cls.predictions(x)


class BertForPreTraining(BertVocabularyModel):
    def __init__(self, config):
        super().__init__(config)
        self.bert = BertModel(config)
        self.cls = BertPredictions(config, next_sentence=True)
        self.post_init()

    def forward(self, *inputs, labels=None, next_sentence_label=None, return_dict=None, **kwargs):
        outputs = self.bert(*inputs, return_dict=True, **kwargs)
        logits = self.logits(outputs.last_hidden_state)
        relation = self.cls.seq_relationship(outputs.pooler_output)
        loss = None
        if labels is not None and next_sentence_label is not None:
            loss = losses.token_cross_entropy(logits, labels)
            loss = loss + losses.token_cross_entropy(relation, next_sentence_label)
        output = BertForPreTrainingOutput(loss, logits, relation, outputs.hidden_states, outputs.attentions)
        return self.respond(output, return_dict)


class BertForMaskedLM(heads.MaskedLM, BertVocabularyModel):
    def __init__(self, config):
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.cls = BertPredictions(config)
        self.post_init()


class BertLMHeadModel(heads.CausalLM, BertVocabularyModel):
    def __init__(self, config):
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.cls = BertPredictions(config)
        self.post_init()


class BertForNextSentencePrediction(heads.NextSentence, BertPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.bert = BertModel(config)
        self.cls = BertPredictions(config, vocabulary=False, next_sentence=True)
        self.post_init()

    def logits(self, pooled):
        return self.cls.seq_relationship(pooled)


class BertClassifier(BertPreTrainedModel):
    """A dropout and one linear layer over the encoder."""

    def __init__(self, config, pooled, num_labels):
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=pooled)
        rate = config.classifier_dropout
        self.dropout = nn.Dropout(config.hidden_dropout_prob if rate is None else rate)
        self.classifier = nn.Linear(config.hidden_size, num_labels)
        self.post_init()


class BertForSequenceClassification(heads.PooledClassification, BertClassifier):
    def __init__(self, config):
        super().__init__(config, pooled=True, num_labels=config.num_labels)


class BertForMultipleChoice(heads.MultipleChoice, BertClassifier):
    def __init__(self, config):
        super().__init__(config, pooled=True, num_labels=1)


class BertForTokenClassification(heads.TokenClassification, BertClassifier):
    def __init__(self, config):
        super().__init__(config, pooled=False, num_labels=config.num_labels)


class BertForQuestionAnswering(heads.QuestionAnswering, BertPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.qa_outputs = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()
