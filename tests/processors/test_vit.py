"""ViT's image processor, number for number against `transformers`' slow one, and loading images."""

import base64
import http.server
import io
import json
import threading

import numpy as np
import pytest
from PIL import Image

from pytransformers import AutoImageProcessor, ViTConfig, ViTImageProcessor, ViTImageProcessorFast
from pytransformers.processors.images import load_image


@pytest.fixture(scope="module")
def theirs():
    from transformers import ViTImageProcessor as Theirs

    return Theirs


def picture(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


SETTINGS = {
    "default": {},
    "small": {"size": {"height": 19, "width": 31}},
    "number": {"size": 24},
    "nearest": {"resample": 0, "size": 24},
    "lanczos": {"resample": 1, "size": 50},
    "bicubic": {"resample": 3, "size": 50},
    "mean": {"image_mean": [0.48, 0.45, 0.4], "image_std": [0.22, 0.25, 0.3]},
    "one mean": {"image_mean": 0.3, "image_std": 0.7},
    "plain": {"do_normalize": False},
    "bytes": {"do_normalize": False, "do_rescale": False, "size": 9},
    "factor": {"rescale_factor": 1 / 127.5, "do_normalize": False},
    "as it is": {"do_resize": False},
    "normalised bytes": {"do_rescale": False, "size": 9},
}
IMAGES = {
    "pillow": lambda: Image.fromarray(picture(40, 30, 3)),
    "several": lambda: [Image.fromarray(picture(40, 30, 3, seed=n)) for n in range(3)],
    "last": lambda: picture(21, 33, 3),
    "first": lambda: picture(3, 21, 33),
    "batch": lambda: picture(4, 21, 33, 3),
    "floats": lambda: picture(21, 33, 3).astype(np.float32),
    "unit": lambda: picture(21, 33, 3).astype(np.float32) / 255,
    "nested": lambda: [[Image.fromarray(picture(40, 30, 3))]],
}


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("settings", SETTINGS)
def test_equals_transformers(theirs, settings, image):
    options, made = SETTINGS[settings], IMAGES[image]()
    ours, expected = (cls(**options)(made, return_tensors="np")["pixel_values"] for cls in (ViTImageProcessor, theirs))
    assert ours.dtype == expected.dtype and ours.shape == expected.shape
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        {"data_format": "channels_last"},
        {"input_data_format": "channels_first"},
        {"size": {"height": 8, "width": 5}, "do_rescale": False},
        {"do_resize": False, "do_normalize": False},
        {"image_mean": [0.1, 0.2, 0.3]},
    ],
)
def test_options_of_a_call(theirs, call):
    image = picture(3, 21, 33)
    ours, expected = (cls(size=16)(image, return_tensors="np", **call) for cls in (ViTImageProcessor, theirs))
    np.testing.assert_allclose(ours.pixel_values, expected.pixel_values, rtol=0, atol=1e-6)


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "P"])
def test_converted_to_rgb(theirs, mode):
    image = Image.fromarray(picture(20, 20, 3)).convert(mode)
    ours, expected = (cls(do_convert_rgb=True, size=16)(image)["pixel_values"] for cls in (ViTImageProcessor, theirs))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind, module", [("np", "numpy"), ("pt", "torch"), ("jax", "jax"), ("tf", "tensorflow")])
def test_tensors(kind, module):
    found = ViTImageProcessor(size=16)([picture(20, 20, 3)] * 2, return_tensors=kind)
    assert type(found.pixel_values).__module__.startswith(module)
    assert tuple(found["pixel_values"].shape) == (2, 3, 16, 16)
    again = ViTImageProcessor(size=16, do_normalize=False)(found.pixel_values[:, :, :5], do_resize=False)
    assert again.pixel_values[0].shape == (3, 5, 16)


def test_files(theirs, tmp_path):
    theirs(size={"height": 16, "width": 12}, image_mean=[0.1, 0.2, 0.3]).save_pretrained(tmp_path / "theirs")
    ours = AutoImageProcessor.from_pretrained(tmp_path / "theirs", do_normalize=False)
    assert type(ours) is ViTImageProcessor and ours.size == {"height": 16, "width": 12} and not ours.do_normalize
    ours.save_pretrained(tmp_path / "ours")
    assert theirs.from_pretrained(tmp_path / "ours").to_dict() == theirs.from_pretrained(
        tmp_path / "theirs", do_normalize=False
    ).to_dict()
    assert ViTImageProcessor.from_pretrained(str(tmp_path / "ours" / "preprocessor_config.json")).size == ours.size


@pytest.mark.parametrize(
    "written, cls",
    [
        ({"image_processor_type": "ViTImageProcessorFast"}, ViTImageProcessorFast),
        ({"feature_extractor_type": "ViTFeatureExtractor", "size": 20}, ViTImageProcessor),
        ({"size": 20}, ViTImageProcessor),
    ],
)
def test_older_files(written, cls, tmp_path):
    ViTConfig().save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(written))
    assert type(AutoImageProcessor.from_pretrained(tmp_path)) is cls


def test_registered(tmp_path):
    class Mine(ViTImageProcessor):
        pass

    AutoImageProcessor.register(ViTConfig, Mine)
    Mine(size=4).save_pretrained(tmp_path)
    assert type(AutoImageProcessor.from_pretrained(tmp_path)) is Mine


def test_bad_input(tmp_path):
    processor = ViTImageProcessor(size=16)
    with pytest.raises(ValueError, match="Invalid image type"):
        processor("text")
    with pytest.raises(ValueError, match="at least one image"):
        processor([])
    with pytest.raises(ValueError, match=r"1 or 3 channels, got \(20, 20\)"):
        processor(picture(20, 20))
    with pytest.raises(ValueError, match="do_resize=False"):
        processor(picture(20, 20, 3) * 1.7)
    with pytest.raises(ValueError, match="image_mean to have 3 elements, got 2"):
        processor(picture(20, 20, 3), image_mean=[0.1, 0.2])
    with pytest.raises(ValueError, match="images of one size"):
        processor([picture(20, 20, 3), picture(10, 20, 3)], do_resize=False, return_tensors="np")
    with pytest.raises(ValueError, match="expected a number, or height and width"):
        ViTImageProcessor(size={"shortest_edge": 3})
    with pytest.raises(OSError, match="expected preprocessor_config.json, found none"):
        AutoImageProcessor.from_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text('{"image_processor_type": "NoSuchProcessor"}')
    with pytest.raises(ValueError, match="expected image_processor_type to name a class there is, got 'NoSuch"):
        AutoImageProcessor.from_pretrained(tmp_path)
    with pytest.raises(OSError, match="no instances"):
        AutoImageProcessor()


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A picture that its EXIF data turn by a quarter."""
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(8, 12, 3)).save(path, exif=exif)
    return path


def test_sources(photo, theirs):
    from transformers.image_utils import load_image as their_load_image

    data = photo.read_bytes()
    text = base64.b64encode(data).decode()
    expected = np.asarray(their_load_image(str(photo)))
    assert expected.shape == (12, 8, 3)

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802
            found = self.path == "/photo"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(data if found else b"")

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    sources = [str(photo), photo, data, bytearray(data), text, "\n".join(text[i : i + 76] for i in range(0, 9999, 76)),
               f"data:image/jpeg;base64,{text}", Image.open(io.BytesIO(data)), f"{address}/photo"]  # fmt: skip
    for source in sources:
        assert np.array_equal(load_image(source), expected)
    with pytest.raises(ValueError, match="could not fetch .*404"):
        load_image(f"{address}/none", timeout=5)
    server.shutdown()
