"""What every image processor does: settings in preprocessor_config.json, and batches."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..configs.base import HUB_ARGUMENTS, IGNORED_ARGUMENTS
from ..tokenizers.tensors import as_tensor
from ..utils.files import make_folder, read_json_object, write_text
from .images import pillow

IMAGE_PROCESSOR_NAME = "preprocessor_config.json"
PROCESSOR_NAME = "processor_config.json"


class BatchFeature(dict):
    """Model inputs by name, also as attributes: lists of arrays, or arrays of a framework."""

    def __init__(self, data: Mapping[str, Any] | None = None, tensor_type: str | None = None) -> None:
        super().__init__(data or {})
        self.convert_to_tensors(tensor_type)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"[BatchFeature] expected one of {', '.join(self)}, got {name!r}") from None

    def convert_to_tensors(self, tensor_type: str | None = None) -> BatchFeature:
        """Turn the values into arrays, in place: "np", "pt", "tf" or "jax"."""
        if tensor_type is not None:
            kind = getattr(tensor_type, "value", tensor_type)
            for name, value in self.items():
                if isinstance(value, list) and len({getattr(item, "shape", None) for item in value}) > 1:
                    shapes = ", ".join(sorted({str(item.shape) for item in value}))
                    raise ValueError(f"[{name}] expected images of one size, got {shapes}; pass do_resize=True")
                self[name] = as_tensor(name, np.stack(value) if isinstance(value, list) else value, kind)
        return self

    def to(self, *args: Any, **kwargs: Any) -> BatchFeature:
        """Move PyTorch tensors to a device, or floating ones to a dtype, in place."""
        for name, value in self.items():
            if hasattr(value, "to"):
                self[name] = value.to(*args, **kwargs)
        return self


class BaseImageProcessor:
    """Base of image processors: a subclass sets its settings as attributes and defines `preprocess`."""

    model_input_names: ClassVar[list[str]] = ["pixel_values"]

    def __init__(self, **kwargs: Any) -> None:
        for name in ("image_processor_type", "feature_extractor_type", "processor_class"):
            kwargs.pop(name, None)
        vars(self).update(kwargs)  # settings of other versions stay, and are saved

    def __call__(self, images: Any, **kwargs: Any) -> BatchFeature:
        return self.preprocess(images, **kwargs)

    def preprocess(self, images: Any, **kwargs: Any) -> BatchFeature:
        """Images to model inputs."""
        raise NotImplementedError(f"[{type(self).__name__}] expected the class to define preprocess")

    @classmethod
    def get_image_processor_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """(settings of a folder, a file or a hub id; the keyword arguments that do not say where it is)."""
        from ..weights import resolve_file

        where = os.fspath(pretrained_model_name_or_path)
        for name in IGNORED_ARGUMENTS:
            kwargs.pop(name, None)
        hub = {name: kwargs.pop(name) for name in HUB_ARGUMENTS if name in kwargs}
        hub = {name: value for name, value in hub.items() if value is not None}
        if os.path.isfile(where):
            return read_json_object(where), kwargs
        for name in (IMAGE_PROCESSOR_NAME, PROCESSOR_NAME):
            path = resolve_file(where, name, **hub)
            if path is not None:
                values = read_json_object(path)
                return values.get("image_processor", values), kwargs
        raise OSError(
            f"[{where}] expected {IMAGE_PROCESSOR_NAME}, found none; give a folder that holds one, or a hub id"
        )

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any) -> Any:
        """Load from a folder, a preprocessor_config.json or a hub id; keywords override its settings."""
        values, kwargs = cls.get_image_processor_dict(pretrained_model_name_or_path, **kwargs)
        return cls.from_dict(values, **kwargs)

    @classmethod
    def from_dict(cls, image_processor_dict: Mapping[str, Any], **kwargs: Any) -> Any:
        """Make one from its settings; with `return_unused_kwargs=True` also the keywords that are none."""
        unused = kwargs.pop("return_unused_kwargs", False)
        known = {name: kwargs.pop(name) for name in list(kwargs) if name in image_processor_dict or not unused}
        processor = cls(**{**image_processor_dict, **known})
        return (processor, kwargs) if unused else processor

    def to_dict(self) -> dict[str, Any]:
        """The settings, and the class under "image_processor_type"."""
        return {**vars(self), "image_processor_type": type(self).__name__}

    def to_json_string(self) -> str:
        """The text of preprocessor_config.json."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True, default=lambda value: value.tolist()) + "\n"

    def save_pretrained(self, save_directory: str | os.PathLike[str], push_to_hub: bool = False, **kwargs: Any) -> list:
        """Write preprocessor_config.json; returns its path in a list."""
        folder = make_folder(save_directory)
        path = os.path.join(folder, IMAGE_PROCESSOR_NAME)
        write_text(path, self.to_json_string())
        if push_to_hub:
            self.push_to_hub(kwargs.pop("repo_id", os.path.basename(os.path.abspath(folder))), **kwargs)
        return [path]

    def push_to_hub(self, repo_id: str, **kwargs: Any) -> Any:
        """Upload the file of `save_pretrained`; arguments as in `utils.hub.push_to_hub`."""
        from ..utils.hub import push_to_hub

        return push_to_hub(self.save_pretrained, repo_id, **kwargs)

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"


def flat_images(images: Any) -> list[Any]:
    """A list of single images from one image, a batch in an array, a list, or a list of lists."""
    if isinstance(images, (list, tuple)):
        if not images:
            raise ValueError("[image] expected at least one image, got an empty list")
        return [image for entry in images for image in flat_images(entry)]
    if not isinstance(images, pillow().Image):
        shape = getattr(images, "shape", None)
        if shape is None:
            raise ValueError(
                "Invalid image type. Must be of type PIL.Image.Image, numpy.ndarray, torch.Tensor, tf.Tensor or "
                f"jax.ndarray, got {type(images).__name__}"
            )
        if len(shape) == 4:
            return list(images)
    return [images]


def size_of(size: Any) -> dict[str, int]:
    """{"height", "width"} from that, from one number for both, or from (height, width)."""
    if isinstance(size, int):
        return {"height": size, "width": size}
    if isinstance(size, (list, tuple)) and len(size) == 2:
        return {"height": size[0], "width": size[1]}
    if not isinstance(size, Mapping) or not {"height", "width"} <= size.keys():
        raise ValueError(f"[size] expected a number, or height and width, got {size!r}")
    return {"height": size["height"], "width": size["width"]}
