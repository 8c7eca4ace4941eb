"""A causal decoder with rotary positions, norms before its blocks and a gated feed-forward block.

Checkpoint names are those of Llama (Touvron et al., arXiv:2302.13971), which many architectures share.
"""

from pytransformers.outputs import BaseModelOutputWithPast

from .. import nn, ops
from . import masks
from .attention import merge_heads, split_heads
from .cache import as_cache
from .embeddings import embed, positions
from .stack import run


class RotaryAttention(nn.Module):
    """Causal self-attention whose query heads share key-value heads in groups (Ainslie et al., arXiv:2305.13245)."""

    def __init__(self, config, bias=False, output_bias=False):
        super().__init__()
        self.config = config
        self.head_dim = config.head_dim
        self.dropout_p = config.attention_dropout
        heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.q_proj = nn.Linear(config.hidden_size, heads * self.head_dim, bias)
        self.k_proj = nn.Linear(config.hidden_size, kv_heads * self.head_dim, bias)
        self.v_proj = nn.Linear(config.hidden_size, kv_heads * self.head_dim, bias)
        self.o_proj = nn.Linear(heads * self.head_dim, config.hidden_size, output_bias)

    def forward(self, x, rotary, mask=None, causal=True, cache=None, layer=0, output_attentions=False):
        """x (batch, length, hidden), rotary (cos, sin) -> (batch, length, hidden), weights or None, cache."""
        query, key = split_heads(self.q_proj(x), self.head_dim), split_heads(self.k_proj(x), self.head_dim)
        query, key = ops.rotary_embedding(query, key, *rotary)
        value = split_heads(self.v_proj(x), self.head_dim)
        if cache is not None:
            key, value, cache = cache.update(key, value, layer)
        context, weights = ops.attention(
            query, key, value, mask=mask, causal=causal,
            dropout_p=self.dropout_p if self.training else 0.0,
            implementation=self.config.attn_implementation, return_weights=output_attentions,
        )  # fmt: skip
        return self.o_proj(merge_heads(context)), weights, cache


class DecoderLayer(nn.Module):
    """`self_attn` and `mlp`, each with a norm before and the residual around it."""

    def __init__(self, config, self_attn, mlp):
        super().__init__()
        self.self_attn = self_attn
        self.mlp = mlp
        self.input_layernorm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, x, rotary, mask, causal, cache, layer, output_attentions):
        context, weights, cache = self.self_attn(
            self.input_layernorm(x), rotary, mask, causal, cache, layer, output_attentions
        )
        y, x = self.post_attention_layernorm(context, x)
        return x + self.mlp(y), weights, cache


class RotaryDecoder:
    """`forward` of a base model that builds `embed_tokens`, `layers`, `norm`, `rotary_emb` under these names."""

    gradient_checkpointing = False

    def get_input_embeddings(self):
        return self.embed_tokens

    def set_input_embeddings(self, value):
        self.embed_tokens = value

    def forward(self, input_ids=None, attention_mask=None, position_ids=None, past_key_values=None, inputs_embeds=None,
                *, cache_position=None, use_cache=None, output_attentions=None, output_hidden_states=None,
                return_dict=None):  # fmt: skip
        """input_ids, position_ids (batch, length); attention_mask also covers the cache. See `docs` for the rest."""
        output_attentions, output_hidden_states = self.wants(output_attentions, output_hidden_states)
        use_cache = self.config.use_cache if use_cache is None else use_cache
        cache = as_cache(past_key_values, use_cache and not (self.gradient_checkpointing and self.training))
        x = embed(self.embed_tokens, input_ids, inputs_embeds)
        rotary = self.rotary_emb(positions(x, cache, position_ids, cache_position))
        mask, causal = masks.decoder(attention_mask, ops.size(x, 1), cache, x)
        states, attentions = [], []
        for index, layer in enumerate(self.layers):
            states.append(x)
            x, weights, cache = run(self, layer, x, rotary, mask, causal, cache, index, output_attentions)
            attentions.append(weights)
        x = self.norm(x)
        states.append(x)
        return self.respond(
            BaseModelOutputWithPast(
                x, cache, tuple(states) if output_hidden_states else None,
                tuple(attentions) if output_attentions else None,
            ), return_dict,
        )  # fmt: skip
