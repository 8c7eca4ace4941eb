"""List the architectures, their heads and the public class names."""

from __future__ import annotations

import argparse

from ..auto.registry import class_names, installed
from ..auto.table import ARCHITECTURES, FRAMEWORKS, HEADS
from .table import table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "architecture", nargs="?", metavar="ARCHITECTURE", help="a model type, such as bert: list its classes by name"
    )


def run(arguments: argparse.Namespace) -> int:
    print(overview() if arguments.architecture is None else details(arguments.architecture))
    return 0


def overview() -> str:
    """Architectures across, heads down, and which frameworks are there."""
    heads = [head for head in HEADS if any(head in row["heads"] for row in ARCHITECTURES.values())]
    rows = [["AutoModel...", *(row["title"] for row in ARCHITECTURES.values()), "gives"]]
    for head in heads:
        marks = ("yes" if head in row["heads"] else "-" for row in ARCHITECTURES.values())
        rows.append([head or "(bare)", *marks, HEADS[head]])
    frameworks = [["framework", "names", "installed"]]
    for prefix, framework in FRAMEWORKS.items():
        there = "yes" if installed(framework) else f'no: pip install "pytransformers[{framework["extra"]}]"'
        frameworks.append([framework["title"], f"{prefix}AutoModel, {prefix}BertModel, ...", there])
    return (
        f"{table(rows)}\n\nEvery class exists in every framework:\n\n{table(frameworks, indent='  ')}\n\n"
        "`pytransformers models bert` lists the classes of one architecture."
    )


def details(kind: str) -> str:
    """The class names of one architecture in the three frameworks."""
    if kind not in ARCHITECTURES:
        from ..configs.checks import near

        raise ValueError(f"expected one of {', '.join(ARCHITECTURES)}, got {kind!r}{near(kind, ARCHITECTURES)}")
    row = ARCHITECTURES[kind]
    heads: dict[str, list[str]] = {}
    for head, name in row["heads"].items():
        heads.setdefault(name, []).append(f"AutoModel{head}")
    rows = [[*(framework["title"] for framework in FRAMEWORKS.values()), "through"]]
    for public, name in class_names(row).items():
        through = "" if public in row["aliases"] else ", ".join(heads.get(name, ()))
        rows.append([*(prefix + public for prefix in FRAMEWORKS), through])
    tokenizer = f", tokenizer {row['tokenizer']}" if row["tokenizer"] else ""
    return f"{row['title']}: configuration {row['config']}{tokenizer}\n\n{table(rows)}"
