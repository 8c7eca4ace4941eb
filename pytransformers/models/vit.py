"""Vision Transformer (Dosovitskiy et al., arXiv:2010.11929): an encoder of image patches."""

from pytransformers.configs.vit import ViTConfig
from pytransformers.outputs import BaseModelOutput, BaseModelOutputWithPooling, MaskedImageModelingOutput

from .. import nn, ops
from ..layers import heads, init, masks
from ..layers.activations import activation
from ..layers.attention import SelfAttention
from ..layers.mlp import Intermediate, Projection
from ..layers.patches import PatchEmbeddings, resize_positions
from ..layers.stack import run
from ..pretrained import PreTrainedModel


class ViTEmbeddings(nn.Module):
    """A class token and the patches, each with its position."""

    def __init__(self, config, use_mask_token):
        super().__init__()
        self.patch_embeddings = PatchEmbeddings(config)
        rows, columns = self.patch_embeddings.grid
        size = config.hidden_size
        self.cls_token = nn.Parameter(ops.zeros((1, 1, size)))
        self.mask_token = nn.Parameter(ops.zeros((1, 1, size))) if use_mask_token else None
        self.position_embeddings = nn.Parameter(ops.zeros((1, 1 + rows * columns, size)))
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, pixel_values, bool_masked_pos=None, interpolate_pos_encoding=False):
        x = self.patch_embeddings(pixel_values, interpolate_pos_encoding)
        if bool_masked_pos is not None:
            if self.mask_token is None:
                raise ValueError("[vit] expected no bool_masked_pos without a mask token: pass use_mask_token=True")
            x = ops.where(ops.cast(bool_masked_pos, ops.bool_)[:, :, None], self.mask_token, x)
        x = ops.cat((ops.expand(self.cls_token, (ops.size(x, 0), -1, -1)), x), 1)
        positions = self.position_embeddings
        if interpolate_pos_encoding:
            patches = self.patch_embeddings
            positions = resize_positions(positions, patches.grid, patches.grid_of(pixel_values))
        return self.dropout(x + positions)


class ViTAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention = SelfAttention(config, config.qkv_bias)
        self.output = Projection(config, config.hidden_size)

    def forward(self, x, head_mask, output_attentions):
        context, weights, _ = self.attention(x, head_mask=head_mask, output_attentions=output_attentions)
        return self.output(context), weights


class ViTLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layernorm_before = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.attention = ViTAttention(config)
        self.layernorm_after = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.intermediate = Intermediate(config)
        self.output = Projection(config, config.intermediate_size)

    def forward(self, x, head_mask, output_attentions):
        attended, weights = self.attention(self.layernorm_before(x), head_mask, output_attentions)
        normed, x = self.layernorm_after(attended, x)
        return self.output(self.intermediate(normed)) + x, weights


class ViTEncoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gradient_checkpointing = False
        self.layer = nn.ModuleList([ViTLayer(config) for _ in range(config.num_hidden_layers)])

    def forward(self, x, head_mask, output_attentions, output_hidden_states):
        states, attentions = [x], []
        for layer, mask in zip(self.layer, head_mask, strict=True):
            x, weights = run(self, layer, x, mask, output_attentions)
            states.append(x)
            attentions.append(weights)
        return BaseModelOutput(
            x, tuple(states) if output_hidden_states else None, tuple(attentions) if output_attentions else None
        )


class ViTPooler(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.pooler_output_size)
        self.activation = activation(config.pooler_act)

    def forward(self, x):
        return self.activation(self.dense(x[:, 0]))


class ViTPreTrainedModel(PreTrainedModel):
    config_class = ViTConfig
    base_model_prefix = "vit"
    main_input_name = "pixel_values"
    _no_split_modules = ("ViTEmbeddings", "ViTLayer")

    def init_weights(self, module, name):
        std = self.config.initializer_range
        init.normal(module, std, nn.init.trunc_normal_)
        if isinstance(module, ViTEmbeddings):
            nn.init.trunc_normal_(module.cls_token, 0.0, std)
            nn.init.trunc_normal_(module.position_embeddings, 0.0, std)
            if module.mask_token is not None:
                nn.init.zeros_(module.mask_token)


class ViTModel(ViTPreTrainedModel):
    def __init__(self, config, add_pooling_layer=True, use_mask_token=False):
        super().__init__(config)
        self.embeddings = ViTEmbeddings(config, use_mask_token)
        self.encoder = ViTEncoder(config)
        self.layernorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.pooler = ViTPooler(config) if add_pooling_layer else None
        self.post_init()

    def get_input_embeddings(self):
        return self.embeddings.patch_embeddings

    def forward(self, pixel_values=None, bool_masked_pos=None, head_mask=None, interpolate_pos_encoding=None, *,
                output_attentions=None, output_hidden_states=None, return_dict=None):  # fmt: skip
        """pixel_values (batch, channels, height, width) -> states (batch, 1 + patches, hidden), the class token first.

        Args:
            bool_masked_pos: (batch, patches), True where the mask token stands for the patch.
            head_mask: (heads,) or (layers, heads), 1 keeps a head.
            interpolate_pos_encoding: take images of any size, the position embeddings resized to their grid.
        """
        if pixel_values is None:
            raise ValueError("[vit] expected pixel_values of (batch, channels, height, width), got None: pass images")
        output_attentions, output_hidden_states = self.wants(output_attentions, output_hidden_states)
        outputs = self.encoder(
            self.embeddings(pixel_values, bool_masked_pos, interpolate_pos_encoding),
            masks.head_mask(head_mask, self.config.num_hidden_layers), output_attentions, output_hidden_states,
        )  # fmt: skip
        x = self.layernorm(outputs.last_hidden_state)
        pooled = None if self.pooler is None else self.pooler(x)
        output = BaseModelOutputWithPooling(x, pooled, outputs.hidden_states, outputs.attentions)
        return self.respond(output, return_dict)


class ViTForImageClassification(heads.ImageClassification, ViTPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.vit = ViTModel(config, add_pooling_layer=False)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels) if config.num_labels > 0 else nn.Identity()
        self.post_init()

    def forward(self, pixel_values=None, head_mask=None, labels=None, interpolate_pos_encoding=None, **kwargs):
        return super().forward(pixel_values, None, head_mask, interpolate_pos_encoding, labels=labels, **kwargs)


class ViTForMaskedImageModeling(ViTPreTrainedModel):
    """Rebuilds masked patches (SimMIM, Xie et al., arXiv:2111.09886); the loss is on these only."""

    def __init__(self, config):
        super().__init__(config)
        self.vit = ViTModel(config, add_pooling_layer=False, use_mask_token=True)
        channels = config.encoder_stride**2 * config.num_channels
        self.decoder = nn.Sequential(nn.Conv2d(config.hidden_size, channels, 1))
        self.post_init()

    def forward(self, pixel_values=None, bool_masked_pos=None, head_mask=None, interpolate_pos_encoding=None, *,
                return_dict=None, **kwargs):  # fmt: skip
        patches, stride = self.vit.embeddings.patch_embeddings, self.config.encoder_stride
        if bool_masked_pos is not None and patches.patch_size != (stride, stride):
            raise ValueError(
                f"[vit] expected encoder_stride to be the patch size {patches.patch_size} for a loss on "
                f"bool_masked_pos, got {stride}: correct the config"
            )
        inputs = (pixel_values, bool_masked_pos, head_mask, interpolate_pos_encoding)
        outputs = self.vit(*inputs, return_dict=True, **kwargs)
        grid = patches.grid_of(pixel_values)
        x = ops.transpose(outputs.last_hidden_state[:, 1:], 1, 2)
        x = ops.reshape(x, (-1, self.config.hidden_size, *grid))
        reconstruction = ops.pixel_shuffle(self.decoder(x), stride)
        loss = None
        if bool_masked_pos is not None:
            mask = ops.reshape(ops.cast(bool_masked_pos, ops.float32), (-1, 1, *grid))
            mask = ops.repeat_interleave(ops.repeat_interleave(mask, stride, 2), stride, 3)
            error = ops.abs(ops.cast(reconstruction, ops.float32) - ops.cast(pixel_values, ops.float32))
            loss = ops.sum(error * mask) / (ops.sum(mask) + 1e-5) / self.config.num_channels
        output = MaskedImageModelingOutput(loss, reconstruction, outputs.hidden_states, outputs.attentions)
        return self.respond(output, return_dict)
