from .checks import Parity
from .frameworks import Jax


class TestJax(Parity):
    framework = Jax
