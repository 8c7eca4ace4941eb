"""Comparing results."""

import math


def same(ours, theirs, tolerance=1e-5, where=""):
    """Assert equal structure, texts and integers, and numbers within `tolerance` of their size (at least 1)."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict) and ours.keys() == theirs.keys(), f"{where}: {ours} for {theirs}"
        for name in theirs:
            same(ours[name], theirs[name], tolerance, f"{where}.{name}")
    elif isinstance(theirs, list):
        shown = f"{where}: {str(ours)[:300]} for {str(theirs)[:300]}"
        assert isinstance(ours, list) and len(ours) == len(theirs), shown
        for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            same(a, b, tolerance, f"{where}[{index}]")
    elif isinstance(theirs, float):
        assert math.isclose(ours, theirs, rel_tol=tolerance, abs_tol=tolerance), f"{where}: {ours} for {theirs}"
    else:
        assert ours == theirs and type(ours) is type(theirs), f"{where}: {ours!r} for {theirs!r}"
