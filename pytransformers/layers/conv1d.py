"""The linear layer of GPT and GPT-2."""

from .. import nn, ops


class Conv1D(nn.Module):
    """y = x W + b with weight (in_features, out_features), the transpose of `nn.Linear`'s.

    Arguments as in the original code (Radford et al., 2018): `nf` output features, `nx` input features.
    """

    def __init__(self, nf, nx):
        super().__init__()
        self.nf = nf
        self.nx = nx
        self.weight = nn.Parameter(ops.zeros((nx, nf)))
        self.bias = nn.Parameter(ops.zeros((nf,)))

    def forward(self, x):
        """x (batch, length, nx) -> (batch, length, nf)."""
        batch, length, _ = ops.shape(x)
        y = ops.addmm(self.bias, ops.reshape(x, (-1, self.nx)), self.weight)
        return ops.reshape(y, (batch, length, self.nf))
