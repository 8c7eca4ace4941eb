"""A picture of each family over sizes, and of the models."""

from __future__ import annotations

import sys
from pathlib import Path

from . import machine
from .row import OURS


def _figure(count):
    sys.path.append(str(machine.PEERS))
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = min(count, 3)
    rows = -(-count // columns)
    return pyplot.subplots(rows, columns, figsize=(6 * columns, 4.5 * rows), squeeze=False)


def _panel(axes, title, x_label, y_label, curves):
    """curves: {label: [(x, y), ...]}."""
    for label, points in curves.items():
        points = sorted(points)
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", markersize=4, label=label)
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set(title=title, xlabel=x_label, ylabel=y_label, xscale="log", yscale="log")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    ticks = [t for t in (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32) if low <= t <= high]
    axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
    sizes = sorted({x for points in curves.values() for x, _ in points})
    axes.set_xticks(sizes, [f"{x:g}" if x < 1e5 else f"{x:.0e}" for x in sizes], rotation=45, fontsize=7)
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    if curves:
        axes.legend(fontsize=7)


def _save(figure, panels, path):
    for axes in figure.axes[panels:]:
        axes.set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def family(name: str, rows: list[dict], path: Path) -> bool:
    """A panel for each framework: how many times as long its own takes as our kernel. False if there is nothing."""
    panels = {}
    for row in rows:
        if row.get("training"):
            continue
        for rival, value in row["ratios"].get("native", {}).items():
            panels.setdefault((row["framework"], rival), {}).setdefault(row["series"], []).append((row["size"], value))
    if not panels:
        return False
    figure, axes = _figure(len(panels))
    for axis, ((framework, rival), curves) in zip(axes.flat, panels.items(), strict=False):
        _panel(axis, f"{name}, {framework}", "size", f"time of {rival} / ours", curves)
    _save(figure, len(panels), path)
    return True


def models(rows: list[dict], path: Path) -> bool:
    """A panel for each model: how many times as fast as `transformers` every other is, over tokens of a forward."""
    panels = {}
    for row in rows:
        base = row["times"].get("transformers")
        if not base or row["case"].count("+"):
            continue
        for name, times in row["times"].items():
            if name != "transformers":
                label = f"ours, {name}" if name in OURS else name
                point = (row["size"], base["median"] / times["median"])
                panels.setdefault(row["title"], {}).setdefault(label, []).append(point)
    if not panels:
        return False
    figure, axes = _figure(len(panels))
    for axis, (title, curves) in zip(axes.flat, panels.items(), strict=False):
        _panel(axis, title, "tokens of a forward", "times as fast as transformers", curves)
    _save(figure, len(panels), path)
    return True
