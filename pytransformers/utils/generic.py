"""Enumerations of texts, and questions about arrays of any framework, none of which is imported."""

from __future__ import annotations

import contextlib
import inspect
import tempfile
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

__all__ = [
    "ContextManagers", "ExplicitEnum", "can_return_loss", "find_labels",
    "flatten_dict", "infer_framework", "is_flash_attention_requested", "is_jax_tensor", "is_numpy_array", "is_tensor",
    "is_tf_tensor", "is_torch_device", "is_torch_dtype", "is_torch_tensor", "strtobool", "to_numpy", "to_py_obj",
    "working_or_temp_dir",
]  # fmt: skip


class ExplicitEnum(str, Enum):
    """An enumeration of texts; an unknown value is refused with the list of known ones."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        known = ", ".join(repr(member.value) for member in cls)
        raise ValueError(f"[{cls.__name__}] expected one of {known}, got {value!r}")


def _is(x: Any, *kinds: tuple[str, str]) -> bool:
    """Whether a class of x is called so in a module of that package."""
    return any((base.__module__.partition(".")[0], base.__name__) in kinds for base in type(x).__mro__)


def is_numpy_array(x: Any) -> bool:
    return _is(x, ("numpy", "ndarray"))


def is_torch_tensor(x: Any) -> bool:
    return _is(x, ("torch", "Tensor"))


def is_torch_device(x: Any) -> bool:
    return _is(x, ("torch", "device"))


def is_torch_dtype(x: Any) -> bool:
    """Of a dtype, or of the name of one."""
    return _is(x, ("torch", "dtype")) or isinstance(x, str) and x in ("float16", "bfloat16", "float32", "float64")


def is_tf_tensor(x: Any) -> bool:
    return _is(x, ("tensorflow", "Tensor"))


def is_jax_tensor(x: Any) -> bool:
    return _is(x, ("jax", "Array"), ("jaxlib", "ArrayImpl"), ("jaxlib", "Array"), ("jax", "Tracer"))


def is_tensor(x: Any) -> bool:
    return is_torch_tensor(x) or is_tf_tensor(x) or is_jax_tensor(x) or is_numpy_array(x)


def to_py_obj(obj: Any) -> Any:
    """Lists and numbers from arrays, also inside mappings and lists."""
    if isinstance(obj, Mapping):
        return {name: to_py_obj(value) for name, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [to_py_obj(value) for value in obj]
    if is_torch_tensor(obj):
        obj = obj.detach().cpu()
    if is_tf_tensor(obj):
        obj = obj.numpy()
    return obj.tolist() if hasattr(obj, "tolist") else obj


def to_numpy(obj: Any) -> Any:
    """NumPy arrays from arrays and lists, also inside mappings."""
    import numpy as np

    if isinstance(obj, Mapping):
        return {name: to_numpy(value) for name, value in obj.items()}
    return np.asarray(obj.detach().cpu() if is_torch_tensor(obj) else obj)


def flatten_dict(d: Mapping, parent_key: str = "", delimiter: str = ".") -> dict[str, Any]:
    """{"a": {"b": 1}} as {"a.b": 1}."""
    flat = {}
    for name, value in d.items():
        key = f"{parent_key}{delimiter}{name}" if parent_key else name
        flat.update(flatten_dict(value, key, delimiter) if value and isinstance(value, Mapping) else {key: value})
    return flat


def strtobool(val: str) -> int:
    """1 or 0 for y, yes, t, true, on, 1 and n, no, f, false, off, 0, in any case; ValueError otherwise."""
    if val.lower() in ("y", "yes", "t", "true", "on", "1"):
        return 1
    if val.lower() in ("n", "no", "f", "false", "off", "0"):
        return 0
    raise ValueError(f"[strtobool] expected yes or no, got {val!r}")


class ContextManagers(contextlib.ExitStack):
    """Enters a list of context managers together."""

    def __init__(self, context_managers: list[Any]) -> None:
        super().__init__()
        self.context_managers = context_managers

    def __enter__(self) -> ContextManagers:
        for manager in self.context_managers:
            self.enter_context(manager)
        return self


@contextlib.contextmanager
def working_or_temp_dir(working_dir: str, use_temp_dir: bool = False) -> Iterator[str]:
    """The folder itself, or a temporary one that goes afterwards."""
    if not use_temp_dir:
        yield working_dir
        return
    with tempfile.TemporaryDirectory() as folder:
        yield folder


def infer_framework(model_class: type) -> str:
    """ "pt", "tf" or "flax", from the classes that a model's class inherits."""
    words = {"torch": "pt", "tensorflow": "tf", "keras": "tf", "flax": "flax", "jax": "flax"}
    for base in inspect.getmro(model_class):
        parts = base.__module__.split(".")
        for word in (parts[0], parts[2] if parts[1:2] == ["backends"] else ""):
            if word in words:
                return words[word]
    raise TypeError(f"[infer_framework] expected a class of a model, got {model_class!r}")


def find_labels(model_class: type) -> list[str]:
    """The arguments of a model's forward that are labels."""
    function = model_class.call if infer_framework(model_class) == "tf" else model_class.forward
    names = inspect.signature(function).parameters
    wanted = ("start_positions", "end_positions") if "QuestionAnswering" in model_class.__name__ else ()
    return [name for name in names if "label" in name or name in wanted]


def can_return_loss(model_class: type) -> bool:
    """Whether the model's forward has an argument `return_loss` that is True by default."""
    found = inspect.signature(model_class.forward).parameters.get("return_loss")
    return found is not None and found.default is True


def is_flash_attention_requested(config: Any = None, requested_attention_implementation: str | None = None) -> bool:
    """Whether a configuration, or a name of an attention, asks for flash attention."""
    name = requested_attention_implementation or getattr(config, "_attn_implementation", None)
    return name is not None and "flash" in name
