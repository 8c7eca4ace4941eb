"""Learning-rate schedules: factors of the optimizer's rate at each step, after a linear warm-up from 0."""

from functools import partial
from math import cos, pi, sqrt

from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau


def get_constant_schedule(optimizer, last_epoch=-1):
    return LambdaLR(optimizer, _constant, last_epoch)


def get_constant_schedule_with_warmup(optimizer, num_warmup_steps, last_epoch=-1):
    return _schedule(optimizer, num_warmup_steps, last_epoch, _constant)


def get_linear_schedule_with_warmup(optimizer, num_warmup_steps, num_training_steps, last_epoch=-1):
    """Falls linearly to 0 at `num_training_steps`."""
    rest = max(1, num_training_steps - num_warmup_steps)
    return _schedule(optimizer, num_warmup_steps, last_epoch, _linear, end=num_training_steps, rest=rest)


def get_cosine_schedule_with_warmup(
    optimizer, num_warmup_steps, num_training_steps, num_cycles=0.5, last_epoch=-1
):  # fmt: skip
    """Follows a cosine for `num_cycles` waves; half a wave falls from 1 to 0."""
    span = _span(num_warmup_steps, num_training_steps)
    return _schedule(optimizer, num_warmup_steps, last_epoch, _cosine, **span, cycles=num_cycles, least=0.0)


def get_cosine_with_min_lr_schedule_with_warmup(
    optimizer, num_warmup_steps, num_training_steps, num_cycles=0.5, last_epoch=-1, min_lr=None, min_lr_rate=None
):
    """As `get_cosine_schedule_with_warmup`, down to the rate `min_lr`, or to the share `min_lr_rate` of the first."""
    if (min_lr is None) == (min_lr_rate is None):
        raise ValueError(f"[get_scheduler] expected either min_lr or min_lr_rate, got {min_lr} and {min_lr_rate}")
    least = min_lr / optimizer.defaults["lr"] if min_lr_rate is None else min_lr_rate
    span = _span(num_warmup_steps, num_training_steps)
    return _schedule(optimizer, num_warmup_steps, last_epoch, _cosine, **span, cycles=num_cycles, least=least)


def get_cosine_with_hard_restarts_schedule_with_warmup(
    optimizer, num_warmup_steps, num_training_steps, num_cycles=1, last_epoch=-1
):  # fmt: skip
    """Falls from 1 to 0 along half a cosine wave, `num_cycles` times."""
    span = _span(num_warmup_steps, num_training_steps)
    return _schedule(optimizer, num_warmup_steps, last_epoch, _restarts, **span, cycles=num_cycles)


def get_polynomial_decay_schedule_with_warmup(
    optimizer, num_warmup_steps, num_training_steps, lr_end=1e-7, power=1.0, last_epoch=-1
):
    """Falls to the rate `lr_end` with the given power of the share of steps left."""
    first = optimizer.defaults["lr"]
    if first <= lr_end:
        raise ValueError(f"[get_scheduler] expected lr_end below the optimizer's rate {first}, got {lr_end}")
    span = _span(num_warmup_steps, num_training_steps)
    return _schedule(optimizer, num_warmup_steps, last_epoch, _polynomial, **span, least=lr_end / first, power=power)


def get_inverse_sqrt_schedule(optimizer, num_warmup_steps, timescale=None, last_epoch=-1):
    """Falls with the square root of the steps; `timescale` defaults to the warm-up, or 10,000 without one."""
    scale = (num_warmup_steps or 10_000) if timescale is None else timescale
    return _schedule(optimizer, num_warmup_steps, last_epoch, _inverse_sqrt, scale=scale, warm=num_warmup_steps)


def get_reduce_on_plateau_schedule(optimizer, **kwargs):
    """`torch.optim.lr_scheduler.ReduceLROnPlateau`."""
    return ReduceLROnPlateau(optimizer, **kwargs)


# name -> (function, whether it takes num_warmup_steps, num_training_steps)
SCHEDULES = {
    "linear": (get_linear_schedule_with_warmup, True, True),
    "cosine": (get_cosine_schedule_with_warmup, True, True),
    "cosine_with_restarts": (get_cosine_with_hard_restarts_schedule_with_warmup, True, True),
    "polynomial": (get_polynomial_decay_schedule_with_warmup, True, True),
    "constant": (get_constant_schedule, False, False),
    "constant_with_warmup": (get_constant_schedule_with_warmup, True, False),
    "inverse_sqrt": (get_inverse_sqrt_schedule, True, False),
    "reduce_lr_on_plateau": (get_reduce_on_plateau_schedule, False, False),
    "cosine_with_min_lr": (get_cosine_with_min_lr_schedule_with_warmup, True, True),
}


def get_scheduler(name, optimizer, num_warmup_steps=None, num_training_steps=None, scheduler_specific_kwargs=None):
    """A schedule by name (one of `SchedulerType`).

    Raises:
        ValueError: the name is unknown, or the schedule needs steps that are not given.
    """
    name = getattr(name, "value", name)
    if name not in SCHEDULES:
        raise ValueError(f"[get_scheduler] expected one of {', '.join(SCHEDULES)}, got {name!r}")
    function, *takes = SCHEDULES[name]
    given = {"num_warmup_steps": num_warmup_steps, "num_training_steps": num_training_steps}
    steps = {key: value for (key, value), taken in zip(given.items(), takes, strict=True) if taken}
    if missing := [key for key, value in steps.items() if value is None]:
        raise ValueError(f"[get_scheduler] expected {' and '.join(missing)} for the schedule {name!r}, got none")
    return function(optimizer, **steps, **(scheduler_specific_kwargs or {}))


def _schedule(optimizer, warmup, last_epoch, after, **settings):
    return LambdaLR(optimizer, partial(_warmed, warmup=warmup, after=partial(after, **settings)), last_epoch)


def _warmed(step, warmup, after):
    return step / max(1, warmup) if step < warmup else after(step)


def _span(warm, end):
    return {"warm": warm, "length": max(1, end - warm)}


def _constant(step):
    return 1.0


def _linear(step, end, rest):
    return max(0.0, (end - step) / rest)


def _cosine(step, warm, length, cycles, least):
    factor = 0.5 * (1.0 + cos(pi * cycles * 2.0 * (step - warm) / length))
    return max(0.0, factor * (1 - least) + least)


def _restarts(step, warm, length, cycles):
    done = (step - warm) / length
    return 0.0 if done >= 1.0 else 0.5 * (1.0 + cos(pi * (cycles * done % 1.0)))


def _polynomial(step, warm, length, least, power):
    left = max(0.0, 1 - (step - warm) / length)
    return (1 - least) * left**power + least


def _inverse_sqrt(step, scale, warm):
    return 1.0 / sqrt((step + scale - warm) / scale)
