"""Write what the oracle generates: `python -m tests.generation.oracle FOLDER [CASE ...]`.

Run by `transformers` 4.57.6 it also writes the models; 4.51.3, the last version that has all searches, reads them.
"""

import os
import sys
import warnings
from pathlib import Path

import numpy as np

from tests.parity.harness import flatten

from .cases import CASES, MODELS, write_tokenizer

os.environ.update(USE_TF="0", USE_FLAX="0")


def write_models(folder):
    import torch
    import transformers

    for name, (kind, config, values, deviation) in MODELS.items():
        torch.manual_seed(1)
        model = getattr(transformers, kind)(getattr(transformers, config)(**values))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, deviation)
            if name == "near":
                near = dict(transformers.GPT2LMHeadModel.from_pretrained(folder / "gpt2").named_parameters())
                for key, parameter in model.named_parameters():
                    parameter.add_(near[key])
        model.save_pretrained(folder / name)
    write_tokenizer(folder / "bytes")


def closest(output):
    """The smallest distance of the best two scores of any step: what float noise must not exceed."""
    steps = output.get("scores") or ()
    best = [step.float().topk(2, -1)[0] for step in steps]
    return min((float((b[:, 0] - b[:, 1]).min()) for b in best), default=np.inf)


def answer(case, folder, models):
    """{name: array} of all that the oracle's output holds, and `margin`."""
    import torch
    import transformers

    if case.model not in models:
        kind = getattr(transformers, MODELS[case.model][0])
        models[case.model] = kind.from_pretrained(folder / case.model, attn_implementation="eager").eval()
    model = models[case.model]
    torch.manual_seed(case.seed)
    whole = case.settings.get("return_dict_in_generate")
    asked = {} if whole else {"return_dict_in_generate": True, "output_scores": True}
    output = model.generate(**{**asked, **case.arguments(model, torch.from_numpy)})
    found = {}
    flatten("", dict(output.items()) if whole else {"sequences": output.sequences}, lambda t: t.detach().numpy(), found)
    return {**found, "margin": np.array(closest(output))}


def main(folder, names):
    import transformers

    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    folder, models = Path(folder), {}
    if transformers.__version__ == "4.57.6":
        write_models(folder)
    answers = {}
    for case in CASES.values():
        if case.version == transformers.__version__ and (not names or case.name in names):
            try:
                found = answer(case, folder, models)
            except Exception as error:
                raise RuntimeError(f"the oracle failed on case {case.name}") from error
            answers.update({f"{case.name}/{name}": value for name, value in found.items()})
    np.savez(folder / f"answers-{transformers.__version__}.npz", **answers)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
