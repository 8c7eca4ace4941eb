"""Running a PyTorch model for its results alone."""

import torch


def runner(model):
    """A function of the model's keyword inputs, without gradients or dropout."""
    model.eval()

    def run(**inputs):
        with torch.inference_mode():
            return model(**inputs)

    return run
