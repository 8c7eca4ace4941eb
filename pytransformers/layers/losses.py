"""The losses of the heads: scalars in float32; labels of -100 are ignored."""

from .. import ops


def token_cross_entropy(logits, labels):
    """logits (..., classes), labels (...)."""
    return ops.cross_entropy(ops.flatten(logits, 0, -2), ops.reshape(labels, (-1,)))


def causal_lm(logits, labels):
    """Each position predicts the next label. logits (batch, length, vocabulary), labels (batch, length)."""
    return token_cross_entropy(logits[:, :-1], labels[:, 1:])


def sequence_classification(logits, labels, config):
    """logits (batch, num_labels). `config.problem_type` decides, or when it is None: one label is regression, integer
    labels (batch,) are classes, float labels (batch, num_labels) are independent."""
    problem = config.problem_type
    if problem is None:
        if config.num_labels == 1:
            problem = "regression"
        else:
            problem = "multi_label_classification" if ops.is_floating_point(labels) else "single_label_classification"
    if problem == "regression":
        logits = ops.cast(logits, ops.float32)
        labels = ops.cast(ops.reshape(labels, ops.shape(logits)), ops.float32)
        return ops.mse_loss(logits, labels)
    if problem == "multi_label_classification":
        return ops.binary_cross_entropy_with_logits(logits, labels)
    return token_cross_entropy(logits, labels)


def span(start_logits, end_logits, start_positions, end_positions):
    """Mean of the losses of both ends; positions beyond the text are ignored. logits (batch, length)."""
    length = ops.size(start_logits, 1)

    def end_loss(logits, positions):
        positions = ops.reshape(positions, (-1,))
        inside = ops.logical_and(positions >= 0, positions < length)
        return ops.cross_entropy(logits, ops.where(inside, positions, ops.full_like(positions, -100)))

    return (end_loss(start_logits, start_positions) + end_loss(end_logits, end_positions)) / 2
