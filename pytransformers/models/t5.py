"""T5 (Raffel et al., arXiv:1910.10683) and T5 v1.1: an encoder-decoder with relative position biases."""

import math

import numpy as np

from pytransformers.configs.t5 import T5Config
from pytransformers.outputs import BaseModelOutputWithPastAndCrossAttentions

from .. import nn, ops
from ..layers import heads, masks, seq2seq
from ..layers.activations import activation
from ..layers.attention import merge_heads, scale_heads, split_heads
from ..layers.cache import as_cache, keys_values
from ..layers.dense import activated
from ..layers.stack import run
from ..pretrained import PreTrainedModel


def position_buckets(num_buckets, max_distance, is_decoder):
    """The bucket of each relative position (key minus query) in -max_distance .. max_distance, where farther ones go.

    An encoder has half of the buckets for each direction, a decoder looks back only. Half of a direction's buckets hold
    one distance each, the others grow logarithmically. float32, as the checkpoints were trained (mesh-tensorflow,
    transformer_layers.py); a table, so that the three frameworks cannot round apart.

    Returns:
        (2 * max_distance + 1,) int64.
    """
    position = np.arange(-max_distance, max_distance + 1)
    distance = np.maximum(-position, 0) if is_decoder else abs(position)
    each = num_buckets if is_decoder else num_buckets // 2
    exact = max(each // 2, 1)
    far = np.log(np.maximum(distance, exact).astype(np.float32) / np.float32(exact))
    far = far / np.float32(math.log(max(max_distance, exact + 1) / exact)) * np.float32(each - exact)
    bucket = np.where(distance < exact, distance, np.minimum(exact + far.astype(np.int64), each - 1))
    return bucket if is_decoder else bucket + np.where(position > 0, each, 0)


def finite(x):
    """Where float16 has reached infinity, everything is held 1000 below its largest value, so that training goes on."""
    largest = -ops.finfo_min(ops.float16)
    limit = ops.cast(ops.where(ops.all(ops.isfinite(x)), largest, largest - 1000.0), ops.float16)
    return ops.minimum(ops.maximum(x, -limit), limit)


def add(x, update):
    """The residual sum; `update` is None before the first layer."""
    if update is None:
        return x
    x = x + update
    return finite(x) if ops.dtype(x) == ops.float16 else x


def add_norm(norm, x, update):
    """norm(x + update) and x + update, fused except where float16 is to be kept finite."""
    if update is None or ops.dtype(x) == ops.float16:
        x = add(x, update)
        return norm(x), x
    return norm(update, x)


class T5Attention(nn.Module):
    """Unscaled attention to the states themselves, or to the encoder's."""

    def __init__(self, config, has_relative_attention_bias=False):
        super().__init__()
        self.config = config
        self.dropout_p = config.dropout_rate
        width = config.num_heads * config.d_kv
        self.q = nn.Linear(config.d_model, width, bias=False)
        self.k = nn.Linear(config.d_model, width, bias=False)
        self.v = nn.Linear(config.d_model, width, bias=False)
        self.o = nn.Linear(width, config.d_model, bias=False)
        if has_relative_attention_bias:
            self.relative_attention_bias = nn.Embedding(config.relative_attention_num_buckets, config.num_heads)

    def project(self, x):
        return split_heads(self.k(x), self.config.d_kv), split_heads(self.v(x), self.config.d_kv)

    def forward(self, x, mask, head_mask, encoder_states, cache, layer, output_attentions):
        """x (batch, length, d_model) -> the same, weights or None, cache."""
        key, value, cache = keys_values(self.project, x, encoder_states, cache, layer)
        context, weights = ops.attention(
            split_heads(self.q(x), self.config.d_kv), key, value, mask=mask, scale=1.0,
            dropout_p=self.dropout_p if self.training else 0.0, implementation=self.config.attn_implementation,
            return_weights=output_attentions,
        )  # fmt: skip
        context, weights = scale_heads(context, weights, head_mask)
        return ops.dropout(self.o(merge_heads(context)), self.dropout_p, self.training), weights, cache


class T5LayerSelfAttention(nn.Module):
    def __init__(self, config, has_relative_attention_bias):
        super().__init__()
        self.SelfAttention = T5Attention(config, has_relative_attention_bias)
        self.layer_norm = nn.RMSNorm(config.d_model, config.layer_norm_epsilon)

    def forward(self, x, update, mask, head_mask, cache, layer, output_attentions):
        y, x = add_norm(self.layer_norm, x, update)
        return x, *self.SelfAttention(y, mask, head_mask, None, cache, layer, output_attentions)


class T5LayerCrossAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.EncDecAttention = T5Attention(config)
        self.layer_norm = nn.RMSNorm(config.d_model, config.layer_norm_epsilon)

    def forward(self, x, update, mask, head_mask, encoder_states, cache, layer, output_attentions):
        y, x = add_norm(self.layer_norm, x, update)
        return x, *self.EncDecAttention(y, mask, head_mask, encoder_states, cache, layer, output_attentions)


class T5Dense(nn.Module):
    """wo(act(wi(x))), or gated (Shazeer, arXiv:2002.05202): wo(act(wi_0(x)) * wi_1(x))."""

    def __init__(self, config):
        super().__init__()
        self.dropout_p = config.dropout_rate
        self.gated = config.is_gated_act
        self.activation = activation(config.dense_act_fn)
        if self.gated:
            self.wi_0 = nn.Linear(config.d_model, config.d_ff, bias=False)
            self.wi_1 = nn.Linear(config.d_model, config.d_ff, bias=False)
        else:
            self.wi = nn.Linear(config.d_model, config.d_ff, bias=False)
        self.wo = nn.Linear(config.d_ff, config.d_model, bias=False)

    def forward(self, x):
        first = activated(self.wi_0 if self.gated else self.wi, self.activation, x)
        x = first * self.wi_1(x) if self.gated else first
        return self.wo(ops.dropout(x, self.dropout_p, self.training))


class T5LayerFF(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dropout_p = config.dropout_rate
        self.DenseReluDense = T5Dense(config)
        self.layer_norm = nn.RMSNorm(config.d_model, config.layer_norm_epsilon)

    def forward(self, x, update):
        y, x = add_norm(self.layer_norm, x, update)
        return x, ops.dropout(self.DenseReluDense(y), self.dropout_p, self.training)


class T5Block(nn.Module):
    """Each layer adds the update of the one before to the residual stream x, and leaves its own to the next."""

    def __init__(self, config, is_decoder, has_relative_attention_bias):
        super().__init__()
        layers = [T5LayerSelfAttention(config, has_relative_attention_bias)]
        if is_decoder:
            layers.append(T5LayerCrossAttention(config))
        self.layer = nn.ModuleList([*layers, T5LayerFF(config)])

    def forward(self, x, update, mask, head_mask, encoder_states, encoder_mask, cross_head_mask, cache, index,
                output_attentions):  # fmt: skip
        attend, *cross, feed_forward = self.layer
        x, update, weights, cache = attend(x, update, mask, head_mask, cache, index, output_attentions)
        cross_weights = None
        if encoder_states is not None:
            x, update, cross_weights, cache = cross[0](
                x, update, encoder_mask, cross_head_mask, encoder_states, cache, index, output_attentions
            )
        return *feed_forward(x, update), weights, cross_weights, cache


class T5PreTrainedModel(PreTrainedModel):
    config_class = T5Config
    base_model_prefix = "transformer"
    _no_split_modules = ("T5Block",)
    _keys_to_ignore_on_load_unexpected = (r"decoder\..*EncDecAttention\.relative_attention_bias\.weight$",)

    def init_weights(self, module, name):
        """Attention is not scaled, so that queries start smaller; the rest by their fan-in (mesh-tensorflow)."""
        config, leaf = self.config, name.rpartition(".")[2]
        fans = {
            "shared": 1, "embed_tokens": 1, "lm_head": 1, "classifier": 1, "wo": config.d_ff,
            "q": config.d_model * config.d_kv, "o": config.num_heads * config.d_kv,
        }  # fmt: skip
        if isinstance(module, nn.RMSNorm):
            nn.init.constant_(module.weight, config.initializer_factor)
        elif isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, 0.0, config.initializer_factor * fans.get(leaf, config.d_model) ** -0.5)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)


class T5Stack(T5PreTrainedModel):
    """The encoder or the decoder. `embed_tokens` is shared between them."""

    def __init__(self, config, embed_tokens, is_decoder):
        super().__init__(config)
        self.gradient_checkpointing = False
        self.is_decoder = is_decoder
        self.dropout_p = config.dropout_rate
        layers = config.num_decoder_layers if is_decoder else config.num_layers
        self.embed_tokens = embed_tokens
        self.block = nn.ModuleList([T5Block(config, is_decoder, index == 0) for index in range(layers)])
        self.final_layer_norm = nn.RMSNorm(config.d_model, config.layer_norm_epsilon)
        buckets = config.relative_attention_num_buckets, config.relative_attention_max_distance
        self.position_buckets = nn.Buffer(position_buckets(*buckets, is_decoder), persistent=False)

    def get_input_embeddings(self):
        return self.embed_tokens

    def set_input_embeddings(self, value):
        self.embed_tokens = value

    def position_bias(self, length, past, keys, x):
        """(1, heads, length, keys) in x's dtype, the first query at `past`: the first layer holds it, all add it."""
        farthest = self.config.relative_attention_max_distance
        queries = ops.arange(length, like=x)[:, None] + past
        position = ops.clamp(ops.arange(keys, like=x)[None, :] - queries, -farthest, farthest) + farthest
        weight = self.block[0].layer[0].SelfAttention.relative_attention_bias.weight
        by_position = ops.transpose(ops.take(weight, self.position_buckets, 0), 0, 1)
        return ops.cast(ops.take(by_position, position, 1)[None], ops.dtype(x))

    def forward(self, input_ids=None, attention_mask=None, encoder_hidden_states=None, encoder_attention_mask=None,
                inputs_embeds=None, head_mask=None, cross_attn_head_mask=None, past_key_values=None, use_cache=None,
                output_attentions=None, output_hidden_states=None, return_dict=None):  # fmt: skip
        """input_ids (batch, length) or inputs_embeds (batch, length, d_model); the cache is the decoder's only."""
        if (input_ids is None) == (inputs_embeds is None):
            name = "decoder_" if self.is_decoder else ""
            raise ValueError(
                f"[T5] expected one of {name}input_ids and {name}inputs_embeds: pass one, not both or none"
            )
        output_attentions, output_hidden_states = self.wants(output_attentions, output_hidden_states)
        use_cache = self.is_decoder and (self.config.use_cache if use_cache is None else use_cache)
        use_cache = use_cache and not (self.training and self.gradient_checkpointing)
        cache = as_cache(past_key_values, use_cache) if self.is_decoder else None
        past = 0 if cache is None else cache.length
        x = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        x, update = ops.dropout(x, self.dropout_p, self.training), None
        length, layers = ops.size(x, 1), len(self.block)
        mask, causal = masks.decoder(attention_mask, length, cache, x) if self.is_decoder else (None, False)
        keys = length if cache is None else cache.key_length(length)
        if causal:
            mask = masks.causal(length, keys, past, x)
        elif not self.is_decoder:
            mask = masks.padding(attention_mask)
        mask = masks.biased(mask, self.position_bias(length, past, keys, x)) if layers else None
        encoder_mask = masks.padding(encoder_attention_mask)
        head_mask, cross_head_mask = masks.head_mask(head_mask, layers), masks.head_mask(cross_attn_head_mask, layers)
        states, attentions, cross_attentions = [], [], []
        for index, block in enumerate(self.block):
            if output_hidden_states:
                x, update = add(x, update), None
                states.append(x)
            x, update, weights, cross_weights, cache = run(
                self, block, x, update, mask, head_mask[index], encoder_hidden_states, encoder_mask,
                cross_head_mask[index], cache, index, output_attentions,
            )  # fmt: skip
            attentions.append(weights)
            cross_attentions.append(cross_weights)
        x, _ = add_norm(self.final_layer_norm, x, update)
        x = ops.dropout(x, self.dropout_p, self.training)
        output = BaseModelOutputWithPastAndCrossAttentions(
            x, cache if use_cache else None, (*states, x) if output_hidden_states else None,
            tuple(attentions) if output_attentions else None,
            tuple(cross_attentions) if output_attentions and encoder_hidden_states is not None else None,
        )  # fmt: skip
        return self.respond(output, return_dict)


class T5EncoderDecoder(seq2seq.EncoderDecoder, T5PreTrainedModel):
    """Both stacks over one embedding."""

    _always_tied_weights_keys = {
        "encoder.embed_tokens.weight": "shared.weight", "decoder.embed_tokens.weight": "shared.weight"
    }  # fmt: skip

    def __init__(self, config):
        super().__init__(config)
        self.shared = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder = T5Stack(config, self.shared, is_decoder=False)
        self.decoder = T5Stack(config, self.shared, is_decoder=True)

    @property
    def shares_head_mask(self):
        return self.config.num_layers == self.config.num_decoder_layers

    def get_input_embeddings(self):
        return self.shared

    def set_input_embeddings(self, value):
        self.shared = self.encoder.embed_tokens = self.decoder.embed_tokens = value


class T5Model(seq2seq.BaseModel, T5EncoderDecoder):
    def __init__(self, config):
        super().__init__(config)
        self.post_init()


class T5ForConditionalGeneration(seq2seq.ConditionalGeneration, T5EncoderDecoder):
    _tied_weights_keys = {"lm_head.weight": "shared.weight"}

    def __init__(self, config):
        super().__init__(config)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.post_init()

    def get_output_embeddings(self):
        return self.lm_head

    def set_output_embeddings(self, value):
        self.lm_head = value

    def logits(self, x):
        """A shared embedding is drawn for reading tokens, not for scoring them: hence the scale."""
        return self.lm_head(x * self.config.d_model**-0.5 if self.config.tie_word_embeddings else x)


class T5ForQuestionAnswering(seq2seq.QuestionAnswering, T5EncoderDecoder):
    def __init__(self, config):
        super().__init__(config)
        self.qa_outputs = nn.Linear(config.d_model, config.num_labels)
        self.post_init()


class T5EncoderModel(T5PreTrainedModel):
    _always_tied_weights_keys = {"encoder.embed_tokens.weight": "shared.weight"}
    _keys_to_ignore_on_load_unexpected = (r"^decoder\.",)

    def __init__(self, config):
        super().__init__(config)
        self.shared = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder = T5Stack(config, self.shared, is_decoder=False)
        self.post_init()

    def get_encoder(self):
        return self.encoder

    def get_input_embeddings(self):
        return self.shared

    def set_input_embeddings(self, value):
        self.shared = self.encoder.embed_tokens = value

    def forward(self, input_ids=None, attention_mask=None, head_mask=None, inputs_embeds=None, *,
                output_attentions=None, output_hidden_states=None, return_dict=None):  # fmt: skip
        return self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, head_mask=head_mask, inputs_embeds=inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states, return_dict=return_dict,
        )  # fmt: skip


class T5ClassificationHead(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.d_model, config.d_model)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.out_proj = nn.Linear(config.d_model, config.num_labels)

    def forward(self, x):
        return self.out_proj(self.dropout(ops.tanh(self.dense(self.dropout(x)))))


class T5ForSequenceClassification(seq2seq.SequenceClassification, seq2seq.WithBase, T5PreTrainedModel):
    _always_tied_weights_keys = {
        f"transformer.{name}": f"transformer.{source}" for name, source in T5Model._always_tied_weights_keys.items()
    }

    def __init__(self, config):
        super().__init__(config)
        self.transformer = T5Model(config)
        self.classification_head = T5ClassificationHead(config)
        self.post_init()


class T5ForTokenClassification(heads.TokenClassification, T5PreTrainedModel):
    _always_tied_weights_keys = {"transformer.encoder.embed_tokens.weight": "transformer.shared.weight"}
    _keys_to_ignore_on_load_unexpected = (r"^(transformer\.)?decoder\.",)

    def __init__(self, config):
        super().__init__(config)
        self.transformer = T5EncoderModel(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = nn.Linear(config.d_model, config.num_labels)
        self.post_init()
