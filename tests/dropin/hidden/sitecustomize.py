"""Hides the real `transformers` from an interpreter whose PYTHONPATH holds this folder: module and metadata."""

import importlib.metadata
from importlib.machinery import PathFinder
from pathlib import Path

find_spec = PathFinder.find_spec
find_distributions = importlib.metadata.MetadataPathFinder.find_distributions


def is_real(path):
    return path is not None and "dropin" not in Path(path).parts


def find_another_spec(fullname, path=None, target=None):
    spec = find_spec(fullname, path, target)
    return None if fullname == "transformers" and spec is not None and is_real(spec.origin) else spec


def find_other_distributions(context=importlib.metadata.DistributionFinder.Context()):  # noqa: B008
    for found in find_distributions(context):
        if found.metadata["Name"] != "transformers" or not is_real(found._path):
            yield found


PathFinder.find_spec = staticmethod(find_another_spec)
PathFinder.find_distributions = staticmethod(find_other_distributions)
