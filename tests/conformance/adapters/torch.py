import ml_dtypes
import numpy as np
import torch

from pytransformers.backends.torch import nn, ops

from ..case import leaves


class Adapter:
    name = "torch"
    ops, nn = ops, nn
    refused = frozenset()

    def array(self, value, dtype):
        if value.dtype == ml_dtypes.bfloat16:
            return torch.from_numpy(value.astype(np.float32)).bfloat16()
        return torch.from_numpy(value.copy())

    def numpy(self, tensor):
        tensor = tensor.detach()
        if tensor.dtype == torch.bfloat16:
            return tensor.float().numpy().astype(ml_dtypes.bfloat16)
        return tensor.numpy()

    def dtype_name(self, tensor):
        return str(tensor.dtype).removeprefix("torch.")

    def _backward(self, outputs, weights):
        total = 0.0
        for output, weight in zip(leaves(outputs), weights, strict=True):
            if weight is not None and output.requires_grad:
                total = total + (output.double() * torch.from_numpy(weight)).sum()
        total.backward()

    def value_and_gradients(self, function, tensors, weights):
        tensors = [t.detach().clone().requires_grad_() for t in tensors]
        outputs = function(*tensors)
        self._backward(outputs, weights)
        return outputs, [None if t.grad is None else self.numpy(t.grad) for t in tensors]

    def layer(self, make, dtype, values, training):
        layer = make(nn).to(getattr(torch, dtype)).train(training)
        layer.load_state_dict({name: torch.as_tensor(value) for name, value in values.items()})
        return layer

    def run_layer(self, layer, inputs, weights=None):
        if weights is None:
            return layer(*inputs)
        inputs = [t.detach().clone().requires_grad_() if t.is_floating_point() else t for t in inputs]
        outputs = layer(*inputs)
        self._backward(outputs, weights)
        return (
            outputs, [self.numpy(t.grad) for t in inputs if t.is_floating_point()],
            {name: self.numpy(p.grad) for name, p in layer.named_parameters()},
        )  # fmt: skip

    def buffers(self, layer):
        return {name: self.numpy(buffer) for name, buffer in layer.named_buffers()}

    def seeded(self, seed, function):
        torch.manual_seed(seed)
        return function()
