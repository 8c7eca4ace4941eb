"""The benchmark suite: that a kernel's column holds the kernel, and that the table says what was measured."""

import itertools
import json
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as program
from benchmarks import clock, machine, models, plan, plot, products, rounds, row, table, targets
from benchmarks.kernels import cases, run

ROOT = Path(__file__).parents[2]
FRAMEWORKS = pytest.mark.parametrize("framework", ["torch", "jax", "tensorflow"])


def tiny(family="layer_norm", **options):
    options = {"shape": (4, 32), "residual": False} | options
    return cases.Case(family, "4x32", "plain", 128, traffic=1024, options=options)


@FRAMEWORKS
@pytest.mark.parametrize("training", [False, True])
def test_the_native_column_ran_the_kernel(framework, training):
    module = import_module(f"benchmarks.kernels.{framework}")
    case = cases.Case(**{**vars(tiny()), "training": training})
    result = run.measure(module, case, 0.01, 0.0)
    assert not result["absent"]
    assert len(result["times"]) >= 4 and {"native", "auto", "floor"} <= result["times"].keys()
    assert sum(result["native_calls"].values()) == 1 + training
    assert result["cosine"]["native"] > 0.9999


@FRAMEWORKS
def test_a_native_column_without_a_kernel_is_left_out(framework, monkeypatch):
    module = import_module(f"benchmarks.kernels.{framework}")
    build = module.layer_norm

    def falls_back(case):
        operation = build(case)
        operation.ours = next(iter(operation.rivals.values()))
        return operation

    monkeypatch.setattr(module, "layer_norm", falls_back)
    result = run.measure(module, tiny(), 0.01, 0.0)
    assert result["absent"] == {"native": "no compiled kernel ran"}
    assert "native" not in result["times"] and "native" not in result["ratios"]


@FRAMEWORKS
def test_a_wrong_result_is_not_timed(framework, monkeypatch):
    module = import_module(f"benchmarks.kernels.{framework}")
    build = module.layer_norm

    def wrong(case):
        operation = build(case)
        ours = operation.ours
        operation.ours = lambda x, *rest: ours(x, *rest) + 3 * x[::-1]
        if framework == "torch":
            operation.ours = lambda x, *rest: ours(x, *rest) + 3 * x.flip(0)
        return operation

    monkeypatch.setattr(module, "layer_norm", wrong)
    result = run.measure(module, tiny(), 0.01, 0.0)
    assert "differs" in result["absent"]["native"] and "native" not in result["times"]


def test_every_case_has_a_floor_and_a_place_in_a_plot():
    for family, build in cases.FAMILIES.items():
        names = [str(case) for case in build()]
        assert len(set(names)) == len(names), family
        for case in build():
            assert case.family == family and (case.traffic or case.operations) and case.size and case.series


def test_rounds_and_repeats():
    assert plan.repeats(1e-6) == 200 and plan.repeats(1.0) == 1
    assert [plan.rounds(*each) for each in ((1.0, 10.0), (10.0, 1.0), (1e-9, 10.0))] == [10, plan.LEAST, plan.MOST]
    assert plan.affordable({"a": 5.0, "b": 1.0, "c": 2.0}, 4.0) == (["b", "c"], ["a"])


def test_calls_take_turns():
    order = []
    calls = {name: clock.Call(lambda name=name: (order.append(name), time.sleep(0.001))) for name in "ab"}
    samples = clock.interleaved(calls, 0.0)
    assert len(samples["a"]) == len(samples["b"]) == plan.LEAST
    assert order[-6:] == list("ababab")


def test_ratios_are_of_the_same_round():
    assert row.ratios({"native": [1.0, 10.0, 1.0], "other": [2.0, 20.0, 2.0], "floor": [1.0] * 3}) == {
        "native": {"other": 2.0}
    }


def sample_rows():
    attention = row.row(
        "kernels", "attention", "torch", "1x2x2x8x8x16", rounds={
            "native": [1e-5, 1.2e-5, 1.1e-5], "auto": [1e-5] * 3, "F.scaled_dot_product_attention": [2.2e-5] * 3},
        floor=5e-6, absent={"other": "why | not"}, series="full", size=8, cosine={"native": 1.0})  # fmt: skip
    left_out = row.row("kernels", "attention", "torch", "huge", rounds={}, absent={"all": "over 10 s a forward"})
    model = row.row(
        "models", "minilm", "", "8 x 128", rounds={"native": [0.1], "transformers": [0.2], "ONNX Runtime": [0.05]},
        title="MiniLM", kind="encoder", size=1024, together=False)  # fmt: skip
    return [attention, left_out, model]


def results():
    about = {"processor": "P", "threads": 2, "instruction_set": "avx2", "python": "3", "versions": {"torch": "2"},
             "date": "D", "commit": "C", "command": "python -m benchmarks",
             "floors": {"copy": 2e10, "multiply_add": 3e11}}  # fmt: skip
    return {"about": about, "rows": json.loads(json.dumps(sample_rows()))}


def test_page():
    page = table.page(results(), {"attention": "attention.png"})
    assert "| 1x2x2x8x8x16 | 11.0 us (9%) | 10.0 us (0%) | 22.0 us (0%) | 2.00 | 2.20 | 45% |" in page
    assert "- other (1x2x2x8x8x16): why / not" in page and "- not run (huge): over 10 s a forward" in page
    assert "20.0 GB/s" in page and "![attention" in page and "timed after the other" in page
    assert "| attention: PyTorch's SDPA over ours | 1 | 1 of 1 | 2.00: attention torch 1x2x2x8x8x16 |" in page
    assert "| encoders, float32: ONNX Runtime over ours | 1 | 0 of 1 | 0.50: minilm 8 x 128 |" in page


def test_targets_name_families_that_are_timed():
    known = sample_rows()[0]
    for target in targets.TARGETS:
        assert target.concerns({**known, "kind": "encoder"}) in (True, False)
    masked = {**known, "case": "1x2x2x8x8x16-bias_hqk"}
    assert [t.least for t in targets.TARGETS if t.concerns(masked)] == [1.5]


def test_durations():
    assert [table.duration(s) for s in (2.5, 0.0123, 4.56e-6)] == ["2.50 s", "12.3 ms", "4.56 us"]


@pytest.mark.parametrize("name", ["family", "models"])
def test_pictures(name, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(machine.PEERS)])
    pytest.importorskip("matplotlib")
    path = tmp_path / "picture.png"
    assert plot.models(sample_rows(), path) if name == "models" else plot.family("attention", sample_rows()[:1], path)
    assert path.read_bytes()[1:4] == b"PNG"


class Peer:
    """Stands for a process: takes `seconds` for any cell and answers with `output`."""

    def __init__(self, seconds, output, proof=None, absent=None):
        self.seconds, self.output, self.proof, self.absent, self.asked = seconds, output, proof, absent, []

    def ask(self, limit=0, **request):
        self.asked.append(next(iter(request)))
        if self.absent:
            return {"absent": self.absent}
        if "time" in request:
            return {"seconds": [self.seconds * request["time"]["size"]]}
        return {"output": self.output(), "proof": self.proof}

    def close(self):
        self.closed = True


class Cell:
    def __init__(self, size):
        self.size = size

    def __str__(self):
        return f"cell of {self.size}"


@pytest.fixture
def contest(monkeypatch, tmp_path):
    count = itertools.count()

    def output(sign):
        def write():
            path = tmp_path / f"{next(count)}.npy"
            np.save(path, np.array([[1.0, 5.0, 5.0 + sign]], np.float32))
            return str(path)

        return write

    peers = {
        "reference": Peer(1.0, output(1)), "native": Peer(0.5, output(1), {"kernel": 2}),
        "auto": Peer(0.5, output(1), {}), "wrong": Peer(0.1, output(-9)),
        "gone": Peer(1.0, output(1), absent="a reason"),
    }  # fmt: skip
    monkeypatch.setattr(rounds, "Worker", lambda name, subject, threads: peers[name])
    result = rounds.Contest("subject", list(peers), "reference", [Cell(1), Cell(4), Cell(50)], threads=1,
                            cost=lambda cell: cell.size, least=lambda name: 0.99, log=lambda message: None)  # fmt: skip
    return peers, result


def test_contest(contest):
    peers, contest = contest
    contest.run(1000.0, longest=10.0)
    small, _, large = rounds.rows(contest, "models", "", "subject", lambda cell: {"size": cell.size})
    assert small["ratios"]["native"] == {"reference": 2.0} and small["native_calls"]["native"] == {"kernel": 2}
    assert "its result differs: cosine" in small["absent"]["wrong"] and small["absent"]["gone"] == "a reason"
    assert small["absent"]["auto"] == "no compiled kernel ran" and "auto" not in small["times"]
    assert large["absent"] == {"all": "over 10 s a forward"} and not large["times"]
    assert all(peer.closed for peer in peers.values())


def test_what_there_is_no_time_for_is_left_out(contest):
    _, contest = contest
    contest.run(100.0, longest=1000.0)
    small, middle, large = rounds.rows(contest, "models", "", "subject", lambda cell: {})
    assert small["times"] and "no time" in middle["absent"]["all"] and "no time" in large["absent"]["all"]


def test_worker_process_answers_and_rests():
    worker = rounds.Worker("no such peer", "minilm", 1)
    assert "no such peer" in worker.absent and "absent" in worker.ask(check={})
    worker.close()


def test_a_library_that_prints_does_not_disturb():
    code = "from benchmarks import pipe; lines = pipe.private_stdout(); print('chatter'); pipe.say(lines, {'a': 1})"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == '{"a": 1}\n' and "chatter" in run.stderr


def test_what_decoding_is_predicted_to_take():
    """TinyLlama's projections have 22 * 44,040,192 + 65,536,000 weights."""
    llama, prompt = models.MODELS["llama"], models.Cell(1, 16)
    product = products.Cell(1, 2048, 5632, "int4", 64)
    rows = [{"case": str(product), "times": {"native": {"median": 1e-9 * 2048 * 5632 * product.layers}}}]
    results = {prompt: {"samples": {"int4": [2.0]}}}
    floor = models.decoding_floor(llama, models.Cell(1, 16, 11), results, rows)
    assert floor == pytest.approx(2.0 + 10 * 1.034420224)
    assert models.decoding_floor(llama, models.Cell(1, 16, 11), results, []) is None


@pytest.mark.skipif(not machine.PEERS.exists(), reason="matplotlib is among the peers")
def test_results_are_written_and_read_again(tmp_path):
    written = results()
    program.write(written, tmp_path)
    read = json.loads((tmp_path / "cpu.json").read_text())
    assert read["about"] == written["about"] and len(read["rows"]) == len(written["rows"])
    assert read["rows"][0]["times"]["native"]["median"] == 1.1e-5
    assert (tmp_path / "attention.png").exists() and "## Targets" in (tmp_path / "cpu.md").read_text()
