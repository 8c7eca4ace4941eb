"""Ask the smaller helpers of `transformers`, whichever it is, and print what they say as one JSON object.

python helpers.py FOLDER        FOLDER holds a tokenizer
"""

import inspect
import json
import logging as python_logging
import os
import random
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import AutoTokenizer
from transformers.data.data_collator import (
    DataCollatorForLanguageModeling,
    DataCollatorForSeq2Seq,
    DataCollatorForTokenClassification,
    DataCollatorWithPadding,
    DefaultDataCollator,
    default_data_collator,
)

RESULTS = {}
TOKENIZER = AutoTokenizer.from_pretrained(sys.argv[1])
TEXTS = ["A short one.", "A much longer sentence, of more words than the first!", "x"]


def plain(value):
    """Anything as what JSON holds, with dtypes and types where they matter."""
    if hasattr(value, "tolist"):
        numbers = np.asarray(value)
        numbers = numbers.astype(np.float64).round(5) if numbers.dtype.kind == "f" else numbers
        return [str(value.dtype), numbers.tolist()]
    if isinstance(value, dict) or hasattr(value, "keys"):
        return {str(key): plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    return value if isinstance(value, (int, float, str, bool, type(None))) else type(value).__name__


def ask(function):
    """Record what a function returns, or the type of its error."""
    try:
        RESULTS[function.__name__] = plain(function())
    except Exception as error:
        RESULTS[function.__name__] = [type(error).__name__]


def collator(make, kind="pt", drop=(), **features):
    def run():
        encoded = [TOKENIZER(text) for text in TEXTS]
        rows = [{k: v for k, v in row.items() if k not in drop} for row in encoded]
        for name, values in features.items():
            for row, value in zip(rows, values, strict=True):
                row[name] = value
        return make()(rows) if kind == "pt" else make()(rows, return_tensors=kind)

    return run


def named(name, function):
    function.__name__ = name
    ask(function)


LABELS = [[1] * len(TOKENIZER(text)["input_ids"]) for text in TEXTS]
named("padding", collator(lambda: DataCollatorWithPadding(TOKENIZER), label=[0, 1, 2]))
named(
    "padding_ids", collator(lambda: DataCollatorWithPadding(TOKENIZER, pad_to_multiple_of=8), label_ids=[0.5, 1.0, 2.0])
)
named("padding_max", collator(lambda: DataCollatorWithPadding(TOKENIZER, "max_length", 20, return_tensors="np")))
named("tokens", collator(lambda: DataCollatorForTokenClassification(TOKENIZER), labels=LABELS))
named("tokens_8", collator(lambda: DataCollatorForTokenClassification(TOKENIZER, pad_to_multiple_of=8), label=LABELS))
named("tokens_none", collator(lambda: DataCollatorForTokenClassification(TOKENIZER)))
named("seq2seq", collator(lambda: DataCollatorForSeq2Seq(TOKENIZER), labels=[[1, 2], [3], [4, 5, 6]]))
named("seq2seq_np", collator(lambda: DataCollatorForSeq2Seq(TOKENIZER), "np", labels=[[1, 2], [3], [4, 5, 6]]))
named("seq2seq_8", collator(lambda: DataCollatorForSeq2Seq(TOKENIZER, pad_to_multiple_of=8), labels=[[1], [3], [4, 5]]))
named("seq2seq_max", collator(
    lambda: DataCollatorForSeq2Seq(TOKENIZER, padding="max_length", max_length=18), labels=[[1], [3], [4, 5]]
))  # fmt: skip
named("causal", collator(lambda: DataCollatorForLanguageModeling(TOKENIZER, mlm=False)))
named("causal_np", collator(lambda: DataCollatorForLanguageModeling(TOKENIZER, mlm=False, return_tensors="np")))
named(
    "masked_shares", lambda: DataCollatorForLanguageModeling(TOKENIZER, mask_replace_prob=0.9, random_replace_prob=0.2)
)


@ask
def default_collator():
    rows = [{"label": i, "ids": [i, i + 1], "text": "a", "none": None, "x": 0.5 * i} for i in range(3)]
    tensors = [{"label_ids": [1, 2], "x": torch.ones(2)}, {"label_ids": [3, 4], "x": torch.zeros(2)}]
    kinds = [default_data_collator(rows), DefaultDataCollator()(tensors), default_data_collator([{"label": 0.5}])]
    return [*kinds, default_data_collator([{"a": np.ones(2)}, {"a": np.zeros(2)}])]


@ask
def masked():
    """The shares of tokens chosen, masked, and replaced; and what never happens."""
    rows = [TOKENIZER(" ".join(TEXTS) * 10, return_special_tokens_mask=True) for _ in range(60)]
    transformers.set_seed(0)
    batch = DataCollatorForLanguageModeling(TOKENIZER, mlm_probability=0.3)(rows)
    ids, labels = batch["input_ids"].numpy(), batch["labels"].numpy()
    original = np.array([row["input_ids"] for row in rows])
    special = np.array([row["special_tokens_mask"] for row in rows]).astype(bool)
    chosen = labels != -100
    masks = ids == TOKENIZER.mask_token_id
    return {
        "chosen": round(chosen[~special].mean(), 1), "special": bool(chosen[special].any()),
        "masked": round(masks[chosen].mean(), 1), "kept": round((ids == original)[chosen].mean(), 1),
        "others": bool((ids != original)[~chosen].any()), "labels": bool((labels == original)[chosen].all()),
        "dtypes": [str(ids.dtype), str(labels.dtype)], "names": sorted(batch),
    }  # fmt: skip


@ask
def schedules():
    settings = {
        "cosine_with_restarts": {"num_cycles": 3}, "polynomial": {"power": 2.0, "lr_end": 1e-5},
        "cosine_with_min_lr": {"min_lr": 1e-4},
    }  # fmt: skip
    found = {}
    for kind in transformers.SchedulerType:
        if kind.value in ("cosine_warmup_with_min_lr", "warmup_stable_decay", "reduce_lr_on_plateau"):
            continue
        for warm in (0, 5):
            optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
            schedule = transformers.get_scheduler(kind, optimizer, warm, 30, settings.get(kind.value))
            rates = []
            for _ in range(36):
                rates.append(schedule.get_last_lr()[0])
                optimizer.step()
                schedule.step()
            found[f"{kind.value}-{warm}"] = np.array(rates).round(9).tolist()
    return found


@ask
def schedule_of_unknown_name():
    transformers.get_scheduler("sideways", torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1))


@ask
def state():
    state = transformers.TrainerState(epoch=1.5, global_step=3, log_history=[{"loss": 0.5}])
    state.stateful_callbacks = {}
    with tempfile.TemporaryDirectory() as folder:
        state.save_to_json(f"{folder}/state.json")
        again = transformers.TrainerState.load_from_json(f"{folder}/state.json")
        text = json.loads(Path(folder, "state.json").read_text())
    control = transformers.TrainerControl(should_save=True)
    stopper = transformers.EarlyStoppingCallback(2)
    made = transformers.TrainerState(stateful_callbacks=[control, stopper])
    return [
        again == state,
        text,
        made.stateful_callbacks,
        transformers.TrainerControl.from_state(control.state()).should_save,
    ]


@ask
def early_stopping():
    class Arguments:
        metric_for_best_model, greater_is_better, eval_strategy, load_best_model_at_end = "loss", False, "steps", True

    stopper, control, state = transformers.EarlyStoppingCallback(2, 0.01), transformers.TrainerControl(), None
    state, found = transformers.TrainerState(), []
    for loss in (1.0, 0.5, 0.495, 0.6, 0.1):
        stopper.on_evaluate(Arguments, state, control, {"eval_loss": loss})
        found.append((stopper.early_stopping_patience_counter, control.should_training_stop))
        state.best_metric = loss if state.best_metric is None else min(loss, state.best_metric)
    return found


@ask
def events():
    names = [name for name in dir(transformers.TrainerCallback) if name.startswith("on_")]
    return [sorted(names), [transformers.TrainerCallback().on_step_end(None, None, None, model=1)]]


@ask
def prediction():
    first, more = transformers.EvalPrediction(1, 2), transformers.EvalPrediction(1, 2, 3, 4)
    a, b = first
    return [a, b, list(more), more[3], first.inputs]


@ask
def checkpoints():
    from transformers.trainer_utils import get_last_checkpoint

    with tempfile.TemporaryDirectory() as folder:
        before = get_last_checkpoint(folder)
        for name in ("checkpoint-9", "checkpoint-10", "checkpoint-x"):
            os.mkdir(f"{folder}/{name}")
        Path(folder, "checkpoint-99").write_text("")
        return [before, os.path.basename(get_last_checkpoint(folder))]


@ask
def seeds():
    transformers.set_seed(7)
    return [random.random(), np.random.rand(), torch.rand(2)]


@ask
def parameter_names():
    from transformers.pytorch_utils import ALL_LAYERNORM_LAYERS
    from transformers.trainer_pt_utils import get_parameter_names

    config = transformers.BertConfig(num_hidden_layers=1, hidden_size=8, num_attention_heads=2, intermediate_size=8)
    model = transformers.BertForSequenceClassification(config)
    return sorted(get_parameter_names(model, ALL_LAYERNORM_LAYERS, ["bias"]))


@ask
def activations():
    from transformers.activations import ACT2FN

    x = torch.linspace(-3, 3, 13)
    names = "gelu gelu_10 gelu_fast gelu_new gelu_python gelu_pytorch_tanh laplace leaky_relu linear mish quick_gelu"
    return {name: ACT2FN[name](x) for name in f"{names} relu relu2 relu6 sigmoid silu swish tanh".split()}


@ask
def unknown_activation():
    from transformers.activations import get_activation

    get_activation("sideways")


@ask
def chunks():
    from transformers.pytorch_utils import apply_chunking_to_forward

    x = torch.arange(12.0).reshape(2, 6)
    return [apply_chunking_to_forward(lambda part: part**2, size, 1, x) for size in (0, 2, 6)]


@ask
def pruned():
    from transformers.pytorch_utils import Conv1D, find_pruneable_heads_and_indices, prune_layer

    torch.manual_seed(0)
    heads, index = find_pruneable_heads_and_indices([1, 2, 3], 3, 2, {1})
    layers = [torch.nn.Linear(6, 6), torch.nn.Linear(6, 6, bias=False), Conv1D(6, 6)]
    kept = [prune_layer(layer, index, dim) for layer in layers[:2] for dim in (None, 1)] + [
        prune_layer(layers[2], index, 0)
    ]
    return [
        sorted(heads),
        index,
        [list(layer.state_dict()) for layer in kept],
        [layer.weight.shape for layer in kept],
        [layer(torch.ones(1, 1, layer.weight.shape[i])) for layer, i in zip(kept[:4], (1, 1, 1, 1), strict=True)],
    ]


@ask
def example_scripts():
    from transformers.utils import check_min_version

    check_min_version("4.40.0")
    check_min_version("99.0.0")


@ask
def activation_classes():
    from transformers.activations import GELUActivation, NewGELUActivation, QuickGELUActivation, gelu_new

    x = torch.linspace(-2, 2, 7)
    return [GELUActivation()(x), NewGELUActivation()(x), QuickGELUActivation()(x), gelu_new(x)]


@ask
def available():
    from transformers.utils import import_utils

    names = (
        "accelerate apex bitsandbytes bs4 datasets faiss flash_attn_2 ftfy jinja kenlm librosa mlx nltk onnx optimum "
    )
    names += (
        "pandas peft protobuf psutil pytesseract pytest rich safetensors scipy sentencepiece sklearn soundfile spacy "
    )
    names += (
        "tensorflow_text tiktoken timm tokenizers torch torch_cuda torch_mps torch_npu torch_xla torch_xpu torchao "
    )
    names += "torchaudio torchvision triton vision torch_bf16_gpu torch_tf32 torch_fx torch_sdpa levenshtein cv2 av"
    return {name: bool(getattr(import_utils, f"is_{name}_available")()) for name in names.split()}


@ask
def generic():
    from transformers.utils import generic

    objects = [torch.ones(2), np.ones(2), [1], {"a": torch.ones(1)}, (np.float32(1), [torch.zeros(1)])]
    return {
        "py": [generic.to_py_obj(x) for x in objects],
        "numpy": [generic.to_numpy(x) for x in objects[:2]],
        "kinds": [[getattr(generic, f"is_{k}_tensor" if k != "numpy" else "is_numpy_array")(x) for x in objects]
                  for k in ("torch", "numpy", "tf", "jax")],
        "dtype": [generic.is_torch_dtype(torch.float32), generic.is_torch_device(torch.device("cpu"))],
        "flat": generic.flatten_dict({"a": {"b": 1, "c": {"d": 2}}, "e": {}}),
        "bool": [generic.strtobool(word) for word in ("y", "Off", "1", "NO", "true")],
        "labels": [generic.find_labels(getattr(transformers, name))
                   for name in ("BertModel",)],
        "loss": generic.can_return_loss(transformers.BertForMaskedLM),
        "framework": generic.infer_framework(transformers.BertModel),
    }  # fmt: skip


@ask
def not_a_bool():
    from transformers.utils.generic import strtobool

    strtobool("perhaps")


@ask
def managers():
    from contextlib import contextmanager

    from transformers.utils import ContextManagers

    seen = []

    @contextmanager
    def manager(name):
        seen.append(f"in {name}")
        yield
        seen.append(f"out {name}")

    with ContextManagers([manager("a"), manager("b")]):
        seen.append("body")
    return seen


@ask
def enumerations():
    from transformers.utils import ExplicitEnum

    class Kind(ExplicitEnum):
        A = "a"

    return [Kind("a") is Kind.A, Kind.A == "a", transformers.SchedulerType("linear").value]


@ask
def unknown_member():
    transformers.SchedulerType("sideways")


@ask
def versions():
    from transformers.utils.versions import require_version

    require_version("numpy>=1.0,<1000")
    return require_version("python>=3.8")


for _name, _requirement in {"old": "numpy>=1000", "missing": "no-such-package-x", "bad": "numpy === = 1"}.items():
    named(f"version_{_name}", lambda text=_requirement: __import__("transformers").utils.versions.require_version(text))


@ask
def tables():
    from transformers.modelcard import make_markdown_table

    rows = [{"a": 1, "long name": 0.123456789, "c": "x"}, {"a": 22222, "long name": 1.5, "c": None}]
    return [make_markdown_table(rows), make_markdown_table([]), make_markdown_table(None)]


@ask
def dynamic_modules():
    from transformers.dynamic_module_utils import get_relative_import_files, get_relative_imports

    with tempfile.TemporaryDirectory() as folder:
        for name, text in {"a": "from .b import x\nimport os\n", "b": "from .c import y\n", "c": "y = 1\n"}.items():
            Path(folder, f"{name}.py").write_text(text)
        files = get_relative_import_files(f"{folder}/a.py")
        return [sorted(os.path.basename(file) for file in files), get_relative_imports(f"{folder}/a.py")]


@ask
def hub_files():
    from transformers.utils import cached_file, hub

    folder = sys.argv[1]
    commit = "a" * 40
    return [
        os.path.basename(cached_file(folder, "config.json")),
        cached_file(folder, "none.json", _raise_exceptions_for_missing_entries=False),
        hub.extract_commit_hash(f"/x/snapshots/{commit}/config.json", None), hub.extract_commit_hash("/x/y", None),
        hub.is_remote_url("https://x"), hub.is_remote_url("x"),
        transformers.utils.peft_utils.find_adapter_config_file(folder),
    ]  # fmt: skip


@ask
def missing_file():
    from transformers.utils import cached_file

    cached_file(sys.argv[1], "none.json")


@ask
def loggers():
    from transformers.utils import logging

    logger = logging.get_logger("transformers.here")
    found = [logging.get_verbosity(), isinstance(logger, python_logging.Logger)]
    for level in ("debug", "info", "warning", "error"):
        getattr(logging, f"set_verbosity_{level}")()
        found.append(logging.get_verbosity())
    handler = python_logging.Handler()
    records = []
    handler.emit = lambda record: records.append(record.getMessage())
    logging.add_handler(handler)
    root = logging.get_logger()
    for _ in range(3):
        root.warning_once("hidden %d", 0)
    logging.set_verbosity_warning()
    for number in (1, 2, 1):
        root.warning_once("once %d", number)
    root.warning_advice("advice")
    logging.disable_progress_bar()
    silent = logging.tqdm([1], file=sys.stdout)
    found += [records, logging.is_progress_bar_enabled(), list(silent)]
    logging.enable_progress_bar()
    return [*found, logging.is_progress_bar_enabled()]


@ask
def signatures():
    """Names of the arguments of forward, and which may be given by position, for small models of every class."""
    found = {}
    sizes = {
        "Albert": dict(vocab_size=9, embedding_size=4, hidden_size=8, num_attention_heads=2, intermediate_size=8),
        "Bert": dict(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8),
        "DistilBert": dict(vocab_size=9, dim=8, n_layers=1, n_heads=2, hidden_dim=8),
        "GPT2": dict(vocab_size=9, n_embd=8, n_layer=1, n_head=2, n_positions=8),
        "Llama": dict(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8),
        "T5": dict(vocab_size=9, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2),
        "ViT": dict(
            hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, image_size=16, patch_size=8
        ),
    }  # fmt: skip
    heads = "Model LMHeadModel DoubleHeadsModel EncoderModel"
    tasks = "PreTraining CausalLM MaskedLM SequenceClassification TokenClassification QuestionAnswering MultipleChoice "
    tasks += "NextSentencePrediction ConditionalGeneration ImageClassification MaskedImageModeling"
    for prefix, size in sizes.items():
        config = getattr(transformers, f"{prefix}Config")(**size)
        for head in (*heads.split(), *(f"For{task}" for task in tasks.split())):
            cls = getattr(transformers, prefix + head, None)
            if cls is not None:
                parameters = inspect.signature(cls(config).forward).parameters.values()
                found[prefix + head] = [(p.name, p.kind.name) for p in parameters]
    return found


print(json.dumps(RESULTS))
