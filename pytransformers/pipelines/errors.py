"""PipelineException: an input that a task cannot work on."""


class PipelineException(Exception):
    """Raised for an input, or a model, that the task cannot work on.

    Args:
        task: of the pipeline.
        model: the model's kind (its `base_model_prefix`).
        reason: the message.
    """

    def __init__(self, task: str, model: str, reason: str) -> None:
        super().__init__(reason)
        self.task = task
        self.model = model
