"""The command line: `pytransformers env | models | demo | convert`.

Each command is a module with `add_arguments(parser)` and `run(arguments) -> exit code`. Exit codes: 0 for success,
1 for a result that is not as it should be, 2 for a request that cannot be carried out.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from ..version import __version__

COMMANDS = {
    "env": "show versions, compiled libraries, active kernels and what this processor offers",
    "models": "list the architectures, their heads and the public class names",
    "demo": "embed sentences with a real checkpoint in every framework and compare the results",
    "convert": "turn a checkpoint of any readable format into safetensors",
}


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="pytransformers",
        description="Transformer models from one definition, natively in PyTorch, JAX and TensorFlow.",
    )
    parser.add_argument("--version", action="version", version=f"pytransformers {__version__}")
    parser.add_argument("--traceback", action="store_true", help="on an error, show where in the code it arose")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    for name, summary in COMMANDS.items():
        module = import_module(f".{name}", __name__)
        command = commands.add_parser(name, help=summary, description=module.__doc__.partition("\n")[0])
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    # TensorFlow greets every process with a page of notes; errors still show.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parsed = build_parser().parse_args(arguments)
    try:
        return parsed.run(parsed)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if parsed.traceback:
            raise
        text = " ".join(str(error).split()) or "no further word"
        print(f"pytransformers {parsed.command}: {type(error).__name__}: {text}", file=sys.stderr)
        return 2
