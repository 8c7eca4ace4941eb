"""Checks that a configuration class lists as data.

Each maker returns a function `check(config) -> str | None`: None when all is well, else what was expected and
what came. `PretrainedConfig.validate` runs them and raises one ValueError.
"""

from __future__ import annotations

# The activation names of configuration files (`transformers` 4.57).
ACTIVATIONS = frozenset(
    """gelu gelu_10 gelu_accurate gelu_fast gelu_new gelu_python gelu_python_tanh gelu_pytorch_tanh laplace
    leaky_relu linear mish prelu quick_gelu relu relu2 relu6 sigmoid silu swish tanh xielu""".split()
)

# rope_scaling: type -> what it must hold. Further keys are kept and read by those who know them.
ROPE_TYPES = {
    "default": (),
    "linear": ("factor",),
    "dynamic": ("factor",),
    "yarn": ("factor",),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
    "longrope": ("short_factor", "long_factor"),
}
ROPE_NUMBERS = (
    "factor",
    "attention_factor",
    "beta_fast",
    "beta_slow",
    "low_freq_factor",
    "high_freq_factor",
    "mscale",
    "mscale_all_dim",
)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def near(name: object, known: object) -> str:
    """`; did you mean ...?` when something known is spelled alike, else nothing."""
    from difflib import get_close_matches

    matches = get_close_matches(str(name), [str(k) for k in known], n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(map(repr, matches))}?" if matches else ""


def integers(*names: str, least: int = 1, optional: bool = False):
    """Each named field is an integer of at least `least` (or None, if `optional`)."""

    def check(config):
        for name in names:
            value = getattr(config, name)
            if value is None and optional:
                continue
            if not _is_integer(value) or value < least:
                return f"expected {name} to be an integer of at least {least}, got {value!r}"
        return None

    return check


def image_sizes(*names: str):
    """Each named field is a positive integer, or a pair of them (height, width)."""

    def check(config):
        for name in names:
            value = getattr(config, name)
            sizes = value if isinstance(value, (list, tuple)) else (value, value)
            if len(sizes) != 2 or not all(_is_integer(size) and size > 0 for size in sizes):
                return f"expected {name} to be a positive integer or a pair of them, got {value!r}"
        return None

    return check


def numbers(*names: str, least: float = 0.0, most: float | None = None, optional: bool = False):
    """Each named field is a number in [least, most] (or None, if `optional`)."""

    def check(config):
        for name in names:
            value = getattr(config, name)
            if value is None and optional:
                continue
            if not _is_number(value) or not value >= least or (most is not None and value > most):
                bounds = f"of at least {least:g}" if most is None else f"between {least:g} and {most:g}"
                return f"expected {name} to be a number {bounds}, got {value!r}"
        return None

    return check


def flags(*names: str):
    """Each named field is true or false."""

    def check(config):
        for name in names:
            value = getattr(config, name)
            if not isinstance(value, bool) and value not in (0, 1):
                return f"expected {name} to be true or false, got {value!r}"
        return None

    return check


def one_of(name: str, known, optional: bool = False):
    """The field is one of the known names (or None, if `optional`)."""

    def check(config):
        value = getattr(config, name)
        if (value is None and optional) or (isinstance(value, str) and value in known):
            return None
        return f"expected {name} to be one of {', '.join(sorted(known))}, got {value!r}{near(value, known)}"

    return check


def activation(*names: str, optional: bool = False):
    """Each named field is an activation's name, or a callable (or None, if `optional`)."""
    by_name = [one_of(name, ACTIVATIONS, optional) for name in names]

    def check(config):
        for name, known in zip(names, by_name, strict=True):
            if not callable(getattr(config, name)) and (message := known(config)):
                return message
        return None

    return check


def divides(part: str, whole: str):
    """The field `whole` is a multiple of the field `part`."""

    def check(config):
        a, b = getattr(config, part), getattr(config, whole)
        return f"expected {whole} to be a multiple of {part}, got {b} and {a}; change one of them" if b % a else None

    return check


def even(name: str):
    """The field is an even integer, as rotary embedding wants: it turns pairs of components."""

    def check(config):
        value = getattr(config, name)
        return f"expected {name} to be even, got {value!r}" if value % 2 else None

    return check


def token_id(name: str):
    """The field is None or a row of the embedding table (negative counts from the end)."""

    def check(config):
        value, size = getattr(config, name), config.vocab_size
        if value is None or (_is_integer(value) and -size <= value < size):
            return None
        return f"expected {name} to be None or below vocab_size ({size}), got {value!r}"

    return check


def rope_scaling(config) -> str | None:
    """`rope_scaling` is None or names a known type with all its numbers, in the ranges that make sense."""
    scaling = config.rope_scaling
    if scaling is None:
        return None
    if not isinstance(scaling, dict):
        return f"expected rope_scaling to be None or a dictionary, got {scaling!r}"
    kind = scaling.get("rope_type", scaling.get("type"))
    if kind not in ROPE_TYPES:
        return (
            f"expected rope_scaling['rope_type'] to be one of {', '.join(ROPE_TYPES)}, got {kind!r}"
            f"{near(kind, ROPE_TYPES)}"
        )
    if scaling.get("type", kind) != kind:
        return f"expected rope_scaling['type'] to equal rope_scaling['rope_type'] ({kind!r}), got {scaling['type']!r}"
    if missing := [key for key in ROPE_TYPES[kind] if scaling.get(key) is None]:
        return f"expected rope_scaling of type {kind!r} to hold {', '.join(missing)}, got {scaling!r}"
    for key in ROPE_NUMBERS:
        value, least = scaling.get(key), 1 if key == "factor" else 0
        if value is not None and (not _is_number(value) or not value >= least):
            return f"expected rope_scaling[{key!r}] to be a number of at least {least}, got {value!r}"
    original = scaling.get("original_max_position_embeddings")
    if original is not None and not (_is_integer(original) and original > 0):
        return f"expected rope_scaling['original_max_position_embeddings'] to be a positive integer, got {original!r}"
    if kind == "llama3" and scaling["high_freq_factor"] <= scaling["low_freq_factor"]:
        return (
            "expected rope_scaling['high_freq_factor'] above ['low_freq_factor'], got "
            f"{scaling['high_freq_factor']} and {scaling['low_freq_factor']}"
        )
    if kind == "yarn" and (scaling.get("beta_fast") or 32) < (scaling.get("beta_slow") or 1):
        return (
            "expected rope_scaling['beta_fast'] (default 32) to be at least ['beta_slow'] (default 1), got "
            f"{scaling.get('beta_fast')} and {scaling.get('beta_slow')}"
        )
    return None
