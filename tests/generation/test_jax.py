"""JAX: compiled loops write what the oracles write."""

import pytest

from .checks import *  # noqa: F403
from .compiled import *  # noqa: F403
from .frameworks import FRAMEWORKS


@pytest.fixture(scope="module")
def fw():
    return FRAMEWORKS["jax"]
