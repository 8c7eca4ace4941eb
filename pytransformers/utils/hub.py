"""Uploading what `save_pretrained` writes to a model hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


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
