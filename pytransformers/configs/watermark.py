"""WatermarkingConfig: how texts are marked, to be told from others (Kirchenbauer et al., arXiv:2306.04634)."""

from __future__ import annotations

import dataclasses
import json
from typing import Any


@dataclasses.dataclass
class WatermarkingConfig:
    """`watermarking_config` of `generate`: some tokens are green after each context, and come more often.

    Args:
        greenlist_ratio: the share of green tokens, in (0, 1).
        bias: what their scores are raised by.
        hashing_key: the secret that decides which tokens are green.
        seeding_scheme: "lefthash", by the token before (algorithm 2 of the paper), or "selfhash", by the last
            `context_width` tokens with the new one (algorithm 3), which is slower.
        context_width: how many tokens the hash sees.
    Raises:
        ValueError: a value is out of its range.
    """

    greenlist_ratio: float = 0.25
    bias: float = 2.0
    hashing_key: int = 15485863
    seeding_scheme: str = "lefthash"
    context_width: int = 1

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        width = self.context_width
        checks = (
            ("greenlist_ratio", 0 < self.greenlist_ratio < 1, "a number in (0, 1)"),
            ("seeding_scheme", self.seeding_scheme in ("lefthash", "selfhash"), "lefthash or selfhash"),
            ("context_width", isinstance(width, int) and width >= 1, "a positive integer"),
        )
        for name, right, expected in checks:
            if not right:
                raise ValueError(
                    f"[watermarking_config] expected {name} to be {expected}, got {getattr(self, name)!r}: correct it"
                )

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> WatermarkingConfig:
        names = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(config_dict) - names)
        if unknown:
            raise ValueError(
                f"[watermarking_config] expected only {', '.join(sorted(names))}, got {', '.join(unknown)}: leave the "
                "rest out"
            )
        return cls(**{**config_dict, **{name: value for name, value in kwargs.items() if name in names}})

    def update(self, **kwargs: Any) -> None:
        """Set the fields that exist."""
        for name in kwargs.keys() & self.to_dict().keys():
            setattr(self, name, kwargs[name])
        self.validate()

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def to_json_string(self) -> str:
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def to_json_file(self, json_file_path: Any) -> None:
        from ..utils.files import write_text

        write_text(json_file_path, self.to_json_string())

    def __iter__(self) -> Any:
        return iter(self.to_dict().items())
