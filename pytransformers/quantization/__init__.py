"""Linear layers with weights of 8 or 4 bits, for a model of any framework.

    model = quantize(BertModel.from_pretrained(folder), "int8_dynamic")
    model.save_pretrained(other)                    # codes and scales; `from_pretrained` makes the same layers again

Formats and rounding: `pytransformers/ops/quantized_matmul.py`.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np

from pytransformers.ops import quantized_matmul as contract

__all__ = ["prepared", "quantize"]

METHOD = "pytransformers"  # `quant_method` in config.json
GROUP_SIZES = {"int8_dynamic": 0, "int8": 0, "int4": 64, "nf4": 64}


def quantize(model, quantization="int8_dynamic", group_size=None, *, symmetric=True, skip=None):
    """Replaces the linear layers of a loaded model, in place, by `QuantizedLinear`; returns the model.

    Args:
        quantization: "int8_dynamic" (activations are rounded too; for many rows), "int8", "int4" or "nf4" (weights
            only; for decoding).
        group_size: columns that share a scale, a multiple of 8; 0 for one scale a row. Default: 64 for int4 and nf4.
        symmetric: False gives int8 and int4 an offset for each scale.
        skip: names of modules to leave alone, whole ("lm_head") or in part ("attention", "layer.0"). Default: the
            projection to the vocabulary. Layers that share their weight with another are always left alone.
    Raises:
        ValueError: an argument does not fit, the model has no weights yet or is quantised already, or there is nothing
            to replace.
    """
    if getattr(model.config, "quantization_config", None):
        raise ValueError(f"[quantize] expected a model that is not quantised, got one with "
                         f"{model.config.quantization_config}, load it again")  # fmt: skip
    if model._is_empty():
        raise ValueError("[quantize] expected a model with weights, got an empty one, load a checkpoint first")
    if quantization not in GROUP_SIZES:
        known = ", ".join(GROUP_SIZES)
        raise ValueError(f"[quantize] expected one of {known}, got {quantization!r}, name one of these")
    if isinstance(skip, str):
        raise ValueError(f"[quantize] expected a list of names to skip, got {skip!r}, write skip=[{skip!r}]")
    settings = {
        "quant_method": METHOD, "quantization": quantization, "symmetric": symmetric,
        "group_size": GROUP_SIZES[quantization] if group_size is None else group_size,
        "skip": None if skip is None else list(skip),
    }  # fmt: skip

    def arrays(name, module, transposed):
        weight = model._array(f"{name}.weight")
        return contract.quantize(weight.T if transposed else weight, quantization, settings["group_size"],
                                 symmetric=symmetric)  # fmt: skip

    _replace(model, settings, arrays)
    model.config.quantization_config = settings
    return model


def prepared(model):
    """The model, which is about to take a checkpoint, with the layers that its config says were quantised."""
    settings = getattr(model.config, "quantization_config", None)
    if not isinstance(settings, dict) or settings.get("quant_method") != METHOD:
        return model

    def arrays(name, module, transposed):
        n, k = module.weight.shape[::-1] if transposed else module.weight.shape
        codes, scales = contract.shapes(int(n), int(k), settings["quantization"], settings["group_size"])
        offsets = None if settings["symmetric"] else np.zeros(scales, np.float32)
        return np.zeros(codes, np.uint8), np.zeros(scales, np.float32), offsets

    _replace(model, settings, arrays)
    return model


def _replace(model, settings, arrays):
    quantized = import_module(f"{_backend(model)}.layers.quantized")
    chosen = _chosen(model, settings["skip"])
    if not chosen:
        raise ValueError(f"[quantize] expected linear layers in {type(model).__name__}, got none that `skip` leaves")
    for name, module, transposed in chosen:
        rows, columns = module.weight.shape[::-1] if transposed else module.weight.shape
        layer = quantized.QuantizedLinear(
            int(columns), int(rows), *arrays(name, module, transposed), module.bias,
            quantization=settings["quantization"], group_size=settings["group_size"],
        )  # fmt: skip
        model.replace_module(name, layer)


def _chosen(model, skip):
    """(name, module, whether its weight is (in, out)) of each layer to replace."""
    backend = _backend(model)
    kinds = {import_module(f"{backend}.nn").Linear: False, import_module(f"{backend}.layers.conv1d").Conv1D: True}
    ties = model.ties()
    shared = {*ties, *ties.values()}
    projection = model.get_output_embeddings() if skip is None else None
    return [
        (name, module, kinds[type(module)])
        for name, module in model.named_modules()
        if type(module) in kinds and module is not projection and f"{name}.weight" not in shared
        and not any(f".{part}." in f".{name}." for part in skip or ())
    ]  # fmt: skip


def _backend(model):
    """The package of the model's framework."""
    for cls in type(model).__mro__:
        parts = cls.__module__.split(".")
        if parts[:2] == ["pytransformers", "backends"]:
            return ".".join(parts[:3])
    raise ValueError(f"[quantize] expected a model of this package, got {type(model).__name__}, load it with it")
