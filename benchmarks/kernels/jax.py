"""JAX: what is timed against `jax.nn` and XLA's own fusion, each compiled by `jax.jit`."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import nullcontext

import jax
import jax.numpy as jnp

from pytransformers.backends.jax import ops
from pytransformers.ops import selection

from ..clock import Call
from . import cases
from .operation import Operation

NAME = "jax"


def attention(case):
    """Operands are (batch, length, heads, head_dim), as `jax.nn.dot_product_attention` takes and models have them."""
    call = case.options["call"]
    found = call.arrays(cases.DTYPES[case.dtype])
    operands = [jnp.asarray(found[name].swapaxes(1, 2)) for name in ("query", "key", "value")]
    given = {name: jnp.asarray(found[name]) for name in ("mask", "bias", "alibi_slopes") if name in found}
    theirs = {name: given[name] for name in ("mask", "bias") if name in given} | {"is_causal": call.causal}
    if call.alibi:
        theirs["bias"] = jnp.asarray(cases.alibi(call, found["alibi_slopes"])).astype(operands[0].dtype)
    if call.window:
        theirs["local_window_size"] = (call.window[0], 0)

    def ours(query, key, value):
        heads_first = (jnp.swapaxes(x, 1, 2) for x in (query, key, value))
        return jnp.swapaxes(ops.attention(*heads_first, **given, **call.options())[0], 1, 2)

    def dot_product_attention(query, key, value):
        return jax.nn.dot_product_attention(query, key, value, **theirs)

    return Operation(operands, ours, {"jax.nn.dot_product_attention": dot_product_attention}, wrt=3)


def _norm(case, ours, theirs, parameters):
    shape, residual = case.options["shape"], case.options["residual"]
    operands = [jnp.asarray(case.draw(*shape)) for _ in range(1 + residual)]
    operands += [jnp.asarray(case.draw(shape[1])) for _ in range(parameters)]

    def native(x, *rest):
        return ours(x, *rest[residual:], residual=rest[0] if residual else None)

    def operations(x, *rest):
        total = x + rest[0] if residual else x
        y = theirs(total.astype(jnp.float32), *rest[residual:]).astype(x.dtype)
        return (y, total) if residual else y

    return Operation(operands, native, {"XLA": operations}, wrt=len(operands), copied=case.traffic)


def layer_norm(case):
    def theirs(x, weight, bias):
        centred = x - x.mean(-1, keepdims=True)
        return centred * jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5) * weight + bias

    return _norm(case, ops.layer_norm, theirs, 2)


def rms_norm(case):
    def theirs(x, weight):
        return x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-6) * weight

    return _norm(case, ops.rms_norm, theirs, 1)


def rotary_embedding(case):
    batch, heads, kv_heads, length, d = case.options["shape"]
    operands = [jnp.asarray(case.draw(batch, length, h, d)) for h in (heads, kv_heads)]
    angles = jnp.asarray(case.draw(1, length, d // 2, dtype="float32"))
    cos, sin = jnp.cos(angles), jnp.sin(angles)

    def native(query, key):
        return tuple(jnp.swapaxes(x, 1, 2) for x in ops.rotary_embedding(
            jnp.swapaxes(query, 1, 2), jnp.swapaxes(key, 1, 2), cos, sin))  # fmt: skip

    def operations(query, key):
        def turn(x):
            first, second = jnp.split(x.astype(jnp.float32), 2, -1)
            c, s = cos[:, :, None], sin[:, :, None]
            return jnp.concatenate((first * c - second * s, second * c + first * s), -1).astype(x.dtype)

        return turn(query), turn(key)

    return Operation(operands, native, {"XLA": operations}, wrt=2, copied=case.traffic)


ACTIVATIONS = {None: lambda x: x, "gelu": lambda x: jax.nn.gelu(x, approximate=False), "silu": jax.nn.silu}


def linear(case):
    rows, k, n = case.options["shape"]
    activation = case.options.get("activation")
    extra = {"activation": activation} if activation else {}
    operands = [jnp.asarray(case.draw(rows, k))]
    operands += [jnp.asarray(case.draw(n, k)) + i for i in range(case.options["layers"])]
    bias = jnp.asarray(case.draw(n))

    def native(x, *weights):
        return [ops.linear(x, weight, bias, **extra) for weight in weights]

    def dot(x, *weights):
        return [ACTIVATIONS[activation](jnp.dot(x, weight.T) + bias) for weight in weights]

    return Operation(operands, native, {"jnp.dot": dot}, wrt=2)


def prepare(operation, case):
    """{contender: Call}; each is compiled once, with what runs chosen then."""

    def compiled(function, operands):
        if not case.training:
            return jax.jit(function).lower(*operands).compile()

        def training(*operands):
            head, tail = operands[: operation.wrt], operands[operation.wrt :]
            outputs, pull = jax.vjp(lambda *head: function(*head, *tail), *head)
            return outputs, pull(jax.tree.map(jnp.ones_like, outputs))  # else XLA drops the forward

        return jax.jit(training).lower(*operands).compile()

    def call(function, choice=None, operands=operation.operands):
        try:
            with selection.kernels(choice) if choice else nullcontext():
                program = compiled(function, operands)
        except Exception as error:  # the table says what does not run
            return str(error)
        return Call(lambda: jax.block_until_ready(program(*operands)), program=program)

    calls = {"native": call(operation.ours, "native"), "auto": call(operation.ours, "auto")}
    calls |= {name: rival if isinstance(rival, str) else call(rival) for name, rival in operation.rivals.items()}
    if operation.copied:
        source = jnp.zeros(operation.copied // 8, jnp.float32)
        program = jax.jit(jnp.negative).lower(source).compile()
        calls["floor"] = Call(lambda: jax.block_until_ready(program(source)))
    return calls


def native_calls(call):
    """{target of ours: how often the compiled program calls it}."""
    return dict(Counter(re.findall(r'custom_call_target="(pytransformers_\w+)"', call.program.as_text())))


def start(threads):
    """XLA takes as many threads as the process may use cores, which the affinity says."""
