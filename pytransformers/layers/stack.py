"""Running layers one after another."""

from .. import ops


def run(stack, layer, *args, **kwargs):
    """Call `layer`, keeping none of its intermediate results when `stack` trains with gradient checkpointing."""
    if stack.gradient_checkpointing and stack.training:
        return ops.checkpoint(layer, *args, **kwargs)
    return layer(*args, **kwargs)
