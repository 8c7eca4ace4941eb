"""PyTorch: what is timed against `torch.nn.functional`."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from pytransformers.backends.torch import ops
from pytransformers.ops import selection

from ..clock import Call
from . import cases
from .operation import Operation

NAME = "torch"


def tensor(array):
    if array.dtype == cases.DTYPES["bfloat16"]:
        return torch.from_numpy(array.astype("float32")).bfloat16()
    return torch.from_numpy(array)


def attention(case):
    """Operands lie as a model's projections leave them: (batch, length, heads, head_dim), seen with heads first."""
    call = case.options["call"]
    found = call.arrays(cases.DTYPES[case.dtype])
    given = {name: tensor(array) for name, array in found.items()}
    operands = [given[name] for name in ("query", "key", "value")]
    extra = {name: given[name] for name in ("mask", "bias", "alibi_slopes") if name in given} | call.options()
    # the same for PyTorch: a bool mask, or what is added, or the flag if that says all
    allowed, mask, bias = cases.allowed(call), given.get("mask"), given.get("bias")
    if call.alibi:
        bias = tensor(cases.alibi(call, found["alibi_slopes"])).to(operands[0].dtype)
    is_causal = call.causal and call.window is None and mask is None and bias is None
    if allowed is not None and not is_causal:
        mask = torch.from_numpy(allowed) if mask is None else mask & torch.from_numpy(allowed)
    if bias is not None:
        mask = bias if mask is None else bias.masked_fill(~mask, float("-inf"))

    def ours(query, key, value):
        return ops.attention(query, key, value, **extra)[0]

    def sdpa(query, key, value):
        return F.scaled_dot_product_attention(
            query, key, value, mask, is_causal=is_causal, enable_gqa=query.shape[1] != key.shape[1])  # fmt: skip

    return Operation(operands, ours, {"F.scaled_dot_product_attention": sdpa}, wrt=3)


def _norm(case, ours, theirs, parameters):
    shape, residual = case.options["shape"], case.options["residual"]
    operands = [tensor(case.draw(*shape)) for _ in range(1 + residual)]
    operands += [tensor(case.draw(shape[1])) for _ in range(parameters)]

    def native(x, *rest):
        return ours(x, *rest[residual:], residual=rest[0] if residual else None)

    def functional(x, *rest):
        if not residual:
            return theirs(x, *rest)
        total = x + rest[0]
        return theirs(total, *rest[1:]), total

    return Operation(operands, native, {theirs.__name__: functional}, wrt=len(operands), copied=case.traffic)


def layer_norm(case):
    def theirs(x, weight, bias):
        return F.layer_norm(x, x.shape[-1:], weight, bias)

    theirs.__name__ = "F.layer_norm"
    return _norm(case, ops.layer_norm, theirs, 2)


def rms_norm(case):
    def theirs(x, weight):
        return F.rms_norm(x, x.shape[-1:], weight, 1e-6)

    theirs.__name__ = "F.rms_norm"
    return _norm(case, ops.rms_norm, theirs, 1)


def rotary_embedding(case):
    batch, heads, kv_heads, length, d = case.options["shape"]
    operands = [tensor(case.draw(batch, length, h, d)).transpose(1, 2) for h in (heads, kv_heads)]
    angles = tensor(case.draw(1, length, d // 2, dtype="float32"))
    cos, sin = angles.cos(), angles.sin()
    wide_cos, wide_sin = (torch.cat((t, t), -1).unsqueeze(1).to(operands[0].dtype) for t in (cos, sin))

    def turned(x):
        first, second = x.chunk(2, -1)
        return torch.cat((-second, first), -1)

    def native(query, key):
        return ops.rotary_embedding(query, key, cos, sin)

    def operations(query, key):
        return tuple(x * wide_cos + turned(x) * wide_sin for x in (query, key))

    return Operation(operands, native, {"operations": operations}, wrt=2, copied=case.traffic)


ACTIVATIONS = {None: lambda x: x, "gelu": F.gelu, "silu": F.silu}


def linear(case):
    rows, k, n = case.options["shape"]
    activation = case.options.get("activation")
    extra = {"activation": activation} if activation else {}
    operands = [tensor(case.draw(rows, k)), *(torch.randn(n, k) for _ in range(case.options["layers"]))]
    bias = tensor(case.draw(n))

    def native(x, *weights):
        return [ops.linear(x, weight, bias, **extra) for weight in weights]

    def functional(x, *weights):
        return [ACTIVATIONS[activation](F.linear(x, weight, bias)) for weight in weights]

    return Operation(operands, native, {"F.linear": functional}, wrt=2)


def prepare(operation, case):
    """{contender: Call}, and the native Call apart, to be proved."""
    operands = operation.operands
    if case.training:
        operands = [x.detach().requires_grad_(i < operation.wrt) for i, x in enumerate(operands)]

    def call(function, choice=None):
        def forward():
            return function(*operands)

        arriving = []  # made by the first call, which is not timed

        def backward():
            outputs = function(*operands)
            outputs = (outputs,) if isinstance(outputs, torch.Tensor) else tuple(outputs)
            if not arriving:
                arriving.extend(torch.ones_like(y) for y in outputs)
            gradients = torch.autograd.grad(outputs, operands[: operation.wrt], arriving)
            return *(y.detach() for y in outputs), *gradients

        return Call(backward if case.training else forward, lambda: _setting(choice, case.training))

    calls = {"native": call(operation.ours, "native"), "auto": call(operation.ours, "auto")}
    calls |= {name: rival if isinstance(rival, str) else call(rival) for name, rival in operation.rivals.items()}
    if operation.copied:
        source = torch.empty(operation.copied // 2, dtype=torch.uint8)
        calls["floor"] = Call(source.clone)
    return calls


class _setting:
    """No gradients unless they are timed; and which kernels run."""

    def __init__(self, choice, training):
        self.contexts = [selection.kernels(choice)] if choice else []
        self.contexts += [] if training else [torch.inference_mode()]

    def __enter__(self):
        for context in self.contexts:
            context.__enter__()

    def __exit__(self, *exception):
        for context in reversed(self.contexts):
            context.__exit__(*exception)


def native_calls(call):
    """{operator of ours: how often it runs in one call}."""
    with call.setting(), torch.profiler.profile() as profile:
        call.run()
    counts = {event.key: event.count for event in profile.key_averages()}
    return {name: count for name, count in counts.items() if name.startswith("pytransformers::")}


def start(threads):
    torch.manual_seed(0)
    torch.set_num_threads(threads)
