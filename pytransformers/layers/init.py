"""Initial values of fresh parameters."""

from .. import nn


def normal(module, std):
    """Weights of linear layers, convolutions and embeddings from N(0, std^2), biases 0, norms 1 and 0."""
    if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d)):
        nn.init.normal_(module.weight, 0.0, std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, 0.0, std)
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
