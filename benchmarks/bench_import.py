"""Import times, each in a fresh interpreter, beside a bare one, `import torch` and `transformers`."""

import statistics
import subprocess
import sys
import time

import pytest

STATEMENTS = {
    "bare": "pass",
    "import pytransformers": "import pytransformers",
    "import torch": "import torch",
    "from pytransformers import BertModel": "from pytransformers import BertModel",
    "from transformers import BertModel": "from transformers import BertModel",
}


@pytest.mark.parametrize("rounds", [7])
def test_import(benchmark, rounds):
    times = {name: [] for name in STATEMENTS}
    for _ in range(rounds):
        for name, statement in STATEMENTS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True, cwd="/")
            times[name].append(time.perf_counter() - start)
    seconds = {name: round(statistics.median(values), 3) for name, values in times.items()}
    benchmark.extra_info.update(seconds)
    benchmark.pedantic(lambda: subprocess.run([sys.executable, "-c", "import pytransformers"], check=True), rounds=3)
    over_bare = seconds["import pytransformers"] - seconds["bare"]
    over_torch = seconds["from pytransformers import BertModel"] - seconds["import torch"]
    print(f"\nimport pytransformers: {over_bare * 1e3:.0f} ms over a bare interpreter")
    print(f"from pytransformers import BertModel: {over_torch * 1e3:.0f} ms over import torch")
    print(", ".join(f"{name} {value:.2f} s" for name, value in seconds.items()))
