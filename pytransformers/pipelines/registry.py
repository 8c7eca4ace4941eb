"""The tasks there are: for each its class, the Auto classes of its models, and a model to take when none is named."""

from __future__ import annotations

from typing import Any

from ..auto.registry import load
from ..auto.table import ARCHITECTURES, FRAMEWORKS
from .feature_extraction import FeatureExtractionPipeline
from .fill_mask import FillMaskPipeline
from .image_classification import ImageClassificationPipeline
from .image_feature_extraction import ImageFeatureExtractionPipeline
from .question_answering import QuestionAnsweringPipeline
from .text2text_generation import SummarizationPipeline, Text2TextGenerationPipeline, TranslationPipeline
from .text_classification import TextClassificationPipeline
from .text_generation import TextGenerationPipeline
from .token_classification import TokenClassificationPipeline
from .zero_shot_classification import ZeroShotClassificationPipeline

# framework -> public prefix of its classes.
PREFIXES = {"pt": "", "tf": "TF", "jax": "Flax"}

# task -> (class, Auto head, kind of input, model and revision on the hub)
TASKS = {
    "feature-extraction": (
        FeatureExtractionPipeline, "", "multimodal", ("distilbert/distilbert-base-cased", "6ea8117"),
    ),
    "text-classification": (
        TextClassificationPipeline, "ForSequenceClassification", "text",
        ("distilbert/distilbert-base-uncased-finetuned-sst-2-english", "714eb0f"),
    ),
    "token-classification": (
        TokenClassificationPipeline, "ForTokenClassification", "text",
        ("dbmdz/bert-large-cased-finetuned-conll03-english", "4c53496"),
    ),
    "question-answering": (
        QuestionAnsweringPipeline, "ForQuestionAnswering", "text",
        ("distilbert/distilbert-base-cased-distilled-squad", "564e9b5"),
    ),
    "fill-mask": (FillMaskPipeline, "ForMaskedLM", "text", ("google-bert/bert-base-uncased", "main")),
    "text2text-generation": (
        Text2TextGenerationPipeline, "ForSeq2SeqLM", "text", ("google-t5/t5-base", "a9723ea"),
    ),
    "summarization": (SummarizationPipeline, "ForSeq2SeqLM", "text", ("google-t5/t5-small", "df1b051")),
    "translation": (TranslationPipeline, "ForSeq2SeqLM", "text", ("google-t5/t5-base", "a9723ea")),
    "text-generation": (TextGenerationPipeline, "ForCausalLM", "text", ("openai-community/gpt2", "607a30d")),
    "zero-shot-classification": (
        ZeroShotClassificationPipeline, "ForSequenceClassification", "text",
        ("typeform/distilbert-base-uncased-mnli", "main"),
    ),
    "image-classification": (
        ImageClassificationPipeline, "ForImageClassification", "image", ("google/vit-base-patch16-224", "3f49326"),
    ),
    "image-feature-extraction": (
        ImageFeatureExtractionPipeline, "", "image", ("google/vit-base-patch16-224", "3f49326"),
    ),
}  # fmt: skip
TASK_ALIASES = {"sentiment-analysis": "text-classification", "ner": "token-classification"}
# Auto head -> the task it is for; the first head that has a model's class decides.
HEAD_TASKS = {
    "ForMaskedLM": "fill-mask",
    "ForCausalLM": "text-generation",
    "ForSeq2SeqLM": "text2text-generation",
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForQuestionAnswering": "question-answering",
    "ForImageClassification": "image-classification",
    "": "feature-extraction",
}


def _row(task: str) -> dict[str, Any]:
    cls, head, kind, default = TASKS[task]
    autos = {name: (load(f"{prefix}AutoModel{head}"),) for name, prefix in PREFIXES.items()}
    return {"impl": cls, **autos, "default": {"model": dict.fromkeys(PREFIXES, default)}, "type": kind}


class PipelineRegistry:
    """Tasks by name: {"impl": class, "pt", "tf", "jax": Auto classes, "default": {"model": ...}, "type": ...}."""

    def __init__(self, supported_tasks: dict[str, Any], task_aliases: dict[str, str]) -> None:
        self.supported_tasks = supported_tasks
        self.task_aliases = task_aliases

    def get_supported_tasks(self) -> list[str]:
        """All names, aliases included."""
        return sorted((*self.supported_tasks, *self.task_aliases))

    def check_task(self, task: str) -> tuple[str, dict[str, Any], Any]:
        """(the task's own name, its row, (xx, yy) of "translation_xx_to_yy"). KeyError names the tasks there are."""
        name = self.task_aliases.get(task, task)
        if name in self.supported_tasks:
            return name, self.supported_tasks[name], None
        parts = str(name).split("_")
        if parts[0] == "translation" and "translation" in self.supported_tasks:
            if len(parts) == 4 and parts[2] == "to":
                return "translation", self.supported_tasks["translation"], (parts[1], parts[3])
            raise KeyError(f"[pipeline] expected a task such as translation_en_to_fr, got {task!r}")
        known = ", ".join([*self.get_supported_tasks(), "translation_XX_to_YY"])
        raise KeyError(f"[pipeline] Unknown task {task!r}, expected one of {known}; or register it")

    def register_pipeline(
        self, task: str, pipeline_class: type, pt_model: Any = None, tf_model: Any = None, default: Any = None,
        type: str | None = None, jax_model: Any = None,
    ) -> None:  # fmt: skip
        """Add a task, or replace one.

        Args:
            pipeline_class: a subclass of Pipeline.
            pt_model, tf_model, jax_model: the Auto class, or model class, that loads its models, or a tuple of them.
            default: {"pt": (hub id, revision), ...}, or {"model": that}.
            type: "text", "image", "audio" or "multimodal".
        """
        given = {"pt": pt_model, "tf": tf_model, "jax": jax_model}
        row: dict[str, Any] = {"impl": pipeline_class}
        for name, models in given.items():
            row[name] = () if models is None else models if isinstance(models, tuple) else (models,)
        if default is not None:
            row["default"] = default if "model" in default or not set(default) & set(given) else {"model": default}
        if type is not None:
            row["type"] = type
        self.supported_tasks[task] = row
        pipeline_class._registered_impl = {task: row}

    def to_dict(self) -> dict[str, Any]:
        """The rows by task."""
        return self.supported_tasks


SUPPORTED_TASKS = {task: _row(task) for task in TASKS}
PIPELINE_REGISTRY = PipelineRegistry(SUPPORTED_TASKS, TASK_ALIASES)


def get_supported_tasks() -> list[str]:
    """The names of all tasks, aliases included."""
    return PIPELINE_REGISTRY.get_supported_tasks()


def check_task(task: str) -> tuple[str, dict[str, Any], Any]:
    """`PIPELINE_REGISTRY.check_task`."""
    return PIPELINE_REGISTRY.check_task(task)


def task_of(class_name: str) -> str | None:
    """The task that a model class is for, by its name in any framework; None if no architecture has it."""
    names = {class_name.removeprefix(prefix) for prefix in FRAMEWORKS}
    for head, task in HEAD_TASKS.items():
        for row in ARCHITECTURES.values():
            found = row["heads"].get(head)
            if found and (found in names or any(row["aliases"].get(name) == found for name in names)):
                return f"image-{task}" if not head and not row["tokenizer"] else task
    return None
