"""The command line: what it prints, its exit codes, and the demonstration on the real checkpoint."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pytransformers
from pytransformers.auto.registry import class_names
from pytransformers.auto.table import ARCHITECTURES, FRAMEWORKS
from pytransformers.cli import COMMANDS, convert, demo, env, main
from pytransformers.cli.table import table

ROOT = Path(__file__).parents[2]


def command(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "pytransformers", *arguments],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment},
    )  # fmt: skip


def test_help_and_version(capsys):
    for arguments in (["--help"], *([name, "--help"] for name in COMMANDS)):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 0
        text = capsys.readouterr().out
        assert "usage: pytransformers" in text and "--worker" not in text
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"pytransformers {pytransformers.__version__}\n"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["models", "brt"], "expected one of albert, .* got 'brt'; did you mean 'bert'"),
        (["convert", "/no/such/folder", "/tmp"], "no/such/folder"),
        (["demo", "--frameworks", "torch,mxnet"], "expected frameworks among torch, .* got 'mxnet'"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(arguments, message):
    done = command(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert re.fullmatch(rf"pytransformers {arguments[0]}: \w+: .*{message}.*\n", done.stderr)
    assert "Traceback" in command("--traceback", *arguments).stderr
    assert command("no-such-command").returncode == 2


def test_a_reader_that_stops_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m pytransformers models | head -1; exit ${{PIPESTATUS[0]}}",
        shell=True, capture_output=True, text=True, cwd=ROOT, executable="/bin/bash",
    )  # fmt: skip
    assert done.returncode == 0 and done.stderr == "" and "ALBERT" in done.stdout


def test_models_lists_every_architecture_and_class(capsys):
    assert main(["models"]) == 0
    text = capsys.readouterr().out
    for row in ARCHITECTURES.values():
        assert row["title"] in text
        for head in row["heads"]:
            assert head in text
    for kind, row in ARCHITECTURES.items():
        assert main(["models", kind]) == 0
        words = set(re.findall(r"\w+", capsys.readouterr().out))
        assert {prefix + name for prefix in FRAMEWORKS for name in class_names(row)} | {row["config"]} <= words


def test_env_tells_what_is_there(capsys):
    assert main(["env"]) == 0
    text = capsys.readouterr().out
    for title in ("NumPy", "PyTorch", "JAX", "TensorFlow"):
        assert re.search(rf"kernels for {title} +(ready|not used: \S)", text)
    from importlib.metadata import version

    assert re.search(rf"torch +{re.escape(version('torch'))}", text) and re.search(r"Python +3\.", text)
    assert "PYTRANSFORMERS_KERNELS" in text
    assert re.search(r"ready, running on \w+", text) and re.search(r"instruction sets available +baseline", text)
    assert re.search(r"layer_norm +torch +native +cpu", text)


def test_env_says_why_a_binding_is_not_used(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pytransformers._native", None)
    monkeypatch.setitem(sys.modules, "pytransformers.backends.jax.native", None)
    rows = dict(env.libraries())
    assert rows["kernels for NumPy"].startswith("not used: ") and rows["kernels for JAX"].startswith("not used: ")


def test_env_reads_the_processor():
    name, features = env.processor()
    assert name and set(features) <= set(env.CPU_FLAGS)
    assert env.version("no-such-package") == "-" and env.version("numpy") == np.__version__


def test_table_aligns():
    text = table([["a", "b"], ["long", "1"], ["x", "22"]], right=[1], indent=" ")
    assert text == " a      b\n ----  --\n long   1\n x     22"


def test_convert(tmp_path, capsys):
    import torch
    from safetensors.numpy import load_file

    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    tensors = {"b.weight": torch.randn(5, 3), "a.bias": torch.arange(4)}
    torch.save(tensors, source / "pytorch_model.bin")
    (source / "config.json").write_text("{}")
    (source / "pytorch_model.bin.index.json").write_text("{}")
    assert main(["convert", str(source), str(target)]) == 0
    assert sorted(path.name for path in target.iterdir()) == ["config.json", "model.safetensors"]
    for name, value in load_file(target / "model.safetensors").items():
        np.testing.assert_array_equal(value, tensors[name].numpy())
    assert "2 tensors" in capsys.readouterr().out
    assert main(["convert", str(source / "pytorch_model.bin"), str(source), "--max-shard-size", "40"]) == 0
    assert len(list(source.glob("model-*-of-*.safetensors"))) == 2
    assert convert.copy_companions(source, source) == []


def test_convert_refuses_what_it_cannot_do(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["convert", str(tmp_path), str(tmp_path / "file")]) == 2
    assert "expected a folder to write into" in capsys.readouterr().err
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 40)
    assert main(["convert", str(tmp_path), str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "model.safetensors" in error and error.count("\n") == 1
    assert not (tmp_path / "out" / "model.safetensors").exists()


def result(change=0.0):
    rows = len(demo.QUERIES) + len(demo.SENTENCES)
    embeddings = np.linalg.qr(np.random.default_rng(0).normal(size=(rows, rows)))[0]
    embeddings[3, 5] += change
    return {"embeddings": embeddings.tolist(), "times": dict.fromkeys(("import", "load", "first", "later"), 0.5)}


@pytest.mark.parametrize(
    "results, code, message",
    [
        ({"torch": result(), "jax": result(1e-7), "tensorflow": result()}, 0, "1.00e-07 (within"),
        ({"torch": result(), "jax": result(), "tensorflow": result(1e-3)}, 1, "1.00e-03 (BEYOND"),
        ({"torch": result(), "jax": result(float("nan")), "tensorflow": result()}, 1, "nan (BEYOND"),
        ({"torch": result(), "tensorflow": result()}, 1, "FAILED: no result from JAX"),
        ({}, 1, "FAILED: no result from PyTorch, JAX, TensorFlow"),
    ],
)
def test_demo_judges_what_frameworks_return(monkeypatch, capsys, results, code, message):
    monkeypatch.setattr(demo, "run_apart", lambda model, name: results.get(name))
    assert main(["demo"]) == code
    out = capsys.readouterr().out
    assert message in out
    assert len(results) == 0 or demo.QUERIES[0] in out


def test_demo_with_a_framework_that_fails(tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert main(["demo", "--frameworks", "torch", "--model", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "FAILED: no result from PyTorch" in captured.out
    assert "PyTorch: FAILED: pytransformers demo: OSError" in captured.err and "tokenizer.json" in captured.err


# The sentence that answers each query, by its first words.
BEST = ("Water indoor plants", "Stars shine because", "Pasta with garlic", "Cheetahs reach", "Neural networks map")


@pytest.mark.slow
def test_demo_on_the_real_checkpoint():
    done = command("demo")
    assert done.returncode == 0, done.stderr
    assert re.search(r"query and its best answers +PyTorch +JAX +TensorFlow", done.stdout)
    lines = done.stdout.splitlines()
    for query, best in zip(demo.QUERIES, BEST, strict=True):
        assert lines[lines.index(query) + 1].startswith(f"    {best}")
    found = re.search(r"largest difference between frameworks: (\S+) \(within", done.stdout)
    assert float(found[1]) < 1e-5
    assert re.search(r"later batches of 29 \(ms\)( +\d+\.\d){3}", done.stdout)
    assert done.stderr.count("done,") == 3


@pytest.mark.slow
def test_embeddings_equal_transformers():
    """The demonstration's numbers are MiniLM's, not only alike."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model = demo.find_model(None)
    inputs = AutoTokenizer.from_pretrained(model)([*demo.QUERIES, *demo.SENTENCES], padding=True, return_tensors="pt")
    with torch.no_grad():
        states = AutoModel.from_pretrained(model)(**inputs).last_hidden_state.double()
    mask = inputs["attention_mask"].unsqueeze(-1)
    wanted = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1)).numpy()
    np.testing.assert_allclose(demo.embed(model, "torch")["embeddings"], wanted, atol=2e-6)
