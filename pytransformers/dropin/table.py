"""Module paths of `transformers`, and where this package keeps what people import from them.

Public names (`BertModel`, `AutoTokenizer`, ...) are found in every module. A row adds the modules whose further names
can be found there too, in order. The folders below `models` follow from the table of architectures, by rule.
"""

from __future__ import annotations

from ..auto.table import ARCHITECTURES

TORCH, JAX, TENSORFLOW = "backends.torch", "backends.jax", "backends.tensorflow"
_TRAINING = ("training.callbacks", "training.kinds", "training.seed")
_GENERATION = (f"{TORCH}.generation.generate", "outputs", "configs.generation", "dropin.generation")
_INTEGRATIONS = ("dropin.integrations", f"{TORCH}.adapters")
_TASKS = (
    "feature_extraction", "fill_mask", "image_classification", "image_feature_extraction", "question_answering",
    "text2text_generation", "text_classification", "text_generation", "token_classification",
    "zero_shot_classification",
)  # fmt: skip

# Path below `transformers` -> our modules.
MODULES: dict[str, tuple[str, ...]] = {
    "": (*_TRAINING, "training.collators", "auto.mappings", "dropin.integrations"),
    "activations": (f"{TORCH}.activations", f"{TORCH}.layers.activations"),
    "activations_tf": (f"{TENSORFLOW}.layers.activations",),
    "cache_utils": (f"{TORCH}.layers.cache",),
    "configuration_utils": ("configs.base",),
    "data": ("training.collators",),
    "data.data_collator": ("training.collators",),
    "dynamic_module_utils": ("dropin.dynamic_modules",),
    "feature_extraction_utils": ("processors.base",),
    "file_utils": (),
    "generation": _GENERATION,
    "generation.beam_constraints": ("configs.constraints",),
    "generation.beam_search": (),
    "generation.configuration_utils": ("configs.generation",),
    "generation.flax_utils": (f"{JAX}.generation.generate",),
    "generation.logits_process": (),
    "generation.stopping_criteria": (),
    "generation.streamers": (),
    "generation.tf_utils": (f"{TENSORFLOW}.generation.generate",),
    "generation.utils": _GENERATION,
    "generation.watermarking": (f"{TORCH}.watermark",),
    "image_processing_base": ("processors.base",),
    "image_processing_utils": ("processors.base",),
    "image_processing_utils_fast": ("processors.base",),
    "image_transforms": ("processors.images",),
    "image_utils": ("processors.images",),
    "integrations": _INTEGRATIONS,
    "integrations.deepspeed": _INTEGRATIONS,
    "integrations.integration_utils": _INTEGRATIONS,
    "integrations.peft": (f"{TORCH}.adapters",),
    "modelcard": ("dropin.modelcard",),
    "modeling_flax_outputs": ("outputs",),
    "modeling_flax_utils": (f"{JAX}.pretrained",),
    "modeling_outputs": ("outputs",),
    "modeling_tf_outputs": ("outputs",),
    "modeling_tf_utils": (f"{TENSORFLOW}.pretrained",),
    "modeling_utils": (f"{TORCH}.pretrained",),
    "models": (),
    "models.auto": ("auto.mappings",),
    "models.auto.auto_factory": ("auto.model",),
    "models.auto.configuration_auto": ("auto.mappings", "auto.config"),
    "models.auto.feature_extraction_auto": ("auto.mappings",),
    "models.auto.image_processing_auto": ("auto.mappings", "auto.image_processor"),
    "models.auto.modeling_auto": ("auto.mappings", "auto.model"),
    "models.auto.modeling_flax_auto": ("auto.mappings", "auto.model"),
    "models.auto.modeling_tf_auto": ("auto.mappings", "auto.model"),
    "models.auto.processing_auto": ("auto.mappings", "auto.processor"),
    "models.auto.tokenization_auto": ("auto.mappings", "auto.tokenizer"),
    "optimization": (f"{TORCH}.optimization",),
    "pipelines": ("pipelines",),
    "pipelines.base": ("pipelines.base", "pipelines"),
    "pipelines.pt_utils": ("pipelines.data",),
    **{f"pipelines.{task}": (f"pipelines.{task}", "pipelines.scores") for task in _TASKS},
    "processing_utils": ("processors.base",),
    "pytorch_utils": (f"{TORCH}.utilities", f"{TORCH}.layers.conv1d"),
    "tokenization_utils": ("tokenizers.plain", "tokenizers.wordpiece", "tokenizers.arguments"),
    "tokenization_utils_base": ("tokenizers.base", "tokenizers.encoding", "tokenizers.arguments"),
    "tokenization_utils_fast": ("tokenizers.fast",),
    "trainer": _TRAINING,
    "trainer_callback": _TRAINING,
    "trainer_pt_utils": (f"{TORCH}.utilities",),
    "trainer_utils": _TRAINING,
    "training_args": _TRAINING,
    "utils": ("utils", "dropin.doc", "tokenizers.json_schema"),
    "utils.chat_template_utils": ("tokenizers.json_schema", "tokenizers.chat"),
    "utils.constants": ("utils.constants",),
    "utils.doc": ("dropin.doc",),
    "utils.generic": ("utils.generic",),
    "utils.hub": ("utils.hub",),
    "utils.import_utils": ("utils.import_utils",),
    "utils.logging": ("utils.logging",),
    "utils.peft_utils": ("utils.peft_utils",),
    "utils.quantization_config": (),
    "utils.versions": ("utils.versions",),
}

# Names that are another's here: name -> (our module, name there).
ALIASES = {
    "AddedToken": ("tokenizers.fast", "AddedToken"),
    "AutoFeatureExtractor": ("auto.image_processor", "AutoImageProcessor"),
    "Cache": (f"{TORCH}.layers.cache", "DynamicCache"),
    "ImageProcessingMixin": ("processors.base", "BaseImageProcessor"),
    "PreTrainedConfig": ("configs.base", "PretrainedConfig"),
}
# Where every module looks last: most of the original's import helpers of `transformers.utils`.
EVERYWHERE = (("utils", ""), ("dropin.doc", ""), ("dropin.examples", ""))
# Importing these loads their sources at once: `peft` relies on what comes with them, `torch.distributed.tensor`.
EAGER = {"pytorch_utils"}
# Prefix of the names that these modules of the older frameworks use for ours.
PREFIXES = {"modeling_tf_outputs": "TF", "modeling_tf_utils": "TF", "modeling_flax_outputs": "Flax"}

# File below `models/<folder>` -> (our module, the prefix of its public names there, the key that a row must have).
MODEL_FILES = {
    "configuration_{}": ("configs.{}", "", "config"),
    "modeling_{}": (TORCH + ".models.{}", "", "heads"),
    "modeling_tf_{}": (TENSORFLOW + ".models.{}", "TF", "heads"),
    "modeling_flax_{}": (JAX + ".models.{}", "Flax", "heads"),
    "tokenization_{}": ("tokenizers.{}", "", "tokenizer"),
    "tokenization_{}_fast": ("tokenizers.{}", "", "tokenizer"),
    "image_processing_{}": ("processors.{}", "", "image_processor"),
    "image_processing_{}_fast": ("processors.{}", "", "image_processor"),
    "feature_extraction_{}": ("processors.{}", "", "image_processor"),
}


def _all() -> dict[str, tuple[tuple[str, str], ...]]:
    """{module path: ((our module, prefix of names), ...)} of everything that can be imported."""
    paths = {
        path: (*((source, PREFIXES.get(path, "")) for source in sources), *EVERYWHERE)
        for path, sources in MODULES.items()
    }
    for row in ARCHITECTURES.values():
        folder = row["module"]
        files = {
            name.format(folder): (source.format(folder), prefix)
            for name, (source, prefix, key) in MODEL_FILES.items()
            if row.get(key)
        }
        paths[f"models.{folder}"] = tuple(dict.fromkeys(files.values()))
        paths.update({f"models.{folder}.{name}": (source,) for name, source in files.items()})
    return paths


SOURCES = _all()
PACKAGES = {path.rpartition(".")[0] for path in SOURCES if path}
