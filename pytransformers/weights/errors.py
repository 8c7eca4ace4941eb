"""Errors of checkpoint reading and writing. All are `OSError`s, as users of `from_pretrained` expect."""


class CheckpointError(OSError):
    """A checkpoint is missing, unreadable, malformed or unsafe. The message names the file, the key and the cure."""


class ShapeMismatchError(CheckpointError, RuntimeError):
    """A tensor of the checkpoint has another shape than the model's."""
