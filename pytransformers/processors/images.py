"""Images from anywhere, and the steps that make arrays of them. Pillow reads and resizes; NumPy does the rest."""

from __future__ import annotations

import base64
import binascii
import os
from io import BytesIO
from typing import Any

import numpy as np

FIRST, LAST = "channels_first", "channels_last"
CHANNELS = (1, 3)  # a size that tells which axis holds the channels
IMAGENET_STANDARD_MEAN = [0.5, 0.5, 0.5]
IMAGENET_STANDARD_STD = [0.5, 0.5, 0.5]


def pillow() -> Any:
    """PIL.Image; ImportError says what installs it."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            '[image] expected the package Pillow, found none; run: pip install "pytransformers[vision]"', name="PIL"
        ) from error
    return Image


def load_image(image: Any, timeout: float | None = None) -> Any:
    """An RGB image of Pillow, turned as its EXIF data say.

    Args:
        image: Pillow's, the image file's bytes, a path, a URL (http or https), base64 text, or a data: URL.
        timeout: of a URL, in seconds.
    Raises:
        ValueError: the source is no image. TypeError: it is none of these kinds.
    """
    pil = pillow()
    from PIL import ImageOps

    if not isinstance(image, pil.Image):
        image = _opened(image, timeout)
    return ImageOps.exif_transpose(image).convert("RGB")


def _opened(source: Any, timeout: float | None) -> Any:
    pil = pillow()
    shown = repr(source)[:80]
    if isinstance(source, (bytes, bytearray)):
        data: Any = BytesIO(source)
    elif isinstance(source, os.PathLike) or (isinstance(source, str) and os.path.isfile(source)):
        data = os.fspath(source)
    elif isinstance(source, str) and source.startswith(("http://", "https://")):
        data = BytesIO(_fetched(source, timeout))
    elif isinstance(source, str):
        text = source.partition(",")[2] if source.startswith("data:image/") else source
        try:
            data = BytesIO(base64.b64decode("".join(text.split()), validate=True))
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"[image] expected a path, a URL or base64 text, got {shown}; check it") from error
    else:
        raise TypeError(f"[image] expected an image of Pillow, bytes, a path, a URL or base64 text, got {shown}")
    try:
        return pil.open(data)
    except pil.UnidentifiedImageError as error:
        raise ValueError(f"[image] expected an image in a format Pillow reads, got {shown}") from error


def _fetched(url: str, timeout: float | None) -> bytes:
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(url, headers={"User-Agent": "pytransformers"}), timeout=timeout) as response:
            return response.read()
    except (URLError, OSError) as error:
        raise ValueError(f"[image] could not fetch {url}: {error}") from error


def to_array(image: Any) -> np.ndarray:
    """A NumPy array of an image of Pillow or of any framework."""
    if hasattr(image, "detach"):
        image = image.detach().cpu()
    return np.asarray(image)


def channel_format(image: np.ndarray) -> str:
    """FIRST or LAST, told by which axis of (?, ?, ?) has 1 or 3 entries; FIRST where both have."""
    if image.ndim == 3:
        for axis, name in ((0, FIRST), (2, LAST)):
            if image.shape[axis] in CHANNELS:
                return name
    raise ValueError(
        f"[image] expected an image of shape (channels, height, width) or (height, width, channels) with 1 or 3 "
        f"channels, got {image.shape}; give input_data_format, or do_convert_rgb=True"
    )


def to_format(image: np.ndarray, wanted: str, given: str) -> np.ndarray:
    """An image with its channels first or last."""
    if wanted not in (FIRST, LAST) or given not in (FIRST, LAST):
        raise ValueError(f"[image] expected a data format of {FIRST} or {LAST}, got {wanted!r} and {given!r}")
    if wanted == given:
        return image
    return image.transpose(2, 0, 1) if wanted == FIRST else image.transpose(1, 2, 0)


def resize(image: np.ndarray, size: tuple[int, int], resample: int, given: str) -> np.ndarray:
    """An image of `size` (height, width), by Pillow's filter number `resample`, in the format it had.

    Pillow works on bytes: an image of floats in [0, 1] goes through 0 to 255 and back, other numbers are cut to bytes.
    """
    pil = pillow()
    pixels = to_format(image, LAST, given)
    scaled = pixels.dtype != np.uint8 and _is_unit(pixels)
    if scaled:
        pixels = (pixels.astype(np.float64) * 255).astype(np.float32)
    pixels = pixels.astype(np.uint8)
    channels = pixels.shape[-1]
    shown = pil.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    resized = np.array(shown.resize((size[1], size[0]), resample=resample))
    resized = resized[:, :, None] if channels == 1 else resized
    resized = to_format(resized, given, LAST)
    return rescale(resized, 1 / 255) if scaled else resized


def _is_unit(image: np.ndarray) -> bool:
    """Whether an image of floats holds [0, 1] rather than 0 to 255; ValueError where it holds neither."""
    if np.array_equal(image, image.astype(np.int64)):
        if 0 <= image.min() and image.max() <= 255:
            return False
        raise ValueError(f"[image] expected whole numbers from 0 to 255, got {image.min()} to {image.max()}")
    if 0 <= image.min() and image.max() <= 1:
        return True
    raise ValueError(
        f"[image] expected numbers in [0, 1], or whole ones from 0 to 255, to resize, got {image.min()} to "
        f"{image.max()}; pass do_resize=False, or scale them"
    )


def rescale(image: np.ndarray, scale: float) -> np.ndarray:
    """`image * scale` in float32, computed in float64."""
    return (image.astype(np.float64) * scale).astype(np.float32)


def normalize(image: np.ndarray, mean: Any, std: Any, given: str) -> np.ndarray:
    """`(image - mean) / std`, for each channel where these are lists."""
    if not np.issubdtype(image.dtype, np.floating):
        image = image.astype(np.float32)
    channels = image.shape[0 if given == FIRST else 2]
    shape = (-1, 1, 1) if given == FIRST else (-1,)
    values = []
    for name, value in (("image_mean", mean), ("image_std", std)):
        value = np.asarray(value, image.dtype)
        if value.ndim and len(value) != channels:
            raise ValueError(f"[image] expected {name} to have {channels} elements, got {len(value)}")
        values.append(value.reshape(shape) if value.ndim else value)
    return (image - values[0]) / values[1]
