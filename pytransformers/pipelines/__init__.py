"""Tasks: from texts and images to answers, with any model of any framework.

`base` holds what all tasks do, `batching` joins and splits inputs, `registry` is the table of tasks, `factory` makes
them by name, and each further file is one task.
"""

from .base import ArgumentHandler, ChunkPipeline, Pipeline
from .data import KeyDataset, KeyPairDataset
from .errors import PipelineException
from .factory import get_task, pipeline
from .feature_extraction import FeatureExtractionPipeline
from .fill_mask import FillMaskPipeline
from .image_classification import ImageClassificationPipeline
from .image_feature_extraction import ImageFeatureExtractionPipeline
from .question_answering import QuestionAnsweringArgumentHandler, QuestionAnsweringPipeline, SquadExample
from .registry import (
    PIPELINE_REGISTRY,
    SUPPORTED_TASKS,
    TASK_ALIASES,
    PipelineRegistry,
    check_task,
    get_supported_tasks,
)
from .text2text_generation import SummarizationPipeline, Text2TextGenerationPipeline, TranslationPipeline
from .text_classification import TextClassificationPipeline
from .text_generation import TextGenerationPipeline
from .token_classification import (
    AggregationStrategy,
    NerPipeline,
    TokenClassificationArgumentHandler,
    TokenClassificationPipeline,
)
from .zero_shot_classification import ZeroShotClassificationArgumentHandler, ZeroShotClassificationPipeline

__all__ = [
    "PIPELINE_REGISTRY",
    "SUPPORTED_TASKS",
    "TASK_ALIASES",
    "AggregationStrategy",
    "ArgumentHandler",
    "ChunkPipeline",
    "FeatureExtractionPipeline",
    "FillMaskPipeline",
    "ImageClassificationPipeline",
    "ImageFeatureExtractionPipeline",
    "KeyDataset",
    "KeyPairDataset",
    "NerPipeline",
    "Pipeline",
    "PipelineException",
    "PipelineRegistry",
    "QuestionAnsweringArgumentHandler",
    "QuestionAnsweringPipeline",
    "SquadExample",
    "SummarizationPipeline",
    "Text2TextGenerationPipeline",
    "TextClassificationPipeline",
    "TextGenerationPipeline",
    "TokenClassificationArgumentHandler",
    "TokenClassificationPipeline",
    "TranslationPipeline",
    "ZeroShotClassificationArgumentHandler",
    "ZeroShotClassificationPipeline",
    "check_task",
    "get_supported_tasks",
    "get_task",
    "pipeline",
]
