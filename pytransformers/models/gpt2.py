"""GPT-2 (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019): a causal decoder, also with
cross-attention."""

from math import sqrt

from pytransformers.configs.gpt2 import GPT2Config
from pytransformers.outputs import BaseModelOutputWithPastAndCrossAttentions, GPT2DoubleHeadsModelOutput

from .. import nn, ops
from ..layers import heads, init, losses, masks
from ..layers.activations import activation
from ..layers.attention import merge_heads, scale_heads, split_heads
from ..layers.cache import as_cache
from ..layers.conv1d import Conv1D
from ..layers.embeddings import embed, positions
from ..layers.stack import run
from ..pretrained import PreTrainedModel


class GPT2Attention(nn.Module):
    def __init__(self, config, layer, cross=False):
        super().__init__()
        self.config = config
        self.layer = layer
        self.width = config.n_embd
        self.head_dim = config.n_embd // config.n_head
        self.dropout_p = config.attn_pdrop
        self.scale = self.head_dim**-0.5 if config.scale_attn_weights else 1.0
        if config.scale_attn_by_inverse_layer_idx:
            self.scale /= layer + 1
        self.c_attn = Conv1D((2 if cross else 3) * self.width, self.width)
        if cross:
            self.q_attn = Conv1D(self.width, self.width)
        self.c_proj = Conv1D(self.width, self.width)
        self.dropout = nn.Dropout(config.resid_pdrop)

    def forward(self, x, mask, causal, head_mask, cache, output_attentions, encoder_states=None):
        if encoder_states is None:
            query, key, value = (split_heads(y, self.head_dim) for y in ops.split(self.c_attn(x), self.width, 2))
            if cache is not None:
                key, value, cache = cache.update(key, value, self.layer)
        else:
            query = split_heads(self.q_attn(x), self.head_dim)
            if cache is not None and cache.has_cross(self.layer):
                key, value = cache.cross(self.layer)
            else:
                both = ops.split(self.c_attn(encoder_states), self.width, 2)
                key, value = (split_heads(y, self.head_dim) for y in both)
                if cache is not None:
                    cache = cache.set_cross(key, value, self.layer)
        dtype = ops.dtype(query)
        if self.config.reorder_and_upcast_attn:
            query, key, value = (ops.cast(y, ops.float32) for y in (query, key, value))
        context, weights = ops.attention(
            query, key, value, mask=mask, causal=causal, scale=self.scale,
            dropout_p=self.dropout_p if self.training else 0.0,
            implementation=self.config.attn_implementation, return_weights=output_attentions,
        )  # fmt: skip
        context, weights = scale_heads(context, weights, head_mask)
        return self.dropout(self.c_proj(merge_heads(ops.cast(context, dtype)))), weights, cache


class GPT2MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        inner = 4 * config.n_embd if config.n_inner is None else config.n_inner
        self.c_fc = Conv1D(inner, config.n_embd)
        self.c_proj = Conv1D(config.n_embd, inner)
        self.activation = activation(config.activation_function)
        self.dropout = nn.Dropout(config.resid_pdrop)

    def forward(self, x):
        return self.dropout(self.c_proj(self.activation(self.c_fc(x))))


class GPT2Block(nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.attn = GPT2Attention(config, layer)
        self.ln_2 = nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)
        if config.add_cross_attention:
            self.crossattention = GPT2Attention(config, layer, cross=True)
            self.ln_cross_attn = nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.mlp = GPT2MLP(config)

    def forward(self, x, mask, causal, head_mask, encoder_states, encoder_mask, cache, output_attentions):
        y, weights, cache = self.attn(self.ln_1(x), mask, causal, head_mask, cache, output_attentions)
        cross_weights = None
        if encoder_states is not None:
            y, x = self.ln_cross_attn(y, x)
            y, cross_weights, cache = self.crossattention(
                y, encoder_mask, False, head_mask, cache, output_attentions, encoder_states
            )
        y, x = self.ln_2(y, x)
        return x + self.mlp(y), weights, cross_weights, cache


class GPT2PreTrainedModel(PreTrainedModel):
    config_class = GPT2Config
    base_model_prefix = "transformer"
    _no_split_modules = ("GPT2Block",)
    _keys_to_ignore_on_load_unexpected = (r"h\.\d+\.(attn|crossattention)\.(masked_)?bias$",)

    def init_weights(self, module, name):
        """Projections into the residual stream start smaller, by the number of them."""
        if isinstance(module, Conv1D):
            residual = sqrt(2 * self.config.n_layer) if name.endswith("c_proj") else 1.0
            nn.init.normal_(module.weight, 0.0, self.config.initializer_range / residual)
            nn.init.zeros_(module.bias)
        else:
            init.normal(module, self.config.initializer_range)


class GPT2Model(GPT2PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.gradient_checkpointing = False
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.drop = nn.Dropout(config.embd_pdrop)
        self.h = nn.ModuleList([GPT2Block(config, layer) for layer in range(config.n_layer)])
        self.ln_f = nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.post_init()

    def get_input_embeddings(self):
        return self.wte

    def set_input_embeddings(self, value):
        self.wte = value

    def forward(self, input_ids=None, past_key_values=None, cache_position=None, attention_mask=None,
                token_type_ids=None, position_ids=None, head_mask=None, inputs_embeds=None, *,
                encoder_hidden_states=None, encoder_attention_mask=None, use_cache=None, output_attentions=None,
                output_hidden_states=None, return_dict=None):  # fmt: skip
        """input_ids, token_type_ids (..., length): the dimensions before it become one batch, and return at the end."""
        if encoder_hidden_states is not None and not self.config.add_cross_attention:
            raise ValueError("[gpt2] got encoder_hidden_states: create the model with add_cross_attention=True")
        output_attentions, output_hidden_states = self.wants(output_attentions, output_hidden_states)
        use_cache = self.config.use_cache if use_cache is None else use_cache
        use_cache = use_cache and not (self.gradient_checkpointing and self.training)
        cache = as_cache(past_key_values, use_cache)
        x = embed(self.wte, input_ids, inputs_embeds)
        if token_type_ids is not None:
            x = x + self.wte(token_type_ids)
        shape = ops.shape(x)
        if len(shape) > 3:
            x = ops.reshape(x, (-1, *shape[-2:]))
            if attention_mask is not None:
                attention_mask = ops.reshape(attention_mask, (-1, shape[-2]))
        x = self.drop(x + self.wpe(positions(x, cache, position_ids, cache_position)))
        mask, causal = masks.decoder(attention_mask, ops.size(x, 1), cache, x)
        encoder_mask = masks.padding(encoder_attention_mask)
        head_masks = masks.head_mask(head_mask, self.config.n_layer)
        states, attentions, cross_attentions = [], [], []
        for index, block in enumerate(self.h):
            states.append(x)
            x, weights, cross_weights, cache = run(
                self, block, x, mask, causal, head_masks[index], encoder_hidden_states, encoder_mask, cache,
                output_attentions,
            )  # fmt: skip
            attentions.append(weights)
            cross_attentions.append(cross_weights)
        x = self.ln_f(x)
        if len(shape) > 3:
            x = ops.reshape(x, shape)
        states.append(x)
        return self.respond(
            BaseModelOutputWithPastAndCrossAttentions(
                x, cache if use_cache else None, tuple(states) if output_hidden_states else None,
                tuple(attentions) if output_attentions else None,
                tuple(cross_attentions) if output_attentions and encoder_hidden_states is not None else None,
            ), return_dict,
        )  # fmt: skip


class GPT2Vocabulary(GPT2PreTrainedModel):
    """Scores of the next token, from the embedding's own rows."""

    _tied_weights_keys = {"lm_head.weight": "transformer.wte.weight"}

    def __init__(self, config):
        super().__init__(config)
        self.transformer = GPT2Model(config)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)

    def get_output_embeddings(self):
        return self.lm_head

    def set_output_embeddings(self, value):
        self.lm_head = value

    def logits(self, x):
        return self.lm_head(x)


class GPT2LMHeadModel(heads.CausalLM, GPT2Vocabulary):
    def __init__(self, config):
        super().__init__(config)
        self.post_init()


class GPT2SequenceSummary(nn.Module):
    """One vector for a sequence: the state at one position or the mean, projected."""

    def __init__(self, config, num_labels):
        super().__init__()
        self.summary_type = config.summary_type
        if self.summary_type not in ("last", "first", "mean", "cls_index"):
            raise ValueError(
                f"[summary_type] expected last, first, mean or cls_index, got {self.summary_type!r}: correct the config"
            )
        width = num_labels if config.summary_proj_to_labels and num_labels > 0 else config.n_embd
        self.summary = nn.Linear(config.n_embd, width) if config.summary_use_proj else nn.Identity()
        self.activation = activation(config.summary_activation or "linear")
        self.first_dropout = nn.Dropout(config.summary_first_dropout)
        self.last_dropout = nn.Dropout(getattr(config, "summary_last_dropout", 0.0))

    def forward(self, x, position=None):
        """x (..., length, features), position (...) -> (..., width); without a position it is the last."""
        if self.summary_type == "mean":
            x = ops.mean(x, -2)
        elif self.summary_type == "first":
            x = x[..., 0, :]
        elif self.summary_type == "last" or position is None:
            x = x[..., -1, :]
        else:
            index = ops.expand(position[..., None, None], (*ops.shape(position), 1, ops.size(x, -1)))
            x = ops.squeeze(ops.gather(x, -2, index), -2)
        return self.last_dropout(self.activation(self.summary(self.first_dropout(x))))


class GPT2DoubleHeadsModel(GPT2Vocabulary):
    """Next-token scores, and a score for each of several choices."""

    def __init__(self, config):
        super().__init__(config)
        self.multiple_choice_head = GPT2SequenceSummary(config, num_labels=1)
        self.post_init()

    def forward(self, *inputs, mc_token_ids=None, labels=None, mc_labels=None, return_dict=None, **kwargs):
        """input_ids (batch, choices, length), mc_token_ids (batch, choices), labels (batch, choices, length),
        mc_labels (batch,)."""
        outputs = self.transformer(*inputs, return_dict=True, **kwargs)
        states = outputs.last_hidden_state
        logits, choices = self.logits(states), self.multiple_choice_head(states, mc_token_ids)
        choices = ops.squeeze(choices, -1) if ops.size(choices, -1) == 1 else choices
        mc_loss = None if mc_labels is None else losses.token_cross_entropy(choices, mc_labels)
        loss = None
        if labels is not None:
            loss = losses.token_cross_entropy(logits[..., :-1, :], labels[..., 1:])
        output = GPT2DoubleHeadsModelOutput(
            loss, mc_loss, logits, choices, outputs.past_key_values, outputs.hidden_states, outputs.attentions
        )
        return self.respond(output, return_dict)


class GPT2ForSequenceClassification(heads.LastTokenClassification, GPT2PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.transformer = GPT2Model(config)
        self.score = nn.Linear(config.n_embd, config.num_labels, bias=False)
        self.post_init()

    def forward(self, input_ids=None, past_key_values=None, attention_mask=None, *inputs, **kwargs):
        return super().forward(input_ids, past_key_values, None, attention_mask, *inputs, **kwargs)


class GPT2ForTokenClassification(heads.TokenClassification, GPT2PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.transformer = GPT2Model(config)
        self.dropout = nn.Dropout(heads.classifier_dropout(config))
        self.classifier = nn.Linear(config.n_embd, config.num_labels)
        self.post_init()

    def forward(self, input_ids=None, past_key_values=None, attention_mask=None, *inputs, **kwargs):
        return super().forward(input_ids, past_key_values, None, attention_mask, *inputs, **kwargs)


class GPT2ForQuestionAnswering(heads.QuestionAnswering, GPT2PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.transformer = GPT2Model(config)
        self.qa_outputs = nn.Linear(config.n_embd, 2)
        self.post_init()

    def forward(self, input_ids=None, *inputs, **kwargs):
        return super().forward(input_ids, None, None, *inputs, **kwargs)
