"""Reading and writing checkpoints, with no framework: safetensors, torch `.bin`, Keras `.h5`, Flax `.msgpack`.

    with open_checkpoint("folder-or-hub-id") as checkpoint:
        plan = match(expected_shapes, checkpoint, base_model_prefix="bert")
        for name, tensor in plan.assign.items():
            data = tensor.buffer()          # bytes, memory-mapped

Names are imported on first use, so that asking for `resolve_file` alone loads no NumPy.
"""

from importlib import import_module

_HOME = {
    "CheckpointError": "errors",
    "ShapeMismatchError": "errors",
    "resolve_file": "hub",
    "LazyTensor": "tensor",
    "DTYPES": "tensor",
    "numpy_dtype": "tensor",
    "Checkpoint": "checkpoint",
    "open_checkpoint": "checkpoint",
    "ArraySource": "save",
    "save_checkpoint": "save",
    "save_json": "save",
    "LoadPlan": "matching",
    "match": "matching",
    "rename": "matching",
    "reverse_renames": "matching",
}
__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
