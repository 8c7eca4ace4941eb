"""Finding the files of an adapter, and whether `peft` is new enough to read them."""

from __future__ import annotations

import os
from typing import Any

from .constants import ADAPTER_CONFIG_NAME, ADAPTER_SAFE_WEIGHTS_NAME, ADAPTER_WEIGHTS_NAME
from .import_utils import is_at_least

__all__ = [
    "ADAPTER_CONFIG_NAME", "ADAPTER_SAFE_WEIGHTS_NAME", "ADAPTER_WEIGHTS_NAME", "check_peft_version",
    "find_adapter_config_file",
]  # fmt: skip


def find_adapter_config_file(model_id: str | os.PathLike[str] | None, **hub: Any) -> str | None:
    """Path of adapter_config.json in a folder or on the hub, or None; `hub` as in `cached_file`."""
    from .hub import cached_file

    if model_id is None:
        return None
    optional = {"_raise_exceptions_for_missing_entries": False, "_raise_exceptions_for_connection_errors": False}
    return cached_file(model_id, ADAPTER_CONFIG_NAME, **{**hub, **optional})


def check_peft_version(min_version: str) -> None:
    """ImportError unless `peft` is installed, of at least this version."""
    if not is_at_least("peft", min_version):
        raise ImportError(f"[peft] expected peft>={min_version}, found none or an older one; run: pip install -U peft")
