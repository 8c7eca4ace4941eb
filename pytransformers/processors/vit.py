"""ViTImageProcessor: resize to a fixed size, scale to [0, 1], normalise (Dosovitskiy et al. 2020, arXiv:2010.11929)."""

from __future__ import annotations

from typing import Any

from . import images as steps
from .base import BaseImageProcessor, BatchFeature, flat_images, size_of

BILINEAR = 2  # Pillow's number


class ViTImageProcessor(BaseImageProcessor):
    """Images to "pixel_values" (batch, channels, height, width), float32.

    Args:
        do_resize, size, resample: to {"height", "width"}, by Pillow's filter of this number (2: bilinear).
        do_rescale, rescale_factor: multiply, by 1/255.
        do_normalize, image_mean, image_std: subtract and divide, a number or one for each channel.
        do_convert_rgb: make images of Pillow RGB first.
    Each may also be given with a call.
    """

    def __init__(
        self, do_resize: bool = True, size: Any = None, resample: int = BILINEAR, do_rescale: bool = True,
        rescale_factor: float = 1 / 255, do_normalize: bool = True, image_mean: Any = None, image_std: Any = None,
        do_convert_rgb: bool | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.do_resize = do_resize
        self.size = size_of({"height": 224, "width": 224} if size is None else size)
        self.resample = int(resample)
        self.do_rescale = do_rescale
        self.rescale_factor = rescale_factor
        self.do_normalize = do_normalize
        self.image_mean = steps.IMAGENET_STANDARD_MEAN if image_mean is None else image_mean
        self.image_std = steps.IMAGENET_STANDARD_STD if image_std is None else image_std
        self.do_convert_rgb = do_convert_rgb

    def preprocess(
        self, images: Any, do_resize: bool | None = None, size: Any = None, resample: int | None = None,
        do_rescale: bool | None = None, rescale_factor: float | None = None, do_normalize: bool | None = None,
        image_mean: Any = None, image_std: Any = None, return_tensors: str | None = None,
        data_format: str = steps.FIRST, input_data_format: str | None = None, do_convert_rgb: bool | None = None,
        **kwargs: Any,
    ) -> BatchFeature:  # fmt: skip
        """Images of Pillow, or arrays of any framework holding 0 to 255, to model inputs.

        Args:
            images: one, a list, or a batch in an array.
            return_tensors: "pt", "tf", "jax" or "np"; None gives a list of NumPy arrays.
            data_format, input_data_format: "channels_first" or "channels_last", of the result and of the images; the
                latter is told by the shapes if not given.
        """
        given = {name: value for name, value in locals().items() if name in vars(self) and value is not None}
        options = {**vars(self), **given}
        height, width = size_of(options["size"]).values()
        pixels = []
        for image in flat_images(images):
            if options["do_convert_rgb"] and hasattr(image, "convert"):
                image = image.convert("RGB")
            array = steps.to_array(image)
            layout = getattr(input_data_format, "value", input_data_format) or steps.channel_format(array)
            if options["do_resize"]:
                array = steps.resize(array, (height, width), int(options["resample"]), layout)
            if options["do_rescale"]:
                array = steps.rescale(array, options["rescale_factor"])
            if options["do_normalize"]:
                array = steps.normalize(array, options["image_mean"], options["image_std"], layout)
            pixels.append(steps.to_format(array, getattr(data_format, "value", data_format), layout))
        return BatchFeature({"pixel_values": pixels}, return_tensors)


class ViTImageProcessorFast(ViTImageProcessor):
    """The name of `transformers`' variant on torchvision; here it is the same, and gives the same numbers."""


class ViTFeatureExtractor(ViTImageProcessor):
    """The older name."""
