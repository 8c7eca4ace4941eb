"""Every transformer architecture from one definition, natively in PyTorch, JAX and TensorFlow.

Importing this package loads no framework and no NumPy: a name is imported when it is first asked for, with the
one framework it belongs to. `BertModel` is PyTorch's, `FlaxBertModel` JAX's, `TFBertModel` TensorFlow's.
"""

_SUBMODULES = (
    "auto", "backends", "cli", "configs", "dropin", "ops", "outputs", "pipelines", "processors", "tokenizers",
    "training", "utils", "version", "weights",
)  # fmt: skip


def __getattr__(name):
    from importlib import import_module

    if name in _SUBMODULES:
        return import_module(f".{name}", __name__)
    if name.startswith("__") and name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = import_module(".auto.registry", __name__).load(name)
    return value


def __dir__():
    from .auto.registry import PLACES

    return sorted({*globals(), *_SUBMODULES, *PLACES})
