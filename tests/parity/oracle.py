"""Write what the oracle says of every case: `python -m tests.parity.oracle FOLDER [CASE ...]`."""

import os
import sys
import warnings
from pathlib import Path

import numpy as np

from .harness import all_cases, cotangent, flatten, statistics

os.environ.update(USE_TF="0", USE_FLAX="0")


def write(case, folder):
    """folder/config.json, model.safetensors, inputs.npz, outputs.npz, gradients.npz, fresh.npz."""
    import torch
    import transformers

    torch.manual_seed(1)
    config = getattr(transformers, case.config_class)(**case.config)
    config._attn_implementation = case.oracle_attention
    model = getattr(transformers, case.model)(config)
    fresh = {name: _statistics(p.detach().numpy()) for name, p in model.named_parameters()}
    np.savez(folder / "fresh.npz", **fresh)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(0.0, 0.2)
            if parameter.dim() == 1 and name.endswith("weight"):
                parameter.add_(1.0)
        for name, buffer in model.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.uniform_(0.5, 1.5)
    model.eval().save_pretrained(folder)

    inputs = case.make_inputs()
    np.savez(folder / "inputs.npz", **inputs)
    tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
    output = model(**tensors, **case.options)
    found = {}
    flatten("", output, lambda t: t.detach().float().numpy(), found)
    found = {name: v for name, v in found.items() if name.split(".")[0] not in case.skip_outputs}
    np.savez(folder / "outputs.npz", **found)

    objective = output.get("loss")
    if objective is None:
        objective = (output[0] * torch.from_numpy(cotangent(output[0].shape))).sum()
    objective.backward()
    np.savez(
        folder / "gradients.npz",
        **{name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None},
    )


def _statistics(values):
    """As `harness.statistics`, in an array."""
    return np.array(statistics(values), np.float64)


def main(root, names):
    warnings.simplefilter("ignore")
    cases = all_cases()
    for name in names or cases:
        folder = Path(root) / name
        folder.mkdir(parents=True, exist_ok=True)
        try:
            write(cases[name], folder)
        except Exception as error:
            raise RuntimeError(f"the oracle failed on case {name}") from error


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
