from .checks import Parity
from .frameworks import TensorFlow


class TestTensorFlow(Parity):
    framework = TensorFlow
