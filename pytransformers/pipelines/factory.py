"""pipeline(): from a task's name and a checkpoint to a pipeline."""

from __future__ import annotations

import logging
import os
from typing import Any

from ..auto.registry import installed, load
from ..auto.table import FRAMEWORKS
from .base import Pipeline, framework_of
from .registry import PIPELINE_REGISTRY, PREFIXES, task_of

logger = logging.getLogger(__name__)
TEXT = (str, os.PathLike)


def pipeline(
    task: str | None = None, model: Any = None, config: Any = None, tokenizer: Any = None,
    feature_extractor: Any = None, image_processor: Any = None, processor: Any = None, framework: str | None = None,
    revision: str | None = None, use_fast: bool = True, token: str | bool | None = None, device: Any = None,
    device_map: Any = None, dtype: Any = "auto", trust_remote_code: bool | None = None,
    model_kwargs: dict[str, Any] | None = None, pipeline_class: type | None = None, **kwargs: Any,
) -> Pipeline:  # fmt: skip
    """Make a pipeline for a task.

    Args:
        task: "text-classification", "fill-mask", ... (`get_supported_tasks()` lists them), "translation_en_to_fr", or
            a registered one. None tells it from the model's class.
        model: a folder, a hub id, or a model of any framework. None takes the task's own from the hub.
        config: a configuration, or where to read one.
        tokenizer, image_processor, feature_extractor, processor: objects, or where to load them; default: the model's
            place. A tokenizer may also be (where, keyword arguments).
        framework: "pt", "tf" or "jax"; default: the model's, else the first of these that is installed.
        revision, token: of the hub.
        device: an index (-1 is the CPU), a name, or the framework's own; None is an accelerator if there is one.
        device_map: as of the model's `from_pretrained`, PyTorch only.
        dtype: of the model; "auto" is the checkpoint's. `torch_dtype` is its older name.
        trust_remote_code: for the interface; no code from a checkpoint is ever run.
        model_kwargs: further arguments of the model's `from_pretrained`.
        pipeline_class: a class to take instead of the task's.
        kwargs: `batch_size`, and the task's own arguments.
    """
    if task is None and model is None:
        raise RuntimeError("[pipeline] expected a task or a model, got neither")
    if framework is not None and framework not in PREFIXES:
        raise ValueError(f"[pipeline] expected framework to be {', '.join(PREFIXES)} or None, got {framework!r}")
    hub = {name: value for name, value in (("revision", revision), ("token", token)) if value is not None}
    place = next((os.fspath(where) for where in (model, config) if isinstance(where, TEXT)), None)
    if isinstance(config, TEXT) or (config is None and isinstance(model, TEXT)):
        config = load("AutoConfig").from_pretrained(model if config is None else config, **hub)
    task = task or _task_of_model(model, config)
    row = PIPELINE_REGISTRY.check_task(task)[1]
    cls = pipeline_class or row["impl"]
    if model is None:
        framework = framework or _first_installed(row)
        model, default_revision = _default(row, framework, task)
        hub.setdefault("revision", default_revision)
        logger.warning("[pipeline] no model was given for %s; %s (%s) is taken", task, model, hub["revision"])
        place = model
    older = kwargs.pop("torch_dtype", None)
    if isinstance(model, TEXT):
        framework = framework or _first_installed(row)
        dtype = older if older is not None and dtype == "auto" else dtype
        loading = _loading(dict(model_kwargs or {}), dtype, device, device_map)
        model = _load_model(row, framework, model, task, config=config, **hub, **loading)
    framework = framework or framework_of(model)
    parts = {
        "tokenizer": (cls._load_tokenizer, tokenizer, "AutoTokenizer", {"use_fast": use_fast}),
        "image_processor": (cls._load_image_processor, image_processor or feature_extractor, "AutoImageProcessor", {}),
    }
    made = {part: _load_part(part, *how, place, hub, model.config) for part, how in parts.items()}
    made |= {"feature_extractor": None if isinstance(feature_extractor, TEXT) else feature_extractor,
             "processor": processor, "device": device}  # fmt: skip
    made = {part: value for part, value in made.items() if value is not None}
    return cls(model=model, framework=framework, task=_translation(task, model), **made, **kwargs)


def get_task(model: str | os.PathLike[str], token: str | bool | None = None) -> str:
    """The task of a checkpoint, told by the class that its config.json names. RuntimeError if that tells nothing."""
    return _task_of_model(model, load("AutoConfig").from_pretrained(model, token=token))


def _task_of_model(model: Any, config: Any) -> str:
    """The task of a model object's class, or of the class that a checkpoint's config.json names."""
    names = [type(model).__name__] if not isinstance(model, TEXT) else list(config.architectures or ())
    found = next(filter(None, map(task_of, names)), None)
    if found is None:
        shown = ", ".join(names) or "no architectures in its config.json"
        raise RuntimeError(f"[pipeline] could not tell the task of {model!r:.80} from {shown}; pass task=")
    return found


def _first_installed(row: dict[str, Any]) -> str:
    able = [name for name in PREFIXES if row[name]]
    for name in able:
        if installed(FRAMEWORKS[PREFIXES[name]]):
            return name
    raise ImportError(f"[pipeline] expected a framework to be installed ({', '.join(able)}), found none")


def _default(row: dict[str, Any], framework: str, task: str) -> tuple[str, str]:
    found = (row.get("default") or {}).get("model", {})
    found = found.get(framework) if isinstance(found, dict) else found
    if found is None:
        raise ValueError(f"[pipeline] expected a model for {task}, which has no default; pass model=")
    return (found, "main") if isinstance(found, str) else tuple(found)


def _loading(model_kwargs: dict[str, Any], dtype: Any, device: Any, device_map: Any) -> dict[str, Any]:
    """Arguments of the model's from_pretrained; contradictions are refused."""
    inside = [name for name in ("dtype", "torch_dtype") if name in model_kwargs]
    if inside and dtype != "auto":
        raise ValueError(f"[pipeline] expected dtype once, got it as an argument and as model_kwargs[{inside[0]!r}]")
    if device_map is not None:
        if "device_map" in model_kwargs:
            raise ValueError("[pipeline] expected device_map once, got it as an argument and in model_kwargs")
        if device is not None:
            raise ValueError("[pipeline] expected device or device_map, got both; leave device out")
        model_kwargs["device_map"] = device_map
    if not inside and dtype is not None:
        model_kwargs["dtype"] = dtype
    return model_kwargs


def _load_model(row: dict[str, Any], framework: str, place: Any, task: str, **arguments: Any) -> Any:
    """The model, by the first of the task's classes that knows its configuration."""
    if not row[framework]:
        able = ", ".join(name for name in PREFIXES if row[name])
        raise ValueError(f"[pipeline] {task} has no models for framework={framework!r}; it has for {able}")
    first = None
    for cls in row[framework]:
        try:
            return cls.from_pretrained(place, **arguments)
        except ValueError as error:  # another head, perhaps
            first = first or error
    raise first


def _load_part(
    part: str, wanted: bool | None, given: Any, auto: str, options: dict, place: str | None, hub: dict, config: Any
) -> Any:
    """A tokenizer or image processor: the object given, or what lies where it or the model says."""
    if wanted is False or (given is not None and not isinstance(given, (*TEXT, tuple))):
        return None if wanted is False else given
    where, options = (given[0], {**options, **given[1]}) if isinstance(given, tuple) else (given or place, options)
    try:
        if where is None:
            raise ValueError(
                f"[pipeline] expected {part}, as the model is an object that says not where it came from; pass {part}="
            )
        return load(auto).from_pretrained(where, config=config, **options, **hub)
    except (OSError, ValueError, ImportError):
        if wanted:
            raise
        return None


def _translation(task: str, model: Any) -> str:
    """For "translation", the languages that the model's own settings name, if they do."""
    if task == "translation":
        for key in getattr(model.config, "task_specific_params", None) or {}:
            if key.startswith("translation"):
                return key
    return task
