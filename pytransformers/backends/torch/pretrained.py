"""The base of every PyTorch model: an ordinary `torch.nn.Module` that loads, saves and resizes."""

from contextlib import contextmanager
from functools import partial

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree

from pytransformers import outputs
from pytransformers.quantization import prepared
from pytransformers.weights.pretrained import PreTrainedMixin
from pytransformers.weights.tensor import LazyTensor, LoadedBytes

from .adapters import PeftAdapterMixin
from .device_map import dispatch
from .generation.generate import GenerationMixin
from .layers.cache import DynamicCache, StaticCache


def _register_tree(cls):
    _pytree.register_pytree_node(
        cls, outputs.flatten, partial(outputs.unflatten, cls), serialized_type_name=f"pytransformers.{cls.__name__}",
        to_dumpable_context=list, from_dumpable_context=tuple,
        flatten_with_keys_fn=lambda output: (
            [(_pytree.MappingKey(name), value) for name, value in output.items()], tuple(output)
        ),
    )  # fmt: skip


outputs.register_trees(_register_tree)
_pytree.register_pytree_node(
    DynamicCache,
    lambda cache: ([cache.layers, cache.cross_layers], None),
    lambda children, _: DynamicCache(*children),
    serialized_type_name="pytransformers.DynamicCache",
    flatten_with_keys_fn=lambda cache: (
        [(_pytree.GetAttrKey(name), getattr(cache, name)) for name in ("layers", "cross_layers")], None
    ),
)  # fmt: skip

_pytree.register_pytree_node(
    StaticCache,
    lambda cache: ([cache.layers, cache.cross_layers], (cache.capacity, cache.length)),
    lambda children, sizes: StaticCache(*sizes, *children),
    serialized_type_name="pytransformers.StaticCache",
    flatten_with_keys_fn=lambda cache: (
        [(_pytree.GetAttrKey(name), getattr(cache, name)) for name in ("layers", "cross_layers")],
        (cache.capacity, cache.length),
    ),
)


def torch_dtype(dtype):
    """A torch dtype from its name, or itself; None is the default dtype."""
    if dtype is None:
        return torch.get_default_dtype()
    if isinstance(dtype, torch.dtype):
        return dtype
    found = getattr(torch, str(dtype).removeprefix("torch."), None)
    if not isinstance(found, torch.dtype):
        raise ValueError(f"[dtype] expected a torch dtype such as 'bfloat16', got {dtype!r}")
    return found


@contextmanager
def _default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


class _NoInitialisation(TorchFunctionMode):
    """Torch's layers draw their parameters when they are made; drawing on the meta device loads the compiler."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if getattr(function, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))


class PreTrainedModel(PeftAdapterMixin, GenerationMixin, PreTrainedMixin, nn.Module):
    _backend_arguments = ("device_map", "max_memory", "offload_folder", "offload_state_dict", "offload_buffers")

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.name_or_path = config.name_or_path  # peft writes it beside an adapter

    @property
    def device(self):
        return next(self.parameters()).device

    @property
    def dtype(self):
        """That of the first floating-point parameter."""
        return next((p.dtype for p in self.parameters() if p.is_floating_point()), torch.float32)

    def get_memory_footprint(self, return_buffers=True):
        """Bytes of the parameters, each shared one once, and with `return_buffers` of the buffers."""
        tensors = [*self.parameters(), *(self.buffers() if return_buffers else ())]
        return sum(tensor.nelement() * tensor.element_size() for tensor in tensors)

    def replace_module(self, name, module):
        old = self.get_submodule(name)
        device = next(old.parameters()).device
        super().replace_module(name, (module if device.type == "meta" else module.to(device)).train(old.training))

    # -- for the mixin -----------------------------------------------------------------------------------------------
    @classmethod
    def _creation(cls, backend):
        return {}

    @classmethod
    def _create(cls, config, dtype=None, empty=False, **arguments):
        dtype = torch_dtype(dtype)
        if not dtype.is_floating_point:
            raise ValueError(f"[dtype] expected a floating-point dtype, got {dtype}")
        with _default_dtype(dtype):
            if not empty:
                return cls(config, **arguments)
            with torch.device("meta"), _NoInitialisation():
                model = cls(config, **arguments)
        prepared(model)
        config.dtype = str(dtype).removeprefix("torch.")
        return model.eval()

    def _is_empty(self):
        return any(parameter.is_meta for parameter in self.parameters())

    def _tensors(self):
        """{name: parameter or persistent buffer}, each shared tensor under one name."""
        ties = self.ties()
        found = dict(self.named_parameters(remove_duplicate=False))
        for prefix, module in self.named_modules():
            for name, buffer in module.named_buffers(recurse=False):
                if name not in module._non_persistent_buffers_set:
                    found[f"{prefix}.{name}" if prefix else name] = buffer
        return {name: tensor for name, tensor in found.items() if name not in ties}

    def _specs(self):
        return {name: (tuple(t.shape), str(t.dtype).removeprefix("torch.")) for name, t in self._tensors().items()}

    def _put(self, name, tensor):
        owner, _, leaf = name.rpartition(".")
        module = self.get_submodule(owner)
        if leaf in module._buffers:
            module._buffers[leaf] = tensor
        else:
            setattr(module, leaf, nn.Parameter(tensor, requires_grad=module._parameters[leaf].requires_grad))

    def _materialize(self, names):
        tensors = self._tensors()
        for name in names:
            self._put(name, torch.zeros_like(tensors[name], device="cpu"))
        self.tie_weights()

    def _assign(self, found):
        tensors = self._tensors()
        for name, source in found.items():
            tensor = torch.frombuffer(source.buffer(), dtype=torch_dtype(source.dtype)).reshape(source.shape)
            self._put(name, tensor.to(tensors[name].dtype))

    def _share(self, name, source):
        owner, _, leaf = name.rpartition(".")
        setattr(self.get_submodule(owner), leaf, self.get_parameter(source))

    @classmethod
    def _from_state_dict(cls, state_dict):
        return {name: _lazy(name, torch.as_tensor(value)) for name, value in state_dict.items()}

    def _loaded(self, backend):
        device_map = backend.pop("device_map", None)
        if device_map is not None:
            dispatch(self, device_map, **backend)

    def _sources(self, state_dict=None):
        for name, tensor in (self._tensors() if state_dict is None else state_dict).items():
            yield _lazy(name, tensor)

    def _array(self, name):
        return self._tensors()[name].detach().float().cpu().numpy()

    def _replace(self, name, array):
        old = self._tensors()[name]
        self._put(name, torch.tensor(array, dtype=old.dtype, device=old.device))


def _lazy(name, tensor):
    """A tensor for the file layer; its bytes are taken when they are read."""
    def load():
        return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()

    return LazyTensor(name, tensor.shape, str(tensor.dtype).removeprefix("torch."), None, LoadedBytes(load))
