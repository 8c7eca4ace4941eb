"""Starting a program on the drop-in and on the real `transformers`: wall time of fresh interpreters, side by side."""

import statistics
import subprocess
import sys
import time

import pytest

DROPIN = ("-m", "pytransformers.dropin")
PROGRAMS = {
    "import transformers": "import transformers",
    "from transformers import AutoTokenizer": "from transformers import AutoTokenizer",
    "from transformers import pipeline": "from transformers import pipeline",
    "from transformers import BertModel": "from transformers import BertModel",
    "from sentence_transformers import SentenceTransformer": "from sentence_transformers import SentenceTransformer",
}


@pytest.mark.parametrize("rounds", [3])
def test_start(benchmark, rounds):
    commands = {"bare": ("-c", "pass")}
    for title, code in PROGRAMS.items():
        commands[f"{title}, ours"] = (*DROPIN, "-c", code)
        commands[f"{title}, theirs"] = ("-c", code)
    times = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True, cwd="/")
            times[name].append(time.perf_counter() - start)
    seconds = {name: round(statistics.median(values), 3) for name, values in times.items()}
    benchmark.extra_info.update(seconds)
    first = commands["import transformers, ours"]
    benchmark.pedantic(lambda: subprocess.run([sys.executable, *first], check=True, cwd="/"), rounds=3)
    print(f"\n{'a bare interpreter':55} {seconds['bare']:.2f} s")
    for title in PROGRAMS:
        ours, theirs = seconds[f"{title}, ours"], seconds[f"{title}, theirs"]
        print(f"{title:55} {ours:.2f} s on the drop-in, {theirs:.2f} s on transformers (x{theirs / ours:.1f})")
