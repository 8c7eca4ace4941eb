"""LoRA with peft: `python adapters.py BASES OUT`, on whichever `transformers` there is.

BASES holds one folder per case. For each: one training step, saving, loading into a fresh base, merging. Prints a JSON
object of what is compared; the adapters are in OUT.
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

bases, out = map(Path, sys.argv[1:])
IDS = torch.arange(20).reshape(2, 10)
CASES = {
    "bert": (AutoModelForSequenceClassification, TaskType.SEQ_CLS, {"labels": torch.tensor([0, 2])}, {}),
    "llama": (AutoModelForCausalLM, TaskType.CAUSAL_LM, {"labels": IDS}, {}),
    "gpt2": (AutoModelForCausalLM, TaskType.CAUSAL_LM, {"labels": IDS}, {"fan_in_fan_out": True}),
}


def logits(model, inputs):
    with torch.no_grad():
        return model.eval()(**inputs).logits.double()


def run(name, auto, task, labels, settings):
    torch.manual_seed(0)
    inputs = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS), **labels}
    model = get_peft_model(
        auto.from_pretrained(bases / name), LoraConfig(task_type=task, r=4, lora_dropout=0.0, **settings)
    )
    trainable = model.get_nb_trainable_parameters()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    loss = model.eval()(**inputs).loss
    loss.backward()
    optimizer.step()
    trained = logits(model, inputs)
    model.save_pretrained(out / name)

    loaded = PeftModel.from_pretrained(auto.from_pretrained(bases / name), out / name)
    again = logits(loaded, inputs)
    result = {"class": type(loaded.base_model.model).__module__}
    if task is TaskType.CAUSAL_LM:
        ids = loaded.generate(input_ids=IDS, attention_mask=inputs["attention_mask"], max_new_tokens=4, do_sample=False)
        result["generated"] = ids.tolist()
    merged = logits(loaded.merge_and_unload(), inputs)

    inside = auto.from_pretrained(bases / name)
    plain = logits(inside, inputs)
    inside.load_adapter(str(out / name))
    with_adapter = logits(inside, inputs)
    inside.disable_adapters()
    without = logits(inside, inputs)
    inside.enable_adapters()
    at_once = logits(auto.from_pretrained(out / name), inputs)
    result["active"] = inside.active_adapters()
    inside.save_pretrained(out / f"{name}-inside")
    return {
        **result, "trainable": trainable, "loss": loss.item(), "logits": trained.tolist(),
        "differences": {
            "loaded": (again - trained).abs().max().item(), "merged": (merged - trained).abs().max().item(),
            "inside": (with_adapter - trained).abs().max().item(), "without": (without - plain).abs().max().item(),
            "at once": (at_once - trained).abs().max().item(),
        },
        "learned": (trained - plain).abs().max().item(),
    }  # fmt: skip


print(json.dumps({name: run(name, *case) for name, case in CASES.items()}))
