"""Compiled and exported PyTorch models equal eager ones."""

import pytest
import torch

from .checks import read
from .frameworks import Torch, model_class
from .harness import assert_gradients, assert_outputs, flatten


def load(case, oracle):
    torch._dynamo.reset()
    return model_class("torch", case).from_pretrained(oracle / case.name), read(oracle / case.name, "inputs")


def numpy_outputs(output):
    found = {}
    flatten("", output, Torch.to_numpy, found)
    return found


def test_whole_graph(case, oracle):
    """Every head is one graph, forward and backward."""
    model, inputs = load(case, oracle)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    tensors = Torch.tensors(inputs)
    assert_outputs(
        numpy_outputs(compiled(**tensors, **case.options)), numpy_outputs(model(**tensors, **case.options)), 1e-5
    )
    expected = Torch.gradients(model, inputs, case)
    assert_gradients(Torch.gradients(model, inputs, case, call=compiled), expected, 1e-4)


def test_inductor_training_step(training_case, oracle):
    """The default compiler: loss and gradients of a training step without dropout."""
    model, inputs = load(training_case, oracle)
    model.train()
    for module in model.modules():
        if hasattr(module, "dropout_p"):
            module.dropout_p = 0.0
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    tensors = Torch.tensors(inputs)
    expected_loss = model(**tensors).loss.item()
    expected = Torch.gradients(model, inputs, training_case)
    compiled = torch.compile(model, fullgraph=True)
    assert compiled(**tensors).loss.item() == pytest.approx(expected_loss, rel=1e-5)
    assert_gradients(Torch.gradients(model, inputs, training_case, call=compiled), expected, 1e-4)


def test_export(training_case, oracle):
    model, inputs = load(training_case, oracle)
    tensors = Torch.tensors(inputs)
    program = torch.export.export(model, (), kwargs=tensors, strict=False)
    with torch.no_grad():
        assert_outputs(numpy_outputs(program.module()(**tensors)), numpy_outputs(model(**tensors)), 1e-5)
