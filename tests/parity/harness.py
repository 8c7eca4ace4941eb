"""Parity with `transformers` 4.57.6 in PyTorch, the oracle.

A `Case` is a tiny config, a head and inputs. `oracle.py`, run once for a session, writes for each case a checkpoint
with every parameter randomised, its inputs, every output, the gradients of an objective, and the statistics of fresh
weights. `test_<framework>.py` loads the checkpoint and compares. To add an architecture, add `cases/<model>.py` with
a list `CASES`; nothing else changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

import numpy as np

OUTPUT_TOLERANCE = 1e-4  # of the largest value of that output
GRADIENT_TOLERANCE = 1e-3  # of the largest value of that gradient


@dataclass(frozen=True)
class Case:
    """One model to compare.

    Attributes:
        name: unique, starts with the module's name: "bert-masked-lm".
        module: file under `models/`.
        model: class name.
        config: arguments of the oracle's config class `config_class`.
        inputs: rng -> {argument: array}; integer arrays are ids, labels given here make a loss.
        options: plain arguments of both calls besides the outputs asked for.
        oracle_attention: the oracle's `attn_implementation` (ORACLE.md tells where one is wrong).
        attention: our `attn_implementation`; the configuration's where None.
        skip_outputs: names not compared, with the reason in a comment where it is set.
        cotangent_of: output whose weighted sum is the objective when there is no loss; the first by default.
        class_arguments: further arguments of the model's constructor.
    """

    name: str
    module: str
    model: str
    config_class: str
    config: Mapping
    inputs: Callable[[np.random.Generator], dict]
    options: Mapping = field(default_factory=dict)
    oracle_attention: str = "eager"
    attention: str | None = None
    skip_outputs: tuple[str, ...] = ()
    fresh: bool = True

    def make_inputs(self):
        return self.inputs(np.random.default_rng(7))


def natively(case):
    """The same with the compiled attention, which returns no weights."""
    options = {name: value for name, value in case.options.items() if name != "output_attentions"}
    return replace(case, name=f"{case.name}-native", options=options, attention="native")


def all_cases():
    """Every case, by name."""
    found = {}
    for file in sorted((Path(__file__).parent / "cases").glob("*.py")):
        if file.stem != "__init__":
            for case in import_module(f"tests.parity.cases.{file.stem}").CASES:
                assert case.name not in found, f"two cases are called {case.name}"
                found[case.name] = case
    return found


def head_cases():
    """For each class of model its first case."""
    found = {}
    for case in all_cases().values():
        found.setdefault((case.module, case.model), case)
    return list(found.values())


def training_cases():
    """For each architecture its first case with labels."""
    found = {}
    for case in all_cases().values():
        if "labels" in case.make_inputs():
            found.setdefault(case.module, case)
    return list(found.values())


def ids(rng, shape, vocab=99, low=3):
    """Token ids above the special ones."""
    return rng.integers(low, vocab, shape)


def padding_mask(batch, length, left=False):
    """Ones, with the last third of each odd row (or the first, from the left) padded."""
    mask = np.ones((batch, length), np.int64)
    cut = length - length // 3
    for row in range(1, batch, 2):
        if left:
            mask[row, : length - cut] = 0
        else:
            mask[row, cut:] = 0
    return mask


def cotangent(shape):
    """Fixed weights of an output in the objective."""
    return np.cos(np.arange(int(np.prod(shape)), dtype=np.float32)).reshape(shape) / np.sqrt(np.prod(shape))


def flatten(name, value, to_numpy, out):
    """Outputs as {dotted name: float32 array}; caches and tuples by position, None left out."""
    if value is None:
        return
    if hasattr(value, "to_legacy_cache"):
        value = value.to_legacy_cache()
    if isinstance(value, Mapping):
        for key, item in value.items():
            flatten(f"{name}.{key}" if name else key, item, to_numpy, out)
    elif isinstance(value, (tuple, list)):
        for index, item in enumerate(value):
            flatten(f"{name}.{index}", item, to_numpy, out)
    else:
        out[name] = np.asarray(to_numpy(value))


def statistics(values):
    """mean, standard deviation, kurtosis (3 for a normal, 1.8 for a uniform distribution), count."""
    values = values.astype(np.float64)
    mean, std = values.mean(), values.std()
    return mean, std, ((values - mean) ** 4).mean() / std**4 if std else 0.0, values.size


def relative_difference(ours, theirs):
    """Largest difference over the largest value."""
    scale = np.abs(theirs).max(initial=0.0)
    return np.abs(ours.astype(np.float64) - theirs).max(initial=0.0) / max(scale, 1e-12)


def assert_outputs(ours, theirs, tolerance=OUTPUT_TOLERANCE):
    assert sorted(ours) == sorted(theirs), f"only ours or only theirs: {sorted(set(ours) ^ set(theirs))}"
    wrong = []
    for name, expected in theirs.items():
        assert ours[name].shape == expected.shape, f"{name}: shape {ours[name].shape}, oracle's {expected.shape}"
        difference = relative_difference(ours[name], expected)
        if not difference <= tolerance:
            wrong.append(f"{name}: differs by {difference:.2e} of the largest value")
    assert not wrong, "\n".join(wrong)


def assert_gradients(ours, theirs, tolerance=GRADIENT_TOLERANCE):
    """As outputs; what is zero by theory (a key's bias under softmax) may be noise of 1e-6 of the largest gradient."""
    # What the objective does not reach has no gradient in some frameworks and zeros in others.
    assert not any(ours[name].any() for name in set(ours) - set(theirs))
    assert not set(theirs) - set(ours), f"no gradient for {sorted(set(theirs) - set(ours))}"
    noise = 1e-6 * max(np.abs(g).max() for g in theirs.values())
    wrong = []
    for name, expected in theirs.items():
        difference = np.abs(ours[name] - expected).max()
        allowed = tolerance * np.abs(expected).max() + noise
        if not difference <= allowed:
            wrong.append(f"{name}: differs by {difference:.2e}, allowed {allowed:.2e}")
    assert not wrong, "\n".join(wrong)
