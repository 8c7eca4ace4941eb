"""Compiled and exported PyTorch models equal eager ones."""

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


def same(output, expected_output, model, gradients):
    """Outputs and the gradients that follow from them."""
    assert_outputs(numpy_outputs(output), numpy_outputs(expected_output), 1e-5)
    assert_gradients(Torch.gradients_of(output, model), gradients, 1e-4)


def test_whole_graph(head_case, oracle):
    """Every head is one graph, and can be differentiated."""
    model, inputs = load(head_case, oracle)
    tensors = Torch.tensors(inputs)
    expected = model(**tensors, **head_case.options)
    gradients = Torch.gradients_of(expected, model)
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    same(compiled(**tensors, **head_case.options), expected, model, gradients)


def test_inductor_training_step(training_case, oracle):
    """The default compiler: outputs, loss and gradients of a training step without dropout."""
    model, inputs = load(training_case, oracle)
    model.train()
    for module in model.modules():
        if hasattr(module, "dropout_p"):
            module.dropout_p = 0.0
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    tensors = Torch.tensors(inputs)
    expected = model(**tensors)
    gradients = Torch.gradients_of(expected, model)
    compiled = torch.compile(model, fullgraph=True)
    same(compiled(**tensors), expected, model, gradients)


def test_export(training_case, oracle):
    model, inputs = load(training_case, oracle)
    tensors = Torch.tensors(inputs)
    program = torch.export.export(model, (), kwargs=tensors, strict=False)
    with torch.no_grad():
        assert_outputs(numpy_outputs(program.module()(**tensors)), numpy_outputs(model(**tensors)), 1e-5)
