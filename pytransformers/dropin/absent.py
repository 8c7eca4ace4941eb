"""Names that this package lacks but that must be importable, since packages import them at the top of their files.

Such a name is a class: it can be named in annotations, subclassed and asked about with `isinstance`. Making an
instance, or calling one of its class methods, raises an error that names it. So do the names of a framework that is not
installed. Everything else that is missing fails where it is imported.
"""

from __future__ import annotations

from abc import ABCMeta
from typing import Any, NoReturn

from ..auto.registry import PLACES, load

# What is missing -> its names.
_BY_REASON = {
    "training loops": (
        "DefaultFlowCallback PrinterCallback ProgressCallback Seq2SeqTrainer Seq2SeqTrainingArguments "
        "TFTrainingArguments Trainer TrainingArguments"
    ),
    "reports to services": (
        "CodeCarbonCallback CometCallback MLflowCallback TensorBoardCallback TrackioCallback WandbCallback"
    ),
    "quantised models": (
        "AqlmConfig AwqConfig BitsAndBytesConfig CompressedTensorsConfig EetqConfig GPTQConfig HiggsConfig HqqConfig "
        "Mxfp4Config QuantoConfig TorchAoConfig VptqConfig"
    ),
    "processors of anything but text and images": (
        "AutoVideoProcessor BaseVideoProcessor FeatureExtractionMixin ProcessorMixin SequenceFeatureExtractor"
    ),
    "caches of this kind": (
        "EncoderDecoderCache HybridCache OffloadedCache QuantizedCache SinkCache SlidingWindowCache"
    ),
    "beam searches of one's own": "BeamScorer BeamSearchScorer ConstrainedBeamSearchScorer",
    "layers of this base": "GradientCheckpointingLayer",
    "models of this architecture": (
        "BlenderbotConfig BlenderbotSmallConfig BloomPreTrainedModel LongT5Config M2M100Config MT5Config MarianConfig "
        "PegasusConfig PegasusXConfig ProphetNetConfig RobertaConfig RobertaForMaskedLM "
        "RobertaForSequenceClassification RobertaModel RobertaTokenizer RobertaTokenizerFast SwitchTransformersConfig "
        "UMT5Config UdopConfig WhisperConfig XLMConfig XLMRobertaConfig XLMRobertaModel XLMRobertaTokenizer XLNetConfig"
    ),
}
ABSENT = {name: reason for reason, names in _BY_REASON.items() for name in names.split()}


class Absent(ABCMeta):
    """The class of stand-ins (an ABCMeta, so that a subclass may also be an ABC): they say what they cannot do."""

    def __call__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse(cls)

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("from_"):
            _refuse(cls)
        raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")


def _refuse(cls: type) -> NoReturn:
    name = next(base.__name__ for base in cls.__mro__ if base in _made.values())
    if name in PLACES:
        load(name)  # says which framework is missing, and what installs it
    raise NotImplementedError(
        f"[{cls.__name__}] pytransformers has no {name}: {ABSENT[name]} are not supported yet; "
        "run this with the real transformers"
    )


_made: dict[str, type] = {}


def absent(name: str) -> type:
    """The stand-in with this name, always the same one."""
    if name not in _made:
        doc = "Stands for a class that cannot be used here; making an instance says why."
        _made[name] = Absent(name, (), {"__doc__": doc, "__module__": "transformers"})
    return _made[name]
