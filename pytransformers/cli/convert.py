"""Turn a checkpoint of any readable format into safetensors."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

# What travels with the weights: configuration, tokenizer, processor.
COMPANIONS = ("*.json", "*.txt", "*.model", "*.jinja", "LICENSE*", "README*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="SRC", help="a folder, a weights file (.safetensors, .bin, .h5, .msgpack) or a hub id"
    )
    parser.add_argument("target", metavar="DST", help="the folder to write, created if need be")
    parser.add_argument(
        "--to", choices=["safetensors"], default="safetensors", help="the format to write (default: %(default)s)"
    )
    parser.add_argument(
        "--max-shard-size", default="5GB", metavar="SIZE", help="largest file, such as 500MB (default: %(default)s)"
    )
    parser.add_argument("--revision", help="the branch, tag or commit of a hub id")


def run(arguments: argparse.Namespace) -> int:
    from ..weights import open_checkpoint, save_checkpoint

    target = Path(arguments.target)
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"[{target}] expected a folder to write into, got a file; choose another name")
    with open_checkpoint(arguments.source, revision=arguments.revision) as checkpoint:
        print(f"reading {len(checkpoint)} tensors from {', '.join(f.name for f in checkpoint.files)}", file=sys.stderr)
        size = sum(tensor.nbytes for tensor in checkpoint.values())
        files = save_checkpoint(target, checkpoint.items(), max_shard_size=arguments.max_shard_size)
    copied = copy_companions(Path(arguments.source), target)
    print(f"{len(checkpoint)} tensors, {size / 1e6:.1f} MB -> {', '.join(file.name for file in files)} in {target}")
    if copied:
        print(f"with {', '.join(copied)}")
    return 0


def copy_companions(source: Path, target: Path) -> list[str]:
    """Copy configuration and tokenizer files of a local checkpoint; returns their names."""
    folder = source if source.is_dir() else source.parent
    if not source.exists() or folder.resolve() == target.resolve():
        return []
    found = {path for pattern in COMPANIONS for path in folder.glob(pattern) if path.is_file()}
    names = sorted(path.name for path in found if not path.name.endswith(".index.json"))
    for name in names:
        shutil.copyfile(folder / name, target / name)
    return names
