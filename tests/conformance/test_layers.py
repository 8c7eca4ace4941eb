"""Every layer of the vocabulary, in every framework and dtype, against NumPy float64: values, gradients, buffers."""

import ast

import numpy as np
import pytest

from pytransformers.ops.selection import kernels

from .case import BACKWARD, DTYPES, FORWARD, assert_close, cotangents, is_floating, leaves, numerical_gradients, wide
from .layer_cases import BY_HAND, LAYERS
from .test_ops import vocabulary

RUNS = [(case, dtype, choice) for case in LAYERS for dtype in case.dtypes for choice in case.kernels]
runs = pytest.mark.parametrize("case, dtype, choice", RUNS, ids=lambda v: getattr(v, "name", v))


def build(framework, case, dtype):
    """The layer with random values, and those values."""
    rng, values = np.random.default_rng(3), {}
    for name, tensor in sorted(case.make(framework.nn).state_dict().items()):
        old = framework.numpy(tensor)
        fresh = 0.5 + rng.random(old.shape)
        values[name] = np.asarray(fresh, DTYPES[dtype]) if is_floating(old) else np.full_like(old, 4)
    arrays = {name: framework.array(value, dtype) for name, value in values.items()}
    layer = framework.layer(case.make, dtype, arrays, case.training)
    return layer, {name: wide(value) for name, value in values.items()}


@runs
def test_layer(framework, case, dtype, choice):
    layer, values = build(framework, case, dtype)
    inputs = case.draw(dtype)
    with kernels(choice):
        outputs = leaves(framework.run_layer(layer, [framework.array(v, dtype) for v in inputs]))
    expected = leaves(case.reference(values, *[wide(v) for v in inputs]))
    assert len(outputs) == len(expected)
    for found, wanted in zip(outputs, expected, strict=True):
        found = framework.numpy(found)
        assert_close("output", found, np.asarray(wanted), dtype, case.noise * FORWARD[dtype])
        assert found.dtype == DTYPES[dtype]
    buffers = framework.buffers(layer)
    wanted = case.buffers(values, *[wide(v) for v in inputs]) if case.buffers else {}
    assert sorted(buffers) == sorted(wanted)
    for name, value in wanted.items():
        assert_close(name, buffers[name], np.asarray(value), dtype, case.noise * FORWARD[dtype])


@runs
def test_layer_gradients(framework, case, dtype, choice):
    layer, values = build(framework, case, dtype)
    inputs = case.draw(dtype)
    trained = [name for name, _ in layer.named_parameters()]
    chosen = [i for i, value in enumerate(inputs) if is_floating(value)]
    wide_inputs = [wide(value) for value in inputs]

    def reference(*arrays):
        parameters = {**values, **dict(zip(trained, arrays, strict=False))}
        arguments = list(wide_inputs)
        for place, value in zip(chosen, arrays[len(trained) :], strict=True):
            arguments[place] = value
        return case.reference(parameters, *arguments)

    arrays = [values[name] for name in trained] + [wide_inputs[i] for i in chosen]
    weights = cotangents(leaves(reference(*arrays)))
    with kernels(choice):
        _, inner, parameters = framework.run_layer(layer, [framework.array(v, dtype) for v in inputs], weights)
    expected = numerical_gradients(reference, arrays, weights)
    assert sorted(parameters) == sorted(trained)
    found = [parameters[name] for name in trained] + list(inner)
    assert len(found) == len(expected)
    scale = max(np.abs(e).max() for e in expected)
    for name, gradient, wanted in zip(trained + [f"input {i}" for i in chosen], found, expected, strict=True):
        assert gradient.dtype == DTYPES[dtype]
        assert_close(name, gradient / scale, wanted / scale, dtype, case.noise * BACKWARD[dtype])


def test_names_equal_torchs(framework):
    nn = framework.nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.ModuleList([nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 3), nn.ReLU())])
            self.self = nn.LayerNorm(2)
            self.output = nn.Parameter(framework.ops.zeros((2,)))
            self.table = nn.Buffer(np.arange(3))
            self.hidden = nn.Buffer(np.arange(2), persistent=False)
            self.absent = None
            self.tied = self.layer[0].bias

        def forward(self, x):
            return self.self(self.layer[0](x)) + self.output + self.tied

    block = Block()
    # A parameter with two names comes under the one nearer to the root.
    names = ["layer.0.weight", "layer.1.0.weight", "layer.1.0.bias", "self.weight", "self.bias", "output", "tied"]
    assert sorted(name for name, _ in block.named_parameters()) == sorted(names)
    assert sorted(block.state_dict()) == sorted([*names, "layer.0.bias", "table"])
    assert sorted(name for name, _ in block.named_buffers()) == ["hidden", "table"]
    assert [name for name, _ in block.named_modules()] == [
        "", "layer", "layer.0", "layer.1", "layer.1.0", "layer.1.1", "self"
    ]  # fmt: skip
    assert block.get_submodule("layer.1.0") is block.layer[1][0]
    assert len(block.layer) == 2 and [type(m).__name__ for m in block.layer] == ["Linear", "Sequential"]
    assert block.tied is block.layer[0].bias
    out = framework.run_layer(block, [framework.array(np.ones((1, 2), np.float32), "float32")])
    assert framework.numpy(out).shape == (1, 2)
    with pytest.raises(AttributeError):
        block.get_submodule("layer.7")


def test_append(framework):
    modules = framework.nn.ModuleList()
    modules.append(framework.nn.Linear(2, 3))
    assert len(modules) == 1 and modules[0].out_features == 3 and modules[-1] is modules[0]


def test_dropout_follows_the_mode(framework):
    ones = framework.array(np.ones((50,), np.float32), "float32")
    for training in (True, False):
        layer = framework.layer(lambda nn: nn.Sequential(nn.Dropout(0.5), nn.Identity()), "float32", {}, training)
        output = framework.seeded(0, lambda layer=layer: framework.run_layer(layer, [ones]))
        assert (framework.numpy(output) == 0).any() == training


INITIALISERS = {  # name: (arguments, mean, std, least, most)
    "normal_": ((0.5, 0.2), 0.5, 0.2, None, None),
    "uniform_": ((-1.0, 3.0), 1.0, 4 / 12**0.5, -1.0, 3.0),
    "trunc_normal_": ((0.0, 1.0, -1.0, 1.0), 0.0, 0.5396, -1.0, 1.0),
    "xavier_uniform_": ((2.0,), 0.0, 2 * (2 / 300) ** 0.5, -2 * (6 / 300) ** 0.5, 2 * (6 / 300) ** 0.5),
    "constant_": ((0.25,), 0.25, 0.0, 0.25, 0.25),
    "zeros_": ((), 0.0, 0.0, 0.0, 0.0),
    "ones_": ((), 1.0, 0.0, 1.0, 1.0),
}


@pytest.mark.parametrize("name", INITIALISERS)
def test_init(framework, name):
    arguments, mean, std, least, most = INITIALISERS[name]
    layer = framework.nn.Linear(200, 100)
    getattr(framework.nn.init, name)(layer.weight, *arguments)
    values = framework.numpy(layer.state_dict()["weight"]).astype(np.float64)
    error = 5 * std / values.size**0.5
    assert abs(values.mean() - mean) <= error and abs(values.std() - std) <= 1.5 * error + 1e-4
    assert least is None or (values.min() >= least - 1e-6 and values.max() <= most + 1e-6)


def test_zero_row(framework):
    layer = framework.nn.Embedding(4, 3)
    framework.nn.init.zero_row_(layer.weight, 2)
    values = framework.numpy(layer.state_dict()["weight"])
    assert not values[2].any() and values[[0, 1, 3]].all()


def test_copy(framework):
    layer, values = framework.nn.Embedding(4, 3), np.arange(12, dtype=np.float32).reshape(4, 3)
    framework.nn.init.copy_(layer.weight, values)
    np.testing.assert_array_equal(framework.numpy(layer.state_dict()["weight"]), values)


def test_fresh_layers_are_drawn_as_torch_draws_them(framework):
    nn = framework.nn
    for layer, bound in ((nn.Linear(64, 50), 1 / 8), (nn.Conv2d(4, 60, 4), 1 / 8), (nn.Conv1d(16, 80, 4), 1 / 8)):
        for value in layer.state_dict().values():
            value = framework.numpy(value)
            assert np.abs(value).max() <= bound and np.abs(value).max() > 0.85 * bound
    table = framework.numpy(nn.Embedding(300, 20, padding_idx=3).state_dict()["weight"])
    assert not table[3].any() and abs(table.std() - 1) < 0.1


def test_every_layer_has_a_case_and_exists(framework):
    names = vocabulary("nn.pyi", ast.ClassDef) - {"Buffer", "Module", "ModuleList"}
    assert names == {case.op for case in LAYERS}
    assert all(hasattr(framework.nn, name) for name in names | BY_HAND)
