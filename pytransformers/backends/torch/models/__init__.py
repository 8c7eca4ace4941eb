"""The shared `pytransformers/models`, loaded against this backend's `nn` and `ops`."""

from pathlib import Path

__path__ = [str(Path(__file__).parents[3] / "models")]
