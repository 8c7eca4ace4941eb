"""Fetching files from a model hub, and uploading what `save_pretrained` writes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

__all__ = [
    "PushToHubMixin", "cached_file", "extract_commit_hash", "get_checkpoint_shard_files",
    "has_file", "http_user_agent", "is_offline_mode", "is_remote_url",
]  # fmt: skip

# What says where a file comes from; other arguments of `transformers` change nothing here.
_PLACE = ("cache_dir", "force_download", "local_files_only", "token", "revision", "subfolder")


def push_to_hub(
    save: Callable[[str], Any],
    repo_id: str,
    *,
    commit_message: str | None = None,
    commit_description: str | None = None,
    private: bool | None = None,
    token: bool | str | None = None,
    revision: str | None = None,
    create_pr: bool = False,
) -> Any:
    """Create `repo_id` if it is missing, let `save(folder)` fill a temporary folder, and upload that folder.

    Returns huggingface_hub's CommitInfo. The endpoint and the token follow HF_ENDPOINT and HF_TOKEN.
    """
    import tempfile

    from huggingface_hub import HfApi

    api = HfApi(token=token)
    repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
    with tempfile.TemporaryDirectory() as folder:
        save(folder)
        return api.upload_folder(
            repo_id=repo_id,
            folder_path=folder,
            commit_message=commit_message or "Upload with pytransformers",
            commit_description=commit_description,
            revision=revision,
            create_pr=create_pr,
        )


class PushToHubMixin:
    """`push_to_hub` for any class that has `save_pretrained(folder)`."""

    def push_to_hub(self, repo_id: str, **kwargs: Any) -> Any:
        """Upload to a hub repository; arguments as in `utils.hub.push_to_hub`. Returns its CommitInfo."""
        return push_to_hub(self.save_pretrained, repo_id, **kwargs)


def cached_file(
    path_or_repo_id: str | os.PathLike[str], filename: str, *, _raise_exceptions_for_missing_entries: bool = True,
    _raise_exceptions_for_connection_errors: bool = True, **kwargs: Any,
) -> str | None:  # fmt: skip
    """Path of a file in a folder, or in the cache after fetching it from the hub; OSError says why there is none.

    `kwargs`: cache_dir, force_download, local_files_only, token, revision, subfolder; others change nothing.
    """
    from ..weights.hub import resolve_file

    place = {name: kwargs[name] for name in _PLACE if kwargs.get(name) is not None}
    try:
        path = resolve_file(path_or_repo_id, filename, **place)
    except OSError:
        if _raise_exceptions_for_connection_errors:
            raise
        return None
    if path is None and _raise_exceptions_for_missing_entries:
        raise OSError(f"[cached_file] expected a file {filename} in {path_or_repo_id}, found none; check the name")
    return None if path is None else str(path)


def get_checkpoint_shard_files(
    pretrained_model_name_or_path: str | os.PathLike[str], index_filename: str | os.PathLike[str], **kwargs: Any
) -> tuple[list[str], dict[str, Any]]:
    """Paths of the files that an index names, and the index's metadata; `kwargs` as in `cached_file`."""
    from .files import read_json_object

    index = read_json_object(index_filename)
    names = sorted(set(index["weight_map"].values()))
    more = {"all_checkpoint_keys": list(index["weight_map"]), "weight_map": index["weight_map"]}
    paths = [cached_file(pretrained_model_name_or_path, name, **kwargs) for name in names]
    return paths, {**index.get("metadata", {}), **more}


def has_file(path_or_repo: str | os.PathLike[str], filename: str, **kwargs: Any) -> bool:
    """Whether a folder or a hub repository has the file; `kwargs` as in `cached_file`."""
    return cached_file(path_or_repo, filename, _raise_exceptions_for_missing_entries=False, **kwargs) is not None


def extract_commit_hash(resolved_file: str | None, commit_hash: str | None) -> str | None:
    """The commit that a file in the hub's cache belongs to, unless it is known already."""
    import re

    found = re.search(r"snapshots[/\\]([0-9a-f]{40})[/\\]", str(resolved_file))
    return commit_hash or (found and found[1])


def http_user_agent(user_agent: dict[str, Any] | str | None = None) -> str:
    """What this library calls itself in requests, with the caller's own words after it."""
    import platform

    from ..version import __version__

    words = [f"pytransformers/{__version__}", f"python/{platform.python_version()}"]
    if isinstance(user_agent, dict):
        words += [f"{name}/{value}" for name, value in user_agent.items()]
    return "; ".join([*words, *([user_agent] if isinstance(user_agent, str) else [])])


def is_offline_mode() -> bool:
    """Whether HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set now."""
    from ..weights.hub import is_offline

    return is_offline()


def is_remote_url(url_or_filename: str) -> bool:
    return str(url_or_filename).startswith(("http://", "https://"))


def list_folder(repo_id: str, folder: str, revision: str | None = None, token: bool | str | None = None) -> list[str]:
    """Sorted names in a folder of a hub repository; none if there is no such folder, or no connection."""
    import os

    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        found = HfApi(os.environ.get("HF_ENDPOINT"), token=token).model_info(repo_id, revision=revision).siblings
    except (HfHubHTTPError, OfflineModeIsEnabled, OSError):
        return []
    places = (file.rfilename.rpartition("/") for file in found or ())
    return sorted(name for place, _, name in places if place == folder)
