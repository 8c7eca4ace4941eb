"""Feed-forward blocks."""

from .. import nn
from .activations import activation
from .dense import activated


class Intermediate(nn.Module):
    """The first half of a transformer's feed-forward block: activation(dense(x)), (..., intermediate_size)."""

    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.activation = activation(config.hidden_act)

    def forward(self, x):
        return activated(self.dense, self.activation, x)


class Projection(nn.Module):
    """dropout(dense(x)), the way back from `width` to the hidden size."""

    def __init__(self, config, width):
        super().__init__()
        self.dense = nn.Linear(width, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x):
        return self.dropout(self.dense(x))


class GatedMLP(nn.Module):
    """down(activation(gate(x)) * up(x)) (Shazeer, arXiv:2002.05202), under the checkpoint names of Llama."""

    def __init__(self, config, bias=False):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias)
        self.activation = activation(config.hidden_act)

    def forward(self, x):
        return self.down_proj(activated(self.gate_proj, self.activation, x) * self.up_proj(x))
