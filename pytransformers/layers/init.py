"""Initial values of fresh parameters."""

from .. import nn


def normal(module, std, draw=nn.init.normal_):
    """Weights of linear layers, convolutions and embeddings from N(0, std^2), biases 0, norms 1 and 0.

    `draw(parameter, mean, std)` may be another distribution, such as `nn.init.trunc_normal_`.
    """
    if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d)):
        draw(module.weight, 0.0, std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        draw(module.weight, 0.0, std)
        if module.padding_idx is not None:
            nn.init.zero_row_(module.weight, module.padding_idx)
    else:
        norm(module)


def norm(module):
    """Norm layers: weight 1, bias 0."""
    if isinstance(module, (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.BatchNorm2d)):
        if module.weight is not None:
            nn.init.ones_(module.weight)
        if getattr(module, "bias", None) is not None:
            nn.init.zeros_(module.bias)
