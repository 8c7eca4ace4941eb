"""Llama (Touvron et al., arXiv:2302.13971; Llama 3, arXiv:2407.21783): a causal decoder."""

from pytransformers.configs.llama import LlamaConfig

from .. import nn
from ..layers import heads, init
from ..layers.decoder import DecoderLayer, RotaryAttention, RotaryDecoder
from ..layers.mlp import GatedMLP
from ..layers.rotary import RotaryEmbedding
from ..pretrained import PreTrainedModel


class LlamaDecoderLayer(DecoderLayer):
    def __init__(self, config):
        attention = RotaryAttention(config, config.attention_bias, config.attention_bias)
        super().__init__(config, attention, GatedMLP(config, config.mlp_bias))


class LlamaPreTrainedModel(PreTrainedModel):
    config_class = LlamaConfig
    base_model_prefix = "model"
    _no_split_modules = ("LlamaDecoderLayer",)
    _keys_to_ignore_on_load_unexpected = (r"rotary_emb\.inv_freq$",)

    def init_weights(self, module, name):
        init.normal(module, self.config.initializer_range)


class LlamaModel(RotaryDecoder, LlamaPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.layers = nn.ModuleList([LlamaDecoderLayer(config) for _ in range(config.num_hidden_layers)])
        self.norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.rotary_emb = RotaryEmbedding(config)
        self.post_init()


class LlamaForCausalLM(heads.CausalLM, LlamaPreTrainedModel):
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config):
        super().__init__(config)
        self.model = LlamaModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_output_embeddings(self):
        return self.lm_head

    def set_output_embeddings(self, value):
        self.lm_head = value

    def logits(self, x):
        return self.lm_head(x)


class LlamaForSequenceClassification(heads.LastTokenClassification, LlamaPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.model = LlamaModel(config)
        self.score = nn.Linear(config.hidden_size, config.num_labels, bias=False)
        self.post_init()


class LlamaForTokenClassification(heads.TokenClassification, LlamaPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.model = LlamaModel(config)
        self.dropout = nn.Dropout(heads.classifier_dropout(config))
        self.score = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    @property
    def classifier(self):
        return self.score


class LlamaForQuestionAnswering(heads.QuestionAnswering, LlamaPreTrainedModel):
    base_model_prefix = "transformer"

    def __init__(self, config):
        super().__init__(config)
        self.transformer = LlamaModel(config)
        self.qa_outputs = nn.Linear(config.hidden_size, 2)
        self.post_init()
