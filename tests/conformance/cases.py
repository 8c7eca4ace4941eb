"""The table of op cases; `layer_cases.py` has the layers'. Every name of the vocabulary stands here at least once."""

import numpy as np

from pytransformers.ops import quantized_matmul

from . import references as ref
from .case import Case, apart, booleans, given, integers, normal, positive

INTEGERS = {"gradient": False, "dtypes": ("float32",)}


def case(name, *inputs, reference, options=None, **kwargs):
    return Case(name, inputs, reference, kwargs, **(options or {}))


def unary(name, reference, maker=None, **options):
    return Case(name, (maker or normal(3, 5),), reference, **options)


def ints(name, *inputs, reference, **kwargs):
    return Case(name, inputs, reference, kwargs, **INTEGERS)


def by_call(name, *inputs, call, reference, **options):
    """A case that says itself how the op is called."""
    return Case(name, inputs, reference, call=call, **options)


def attention_case(name, query=(2, 4, 3, 4), key=(2, 4, 3, 4), mask=None, bias=None, constants=None, **kwargs):
    """`constants` are tensors that nothing is differentiated by: lists of numbers by name."""
    extra = {name: maker for name, maker in (("mask", mask), ("bias", bias)) if maker is not None}
    constants = {name: np.array(value, np.int32 if "offsets" in name else np.float32)
                 for name, value in (constants or {}).items()}  # fmt: skip

    def named(function, tensor):
        def call(q, k, v, *rest):
            given = {name: tensor(value) for name, value in constants.items()}
            return function(q, k, v, **dict(zip(extra, rest, strict=True)), **given, **kwargs)

        return call

    # Scores, weights and context are each rounded to the dtype.
    return by_call(
        f"attention:{name}", normal(*query), normal(*key), normal(*key), *extra.values(),
        call=lambda ops, *tensors: named(ops.attention, ops.tensor)(*tensors),
        reference=named(ref.attention, np.asarray), noise=4,
    )  # fmt: skip


def quantized_case(name, quantization, group_size, **kwargs):
    matrix = np.random.default_rng(3).standard_normal((6, 24))
    codes, scales, _ = quantized_matmul.quantize(matrix, quantization, group_size)
    options = {"quantization": quantization, "group_size": group_size, "out_features": 6, **kwargs}

    def reference(x, b):
        return quantized_matmul.reference(x, codes, scales, None, quantization, group_size, 6, b, **kwargs)

    return by_call(
        f"quantized_matmul:{name}", normal(2, 3, 24), normal(6),
        call=lambda ops, x, b: ops.quantized_matmul(x, ops.tensor(codes), ops.tensor(scales), None, b, **options),
        reference=reference, **BOTH,
    )  # fmt: skip


SHAPES = [
    case("dtype", normal(2, 3), reference=lambda x: None, options={"gradient": False}),
    case("cast", normal(2, 3), reference=lambda x, dtype: x, dtype="float32"),
    case("cast:to-int", normal(2, 3, scale=4), reference=lambda x, dtype: np.trunc(x).astype(int), dtype="int32",
         options={"gradient": False}),
    case("cast:from-bool", booleans(2, 3), reference=lambda x, dtype: x.astype(float), dtype="float32",
         options=INTEGERS),
    case("reshape", normal(2, 6), reference=np.reshape, shape=(3, -1)),
    case("flatten", normal(2, 3, 2), reference=lambda x: x.reshape(-1)),
    case("flatten:some", normal(2, 3, 2, 2), reference=lambda x, start_dim, end_dim: x.reshape(2, 6, 2),
         start_dim=1, end_dim=-2),
    case("flatten:empty", normal(2, 0, 3, 2), reference=lambda x, start_dim: x.reshape(2, 0, 6), start_dim=2,
         options={"gradient": False}),
    case("transpose", normal(2, 3, 4), reference=lambda x, dim0, dim1: x.swapaxes(dim0, dim1), dim0=1, dim1=-1),
    case("permute", normal(2, 3, 4), reference=lambda x, dims: x.transpose(dims), dims=(2, 0, 1)),
    case("unsqueeze", normal(2, 3), reference=lambda x, dim: np.expand_dims(x, dim), dim=-1),
    case("squeeze", normal(2, 1, 3), reference=lambda x, dim: x[:, 0], dim=1),
    case("squeeze:longer", normal(2, 3), reference=lambda x, dim: x, dim=1),
    case("expand", normal(2, 1, 3), reference=lambda x, shape: np.broadcast_to(x, (4, 2, 5, 3)), shape=(4, -1, 5, -1)),
    case("cat", [normal(2, 3), normal(2, 1)], reference=lambda xs, dim: np.concatenate(xs, dim), dim=-1),
    case("stack", [normal(2, 3), normal(2, 3)], reference=lambda xs, dim: np.stack(xs, dim), dim=1),
    by_call("split", normal(2, 7), call=lambda ops, x: ops.split(x, 3, 1), reference=lambda x: ref.split(x, 3, 1)),
    by_call("split:sizes", normal(7, 2), call=lambda ops, x: ops.split(x, (1, 4, 2)),
            reference=lambda x: ref.split(x, (1, 4, 2))),
    case("chunk", normal(2, 7), reference=ref.chunk, chunks=3, dim=-1),
    case("unbind", normal(2, 3), reference=lambda x, dim: tuple(np.moveaxis(x, dim, 0)), dim=1),
    case("flip", normal(2, 3), reference=lambda x, dims: np.flip(x, dims), dims=(-1,)),
    case("roll", normal(3, 4), reference=lambda x, shifts, dims: np.roll(x, shifts, dims), shifts=(1, -2), dims=(0, 1)),
    case("pad", normal(2, 3), reference=ref.pad, pad=(1, 2, 0, 1), value=0.5),
    by_call("tile", normal(2, 3), call=lambda ops, x: ops.tile(x, (2, 1, 2)),
            reference=lambda x: np.tile(x, (2, 1, 2))),
    case("repeat_interleave", normal(2, 3), reference=lambda x, repeats, dim: np.repeat(x, repeats, dim), repeats=2,
         dim=1),
    case("tril", normal(2, 3, 4), reference=lambda x: np.tril(x)),
    case("tril:diagonal", normal(4, 4), reference=lambda x, diagonal: np.tril(x, diagonal), diagonal=-1),
    case("triu", normal(3, 4), reference=lambda x, diagonal: np.triu(x, diagonal), diagonal=1),
]  # fmt: skip

CREATION = [
    ints("tensor", reference=lambda data, dtype: np.array(data), data=[[1, 2], [3, 4]], dtype="int64"),
    by_call("tensor:like", integers(2), call=lambda ops, x: ops.tensor([0.5, -1.0], dtype=ops.float32, like=x),
            reference=lambda x: np.array([0.5, -1.0]), **INTEGERS),
    by_call("arange", call=lambda ops: ops.arange(5), reference=lambda: np.arange(5), **INTEGERS),
    by_call("arange:float", call=lambda ops: ops.arange(1, 8, 2, dtype=ops.float32),
            reference=lambda: np.arange(1.0, 8, 2), **INTEGERS),
    by_call("zeros", normal(2), call=lambda ops, x: ops.zeros((2, 3), like=x), reference=lambda x: np.zeros((2, 3)),
            **INTEGERS),
    ints("ones", reference=lambda shape, dtype: np.ones(shape, int), shape=(2, 3), dtype="int64"),
    by_call("full", call=lambda ops: ops.full((2, 1), 2.5), reference=lambda: np.full((2, 1), 2.5), **INTEGERS),
    by_call("full:bool", call=lambda ops: ops.full((2,), True, dtype=ops.bool_),
            reference=lambda: np.array([True, True]), **INTEGERS),
    case("zeros_like", normal(2, 3), reference=np.zeros_like, options={"gradient": False}),
    case("ones_like", normal(2, 3), reference=np.ones_like, options={"gradient": False}),
    ints("ones_like:bool", normal(2, 3), reference=lambda x, dtype: np.ones((2, 3), bool), dtype="bool_"),
    by_call("full_like", normal(2, 3), call=lambda ops, x: ops.full_like(x, -1.5),
            reference=lambda x: np.full_like(x, -1.5), gradient=False),
    by_call("full_like:integers", integers(2, 3), call=lambda ops, x: ops.full_like(x, -100),
            reference=lambda x: np.full_like(x, -100), **INTEGERS),
    ints("one_hot", integers(2, 3), reference=lambda x, num_classes: np.eye(6)[x], num_classes=6),
]

ELEMENTS = [
    unary("abs", np.abs), unary("exp", np.exp), unary("log", np.log, positive(3, 5)),
    unary("sqrt", np.sqrt, positive(3, 5)), unary("rsqrt", lambda x: 1 / np.sqrt(x), positive(3, 5)),
    unary("square", np.square), unary("sin", np.sin), unary("cos", np.cos),
    unary("floor", np.floor, apart(3, 5), gradient=False),
    unary("erf", ref.erf, noise=2),
    by_call("pow", positive(3, 5), call=lambda ops, x: ops.pow(x, 3.0), reference=lambda x: x**3, noise=2),
    case("pow:tensors", positive(3, 5), positive(3, 5), reference=np.power, options={"noise": 2}),
    case("clamp", apart(3, 5), reference=lambda x, min, max: np.clip(x, min, max), min=-1.1, max=0.9),
    case("clamp:one-side", apart(3, 5), reference=lambda x, min: np.maximum(x, min), min=0.1),
    case("maximum", apart(3, 5), normal(3, 5), reference=np.maximum),
    case("minimum", normal(3, 5), normal(1, 5), reference=np.minimum),
    case("where", booleans(3, 5), normal(3, 5), normal(3, 1), reference=np.where),
    by_call("floor_divide", integers(3, 5, low=-9, high=9), call=lambda ops, x: ops.floor_divide(x, 4),
            reference=lambda x: x // 4, **INTEGERS),
    ints("floor_divide:tensors", integers(3, 5, low=-9, high=9), integers(5, low=1), reference=np.floor_divide),
    ints("logical_not", booleans(3, 5), reference=np.logical_not),
    ints("logical_and", booleans(3, 5), booleans(1, 5), reference=np.logical_and),
    ints("logical_or", booleans(3, 5), booleans(3, 1), reference=np.logical_or),
    case("isfinite", given([0.0, np.inf, -np.inf, np.nan]), reference=np.isfinite, options={"gradient": False}),
    case("is_floating_point", normal(2), reference=lambda x: None, options={"gradient": False}),
]

ACTIVATIONS = [
    unary("relu", lambda x: np.maximum(x, 0)), unary("gelu", ref.gelu),
    case("gelu:tanh", normal(3, 5), reference=ref.gelu, approximate="tanh"),
    case("gelu:far", normal(3, 5, scale=5), reference=ref.gelu),
    unary("silu", lambda x: x * ref.sigmoid(x)), unary("sigmoid", ref.sigmoid), unary("tanh", np.tanh),
    unary("softplus", ref.softplus),
    case("leaky_relu", normal(3, 5), reference=lambda x, negative_slope: np.where(x > 0, x, negative_slope * x),
         negative_slope=0.2),
    case("elu", normal(3, 5), reference=lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)), alpha=1.5),
    case("softmax", normal(3, 5), reference=ref.softmax),
    case("softmax:dim0", normal(3, 5), reference=ref.softmax, dim=0),
    case("softmax:large", normal(3, 5, scale=50), reference=ref.softmax, options={"gradient": False}),
    case("softmax:float32", normal(3, 5), reference=ref.softmax, dtype="float32"),
    case("log_softmax", normal(3, 5), reference=ref.log_softmax, dim=1),
]  # fmt: skip

REDUCTIONS = [
    case("sum", normal(3, 5), reference=lambda x: np.asarray(x.sum())),
    case("sum:dims", normal(2, 3, 4), reference=lambda x, dim, keepdim: x.sum(dim, keepdims=keepdim), dim=(0, -1),
         keepdim=True),
    ints("sum:integers", integers(3, 5), reference=lambda x, dim: x.sum(dim), dim=1),
    ints("sum:booleans", booleans(3, 5), reference=lambda x, dim: x.sum(dim), dim=1),
    case("mean", normal(3, 5), reference=lambda x, dim: x.mean(dim), dim=-1),
    case("mean:all", normal(3, 5, shift=0.5), reference=lambda x: np.asarray(x.mean())),
    case("amax", apart(3, 5), reference=lambda x, dim, keepdim: x.max(dim, keepdims=keepdim), dim=1, keepdim=True),
    case("amin", apart(3, 5), reference=lambda x, dim: x.min(dim), dim=(0, 1)),
    ints("any", booleans(3, 5), reference=lambda x, dim: x.any(dim), dim=1),
    ints("all", booleans(3, 2), reference=lambda x, dim, keepdim: x.all(dim, keepdims=keepdim), dim=1, keepdim=True),
    case("argmax", apart(3, 5), reference=lambda x, dim: x.argmax(dim), dim=-1, options={"gradient": False}),
    ints("argmax:ties", given([[1, 3, 3], [0, 0, 0]]), reference=lambda x, dim: x.argmax(dim), dim=1),
    case("cumsum", normal(3, 5), reference=lambda x, dim: x.cumsum(dim), dim=1),
    ints("cumsum:integers", integers(3, 5), reference=lambda x, dim: x.cumsum(dim), dim=-1),
    case("logsumexp", normal(3, 5), reference=ref.logsumexp, dim=1),
    case("logsumexp:keep", normal(3, 5, scale=30), reference=ref.logsumexp, dim=0, keepdim=True),
    case("topk", apart(3, 5), reference=ref.topk, k=2),
    case("topk:dim0", apart(5, 3), reference=ref.topk, k=3, dim=0),
    case("sort", apart(3, 5), reference=ref.sort),
    case("sort:descending", apart(5, 3), reference=ref.sort, dim=0, descending=True),
    ints("sort:stable", given([[2, 1, 2, 1, 0]]), reference=ref.sort, descending=True),
]

INDEXING = [
    case("take", normal(4, 3), integers(5, high=4), reference=lambda x, indices, dim: x.take(indices, dim), dim=0),
    case("take:matrix", normal(2, 4, 3), integers(2, 2, high=4), reference=lambda x, indices, dim: x.take(indices, dim),
         dim=-2),
    by_call("gather", normal(4, 3), integers(2, 3, high=4), call=lambda ops, x, index: ops.gather(x, 0, index),
            reference=lambda x, index: ref.gather(x, 0, index)),
    by_call("gather:smaller", normal(3, 4, 2), integers(2, 5, 1, high=4),
            call=lambda ops, x, index: ops.gather(x, 1, index), reference=lambda x, index: ref.gather(x, 1, index)),
    case("embedding", integers(2, 3, high=6), normal(6, 4), reference=lambda ids, weight: weight[ids]),
    by_call("scatter", normal(2, 5), given([[4, 0], [2, 3]]), normal(2, 2),
            call=lambda ops, x, index, src: ops.scatter(x, 1, index, src), reference=lambda x, index, src:
            ref.scatter(x, 1, index, src)),
    by_call("scatter:first", normal(4, 2), given([[3, 0], [1, 2]]), normal(2, 2),
            call=lambda ops, x, index, src: ops.scatter(x, 0, index, src), reference=lambda x, index, src:
            ref.scatter(x, 0, index, src)),
    by_call("scatter_add", normal(2, 5), given([[4, 0, 4], [2, 2, 2]]), normal(2, 3),
            call=lambda ops, x, index, src: ops.scatter_add(x, 1, index, src), reference=lambda x, index, src:
            ref.scatter(x, 1, index, src, add=True), noise=2),
    by_call("index_fill", normal(2, 5), call=lambda ops, x: ops.index_fill(x, 1, [0, 3], -2.0),
            reference=lambda x: np.where(np.isin(np.arange(5), [0, 3]), -2.0, x)),
    by_call("index_fill:first", normal(4, 2), call=lambda ops, x: ops.index_fill(x, 0, (1,), 0.5),
            reference=lambda x: np.where((np.arange(4) == 1)[:, None], 0.5, x)),
    by_call("update_slice", normal(2, 3, 6, 2), normal(2, 3, 2, 2), gradient=False,
            call=lambda ops, x, value: ops.update_slice(ops.cat((x,)), value, 3, 2),
            reference=lambda x, value: np.concatenate((x[:, :, :3], value, x[:, :, 5:]), 2)),
    by_call("update_slice:tensor", normal(2, 5), normal(2, 1), gradient=False,
            call=lambda ops, x, value: ops.update_slice(ops.cat((x,)), value, ops.tensor(4), 1),
            reference=lambda x, value: np.concatenate((x[:, :4], value), 1)),
]  # fmt: skip

LINEAR = [
    case("matmul", normal(2, 3, 4), normal(2, 4, 5), reference=np.matmul),
    case("matmul:broadcast", normal(2, 2, 3, 4), normal(4, 5), reference=np.matmul),
    case("matmul:vector", normal(3, 4), normal(4), reference=np.matmul),
    case("addmm", normal(5), normal(3, 4), normal(4, 5), reference=lambda b, x, y: b + x @ y),
    by_call("einsum", normal(2, 3, 4), normal(2, 5, 4), call=lambda ops, x, y: ops.einsum("bid,bjd->bij", x, y),
            reference=lambda x, y: x @ y.swapaxes(1, 2)),
    case("linear", normal(2, 3, 4), normal(5, 4), normal(5), reference=ref.linear),
    case("linear:no-bias", normal(3, 4), normal(5, 4), reference=ref.linear),
    *(case(f"linear:{name}", normal(3, 4), normal(5, 4), normal(5), reference=ref.linear, activation=name)
      for name in ref.ACTIVATIONS if name),
    by_call("linears", normal(3, 4), normal(5, 4), normal(2, 4), normal(2),
            call=lambda ops, x, a, b, bias: ops.cat(ops.linears(x, (a, b), (None, bias), "silu"), -1),
            reference=lambda x, a, b, bias: ref.ACTIVATIONS["silu"](np.concatenate((x @ a.T, x @ b.T + bias), -1))),
    case("conv1d", normal(2, 3, 7), normal(4, 3, 3), normal(4), reference=ref.convolution),
    case("conv1d:all", normal(1, 4, 9), normal(4, 2, 3), normal(4), reference=ref.convolution, stride=2, padding=2,
         dilation=2, groups=2),
    case("conv1d:same", normal(1, 2, 6), normal(3, 2, 4), reference=ref.convolution, padding="same"),
    case("conv2d", normal(2, 3, 5, 6), normal(2, 3, 3, 2), normal(2), reference=ref.convolution),
    case("conv2d:all", normal(1, 4, 7, 6), normal(4, 1, 3, 2), normal(4), reference=ref.convolution, stride=(2, 1),
         padding=(1, 2), dilation=(1, 2), groups=4),
    case("conv2d:same", normal(1, 2, 5, 4), normal(2, 2, 3, 2), reference=ref.convolution, padding="same"),
    case("conv2d:patches", normal(1, 3, 6, 6), normal(2, 3, 3, 3), normal(2), reference=ref.convolution, stride=3),
    case("max_pool2d", apart(1, 2, 6, 5), reference=ref.max_pool2d, kernel_size=2),
    case("max_pool2d:overlap", apart(1, 2, 5, 5), reference=ref.max_pool2d, kernel_size=3, stride=2, padding=1),
    case("avg_pool2d", normal(1, 2, 6, 5), reference=ref.avg_pool2d, kernel_size=2),
    case("avg_pool2d:overlap", normal(1, 2, 5, 5), reference=ref.avg_pool2d, kernel_size=3, stride=2, padding=1),
    case("pixel_shuffle", normal(1, 8, 2, 3), reference=ref.pixel_shuffle, upscale_factor=2),
    by_call("group_norm", normal(2, 4, 3, 2), normal(4), normal(4),
            call=lambda ops, x, w, b: ops.group_norm(x, 2, w, b), reference=lambda x, w, b: ref.group_norm(x, 2, w, b),
            noise=2),
] + [
    # The frameworks resample through different intermediate roundings.
    case(f"interpolate:{mode}{'-corners' * corners}{'-antialias' * antialias}-{height}x{width}", normal(1, 2, 5, 4),
         reference=ref.interpolate, size=(height, width), mode=mode, align_corners=corners, antialias=antialias,
         options={"noise": 2, "dtypes": ("float32",) if antialias else ("float32", "float16", "bfloat16")})
    for mode, corners, antialias, height, width in [
        ("nearest", False, False, 7, 3), ("nearest", False, False, 10, 8), ("bilinear", False, False, 8, 3),
        ("bilinear", True, False, 8, 3), ("bilinear", False, True, 3, 7), ("bicubic", False, False, 8, 3),
        ("bicubic", True, False, 7, 6), ("bicubic", False, True, 2, 6), ("bilinear", True, False, 1, 1),
    ]
]  # fmt: skip

LOSSES = [
    case("cross_entropy", normal(4, 5), integers(4), reference=ref.cross_entropy, options={"noise": 2}),
    case("cross_entropy:ignored", normal(4, 5), given([2, -100, 0, -100]), reference=ref.cross_entropy),
    case("cross_entropy:index", normal(4, 5), given([2, 0, 0, 3]), reference=ref.cross_entropy, ignore_index=0),
    case("cross_entropy:smooth", normal(4, 5), given([2, -100, 0, 4]), reference=ref.cross_entropy,
         label_smoothing=0.2),
    case("binary_cross_entropy_with_logits", normal(3, 4), positive(3, 4),
         reference=ref.binary_cross_entropy_with_logits),
    case("mse_loss", normal(3, 4), normal(3, 4), reference=lambda x, y: np.mean((x - y) ** 2)),
    case("l1_loss", normal(3, 4), normal(3, 4), reference=lambda x, y: np.mean(np.abs(x - y))),
    case("l1_loss:sum", normal(3, 4), normal(3, 4), reference=lambda x, y, reduction: np.sum(np.abs(x - y)),
         reduction="sum"),
    case("l1_loss:none", normal(3, 4), normal(3, 4), reference=lambda x, y, reduction: np.abs(x - y),
         reduction="none"),
]

BOTH = {"kernels": ("auto", "reference"), "noise": 2}
FUSED = [
    case("layer_norm", normal(3, 4, 8), normal(8), normal(8), reference=ref.layer_norm, eps=1e-12, options=BOTH),
    case("layer_norm:bare", normal(3, 7, shift=3.0), reference=ref.layer_norm, options=BOTH),
    case("layer_norm:no-bias", normal(3, 7), normal(7), reference=ref.layer_norm, options=BOTH),
    by_call("layer_norm:residual", normal(3, 8), normal(8), normal(8), normal(3, 8),
            call=lambda ops, x, w, b, r: ops.layer_norm(x, w, b, residual=r), reference=ref.layer_norm,
            **BOTH | {"noise": 4}),  # the sum is rounded too
    case("rms_norm", normal(3, 4, 8), normal(8), reference=ref.rms_norm, eps=1e-5, options=BOTH),
    case("rms_norm:bare", normal(3, 7), reference=ref.rms_norm, options=BOTH),
    by_call("rms_norm:residual", normal(3, 8), normal(8), normal(3, 8),
            call=lambda ops, x, w, r: ops.rms_norm(x, w, residual=r), reference=ref.rms_norm, **BOTH | {"noise": 4}),
    quantized_case("int4", "int4", 8),
    quantized_case("nf4", "nf4", 0, activation="gelu"),
    case("rotary_embedding", normal(2, 2, 3, 4), normal(2, 1, 3, 4), normal(2, 3, 2), normal(2, 3, 2),
         reference=ref.rotary_embedding, options=BOTH),
    case("rotary_embedding:interleaved", normal(2, 2, 3, 4), normal(2, 2, 3, 4), normal(1, 3, 2), normal(1, 3, 2),
         reference=ref.rotary_embedding, interleaved=True, options=BOTH),
    by_call("rotary_embedding:partial-one", normal(1, 2, 3, 6), normal(1, 3, 2), normal(1, 3, 2), **BOTH,
            call=lambda ops, q, c, s: ops.rotary_embedding(q, None, c, s),
            reference=lambda q, c, s: ref.rotary_embedding(q, None, c, s)),
    by_call("rotary_embedding:positions", normal(2, 2, 3, 4), normal(2, 1, 3, 4), normal(5, 2), normal(5, 2),
            integers(2, 3), reference=ref.rotary_embedding, **BOTH,
            call=lambda ops, q, k, c, s, ids: ops.rotary_embedding(q, k, c, s, position_ids=ids)),
] + [
    attention_case(f"{name}-{implementation}", implementation=implementation, **options)
    for implementation in ("eager", "auto", "sdpa", "native")
    for name, options in {
        "plain": {},
        "causal": {"causal": True},
        "causal-cached": {"causal": True, "query": (1, 2, 2, 4), "key": (1, 2, 5, 4)},
        "causal-last": {"causal": True, "query": (1, 2, 1, 4), "key": (1, 2, 5, 4)},
        "cross": {"query": (2, 2, 3, 4), "key": (2, 2, 5, 4)},
        "grouped": {"query": (1, 4, 3, 4), "key": (1, 2, 3, 4)},
        "one-key-head-causal": {"query": (1, 4, 3, 4), "key": (1, 1, 3, 4), "causal": True},
        "mask": {"mask": given(np.array([[1, 1, 0], [1, 0, 1]], bool)[:, None, None])},
        "mask-causal": {"mask": given(np.array([[1, 1, 0], [1, 0, 1]], bool)[:, None, None]), "causal": True},
        "added-mask": {"mask": normal(2, 1, 3, 3)},
        "bias": {"bias": normal(1, 4, 3, 3)},
        "bias-mask-causal": {"bias": normal(1, 4, 3, 3), "causal": True,
                             "mask": given(np.array([[1, 1, 0], [1, 0, 1]], bool)[:, None, None])},
        "scale": {"scale": 1.0},
        "rank-2-mask": {"mask": given(np.tri(3, dtype=bool))},
        "added-mask-bias": {"mask": normal(2, 1, 1, 3), "bias": normal(4, 3, 3)},
        "window": {"query": (1, 2, 5, 4), "key": (1, 2, 6, 4), "window": (1, 2)},
        "window-left-causal": {"query": (1, 2, 5, 4), "key": (1, 2, 6, 4), "window": (2, None), "causal": True},
        "soft-cap": {"soft_cap": 0.7},
        "alibi": {"query": (1, 4, 3, 4), "key": (1, 2, 5, 4), "constants": {"alibi_slopes": [0.5, 0.25, 0.1, 0.05]}},
        "packed": {"query": (1, 2, 6, 4), "key": (1, 2, 7, 4),
                   "constants": {"query_offsets": [0, 2, 2, 6], "key_offsets": [0, 3, 3, 7]}},
        "packed-everything": {
            "query": (1, 2, 6, 4), "key": (1, 2, 7, 4), "causal": True, "window": (1, None), "soft_cap": 2.0,
            "bias": normal(1, 2, 6, 7), "mask": given(np.arange(7)[None, None, None] != 1),
            "constants": {"query_offsets": [0, 2, 6], "key_offsets": [0, 3, 7], "alibi_slopes": [0.5, 0.25]},
        },
    }.items()
] + [
    attention_case("weights", return_weights=True),
    attention_case("weights-window", return_weights=True, window=(1, 0), implementation="native"),
    attention_case("weights-grouped-causal", query=(1, 4, 3, 4), key=(1, 2, 5, 4), causal=True, return_weights=True),
]  # fmt: skip

OPS = SHAPES + CREATION + ELEMENTS + ACTIVATIONS + REDUCTIONS + INDEXING + LINEAR + LOSSES + FUSED
# Tested by functions of their own in test_ops.py.
BY_HAND = {
    "dtype", "finfo_min", "shape", "size", "is_floating_point", "dropout", "uniform", "stop_gradient", "checkpoint",
    "cond", "while_loop", "multinomial", "tolist",
}  # fmt: skip
