"""Finding the files of a model in a local folder or on a model hub (through `huggingface_hub`)."""

import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath

from .errors import CheckpointError

_TRUE = ("1", "true", "yes", "on")


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set now."""
    return any(os.environ.get(name, "").lower() in _TRUE for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def is_inside(name: str) -> bool:
    """Whether a file name, read as POSIX and as Windows would, stays in the folder it is relative to."""
    return bool(name) and "\0" not in name and all(
        not path.is_absolute() and not path.drive and not path.root and ".." not in path.parts
        for path in (PurePosixPath(name), PureWindowsPath(name))
    )


def resolve_file(
    folder_or_id: str | os.PathLike,
    filename: str,
    *,
    subfolder: str = "",
    revision: str | None = None,
    cache_dir: str | os.PathLike | None = None,
    force_download: bool = False,
    local_files_only: bool | None = None,
    token: str | bool | None = None,
) -> Path | None:
    """Path of `filename` in a local folder, or in the cache after fetching it from the hub; None when it is absent.

    `revision` is a branch, tag or commit; `token` is a string, True for the stored one, False for none.
    `local_files_only=None` follows HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE; the hub's address is HF_ENDPOINT.
    Raises `CheckpointError` when the folder or the repository itself cannot be had, and for a name that leads outside.
    """
    name = f"{subfolder}/{filename}" if subfolder else filename
    if not is_inside(name):
        raise CheckpointError(f"[resolve_file] expected a file name inside {folder_or_id}, got {name!r}, correct it")
    if os.path.isdir(folder_or_id):
        path = Path(folder_or_id, name)
        return path if path.is_file() else None
    text = os.fspath(folder_or_id)
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", text) or text.startswith((".", "-")):
        raise CheckpointError(
            f"[resolve_file] expected a folder or a hub id such as 'name' or 'owner/name', got {text!r}, which is no "
            "folder here; check the path"
        )
    offline = is_offline() if local_files_only is None else local_files_only
    return _from_hub(text, name, revision, cache_dir, force_download and not offline, offline, token)


def _from_hub(repo, name, revision, cache_dir, force_download, offline, token) -> Path | None:
    from huggingface_hub import hf_hub_download, snapshot_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    where = f"{repo} at {revision}" if revision else repo
    try:
        return Path(
            hf_hub_download(
                repo,
                name,
                revision=revision,
                cache_dir=cache_dir,
                force_download=force_download,
                local_files_only=offline,
                token=token,
                endpoint=os.environ.get("HF_ENDPOINT") or None,
            )
        )
    except LocalEntryNotFoundError as error:
        try:  # a snapshot that lacks the file answers for the hub
            snapshot_download(repo, revision=revision, cache_dir=cache_dir, local_files_only=True)
            return None
        except Exception:
            reason = "the offline mode is on" if offline else f"the hub did not answer ({error.__cause__ or error})"
            raise CheckpointError(
                f"[hub] expected {name} of {where} in the cache, because {reason}, got nothing; connect once, or give "
                "the path of a local folder"
            ) from error
    except EntryNotFoundError:
        return None
    except GatedRepoError as error:
        raise CheckpointError(f"[hub] {where} is gated: ask for access on its page, then pass token=") from error
    except RevisionNotFoundError as error:
        raise CheckpointError(f"[hub] {repo} has no revision {revision!r}, name a branch, tag or commit") from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(
            f"[hub] expected a local folder or a repository called {repo!r}, got neither; check the name, or pass "
            "token= if it is private"
        ) from error
    except HFValidationError as error:
        raise CheckpointError(f"[hub] expected a hub id, got {repo!r}: {error}") from error
    except Exception as error:  # network and disk faults of many libraries
        raise CheckpointError(f"[hub] could not fetch {name} of {where}: {type(error).__name__}: {error}") from error


def snapshot_commit(path: Path) -> str | None:
    """The commit that a file in the hub's cache belongs to, so that its siblings are taken from the same one."""
    match = re.search(r"/snapshots/([0-9a-f]{40})/", path.as_posix())
    return match[1] if match else None
