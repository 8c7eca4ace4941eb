import pytest

from .adapters import FRAMEWORKS, adapter


@pytest.fixture(params=FRAMEWORKS)
def framework(request):
    return adapter(request.param)
