"""The table of layer cases."""

import numpy as np

from . import references as ref
from .case import Case, integers, normal


def layer(name, make, *inputs, reference, **options):
    return Case(name, inputs, reference, make=make, **options)


def conv(**kwargs):
    return lambda p, x: ref.convolution(x, p["weight"], p.get("bias"), **kwargs)


def _running(p, x):
    count = x.size / x.shape[1]
    return {
        "running_mean": 0.8 * p["running_mean"] + 0.2 * x.mean((0, 2, 3)),
        "running_var": 0.8 * p["running_var"] + 0.2 * x.var((0, 2, 3)) * count / (count - 1),
        "num_batches_tracked": p["num_batches_tracked"] + 1,
    }


def mlp(nn):
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3, bias=False))


NORM = {"kernels": ("auto", "reference"), "noise": 2}
LAYERS = [
    layer("Identity", lambda nn: nn.Identity(), normal(2, 3), reference=lambda p, x: x),
    layer("Linear", lambda nn: nn.Linear(4, 3), normal(2, 5, 4),
          reference=lambda p, x: ref.linear(x, p["weight"], p["bias"])),
    layer("Linear:no-bias", lambda nn: nn.Linear(4, 3, bias=False), normal(5, 4),
          reference=lambda p, x: ref.linear(x, p["weight"])),
    layer("Embedding", lambda nn: nn.Embedding(7, 4), integers(2, 3, high=7),
          reference=lambda p, ids: p["weight"][ids]),
    layer("LayerNorm", lambda nn: nn.LayerNorm(6), normal(2, 3, 6),
          reference=lambda p, x: ref.layer_norm(x, p["weight"], p["bias"]), **NORM),
    layer("LayerNorm:residual", lambda nn: nn.LayerNorm(6, 1e-12), normal(2, 6), normal(2, 6),
          reference=lambda p, x, r: ref.layer_norm(x, p["weight"], p["bias"], r, eps=1e-12), **NORM | {"noise": 4}),
    layer("LayerNorm:no-bias", lambda nn: nn.LayerNorm(6, bias=False), normal(2, 6),
          reference=lambda p, x: ref.layer_norm(x, p["weight"]), **NORM),
    layer("LayerNorm:bare", lambda nn: nn.LayerNorm(6, elementwise_affine=False), normal(2, 6),
          reference=lambda p, x: ref.layer_norm(x), **NORM),
    layer("RMSNorm", lambda nn: nn.RMSNorm(6), normal(2, 6),
          reference=lambda p, x: ref.rms_norm(x, p["weight"]), **NORM),
    layer("RMSNorm:residual", lambda nn: nn.RMSNorm(6, 1e-5), normal(2, 6), normal(2, 6),
          reference=lambda p, x, r: ref.rms_norm(x, p["weight"], r, eps=1e-5), **NORM | {"noise": 4}),
    layer("GroupNorm", lambda nn: nn.GroupNorm(2, 4), normal(2, 4, 3),
          reference=lambda p, x: ref.group_norm(x, 2, p["weight"], p["bias"]), noise=2),
    layer("BatchNorm2d", lambda nn: nn.BatchNorm2d(3), normal(2, 3, 4, 2),
          reference=lambda p, x: ref.batch_norm(p, x, False),
          buffers=lambda p, x: {n: p[n] for n in ("running_mean", "running_var", "num_batches_tracked")}, noise=2),
    layer("BatchNorm2d:training", lambda nn: nn.BatchNorm2d(3, momentum=0.2), normal(2, 3, 4, 2), training=True,
          reference=lambda p, x: ref.batch_norm(p, x, True), buffers=_running, noise=2),
    layer("Dropout", lambda nn: nn.Dropout(0.3), normal(2, 3), reference=lambda p, x: x),
    layer("Conv1d", lambda nn: nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), normal(2, 4, 7),
          reference=conv(stride=2, padding=1, groups=2)),
    layer("Conv1d:no-bias", lambda nn: nn.Conv1d(2, 3, 2, dilation=2, bias=False), normal(1, 2, 6),
          reference=conv(dilation=2)),
    layer("Conv2d", lambda nn: nn.Conv2d(3, 2, (2, 3), padding=(1, 0)), normal(1, 3, 4, 5),
          reference=conv(padding=(1, 0))),
    layer("Conv2d:patches", lambda nn: nn.Conv2d(3, 4, 2, stride=2, bias=False), normal(2, 3, 4, 4),
          reference=conv(stride=2)),
    layer("GELU", lambda nn: nn.GELU(), normal(3, 4), reference=lambda p, x: ref.gelu(x)),
    layer("GELU:tanh", lambda nn: nn.GELU("tanh"), normal(3, 4), reference=lambda p, x: ref.gelu(x, "tanh")),
    layer("ReLU", lambda nn: nn.ReLU(), normal(3, 4), reference=lambda p, x: np.maximum(x, 0)),
    layer("SiLU", lambda nn: nn.SiLU(), normal(3, 4), reference=lambda p, x: x * ref.sigmoid(x)),
    layer("Tanh", lambda nn: nn.Tanh(), normal(3, 4), reference=lambda p, x: np.tanh(x)),
    layer("Sigmoid", lambda nn: nn.Sigmoid(), normal(3, 4), reference=lambda p, x: ref.sigmoid(x)),
    # Two roundings between the layers.
    layer("Sequential", mlp, normal(2, 4), noise=8,
          reference=lambda p, x: np.tanh(ref.linear(x, p["0.weight"], p["0.bias"])) @ p["2.weight"].T),
]  # fmt: skip
BY_HAND = {"Module", "ModuleList", "Parameter", "Buffer", "init", "is_plain"}
