"""`python -m pytransformers.dropin`: what the program sees, and how it ends."""

import json
import sys

import pytest

from pytransformers.dropin import PATH, VERSION

from .running import dropin, python, succeed

SCRIPT = """
import json, os, sys
import transformers
import helper
print(json.dumps([__name__, sys.argv, __file__, sys.path[0], transformers.__version__, helper.WORD,
                  sys.modules["__main__"].__dict__ is globals()]))
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "helper.py").write_text("WORD = 'found beside the script'\n")
    return tmp_path


def test_script(folder):
    out = json.loads(succeed(dropin(folder / "script.py", "--flag", "-m", "a b")))
    path = str(folder / "script.py")
    assert out == [
        "__main__", [path, "--flag", "-m", "a b"], path, str(folder), VERSION, "found beside the script", True
    ]  # fmt: skip


def test_script_by_a_relative_path(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "script.py").write_text(SCRIPT)
    (folder / "sub" / "helper.py").write_text("WORD = 'deeper'\n")
    out = json.loads(succeed(dropin("sub/script.py", cwd=folder)))
    assert out[1] == ["sub/script.py"] and out[3] == str(folder / "sub") and out[5] == "deeper"


def test_module(folder):
    package = folder / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("import sys, transformers; print(__name__, __package__, sys.argv[1:])")
    assert succeed(dropin("-m", "package", "-x", "1", cwd=folder)) == "__main__ package ['-x', '1']\n"


def test_code():
    code = "import sys, transformers; print(__name__, sys.argv, transformers.__version__, '__file__' in globals())"
    assert succeed(dropin("-c", code, "-v", "x")) == f"__main__ ['-c', '-v', 'x'] {VERSION} False\n"


def test_code_inherits_nothing():
    """Annotations of the program are evaluated as Python does by default."""
    done = dropin("-c", "def f(x: Missing): pass")
    assert done.returncode == 1 and "NameError: name 'Missing' is not defined" in done.stderr


@pytest.mark.parametrize("ending, code", [("sys.exit(3)", 3), ("sys.exit()", 0), ("sys.exit('no')", 1), ("1 / 0", 1)])
def test_exit_codes(tmp_path, ending, code):
    script = tmp_path / "script.py"
    script.write_text(f"import sys\nprint('before')\n{ending}\n")
    done = dropin(script)
    assert (done.returncode, done.stdout) == (code, "before\n")
    assert ("no" in done.stderr) == ("no" in ending)


def test_traceback(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import transformers\n\ndef fail():\n    raise KeyError('here')\n\nfail()\n")
    done = dropin(script)
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and lines[-1] == "KeyError: 'here'"
    assert f'  File "{script}", line 6, in <module>' in lines and f'  File "{script}", line 4, in fail' in lines
    assert "    raise KeyError('here')" in lines


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["missing.py"], 1, "[pytransformers.dropin] expected a script, found no file missing.py"),
        (["-m"], 1, "expected script.py, -m module or -c code, got -m"),
        (["--unknown", "x.py"], 1, "got --unknown x.py"),
        (["-m", "no_such_module_x"], 1, "No module named no_such_module_x"),
        ([], 2, ""),
    ],
)
def test_bad_arguments(arguments, code, words):
    done = dropin(*arguments)
    assert (
        done.returncode == code
        and words in done.stderr
        and "Traceback" not in done.stderr.replace("Traceback" if arguments[-1:] == ["no_such_module_x"] else "\0", "")
    )


def test_help():
    assert "-m module" in succeed(dropin("--help"))


def test_path():
    assert succeed(dropin("--path")).strip() == PATH
    code = "import transformers, importlib.metadata as m; print(transformers.__version__, m.version('transformers'))"
    assert succeed(python("-c", code, hidden=False, PYTHONPATH=PATH)).split() == [VERSION, VERSION]


def test_processes_of_the_program(tmp_path):
    """Processes started by `multiprocessing` and by `subprocess` have the drop-in too."""
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing, subprocess, sys\n"
        "import transformers\n\n"
        "class Kept:\n    pass\n\n"
        "def ask(kept):\n"
        "    from transformers import BertConfig\n"
        "    return type(kept).__name__, transformers.__version__, BertConfig.__module__\n\n"
        "if __name__ == '__main__':\n"
        "    for method in ('spawn', 'fork'):\n"
        "        with multiprocessing.get_context(method).Pool(1) as pool:\n"
        "            print(*pool.apply(ask, (Kept(),)))\n"
        "    code = 'import transformers; print(transformers.__version__)'\n"
        "    print(subprocess.check_output([sys.executable, '-c', code], text=True), end='')\n"
    )
    out = succeed(dropin(script)).splitlines()
    assert out == [f"Kept {VERSION} pytransformers.configs.bert"] * 2 + [VERSION]


def test_this_process_is_untouched():
    assert "pytransformers.dropin" not in sys.modules or not sys.modules["pytransformers.dropin"].installed()
