"""`python -m benchmarks`: kernels and whole models beside their peers, as one table, JSON and pictures.

Everything ends within --minutes. FAMILY and MODELS of `make bench` become --families and --models.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from . import machine, models, peers, plot, products, rounds, table
from .kernels import cases

FRAMEWORKS = ("torch", "jax", "tensorflow")
# Shares of the time; starting processes and converting models is in it.
KERNELS, QUANTISED = 0.3, 0.12
STARTING = {"torch": 10.0, "jax": 90.0, "tensorflow": 90.0}  # seconds that are not timing: imports, compilation
WEIGHTS = {"minilm": 1.0, "bert": 1.3, "vit": 0.8, "gpt2": 1.3, "llama": 2.0}


def log(message):
    print(time.strftime("%H:%M:%S"), message, file=sys.stderr, flush=True)


def kernels(options, families, floors, budget):
    """Rows of every framework's process, one process after the other."""
    count = sum(len(list(cases.FAMILIES[family]())) for family in families) * len(options.frameworks)
    seconds = max(0.1, min(2.0, (budget - sum(STARTING[name] for name in options.frameworks)) / max(1, count)))
    rows = []
    for framework in options.frameworks:
        log(f"kernels in {framework}: {', '.join(families)}, {seconds:.2f} s a case")
        with machine.open_log(f"kernels-{framework}") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.kernels.run", framework, "--families", *families, "--seconds",
                 f"{seconds:.3f}", "--threads", str(options.threads), "--multiply-add", str(floors["multiply_add"])],
                stdout=subprocess.PIPE, stderr=errors, text=True, cwd=machine.ROOT,
                env=machine.environment(options.threads, **machine.KEEP_MEMORY),
            )  # fmt: skip
            try:
                lines, _ = process.communicate(timeout=max(120.0, budget))
            except subprocess.TimeoutExpired:
                process.kill()
                lines, _ = process.communicate()
        rows += [json.loads(line) for line in lines.splitlines() if line.endswith("}")]
        if process.returncode:
            log(f"the process of {framework} ended with {process.returncode}: see {errors.name}")
    return rows


def quantised(options, floors, budget):
    contest = rounds.Contest(
        "quantized_matmul", peers.PRODUCT_PEERS, "F.linear", products.CELLS, threads=options.threads,
        cost=lambda cell: cell.operations * (8 if cell.rows == 1 else 1), least=lambda name: 0.98, log=log)  # fmt: skip
    contest.run(budget, options.longest)

    def describe(cell):
        traffic = cell.packed * cell.layers if cell.rows == 1 else 0
        floor = traffic / floors["copy"] if traffic else None
        series = f"{cell.k} to {cell.n}, {cell.quantization}{f', groups of {cell.group}' if cell.group else ''}"
        return {"floor": floor, "traffic": traffic, "operations": cell.operations, "size": cell.rows, "series": series}

    return rounds.rows(contest, "kernels", "torch", "quantized_matmul", describe)


def whole_model(options, name, earlier, budget):
    """Rows of a model; `earlier` are those of the kernels, which tell how fast decoding can be."""
    model = models.MODELS[name]
    subprocess.run([sys.executable, "-m", "benchmarks.models", name], check=True, cwd=machine.ROOT,
                   env=machine.environment(options.threads))  # fmt: skip
    without = [*options.without, *([] if model.int4 else ["int4"])]
    taking_part = [peer for peer in peers.MODEL_PEERS if peer not in without]
    contest = rounds.Contest(
        name, taking_part, "transformers", model.cells, threads=options.threads, gigabytes=model.gigabytes, log=log,
        cost=lambda cell: model.operations * cell.batch * cell.length + cell.new * 1e9 * max(1.0, model.gigabytes),
        least=lambda peer: 0.9 if peer.startswith("int") or "int8" in peer else 0.999)  # fmt: skip
    contest.run(budget, options.longest)

    def describe(cell):
        floor = models.decoding_floor(model, cell, contest.results, earlier) if cell.new else None
        return {"title": model.title, "kind": model.kind, "size": cell.batch * cell.length, "floor": floor}

    return rounds.rows(contest, "models", "", name, describe)


def rounded(value):
    """Four digits of every float."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def write(results, folder):
    """cpu.json, a line for each row, the page and the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join(json.dumps(rounded(row)) for row in results["rows"])
    (folder / "cpu.json").write_text(f'{{"about": {json.dumps(results["about"])},\n"rows": [\n{rows}\n]}}\n')
    pictures = {}
    for family in dict.fromkeys(row["family"] for row in results["rows"] if row["part"] == "kernels"):
        members = [row for row in results["rows"] if row["family"] == family]
        if plot.family(family, members, folder / f"{family}.png"):
            pictures[family] = f"{family}.png"
    if plot.models([row for row in results["rows"] if row["part"] == "models"], folder / "models.png"):
        pictures["models"] = "models.png"
    (folder / "cpu.md").write_text(table.page(results, pictures))


def main():
    families = [*cases.FAMILIES, "quantized_matmul"]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--families", nargs="*", choices=families, help="kernels; all, unless models are named")
    parser.add_argument("--models", nargs="*", choices=models.MODELS, help="models; all, unless families are named")
    parser.add_argument("--frameworks", nargs="+", choices=FRAMEWORKS, default=FRAMEWORKS)
    parser.add_argument("--without", nargs="+", default=[], metavar="PEER", help="peers to leave out, of models")
    parser.add_argument("--minutes", type=float, default=55.0, help="for everything (default 55)")
    parser.add_argument("--longest", type=float, default=10.0, help="seconds of a call beyond which it is left out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=machine.SCRATCH / "table", help="folder of the results")
    parser.add_argument("--keep", action="store_true", help="keep earlier rows of what is not timed now")
    options = parser.parse_args()
    everything = options.families is None and options.models is None
    chosen = families if everything else options.families or []
    named = list(models.MODELS) if everything else options.models or []
    end = time.monotonic() + 60 * options.minutes
    machine.restrict(options.threads)
    results = {"about": machine.about(options.threads) | {"floors": machine.floors(options.threads)}, "rows": []}
    floors = results["about"]["floors"]
    log(f"copy {floors['copy'] / 1e9:.1f} GB/s, multiply-add {floors['multiply_add'] / 1e9:.0f} GFLOP/s")
    earlier = options.out / "cpu.json"
    kept = json.loads(earlier.read_text())["rows"] if options.keep and earlier.exists() else []

    def add(rows):
        results["rows"] += rows
        seen = {(row["part"], row["family"]) for row in results["rows"]}
        rows = [row for row in kept if (row["part"], row["family"]) not in seen] + results["rows"]
        write(results | {"rows": rows}, options.out)

    in_process = [family for family in chosen if family in cases.FAMILIES]
    shares = {"kernels": KERNELS if in_process else 0, "quantised": QUANTISED if "quantized_matmul" in chosen else 0}
    shares["models"] = 1 - KERNELS - QUANTISED if named else 0
    total = 60 * options.minutes / sum(shares.values())
    if in_process:
        add(kernels(options, in_process, floors, total * shares["kernels"]))
    if shares["quantised"]:
        add(quantised(options, floors, total * shares["quantised"]))
    for index, name in enumerate(named):
        weights = [WEIGHTS[other] for other in named[index:]]
        add(whole_model(options, name, results["rows"] + kept, (end - time.monotonic()) * weights[0] / sum(weights)))
    log(f"written to {options.out}")


if __name__ == "__main__":
    main()
