"""Work that one process of a test session does for all of them."""

import os
import time

import pytest


def once_per_session(tmp_path_factory, name, make):
    """The folder `name` of the session, filled by `make(folder)`; it gives the text of an error, or nothing."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    root, done, failed = base / name, base / f"{name}.done", base / f"{name}.failed"
    try:
        root.mkdir()
    except FileExistsError:
        while not done.exists():
            assert not failed.exists(), failed.read_text()
            time.sleep(0.2)
        return root
    error = make(root)
    if error:
        failed.write_text(error[-4000:])
        pytest.fail(error[-4000:])
    done.touch()
    return root
