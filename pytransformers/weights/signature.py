"""Names for the arguments that a head passes on.

Heads are written once, as `forward(self, *inputs, labels=None, **kwargs)` over any base model. Programs ask
`inspect.signature(model.forward)` which arguments there are, so a class gets a copy of its `forward` that tells.
"""

import inspect
from inspect import Parameter
from types import FunctionType


def name_arguments(model):
    """Give the class of a model a `forward` whose signature names every argument, unless it has one already."""
    cls = type(model)
    base = model.base_model
    inner = base.forward if base is not model else getattr(model, "encode_decode", None)
    if inner is None or not _is_open(cls.forward):
        return
    forward = _copy(cls.forward)
    parameters = inspect.signature(inner).parameters
    for ancestor in reversed(cls.__mro__):
        if "forward" in vars(ancestor) and _is_open(ancestor.forward):
            parameters = _over(inspect.signature(ancestor.forward).parameters, parameters)
    receiver = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
    forward.__signature__ = inspect.Signature([receiver, *parameters.values()])
    cls.forward = forward


def _is_open(function):
    """Whether it is of this package (others' are left as they are) and takes arguments without naming them."""
    if not function.__module__.startswith(f"{__name__.partition('.')[0]}."):
        return False
    kinds = {parameter.kind for parameter in inspect.signature(function).parameters.values()}
    return Parameter.VAR_POSITIONAL in kinds or Parameter.VAR_KEYWORD in kinds


def _over(outer, inner):
    """Parameters of a function that names some and passes the others on.

    What it skips, to reach an argument of its own, can be given by keyword only.
    """
    own = [p for name, p in outer.items() if name != "self" and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    positional = [p.name for p in own if p.kind is p.POSITIONAL_OR_KEYWORD]
    order = list(inner)
    reached = max((order.index(name) for name in positional if name in inner), default=-1)
    passed_on = [
        p.replace(kind=p.KEYWORD_ONLY) if order.index(name) < reached else p
        for name, p in inner.items()
        if name not in outer
    ]
    return {p.name: p for p in sorted((*own, *passed_on), key=lambda p: p.kind)}


def _copy(function):
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__, copy.__doc__ = function.__kwdefaults__, function.__doc__
    copy.__qualname__, copy.__module__ = function.__qualname__, function.__module__
    return copy
