"""Writing and reading small text files safely."""

from __future__ import annotations

import os


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 file atomically: readers see the old file or the new one, never half of either."""
    path = os.fspath(path)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def make_folder(path: str | os.PathLike[str]) -> str:
    """Create a folder if it is missing; an existing file of that name is refused."""
    path = os.fspath(path)
    if os.path.exists(path) and not os.path.isdir(path):
        raise NotADirectoryError(f"[{path}] expected a folder to save into, got a file; choose another name")
    os.makedirs(path, exist_ok=True)
    return path


def read_json_object(path: str | os.PathLike[str]) -> dict:
    """Read a JSON file whose top level is an object. OSError names the file and the place of a mistake."""
    import json

    path = os.fspath(path)
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except json.JSONDecodeError as error:
        raise OSError(
            f"[{path}] expected valid JSON, got a mistake at line {error.lineno}, column {error.colno} "
            f"({error.msg}); save or download the file again"
        ) from error
    except UnicodeDecodeError as error:
        raise OSError(
            f"[{path}] expected UTF-8 text, got byte {error.object[error.start]:#04x} at position {error.start}; "
            "save or download the file again"
        ) from error
    except RecursionError as error:
        raise OSError(f"[{path}] expected JSON of ordinary depth, got endless nesting; check the file") from error
    if not isinstance(value, dict):
        raise OSError(f"[{path}] expected a JSON object, got {type(value).__name__}; check the file")
    return value
