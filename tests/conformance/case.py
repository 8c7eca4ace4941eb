"""One case of the vocabulary: what goes in, and what comes out in NumPy float64.

A case serves every framework and dtype. Floating inputs are rounded to the tested dtype first, so that only the
operation's own error is measured; the gradient's reference is the reference differentiated numerically.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import ml_dtypes
import numpy as np

DTYPES = {"float32": np.dtype("float32"), "float16": np.dtype("float16"), "bfloat16": np.dtype(ml_dtypes.bfloat16)}
# Units in the last place that an output, and a gradient, may be off by, relative to the largest value of the array.
FORWARD = {"float32": 64, "float16": 4, "bfloat16": 4}
BACKWARD = {"float32": 256, "float16": 12, "bfloat16": 12}


@dataclass(frozen=True)
class Case:
    """One call of an op or a layer.

    Attributes:
        name: of the op or layer, then after a colon what is special: "softmax:dim0".
        inputs: one maker (rng -> array) for each tensor; a list of them makes a list of tensors.
        reference: the same call in float64; a layer's gets {parameter name: array} first.
        kwargs: plain arguments by name, of the op and the reference; a `dtype` is named as in `ops`.
        call: (ops, *tensors) -> output, where passing the tensors first and `kwargs` by name is not the call.
        make: for a layer, `nn` -> layer.
        training: for a layer, its mode.
        buffers: for a layer, (parameters, *inputs) -> {name: value after the call}.
        noise: widens the tolerance, with the reason beside it where it is set.
        gradient: False where nothing is to be differentiated.
        dtypes: the floating dtypes that make sense.
        kernels: the choices of `ops.selection` to run under.
    """

    name: str
    inputs: tuple
    reference: Callable
    kwargs: dict = field(default_factory=dict)
    call: Callable | None = None
    make: Callable | None = None
    training: bool = False
    buffers: Callable | None = None
    noise: float = 1.0
    gradient: bool = True
    dtypes: tuple[str, ...] = tuple(DTYPES)
    kernels: tuple[str, ...] = ("auto",)

    @property
    def op(self):
        return self.name.partition(":")[0]

    def draw(self, dtype):
        """The inputs, floating ones rounded to `dtype`; always the same."""
        rng = np.random.default_rng(sum(map(ord, self.name)))
        return [_drawn(maker, rng, DTYPES[dtype]) for maker in self.inputs]


def _drawn(maker, rng, dtype):
    if isinstance(maker, list):
        return [_drawn(m, rng, dtype) for m in maker]
    value = None if maker is None else np.asarray(maker(rng))
    return value.astype(dtype) if value is not None and value.dtype.kind == "f" else value


# -- makers of inputs
def normal(*shape, scale=1.0, shift=0.0):
    return lambda rng: shift + scale * rng.standard_normal(shape)


def positive(*shape):
    return lambda rng: 0.5 + rng.random(shape)


def apart(*shape):
    """Distinct values no closer than 1/4, in random order: nothing is tied."""
    count = int(np.prod(shape))
    return lambda rng: ((rng.permutation(count) - count // 2 + 0.25) / 4).reshape(shape)


def integers(*shape, low=0, high=5):
    return lambda rng: rng.integers(low, high, shape)


def booleans(*shape):
    return lambda rng: rng.random(shape) < 0.6


def given(values):
    return lambda rng: np.array(values)


# -- comparing
def leaves(value):
    """The arrays of an output that may be one array or a tuple with Nones."""
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in leaves(item)]
    return [] if value is None else [value]


def wide(value):
    """Floating arrays in float64."""
    if isinstance(value, list):
        return [wide(item) for item in value]
    floating = value is not None and (value.dtype.kind == "f" or value.dtype == DTYPES["bfloat16"])
    return value.astype(np.float64) if floating else value


def is_floating(array):
    return array.dtype.kind == "f" or array.dtype == DTYPES["bfloat16"]


def cotangents(outputs):
    """Weights of the floating outputs in the objective that is differentiated."""
    rng = np.random.default_rng(1)
    return [rng.standard_normal(o.shape) if is_floating(np.asarray(o)) else None for o in outputs]


def numerical_gradients(function, arrays, weights, step=1e-5):
    """Central differences of sum(weights * function(*arrays)) for each array, in float64."""
    def objective():
        return sum((w * o).sum() for w, o in zip(weights, leaves(function(*arrays)), strict=True) if w is not None)

    gradients = []
    for array in arrays:
        gradient = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + step
            above = objective()
            array[place] = kept - step
            gradient[place] = (above - objective()) / (2 * step)
            array[place] = kept
        gradients.append(gradient)
    return gradients


def assert_close(what, found, expected, dtype, units):
    """`units` of the dtype's last place, of the largest expected value; exact where nothing floats."""
    expected = np.asarray(expected)
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, expected {expected.shape}"
    if not is_floating(expected):
        assert np.array_equal(found, expected), f"{what}: got {found}, expected {expected}"
        return
    assert is_floating(found), f"{what}: got {found.dtype}, expected a floating dtype"
    allowed = units * float(ml_dtypes.finfo(DTYPES[dtype]).eps) * max(np.abs(expected).max(initial=0.0), 1e-2)
    difference = np.abs(found.astype(np.float64) - expected).max(initial=0.0)
    assert difference <= allowed, f"{what}: differs by {difference:.2e}, allowed {allowed:.2e}"
