import pytest

from .frameworks import FRAMEWORKS


@pytest.fixture(params=FRAMEWORKS)
def framework(request):
    return FRAMEWORKS[request.param]()
