"""TensorFlow: what is timed against its operations in a `tf.function`, plain and compiled by XLA."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext

import tensorflow as tf

from pytransformers.backends.tensorflow import ops
from pytransformers.ops import selection

from ..clock import Call
from . import cases
from .operation import Operation

NAME = "tensorflow"


def attention(case):
    """Operands are (batch, heads, length, head_dim)."""
    call = case.options["call"]
    batch, heads, kv_heads, q, k, d = call.sizes
    found = call.arrays(cases.DTYPES[case.dtype])
    operands = [tf.constant(found[name]) for name in ("query", "key", "value")]
    given = {name: tf.constant(found[name]) for name in ("mask", "bias", "alibi_slopes") if name in found}
    allowed, bias = cases.allowed(call), found.get("bias")
    if call.alibi:
        bias = cases.alibi(call, found["alibi_slopes"])
    if call.mask:
        allowed = found["mask"] if allowed is None else found["mask"] & allowed
    dtype = operands[0].dtype
    added = None if bias is None else tf.cast(bias, dtype)
    if allowed is not None:
        hidden = tf.cast(~allowed, dtype) * dtype.min
        added = hidden if added is None else tf.maximum(added + hidden, dtype.min)

    def ours(query, key, value):
        return ops.attention(query, key, value, **given, **call.options())[0]

    def operations(query, key, value):
        query = tf.reshape(query, (batch, kv_heads, heads // kv_heads * q, d))
        scores = tf.reshape(tf.einsum("bhqd,bhkd->bhqk", query, key) * d**-0.5, (batch, heads, q, k))
        weights = tf.nn.softmax(scores if added is None else scores + added)
        weights = tf.reshape(weights, (batch, kv_heads, heads // kv_heads * q, k))
        return tf.reshape(tf.einsum("bhqk,bhkd->bhqd", weights, value), (batch, heads, q, d))

    xla = tf.function(operations, jit_compile=True)
    return Operation(operands, ours, {"einsum": operations, "einsum, XLA": xla}, wrt=3)


def _norm(case, ours, theirs, parameters):
    shape, residual = case.options["shape"], case.options["residual"]
    operands = [tf.constant(case.draw(*shape)) for _ in range(1 + residual)]
    operands += [tf.constant(case.draw(shape[1])) for _ in range(parameters)]

    def native(x, *rest):
        return ours(x, *rest[residual:], residual=rest[0] if residual else None)

    def operations(x, *rest):
        total = x + rest[0] if residual else x
        y = tf.cast(theirs(tf.cast(total, tf.float32), *(tf.cast(p, tf.float32) for p in rest[residual:])), x.dtype)
        return (y, total) if residual else y

    return Operation(operands, native, {"operations": operations, "XLA": tf.function(operations, jit_compile=True)},
                     wrt=len(operands), copied=case.traffic)  # fmt: skip


def layer_norm(case):
    def theirs(x, weight, bias):
        mean, variance = tf.nn.moments(x, -1, keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, bias, weight, 1e-5)

    return _norm(case, ops.layer_norm, theirs, 2)


def rms_norm(case):
    def theirs(x, weight):
        return x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), -1, keepdims=True) + 1e-6) * weight

    return _norm(case, ops.rms_norm, theirs, 1)


def rotary_embedding(case):
    batch, heads, kv_heads, length, d = case.options["shape"]
    operands = [tf.constant(case.draw(batch, h, length, d)) for h in (heads, kv_heads)]
    angles = tf.constant(case.draw(1, length, d // 2, dtype="float32"))
    cos, sin = tf.cos(angles), tf.sin(angles)

    def native(query, key):
        return ops.rotary_embedding(query, key, cos, sin)

    def operations(query, key):
        def turn(x):
            first, second = tf.split(tf.cast(x, tf.float32), 2, -1)
            c, s = cos[:, None], sin[:, None]
            return tf.cast(tf.concat((first * c - second * s, second * c + first * s), -1), x.dtype)

        return turn(query), turn(key)

    return Operation(operands, native, {"operations": operations, "XLA": tf.function(operations, jit_compile=True)},
                     wrt=2, copied=case.traffic)  # fmt: skip


ACTIVATIONS = {None: lambda x: x, "gelu": lambda x: tf.nn.gelu(x, approximate=False), "silu": tf.nn.silu}


def linear(case):
    rows, k, n = case.options["shape"]
    activation = case.options.get("activation")
    extra = {"activation": activation} if activation else {}
    operands = [tf.constant(case.draw(rows, k))]
    operands += [tf.constant(case.draw(n, k)) + i for i in range(case.options["layers"])]
    bias = tf.constant(case.draw(n))

    def native(x, *weights):
        return [ops.linear(x, weight, bias, **extra) for weight in weights]

    def matmul(x, *weights):
        return [ACTIVATIONS[activation](tf.matmul(x, weight, transpose_b=True) + bias) for weight in weights]

    return Operation(operands, native, {"tf.matmul": matmul, "tf.matmul, XLA": tf.function(matmul, jit_compile=True)},
                     wrt=2)  # fmt: skip


def prepare(operation, case):
    """{contender: Call}; each is traced once, with what runs chosen then."""

    def call(function, choice=None, operands=operation.operands):
        def training(*operands):
            with tf.GradientTape() as tape:
                tape.watch(operands[: operation.wrt])
                outputs = function(*operands)
            return outputs, tape.gradient(outputs, operands[: operation.wrt])

        xla = getattr(function, "_jit_compile", None)
        try:
            with selection.kernels(choice) if choice else nullcontext():
                traced = tf.function(training if case.training else function, jit_compile=xla)
                concrete = traced.get_concrete_function(*operands)
        except Exception as error:  # the table says what does not run
            return str(error)
        return Call(lambda: concrete(*operands), program=concrete.graph)

    calls = {"native": call(operation.ours, "native"), "auto": call(operation.ours, "auto")}
    calls |= {name: rival if isinstance(rival, str) else call(rival) for name, rival in operation.rivals.items()}
    if operation.copied:
        source = tf.zeros(operation.copied // 8, tf.float32)
        negative = tf.function(tf.negative).get_concrete_function(source)
        calls["floor"] = Call(lambda: negative(source))
    return calls


def native_calls(call):
    """{operation of ours: how often the graph holds it}."""
    types = Counter(operation.type for operation in call.program.get_operations())
    return {name: count for name, count in types.items() if name.startswith("Pytransformers")}


def start(threads):
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
