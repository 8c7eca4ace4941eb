"""The results as a page: what they ran on, what was aimed at, and a table for each family and each model."""

from __future__ import annotations

from .row import OURS
from .targets import TARGETS

READING = (
    "Times are medians, in brackets the interquartile range as a share of them. `native x NAME` is how many times as",
    "long NAME takes as our kernel, the median over rounds in which both were timed in turn: above 1, ours is faster.",
    "`native` is the compiled kernel, `auto` what runs when nothing is asked for. The floor is a copy of as many bytes",
    "in the same rounds, for what memory bounds; else the operations at the rate above.",
)
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    scale, unit = next(((s, u) for s, u in UNITS if seconds >= s), UNITS[-1])
    value = seconds / scale
    return f"{value:.{max(0, 2 - len(str(int(value))) + 1)}f} {unit}"


def timed(times: dict) -> str:
    """A median, and the interquartile range as a share of it."""
    width = (times["q3"] - times["q1"]) / times["median"] if times["median"] else 0.0
    return f"{duration(times['median'])} ({width:.0%})"


def lines(header: list[str], body: list[list[str]]) -> list[str]:
    """A table in Markdown."""
    return ["| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *body]]


def contenders(rows: list[dict]) -> tuple[list[str], list[str]]:
    """(ours, rivals) that were timed in any of the rows, in the order in which they come."""
    names = dict.fromkeys(name for row in rows for name in row["times"])
    return [name for name in OURS if name in names], [name for name in names if name not in (*OURS, "floor")]


def ratio(row: dict, mine: str, rival: str) -> str:
    value = row["ratios"].get(mine, {}).get(rival)
    return "-" if value is None else f"{value:.2f}"


def table(rows: list[dict], ours: list[str], rivals: list[str]) -> list[str]:
    """Times of all, the ratio of each of ours to each rival, and the share of the floor."""
    with_floor = any(row["share_of_floor"] for row in rows)
    header = ["case", *ours, *rivals, *(f"{mine} x {rival}" for mine in ours for rival in rivals)]
    header += [f"{mine}, of the floor" for mine in ours if with_floor and mine != "auto"]
    body = []
    for row in rows:
        if "all" in row["absent"]:
            continue
        cells = [timed(row["times"][name]) if name in row["times"] else "-" for name in (*ours, *rivals)]
        cells += [ratio(row, mine, rival) for mine in ours for rival in rivals]
        if with_floor:
            shares = row["share_of_floor"]
            cells += [f"{shares[name]:.0%}" if name in shares else "-" for name in ours if name != "auto"]
        body.append([row["case"], *cells])
    return [*lines(header, body), ""] if body else []


def tables(rows: list[dict]) -> list[str]:
    """One table; for a model two, of float32 and of quantised weights. Then who is missing and why."""
    ours, rivals = contenders(rows)
    quantised = [name for name in rivals if name.endswith(" int8")]
    out = []
    if quantised:
        out += table(rows, [n for n in ours if not n.startswith("int")], [n for n in rivals if n not in quantised])
        out += table(rows, [n for n in ours if n.startswith("int")], quantised)
    else:
        out += table(rows, ours, rivals)
    missing = {}
    for row in rows:
        for name, reason in row["absent"].items():
            missing.setdefault(("not run" if name == "all" else name, reason), []).append(row["case"])
    out += ["Missing:", ""] if missing else []
    for (name, reason), cases in missing.items():
        where = "everywhere" if len(cases) == len(rows) else "; ".join(cases)
        out.append(f"- {name} ({where}): {reason.replace('|', '/')}")
    return out


def quality(rows: list[dict]) -> list[str]:
    """The least cosine to the reference of each contender, where results were compared."""
    least = {}
    for row in rows:
        for name, value in row.get("cosine", {}).items():
            least[name] = min(value, least.get(name, 1.0))
    words = [f"{name} {value:.4f}" for name, value in least.items()]
    return ["", "Least cosine of results: " + ", ".join(words) + "."] if words else []


def targets(rows: list[dict]) -> list[str]:
    """Each target: in how many cases it is met, and where it is missed most."""
    body = []
    for target in TARGETS:
        reached = {
            " ".join(filter(None, (row["family"], row["framework"], row["case"]))): value
            for row in rows if target.concerns(row) and (value := target.value(row)) is not None
        }  # fmt: skip
        if reached:
            worst = min(reached, key=reached.get)
            met = sum(value >= target.least for value in reached.values())
            lowest = f"{reached[worst]:.2f}: {worst}"
            body.append([target.title, f"{target.least:g}", f"{met} of {len(reached)}", lowest])
    return ["## Targets", "", *lines(["what", "at least", "met", "lowest"], body), ""] if body else []


def page(results: dict, pictures: dict[str, str]) -> str:
    """The whole page; `pictures` are file names by family or "models"."""
    about, rows = results["about"], results["rows"]
    versions = ", ".join(f"{name.replace('_cpu', '')} {version}" for name, version in about["versions"].items())
    out = [
        "# CPU kernels and whole models", "",
        f"{about['processor']}, {about['threads']} threads, instruction set {about['instruction_set']}. "
        f"Python {about['python']}, {versions}. {about['date']}, commit {about['commit']}, `{about['command']}`.", "",
        f"Floors of the same run: a plain copy moves {about['floors']['copy'] / 1e9:.1f} GB/s, read and written; "
        f"multiply-adds reach {about['floors']['multiply_add'] / 1e9:.0f} GFLOP/s.", "",
        *READING, "",
        *targets(rows),
    ]  # fmt: skip
    groups = {}
    for row in sorted(rows, key=lambda row: row["part"]):  # "kernels" before "models"
        groups.setdefault((row["part"], row["family"]), {}).setdefault(row["framework"], []).append(row)
    heading = ""
    for (part, family), frameworks in groups.items():
        if part != heading:
            heading = part
            out += [f"## {part.capitalize()}", ""]
            if part == "models" and "models" in pictures:
                out += [f"![Speed of every peer over transformers]({pictures['models']})", ""]
        out += [f"### {next(iter(frameworks.values()))[0].get('title', family)}", ""]
        if family in pictures:
            out += [f"![{family}: time of the framework's own over ours]({pictures[family]})", ""]
        for framework, members in frameworks.items():
            out += [f"#### {family} in {framework}", ""] if part == "kernels" else []
            out += [*tables(members), *quality(members), ""]
            if not all(row.get("together", True) for row in members):
                out += ["Too large to be held together: each peer was timed after the other, not in turn.", ""]
    return "\n".join(out).rstrip() + "\n"
