"""How pipelines run: one input, lists, streams, batches, progress, subclasses, saving."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest

import pytransformers
from pytransformers import AutoModel, AutoTokenizer, BertForTokenClassification, pipeline
from pytransformers.pipelines import (
    PIPELINE_REGISTRY,
    ChunkPipeline,
    FeatureExtractionPipeline,
    KeyDataset,
    Pipeline,
    PipelineException,
    TextClassificationPipeline,
    base,
)

from .cases import CONTEXT, LLAMA, LONG, T5, TEXTS
from .checks import same

FRAMEWORKS = ("pt", "jax", "tf")
PROMPTS = ["A fine day", "The quick brown fox jumps over", "Bob"]
MANY = ["a", "two words", "three words here", *TEXTS, "x " * 30, "y " * 17]


BATCHES = [
    ("feature-extraction", "bert", MANY, {}),
    ("text-classification", "bert-labels", MANY, {"top_k": None}),
    ("text-classification", "gpt2-labels", [text or "-" for text in MANY], {"top_k": None}),
    ("token-classification", "gpt2-entities", [text or "-" for text in MANY], {"ignore_labels": []}),
    ("token-classification", "bert-entities", [LONG, "Bob", LONG[:99]], {"aggregation_strategy": "average"}),
    ("fill-mask", "albert-masked", [f"{text} [MASK]" for text in MANY], {}),
    (
        "question-answering", "distilbert-answers",
        [{"question": "Who?", "context": text} for text in (CONTEXT, "Bob", CONTEXT * 2)], {"max_seq_len": 40},
    ),
    ("text-generation", "gpt2", PROMPTS, {"do_sample": False, "max_new_tokens": 5}),
    ("text2text-generation", "t5", PROMPTS, {"max_new_tokens": 5}),
]  # fmt: skip
COMPILED = ("feature-extraction", "text-classification", "question-answering", "text-generation")
BATCHED = [
    (framework, *batch) for batch in BATCHES for framework in FRAMEWORKS
    if framework == "pt" or (batch[0] in COMPILED and batch[1] != "bert-labels")
]  # fmt: skip


@pytest.mark.parametrize(
    "framework, task, model, inputs, options", BATCHED, ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_batch_gives_what_each_gives_alone(framework, task, model, inputs, options, models):
    pipe = pipeline(task, model=models / model, framework=framework, **options)
    alone = [result for item in inputs for result in pipe(item for item in [item])]
    if task != "text2text-generation":  # whose lists come without the list around each
        same(pipe(list(inputs), batch_size=3), alone, 2e-5)
    same(list(pipe((item for item in inputs), batch_size=4)), alone, 2e-5)


def test_jax_compiles_a_bucket_once(models):
    import jax

    pipe = pipeline(model=models / "bert", framework="jax")
    pipe(["w " * 10])  # 12 tokens
    with jax.log_compiles(), _logged("jax") as lines:
        for count in (7, 8, 9, 10):  # buckets of 12, as before
            pipe(["w " * count])
        assert "Finished XLA compilation" not in lines.getvalue()
        pipe(["w " * 11])
        assert "Finished XLA compilation" in lines.getvalue()


class _logged:
    """The messages of a logger, as text."""

    def __init__(self, name):
        import logging

        self.logger, self.text = logging.getLogger(name), io.StringIO()
        self.handler = logging.StreamHandler(self.text)

    def __enter__(self):
        self.logger.addHandler(self.handler)
        return self.text

    def __exit__(self, *_):
        self.logger.removeHandler(self.handler)


def test_tensorflow_traces_all_lengths_once(models):
    pipe = pipeline(model=models / "bert", framework="tf")
    traces, forward = [], type(pipe.model).forward

    def counted(self, *args, **kwargs):
        traces.append(1)
        return forward(self, *args, **kwargs)

    type(pipe.model).forward = counted
    try:
        for count in (3, 9, 20):
            pipe(["w " * count] * 2, batch_size=2)
    finally:
        type(pipe.model).forward = forward
    assert len(traces) == 1


def test_buckets_at_most_double():
    from pytransformers.backends.jax.inference import bucket

    sizes = [bucket(size) for size in range(1, 3000)]
    assert all(size <= found < 2 * size for size, found in enumerate(sizes, 1))
    assert sizes[:8] == [1, 2, 3, 4, 6, 6, 8, 8] and len(set(sizes)) < 25
    assert bucket(100, 8, 110) == 110 and bucket(3, 8) == 8 and bucket(130, 8, 110) == 192


def test_streams_are_lazy(models):
    pipe = pipeline(model=models / "bert-labels")
    taken = []

    def source():
        for text in MANY:
            taken.append(text)
            yield text

    results = pipe(source(), batch_size=2)
    assert taken == []
    first = next(iter(results))
    assert len(taken) == 2 and first == pipe(MANY[:1])[0]


def test_data_sets(models):
    import torch

    class Data(torch.utils.data.Dataset):
        def __len__(self):
            return len(MANY)

        def __getitem__(self, index):
            return {"text": MANY[index]} if index < len(MANY) else [][0]

    pipe = pipeline(model=models / "bert-labels")
    results = list(pipe(KeyDataset(Data(), "text"), batch_size=4))
    same(results, pipe(MANY), 2e-5)


def test_progress(models, monkeypatch, capsys):
    pipe = pipeline(model=models / "bert-labels")
    texts = ["a"] * base.BAR_LEAST
    pipe(texts)
    assert capsys.readouterr().err == ""  # no terminal
    pipe(texts, progress=True)
    assert f"{len(texts)}/{len(texts)}" in capsys.readouterr().err
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    pipe(texts)
    assert terminal.getvalue() == ""  # quick
    monkeypatch.setattr(base, "BAR_DELAY", 0)
    pipe(texts)
    assert "text-classification" in terminal.getvalue()
    shown = len(terminal.getvalue())
    pipe(texts, progress=False)
    pipe(texts[:3])
    assert len(terminal.getvalue()) == shown


class Scaled(TextClassificationPipeline):
    def postprocess(self, model_outputs, **kwargs):
        logits = model_outputs.logits
        assert logits.shape == (1, 3)
        return float(logits[0].max())


class Pooled(Pipeline):
    """As user code in PyTorch writes it."""

    def _sanitize_parameters(self, scale=None, **kwargs):
        return {}, {}, {} if scale is None else {"scale": scale}

    def preprocess(self, inputs):
        return self.tokenizer(inputs, return_tensors=self.framework)

    def _forward(self, model_inputs):
        return self.model(**model_inputs)

    def postprocess(self, model_outputs, scale=1):
        return model_outputs.pooler_output.numpy()[0].sum().item() * scale


class Words(ChunkPipeline):
    def _sanitize_parameters(self, **kwargs):
        return {}, {}, {}

    def preprocess(self, inputs):
        words = inputs.split()
        for index, word in enumerate(words):
            yield {"is_last": index == len(words) - 1, "word": word, **self.tokenizer(word, return_tensors="pt")}

    def _forward(self, model_inputs):
        last, word = model_inputs.pop("is_last"), model_inputs.pop("word")
        return {"is_last": last, "word": word, "states": self.model(**model_inputs)[0]}

    def postprocess(self, model_outputs):
        return [(output["word"], output["states"].shape[-1]) for output in model_outputs]


def test_subclasses(models):
    scaled = pipeline("text-classification", model=models / "bert-labels", pipeline_class=Scaled)
    assert isinstance(scaled, Scaled)
    same(scaled(MANY, batch_size=3), [scaled(text)[0] for text in MANY], 2e-5)
    model, tokenizer = AutoModel.from_pretrained(models / "bert"), AutoTokenizer.from_pretrained(models / "bert")
    pooled = Pooled(model=model, tokenizer=tokenizer, scale=2)
    assert pooled.framework == "pt" and str(pooled.device) == "cpu"
    assert pooled("a b") == pytest.approx(2 * pooled("a b", scale=1), rel=1e-5)
    same(pooled(MANY, batch_size=3), [pooled(text) for text in MANY], 1e-4)
    words = Words(model=model, tokenizer=tokenizer)
    expected = [[(word, 32) for word in text.split()] for text in ("a b c", "d", "e f")]
    assert words(["a b c", "d", "e f"], batch_size=2) == words(["a b c", "d", "e f"]) == expected
    assert words("a b c") == expected[0]


def test_registry(models):
    default = {"pt": ("nobody/nothing", "main")}
    PIPELINE_REGISTRY.register_pipeline("pooled", Pooled, pt_model=AutoModel, default=default)
    try:
        pipe = pipeline("pooled", model=models / "bert")
        assert isinstance(pipe, Pooled) and isinstance(pipe("a"), float) and pipe.task == "pooled"
        assert "pooled" in PIPELINE_REGISTRY.get_supported_tasks()
        with pytest.raises(ValueError, match="pooled has no models for framework='tf'; it has for pt"):
            pipeline("pooled", model=models / "bert", framework="tf")
    finally:
        del PIPELINE_REGISTRY.supported_tasks["pooled"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_empty_text_has_no_entities(models, framework):
    pipe = pipeline("ner", model=models / "bert-entities", framework=framework)
    assert pipe("") == [] and pipe(["", ""], aggregation_strategy="simple") == [[], []]
    with pytest.raises(ValueError, match=r"expected at least one text, got \[\]"):
        pipe([])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_saving(models, tmp_path, framework):
    pipe = pipeline("ner", model=models / "bert-entities", framework=framework)
    pipe.save_pretrained(tmp_path / "saved")
    again = pipeline(model=tmp_path / "saved", framework=framework)
    assert again.task == "token-classification"
    same(again(LONG), pipe(LONG))


def test_task_from_the_model(models):
    tasks = {
        "bert": "feature-extraction", "bert-labels": "text-classification", "gpt2": "text-generation",
        "t5": "text2text-generation", "albert-masked": "fill-mask", "vit": "image-feature-extraction",
        "vit-labels": "image-classification", "bert-answers": "question-answering",
    }  # fmt: skip
    for name, task in tasks.items():
        assert pipeline(model=str(models / name)).task == task
    model = BertForTokenClassification.from_pretrained(models / "bert-entities")
    pipe = pipeline(model=model, tokenizer=str(models / "bert-entities"))
    assert pipe.task == "token-classification" and pipe.framework == "pt" and pipe.model is model


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_devices_and_dtypes(models, framework):
    pipe = pipeline(model=models / "bert-labels", framework=framework, device=-1, dtype="bfloat16")
    assert "bfloat16" in str(pipe.dtype) and "cpu" in str(pipe.device).lower()
    assert pipe("a b c")[0]["score"] == pytest.approx(
        pipeline(model=models / "bert-labels", framework=framework, device="cpu")("a b c")[0]["score"], abs=0.1
    )


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_device_that_is_not_there(models, framework):
    for device in ("cuda:7", "tpu:3"):
        with pytest.raises((ValueError, RuntimeError), match="device"):
            pipeline(model=models / "bert-labels", framework=framework, device=device)
    assert pipeline(model=models / "bert-labels", framework=framework, device=0)("a")


@pytest.mark.parametrize("framework, kind", [("pt", "torch"), ("jax", "jax"), ("tf", "tensorflow")])
def test_tensors(models, framework, kind):
    states = pipeline(model=models / "bert", framework=framework)("a b", return_tensors=True)
    assert type(states).__module__.startswith(kind) and tuple(states.shape) == (1, 4, 32)


@pytest.mark.parametrize("framework, prefix", [("pt", ""), ("jax", "Flax"), ("tf", "TF")])
@pytest.mark.parametrize(
    "task, name, tokenizer",
    [
        ("feature-extraction", "T5EncoderModel", "t5"),
        ("text-classification", "T5ForSequenceClassification", "t5"),
        ("ner", "LlamaForTokenClassification", "llama"),
    ],
)
def test_models_without_token_types_or_cache(framework, prefix, task, name, tokenizer, models):
    settings, config = {"t5": (T5, "T5Config"), "llama": (LLAMA, "LlamaConfig")}[tokenizer]
    model = getattr(pytransformers, prefix + name)(getattr(pytransformers, config)(**settings))
    pipe = pipeline(task, model=model, tokenizer=str(models / tokenizer))
    assert pipe.framework == framework
    assert "token_type_ids" in pipe.tokenizer.model_input_names and len(pipe("A fine day")) > 0


def test_no_gradients_and_no_dropout(models):
    pipe = pipeline(model=models / "bert")
    pipe.model.train()
    pipe = FeatureExtractionPipeline(model=pipe.model, tokenizer=pipe.tokenizer)
    first, second = pipe("a b", return_tensors=True), pipe("a b", return_tensors=True)
    assert not first.requires_grad and np.array_equal(first, second)


BAD = [
    ("text-classification", "bert-labels", [["a", "b"]], ValueError, "list inside a list"),
    ("fill-mask", "albert-masked", "no mask here", PipelineException, "No mask_token"),
    ("fill-mask", "albert-masked", "", PipelineException, "No mask_token"),
    ("feature-extraction", "bert", "w " * 90, PipelineException, "at most 64 tokens, the model's positions, got 92"),
    ("text-classification", "gpt2-labels", "", PipelineException, "at least one token"),
    ("question-answering", "bert-answers", {"question": "a", "context": ""}, ValueError, "`context` cannot be empty"),
    ("question-answering", "bert-answers", {"question": "a"}, KeyError, "context"),
    ("question-answering", "bert-answers", {"question": None, "context": "b"}, ValueError, "`question` cannot be None"),
    ("image-classification", "vit-labels", "no such file.png", ValueError, "expected a path, a URL or base64"),
    ("image-classification", "vit-labels", 3, TypeError, "expected an image"),
    ("image-classification", "vit-labels", b"not an image", ValueError, "in a format Pillow reads"),
    ("image-classification", "vit-labels", None, ValueError, "got None"),
]


@pytest.mark.parametrize("task, model, bad, error, message", BAD)
def test_bad_input(task, model, bad, error, message, models):
    pipe = pipeline(task, model=models / model)
    with pytest.raises(error, match=message):
        pipe(bad)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_tokenizer_of_another_model(models, framework):
    pipe = pipeline("text-classification", model=models / "gpt2-labels", tokenizer=models / "bert", framework=framework)
    with pytest.raises(PipelineException, match=r"below the model's vocabulary of 400, got \d+: the tokenizer"):
        pipe("Where do I live?")


def test_bad_arguments(models):
    with pytest.raises(KeyError, match="Unknown task 'text-clasification', expected one of feature-extraction, fill-m"):
        pipeline("text-clasification", model=models / "bert")
    with pytest.raises(KeyError, match="translation_en_to_fr"):
        pipeline("translation_en", model=models / "t5")
    with pytest.raises(RuntimeError, match="a task or a model, got neither"):
        pipeline()
    with pytest.raises(ValueError, match="expected framework to be pt, tf, jax or None, got 'torch'"):
        pipeline("fill-mask", model=models / "bert", framework="torch")
    with pytest.raises(ValueError, match="expected tokenizer, as the model is an object"):
        pipeline("feature-extraction", model=AutoModel.from_pretrained(models / "bert"))
    with pytest.raises(ValueError, match="expected a configuration of one of"):
        pipeline("fill-mask", model=models / "gpt2")
    with pytest.raises(ValueError, match="dtype once"):
        pipeline(model=models / "bert", dtype="float32", model_kwargs={"dtype": "float16"})
    with pytest.raises(ValueError, match="stride"):
        pipeline("ner", model=models / "bert-entities", stride=4, aggregation_strategy="none")
    with pytest.raises(ValueError, match="expected one of none, simple, first, average, max, got 'last'"):
        pipeline("ner", model=models / "bert-entities", aggregation_strategy="last")
    with pytest.raises(ValueError, match="expected one of sigmoid, softmax, none, got 'tanh'"):
        pipeline(model=models / "bert-labels", function_to_apply="tanh")
    zero = pipeline("zero-shot-classification", model=models / "distilbert-nli")
    with pytest.raises(ValueError, match="at least one label"):
        zero("text", candidate_labels=[])
    with pytest.raises(ValueError, match="hypothesis_template to have"):
        zero("text", candidate_labels=["a"], hypothesis_template="nothing")
    with pytest.raises(ValueError, match="top_k parameter should be >= 1"):
        pipeline(model=models / "bert-answers")(question="a", context="b", top_k=0)


def test_lengths_of_generation(models):
    pipe = pipeline(model=models / "gpt2", do_sample=False)
    count = {name: len(pipe("A fine day", return_tensors=True, **{name: 12})[0]["generated_token_ids"])
             for name in ("max_length", "max_new_tokens")}  # fmt: skip
    prompt = len(pipe.tokenizer("A fine day")["input_ids"])
    assert prompt < count["max_length"] <= 12 < count["max_new_tokens"] <= 12 + prompt
    pipe = pipeline(model=models / "gpt2", do_sample=False, max_length=9)
    assert len(pipe("A fine day", return_tensors=True)[0]["generated_token_ids"]) <= 9
    with pytest.raises(PipelineException, match="at most 64 tokens"):
        pipe("A fine day " * 30)
    with pytest.raises(ValueError, match="mutually exclusive"):
        pipe("A", return_full_text=True, return_tensors=True)
    with pytest.raises(ValueError, match="'role' and 'content'"):
        pipe([{"role": "user"}])
    with pytest.raises(ValueError, match="expected a text or a chat, got 3"):
        pipe(3)


def test_no_padding_token(models):
    pipe = pipeline("feature-extraction", model=models / "bert")
    pipe.tokenizer.pad_token = None
    pipe.model.config.pad_token_id = None
    with pytest.raises(ValueError, match="expected a padding token"):
        pipe(["a", "b c"], batch_size=2)
    assert len(pipe(["a", "b"], batch_size=2)) == 2


def test_no_framework_is_imported():
    import subprocess

    code = (
        "import sys; from pytransformers import pipeline, ViTImageProcessor;"
        "loaded = {name.partition('.')[0] for name in sys.modules};"
        "print(*loaded & {'torch', 'jax', 'tensorflow', 'keras', 'PIL', 'tokenizers'})"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert out.returncode == 0 and out.stdout.strip() == "", out
