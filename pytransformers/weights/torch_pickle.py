"""Interpreting the pickle inside a torch checkpoint without running it.

`pickle` calls whatever the file names. This reader knows the few instructions and the few names that tensors need,
answers each name with its own description of a tensor, and refuses a file that names anything else. No object of
another module is ever imported, looked up or called.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from .errors import CheckpointError
from .tensor import DTYPES

_STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
}


@dataclass(frozen=True)
class Storage:
    """Memory that tensors share: `size` elements of `dtype`, found in the file under `key`, `offset` elements in."""

    dtype: str
    key: str
    size: int
    offset: int = 0


@dataclass(frozen=True)
class StoredTensor:
    """A view of a storage: `offset` and `strides` in elements of `dtype`."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class _Name:
    """A name that the pickle mentions; `call` is our own answer when the pickle calls it."""

    module: str
    name: str
    call: Callable[..., Any] | None = None
    dtype: str | None = None


def _rebuild_tensor(storage, offset, shape, strides, *_ignored, dtype=None):
    whole = all(isinstance(n, int) and n >= 0 for n in (offset, *shape, *strides))
    if not isinstance(storage, Storage) or not whole or len(shape) != len(strides):
        raise ValueError("a tensor with an impossible storage, offset, shape or stride")
    return StoredTensor(storage, offset, tuple(shape), tuple(strides), dtype or storage.dtype)


def _rebuild_tensor_with_dtype(storage, offset, shape, strides, _requires_grad, _hooks, dtype, *_metadata):
    return _rebuild_tensor(storage, offset, shape, strides, dtype=dtype.dtype)


def _first(value, *_ignored):
    return value


def _nothing(*_ignored):
    return None


def _ordered_dict(pairs=()):
    return _fill({}, [item for key, value in pairs for item in (key, value)])


def _fill(target: dict, items: list) -> dict:
    # Keys are plain, since hashing a tuple that holds itself twice, many times over, would never end.
    if len(items) % 2 or not all(isinstance(key, str | int) for key in items[::2]):
        raise ValueError("dict items that are no pairs of a name and a value")
    target.update(zip(items[::2], items[1::2], strict=True))
    return target


_CALLS = {
    "collections.OrderedDict": _ordered_dict,
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v3": _rebuild_tensor_with_dtype,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch.Size": tuple,
    "torch.device": _nothing,
    "torch.serialization._get_layout": _nothing,
    "_codecs.encode": _nothing,
    "builtins.set": list,
    "__builtin__.set": list,
}
_PLAIN = ("torch.nn.parameter.Parameter", "torch.float", "torch.contiguous_format", "torch.preserve_format")

# instruction -> the value it pushes, or None for "its own argument"
_PUSH_ARGUMENT = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES "
    "SHORT_BINBYTES BINBYTES8 UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8".split()
)
_PUSH_CONSTANT = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MARK = object()


def _resolve(module: str, name: str, file) -> _Name:
    full = f"{module}.{name}"
    if full in _CALLS:
        return _Name(module, name, _CALLS[full])
    if module in ("torch", "torch.storage", "torch.cuda") and name in _STORAGES:
        return _Name(module, name, dtype=_STORAGES[name])
    if module == "torch" and name in DTYPES:
        return _Name(module, name, dtype=name)
    if full in _PLAIN:
        return _Name(module, name)
    raise CheckpointError(
        f"[torch] {file}: expected a pickle of tensors only, got one that asks for {full!r}; "
        "it was not run. Load the file where you trust it and save its state_dict as safetensors"
    )


class _Machine:
    """The stack and memo of one pickle."""

    def __init__(self, file):
        self.file, self.stack, self.memo = file, [], {}

    def pop_to_mark(self) -> list:
        at = len(self.stack) - 1 - self.stack[::-1].index(_MARK)
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def set_items(self, items: list) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise ValueError("items for something that is no dict")
        _fill(target, items)

    def append(self, items: list) -> None:
        if not isinstance(self.stack[-1], list):
            raise ValueError("items for something that is no list")
        self.stack[-1].extend(items)

    def call(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, _Name) or function.call is None or not isinstance(arguments, tuple):
            raise ValueError("a call of something that is no function")
        self.stack.append(function.call(*arguments))

    def persistent(self) -> None:
        tag, kind, key, _device, size, *view = self.stack.pop()
        if tag not in ("storage", b"storage") or not isinstance(kind, _Name) or kind.dtype is None:
            raise ValueError("a stored object that is no storage")
        offset = view[0][1] if view and view[0] is not None else 0
        if not isinstance(key, str | int) or not all(isinstance(n, int) and n >= 0 for n in (size, offset)):
            raise ValueError("a storage of impossible name or size")
        self.stack.append(Storage(kind.dtype, str(key), size, offset))

    def step(self, name: str, argument) -> None:
        """One instruction, named as in `pickletools`."""
        stack = self.stack
        if name in _PUSH_ARGUMENT:
            stack.append(argument)
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self.memo[int(argument)])
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self.memo[int(argument)] = stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif name in _PUSH_CONSTANT:
            stack.append(_PUSH_CONSTANT[name])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in _TUPLES:
            count = _TUPLES[name]
            if len(stack) < count:
                raise IndexError("the stack is empty")
            stack[-count:] = [tuple(stack[-count:])]
        elif name == "TUPLE":
            stack.append(tuple(self.pop_to_mark()))
        elif name in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_SET"):
            stack.append({} if name == "EMPTY_DICT" else [])
        elif name in ("DICT", "LIST"):
            items = self.pop_to_mark()
            stack.append({} if name == "DICT" else [])
            (self.set_items if name == "DICT" else self.append)(items)
        elif name == "SETITEMS":
            self.set_items(self.pop_to_mark())
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            self.set_items([key, value])
        elif name in ("APPENDS", "ADDITEMS"):
            self.append(self.pop_to_mark())
        elif name == "APPEND":
            item = stack.pop()
            self.append([item])
        elif name == "GLOBAL":
            stack.append(_resolve(*argument.split(" ", 1), self.file))
        elif name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            stack.append(_resolve(module, attribute, self.file))
        elif name == "REDUCE":
            self.call()
        elif name == "BINPERSID":
            self.persistent()
        elif name in ("BUILD", "POP"):  # the state of an object is metadata, such as the version of a module
            stack.pop()
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise ValueError(f"the instruction {name}, which no tensor needs")


def read_pickle(stream: BinaryIO, file) -> Any:
    """The value of one pickle: dicts, lists, tuples, numbers, strings and `StoredTensor`s.

    Leaves `stream` after the pickle. Raises `CheckpointError`, naming `file`, for a name or an instruction that is
    not on the list, and for a corrupt or truncated pickle.
    """
    machine = _Machine(file)
    try:
        for instruction, argument, _ in pickletools.genops(stream):
            machine.step(instruction.name, argument)
        return machine.stack[-1]
    except CheckpointError:
        raise
    except Exception as error:  # whatever bytes can provoke: the machine holds only our own plain values
        raise CheckpointError(
            f"[torch] {file}: expected a pickle of tensors, got {type(error).__name__}: {error}; "
            "the file is truncated, corrupt or no torch checkpoint, download it again"
        ) from None
