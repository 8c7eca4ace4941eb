"""The TensorFlow backend: Keras 3 layers on Keras' TensorFlow backend."""

import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"  # Keras reads it once, when it is imported

if "keras" in sys.modules and sys.modules["keras"].backend.backend() != "tensorflow":
    raise ImportError(
        f"[tensorflow] expected Keras on TensorFlow, got Keras already imported on "
        f"{sys.modules['keras'].backend.backend()!r}: import pytransformers' TensorFlow models first, or set "
        "KERAS_BACKEND=tensorflow"
    )
