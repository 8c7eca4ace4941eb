from .checks import Parity
from .frameworks import Torch


class TestTorch(Parity):
    framework = Torch
