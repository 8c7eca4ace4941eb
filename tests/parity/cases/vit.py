import numpy as np

from ..harness import Case

CONFIG = dict(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=37, image_size=12, patch_size=4,
    encoder_stride=4, num_labels=3,
)  # fmt: skip
EVERYTHING = dict(output_hidden_states=True, output_attentions=True)
ANY_SIZE = dict(EVERYTHING, interpolate_pos_encoding=True)


def images(rng, size=(12, 12), channels=3):
    return {"pixel_values": rng.standard_normal((2, channels, *size)).astype(np.float32)}


def masked(rng):
    return images(rng) | {"bool_masked_pos": rng.random((2, 9)) < 0.4}


def case(name, model, inputs=images, options=EVERYTHING, **config):
    return Case(f"vit-{name}", "vit", model, "ViTConfig", {**CONFIG, **config}, inputs, options)


CASES = [
    case("base", "ViTModel"),
    case("relu", "ViTModel", hidden_act="relu", pooler_act="relu"),
    case("no-qkv-bias", "ViTModel", qkv_bias=False),
    case("pooler", "ViTModel", pooler_output_size=20, pooler_act="gelu"),
    case("grey", "ViTModel", lambda rng: images(rng, channels=1), num_channels=1),
    case("oblong", "ViTModel", lambda rng: images(rng, (12, 8)), image_size=(12, 8), patch_size=(3, 4)),
    case("interpolated", "ViTModel", lambda rng: images(rng, (20, 17)), ANY_SIZE),
    case("interpolated-same", "ViTModel", images, ANY_SIZE),
    case(
        "head-mask", "ViTModel", lambda rng: images(rng) | {"head_mask": rng.random((2, 4)).astype(np.float32)},
    ),
    case("classes", "ViTForImageClassification", lambda rng: images(rng) | {"labels": np.array([2, 0])}),
    case("no-classes", "ViTForImageClassification", num_labels=0),
    case(
        "regression", "ViTForImageClassification",
        lambda rng: images(rng) | {"labels": np.array([0.5, -1.0], np.float32)}, num_labels=1,
    ),
    case(
        "multi-label", "ViTForImageClassification",
        lambda rng: images(rng) | {"labels": np.array([[1, 0, 1], [0, 0, 1]], np.float32)},
    ),
    case("masked-image", "ViTForMaskedImageModeling", masked),
    case("masked-image-none", "ViTForMaskedImageModeling"),
    case("masked-image-stride", "ViTForMaskedImageModeling", encoder_stride=2),
]  # fmt: skip
