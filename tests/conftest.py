"""Set before any framework is imported."""

import os

# Tiny models: what the compilers would gain by optimising is less than it costs.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
