"""Which tensor of a checkpoint goes to which weight of a model: names first, then shapes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .errors import ShapeMismatchError
from .tensor import LazyTensor

Renames = Sequence[tuple[str, str]]

# Norm weights as TensorFlow 1 called them, in checkpoints from before 2020
_OLD_NAMES = ((r"\.gamma$", ".weight"), (r"\.beta$", ".bias"))
_SHOWN = 10  # names listed in a message before it says how many more


@dataclass
class LoadPlan:
    """What a checkpoint holds for a model.

    `assign` maps every expected name that can be filled to its tensor, tied names to the same one. `missing` and
    `unexpected` are names; `mismatched` are (name, shape in the file, shape in the model).
    """

    assign: dict[str, LazyTensor] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    mismatched: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = field(default_factory=list)
    source: str = ""

    def report(self) -> str:
        """What a user should know, one paragraph a fault; empty when everything matched."""
        shapes = [f"{name} (file {found}, model {expected})" for name, found, expected in self.mismatched]
        paragraphs = (
            (self.unexpected, "holds weights that the model has no place for"),
            (self.missing, "lacks weights of the model, which are newly initialised and should be trained"),
            (shapes, "holds weights of other shapes, in whose place the model's are newly initialised"),
        )
        source = self.source or "The checkpoint"
        return "\n".join(f"{source} {what}: {_list(names)}" for names, what in paragraphs if names)


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def match(
    expected: Mapping[str, tuple[int, ...]],
    found: Mapping[str, LazyTensor],
    *,
    base_model_prefix: str = "",
    renames: Renames = (),
    ties: Mapping[str, str] | None = None,
    ignore_missing: Sequence[str] = (),
    ignore_unexpected: Sequence[str] = (),
    ignore_mismatched_sizes: bool = False,
    source: str = "",
) -> LoadPlan:
    """Plan how `found` fills the weights `expected` (name -> shape).

    A checkpoint of the base model fits a model with a head, and the other way round: `base_model_prefix` is added or
    taken off. `renames` are ordered regex pairs from the file's names to ours. `ties` maps an alias to the name whose
    weight it shares; either of the two in the file fills both. Names matching a regex of `ignore_missing` or
    `ignore_unexpected` are not reported.
    Raises `ShapeMismatchError`, naming file, key and both shapes, unless `ignore_mismatched_sizes`.
    """
    ties = ties or {}
    plan = LoadPlan(source=source)
    known = {*expected, *ties, *ties.values()}
    places = _places(known, found, base_model_prefix, renames)
    spare = set(found).difference(places.values())
    available = {place: found[name] for place, name in places.items()}
    for place in list(available):
        available.setdefault(_root(place, ties), available[place])

    for name, shape in expected.items():
        tensor = available.get(_root(name, ties))
        if tensor is None:
            plan.missing.append(name)
        elif tuple(tensor.shape) != tuple(shape):
            plan.mismatched.append((name, tuple(tensor.shape), tuple(shape)))
        else:
            plan.assign[name] = tensor
    plan.missing = _without(plan.missing, ignore_missing)
    plan.unexpected = _without(sorted(spare), ignore_unexpected)
    if plan.mismatched and not ignore_mismatched_sizes:
        name, got, wanted = plan.mismatched[0]
        others = [entry[0] for entry in plan.mismatched[1:]]
        raise ShapeMismatchError(
            f"[load] {available[_root(name, ties)].file}: expected {name!r} to have shape {wanted} as the model "
            f"configured, got {got} in the file{f' (likewise {_list(others)})' if others else ''}; correct the config, "
            "or pass ignore_mismatched_sizes=True to initialise such weights anew"
        )
    return plan


def _root(name: str, ties: Mapping[str, str]) -> str:
    visited = set()
    while name in ties and name not in visited:
        visited.add(name)
        name = ties[name]
    return name


def _places(known: set[str], found: Mapping[str, LazyTensor], prefix: str, renames: Renames) -> dict[str, str]:
    """Our name -> name in the file, for every tensor of the file that has a place."""
    renamed = {name: rename(name, renames) for name in found}
    dotted = prefix + "."
    with_head = prefix and any(name.startswith(dotted) for name in known)
    from_head = prefix and any(name.startswith(dotted) for name in renamed.values())
    places: dict[str, str] = {}
    used: set[str] = set()
    # A name that fits as it is goes before one that fits after a change.
    for exact in (True, False):
        for name, ours in renamed.items():
            candidates = [ours, rename(ours, _OLD_NAMES)]
            if with_head and not from_head:
                candidates += [dotted + candidate for candidate in candidates]
            elif from_head and not with_head:
                candidates += [candidate.removeprefix(dotted) for candidate in candidates]
            fitting = [c for c in (candidates[:1] if exact else candidates[1:]) if c in known and c not in places]
            if fitting and name not in used:
                places[fitting[0]] = name
                used.add(name)
    return places


def _without(names: list[str], patterns: Sequence[str]) -> list[str]:
    return [name for name in names if not any(re.search(pattern, name) for pattern in patterns)]


def rename(name: str, renames: Renames) -> str:
    """Apply ordered (regex, replacement) pairs to one name."""
    for pattern, replacement in renames:
        name = re.sub(pattern, replacement, name)
    return name


def reverse_renames(renames: Renames) -> list[tuple[str, str]]:
    """The pairs that undo `renames`, for saving under the file's names.

    A reversible pattern is made of literal text, escaped characters, groups that are not nested, and `^` or `$`;
    its replacement is literal text and every group once, as `\\1`. Anything else raises `ValueError`.
    """
    return [_reverse(pattern, replacement) for pattern, replacement in reversed(renames)]


_GROUP = r"(?P<group>\((?!\?)(?:\\.|\[[^]]*\]|[^()\\])*\))"
_PATTERN_PART = re.compile(_GROUP + r"|\\(?P<escaped>[^\w])|(?P<literal>[^\\()*+?|{}^$\[\]]+)")
_REPLACEMENT_PART = re.compile(r"\\(?P<group>\d)|(?P<literal>[^\\]+)")


def _parts(reader: re.Pattern, text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(text):
        part = reader.match(text, at)
        if part is None:
            raise ValueError(f"[renames] expected groups and literal text, got {text[at:]!r} in {text!r}, simplify it")
        found.append(("group" if part.lastgroup == "group" else "literal", part[part.lastgroup]))
        at = part.end()
    return found


def _reverse(pattern: str, replacement: str) -> tuple[str, str]:
    start, end = "^" * pattern.startswith("^"), "$" * (pattern.endswith("$") and not pattern.endswith("\\$"))
    before = _parts(_PATTERN_PART, pattern[len(start) : len(pattern) - len(end)])
    after = _parts(_REPLACEMENT_PART, replacement)
    groups = [text for kind, text in before if kind == "group"]
    order = [int(text) for kind, text in after if kind == "group"]
    if sorted(order) != list(range(1, len(groups) + 1)):
        raise ValueError(f"[renames] expected {replacement!r} to use each group of {pattern!r} once, got {order}")
    places = iter(rf"\{order.index(number) + 1}" for number in range(1, len(groups) + 1))
    new_pattern = "".join(groups[int(text) - 1] if kind == "group" else re.escape(text) for kind, text in after)
    new_replacement = "".join(next(places) if kind == "group" else text for kind, text in before)
    return f"{start}{new_pattern}{end}", new_replacement
