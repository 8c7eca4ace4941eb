"""`from_pretrained` of one gigabyte and a first touch of every weight: time and the rise of peak memory.

Each load runs in a fresh process; the rise is the peak after loading over the peak after imports.
"""

import json
import statistics
import subprocess
import sys

import numpy as np
import pytest

CONFIG = dict(
    vocab_size=32000, hidden_size=1024, num_hidden_layers=18, num_attention_heads=16, intermediate_size=4096,
    max_position_embeddings=512,
)  # fmt: skip

LOAD = """
import json, resource, sys, time
folder, which = sys.argv[1:]
{imports}
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
start = time.perf_counter()
model = load(folder)
total = touch(model)
print(json.dumps(dict(seconds=time.perf_counter() - start, rise=peak() - before, total=float(total))))
"""
TORCH_TOUCH = "touch = lambda model: sum(p.detach().reshape(-1)[::1024].double().sum() for p in model.parameters())"
LOADERS = {
    "torch": "import torch; from pytransformers import BertModel\nload = BertModel.from_pretrained\n" + TORCH_TOUCH,
    "jax": (
        "import jax, numpy as np; from pytransformers import FlaxBertModel\nload = FlaxBertModel.from_pretrained\n"
        "touch = lambda model: sum(np.asarray(v).reshape(-1)[::1024].sum(dtype='f8')"
        " for v in model.state_dict().values())"
    ),
    "tensorflow": (
        "import numpy as np; from pytransformers import TFBertModel\nload = TFBertModel.from_pretrained\n"
        "touch = lambda model: sum(np.asarray(v.value).reshape(-1)[::1024].sum(dtype='f8')"
        " for v in model.parameters())"
    ),
    "transformers": (
        "import torch; from transformers import BertModel\nload = BertModel.from_pretrained\n" + TORCH_TOUCH
    ),
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A BERT of about a gigabyte, written without loading a framework here."""
    folder = tmp_path_factory.mktemp("gigabyte")
    code = (
        "import sys, json, torch; from pytransformers import BertConfig, BertModel\n"
        "torch.manual_seed(0)\n"
        "BertModel(BertConfig(**json.loads(sys.argv[2]))).save_pretrained(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, str(folder), json.dumps(CONFIG)], check=True)
    return folder


def test_load(benchmark, checkpoint):
    size = sum(file.stat().st_size for file in checkpoint.glob("*.safetensors"))
    found = {name: [] for name in LOADERS}
    for _ in range(5):
        for name, imports in LOADERS.items():
            run = subprocess.run(
                [sys.executable, "-c", LOAD.format(imports=imports), str(checkpoint), name],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            found[name].append(json.loads(run.stdout.splitlines()[-1]))
    totals = [runs[0]["total"] for runs in found.values()]
    assert np.ptp(totals) < 1e-3 * max(map(abs, totals)), totals
    benchmark.pedantic(lambda: None, rounds=1)
    print(f"\n{size / 1e9:.2f} GB")
    for name, runs in found.items():
        seconds = statistics.median(run["seconds"] for run in runs)
        ratio = statistics.median(
            run["seconds"] / theirs["seconds"] for run, theirs in zip(runs, found["transformers"], strict=True)
        )
        rise = statistics.median(run["rise"] for run in runs) / size
        benchmark.extra_info[name] = dict(seconds=round(seconds, 3), ratio=round(ratio, 2), rise=round(rise, 3))
        print(f"{name}: {seconds:.2f} s, x{ratio:.2f} of transformers, peak memory rises by {rise:.2f} of the file")
