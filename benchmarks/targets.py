"""What is aimed at, and what a row says about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

LARGE = 8 << 20  # bytes that take longer than calling anything
MASKED = ("-bias", "-alibi", "-window")  # what keeps the framework's fused attention off its fast path


class Target(NamedTuple):
    title: str
    least: float
    concerns: Callable[[dict], bool]
    value: Callable[[dict], float | None]


def family(*names, framework=None):
    def concerns(row):
        return row["family"] in names and framework in (None, row["framework"])

    return concerns


def ratio(mine, *rivals):
    """Our ratio to the fastest of `rivals`."""
    def value(row):
        known = [row["ratios"].get(mine, {}).get(rival) for rival in rivals]
        return min((r for r in known if r is not None), default=None)

    return value


def share(mine):
    return lambda row: row["share_of_floor"].get(mine)


def _is_masked(row):
    return any(word in row["case"] for word in MASKED)


def _attention(masked):
    return lambda row: family("attention", framework="torch")(row) and _is_masked(row) == masked


def _large(*names):
    return lambda row: family(*names, framework="torch")(row) and row.get("traffic", 0) > LARGE


def _one_row(row):
    return row["family"] == "quantized_matmul" and row["case"].startswith("1x")


def _many_rows(row):
    return row["family"] == "quantized_matmul" and not _one_row(row) and "int8_dynamic" in row["case"]


def _model(*kinds):
    return lambda row: row["part"] == "models" and row["kind"] in kinds


def _decoding(row):
    return row["part"] == "models" and " + " in row["case"]


TARGETS = (
    Target("attention: PyTorch's SDPA over ours", 1.0, _attention(False),
           ratio("native", "F.scaled_dot_product_attention")),
    Target("attention with bias, ALiBi or window: SDPA over ours", 1.5, _attention(True),
           ratio("native", "F.scaled_dot_product_attention")),
    Target("norms that move over 8 MiB: copy over ours", 0.8, _large("layer_norm", "rms_norm"), share("native")),
    Target("rotary embedding that moves over 8 MiB: copy over ours", 0.8, _large("rotary_embedding"), share("native")),
    Target("quantised, one row: share of copy bandwidth", 0.75, _one_row, share("native")),
    Target("int8, many rows: ONNX Runtime over ours", 1.0, _many_rows, ratio("native", "ONNX Runtime")),
    Target("encoders, float32: ONNX Runtime over ours", 1.0, _model("encoder", "vision"),
           ratio("native", "ONNX Runtime")),
    Target("encoders, int8: the best of ONNX Runtime and OpenVINO over ours", 1.0, _model("encoder", "vision"),
           ratio("int8", "ONNX Runtime int8", "OpenVINO int8")),
    Target("encoders, int8: cosine to float32", 0.99, _model("encoder"),
           lambda row: row.get("cosine", {}).get("int8")),
    Target("decoding, int4: what the one-row kernel predicts over ours", 0.9, _decoding, share("int4")),
)  # fmt: skip
