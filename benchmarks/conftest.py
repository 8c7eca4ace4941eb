"""Benchmarks print one line each (`pytest benchmarks -s`) and record their ratios with pytest-benchmark."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.update(USE_TF="0", USE_FLAX="0")
sys.path.insert(0, str(Path(__file__).parent))
