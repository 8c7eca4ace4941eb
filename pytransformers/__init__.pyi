# Written by `python -m pytransformers.auto.stubs`; do not edit.
# ruff: noqa: I001
from .auto.config import (
    AutoConfig as AutoConfig,
)
from .auto.image_processor import (
    AutoImageProcessor as AutoImageProcessor,
)
from .auto.model import (
    AutoClass as AutoClass,
)
from .auto.processor import (
    AutoProcessor as AutoProcessor,
)
from .auto.tokenizer import (
    AutoTokenizer as AutoTokenizer,
)
from .backends.jax.generation.audio_processors import (
    AlternatingCodebooksLogitsProcessor as FlaxAlternatingCodebooksLogitsProcessor,
    BarkEosPrioritizerLogitsProcessor as FlaxBarkEosPrioritizerLogitsProcessor,
    ClassifierFreeGuidanceLogitsProcessor as FlaxClassifierFreeGuidanceLogitsProcessor,
    WhisperNoSpeechDetection as FlaxWhisperNoSpeechDetection,
    WhisperTimeStampLogitsProcessor as FlaxWhisperTimeStampLogitsProcessor,
)
from .backends.jax.generation.criteria import (
    EosTokenCriteria as FlaxEosTokenCriteria,
    MaxLengthCriteria as FlaxMaxLengthCriteria,
    MaxTimeCriteria as FlaxMaxTimeCriteria,
    StopStringCriteria as FlaxStopStringCriteria,
    StoppingCriteria as FlaxStoppingCriteria,
    StoppingCriteriaList as FlaxStoppingCriteriaList,
)
from .backends.jax.generation.generate import (
    GenerationMixin as FlaxGenerationMixin,
)
from .backends.jax.generation.guidance import (
    UnbatchedClassifierFreeGuidanceLogitsProcessor as FlaxUnbatchedClassifierFreeGuidanceLogitsProcessor,
)
from .backends.jax.generation.processors import (
    EncoderNoRepeatNGramLogitsProcessor as FlaxEncoderNoRepeatNGramLogitsProcessor,
    EncoderRepetitionPenaltyLogitsProcessor as FlaxEncoderRepetitionPenaltyLogitsProcessor,
    ExponentialDecayLengthPenalty as FlaxExponentialDecayLengthPenalty,
    ForcedBOSTokenLogitsProcessor as FlaxForcedBOSTokenLogitsProcessor,
    ForcedEOSTokenLogitsProcessor as FlaxForcedEOSTokenLogitsProcessor,
    HammingDiversityLogitsProcessor as FlaxHammingDiversityLogitsProcessor,
    InfNanRemoveLogitsProcessor as FlaxInfNanRemoveLogitsProcessor,
    LogitsProcessor as FlaxLogitsProcessor,
    LogitsProcessorList as FlaxLogitsProcessorList,
    MinLengthLogitsProcessor as FlaxMinLengthLogitsProcessor,
    MinNewTokensLengthLogitsProcessor as FlaxMinNewTokensLengthLogitsProcessor,
    NoBadWordsLogitsProcessor as FlaxNoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor as FlaxNoRepeatNGramLogitsProcessor,
    PrefixConstrainedLogitsProcessor as FlaxPrefixConstrainedLogitsProcessor,
    RepetitionPenaltyLogitsProcessor as FlaxRepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor as FlaxSequenceBiasLogitsProcessor,
    SuppressTokensAtBeginLogitsProcessor as FlaxSuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor as FlaxSuppressTokensLogitsProcessor,
)
from .backends.jax.generation.warpers import (
    EpsilonLogitsWarper as FlaxEpsilonLogitsWarper,
    EtaLogitsWarper as FlaxEtaLogitsWarper,
    LogitNormalization as FlaxLogitNormalization,
    MinPLogitsWarper as FlaxMinPLogitsWarper,
    TemperatureLogitsWarper as FlaxTemperatureLogitsWarper,
    TopKLogitsWarper as FlaxTopKLogitsWarper,
    TopPLogitsWarper as FlaxTopPLogitsWarper,
    TypicalLogitsWarper as FlaxTypicalLogitsWarper,
)
from .backends.jax.pretrained import (
    PreTrainedModel as FlaxPreTrainedModel,
)
from .backends.tensorflow.generation.audio_processors import (
    AlternatingCodebooksLogitsProcessor as TFAlternatingCodebooksLogitsProcessor,
    BarkEosPrioritizerLogitsProcessor as TFBarkEosPrioritizerLogitsProcessor,
    ClassifierFreeGuidanceLogitsProcessor as TFClassifierFreeGuidanceLogitsProcessor,
    WhisperNoSpeechDetection as TFWhisperNoSpeechDetection,
    WhisperTimeStampLogitsProcessor as TFWhisperTimeStampLogitsProcessor,
)
from .backends.tensorflow.generation.criteria import (
    EosTokenCriteria as TFEosTokenCriteria,
    MaxLengthCriteria as TFMaxLengthCriteria,
    MaxTimeCriteria as TFMaxTimeCriteria,
    StopStringCriteria as TFStopStringCriteria,
    StoppingCriteria as TFStoppingCriteria,
    StoppingCriteriaList as TFStoppingCriteriaList,
)
from .backends.tensorflow.generation.generate import (
    GenerationMixin as TFGenerationMixin,
)
from .backends.tensorflow.generation.guidance import (
    UnbatchedClassifierFreeGuidanceLogitsProcessor as TFUnbatchedClassifierFreeGuidanceLogitsProcessor,
)
from .backends.tensorflow.generation.processors import (
    EncoderNoRepeatNGramLogitsProcessor as TFEncoderNoRepeatNGramLogitsProcessor,
    EncoderRepetitionPenaltyLogitsProcessor as TFEncoderRepetitionPenaltyLogitsProcessor,
    ExponentialDecayLengthPenalty as TFExponentialDecayLengthPenalty,
    ForcedBOSTokenLogitsProcessor as TFForcedBOSTokenLogitsProcessor,
    ForcedEOSTokenLogitsProcessor as TFForcedEOSTokenLogitsProcessor,
    HammingDiversityLogitsProcessor as TFHammingDiversityLogitsProcessor,
    InfNanRemoveLogitsProcessor as TFInfNanRemoveLogitsProcessor,
    LogitsProcessor as TFLogitsProcessor,
    LogitsProcessorList as TFLogitsProcessorList,
    MinLengthLogitsProcessor as TFMinLengthLogitsProcessor,
    MinNewTokensLengthLogitsProcessor as TFMinNewTokensLengthLogitsProcessor,
    NoBadWordsLogitsProcessor as TFNoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor as TFNoRepeatNGramLogitsProcessor,
    PrefixConstrainedLogitsProcessor as TFPrefixConstrainedLogitsProcessor,
    RepetitionPenaltyLogitsProcessor as TFRepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor as TFSequenceBiasLogitsProcessor,
    SuppressTokensAtBeginLogitsProcessor as TFSuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor as TFSuppressTokensLogitsProcessor,
)
from .backends.tensorflow.generation.warpers import (
    EpsilonLogitsWarper as TFEpsilonLogitsWarper,
    EtaLogitsWarper as TFEtaLogitsWarper,
    LogitNormalization as TFLogitNormalization,
    MinPLogitsWarper as TFMinPLogitsWarper,
    TemperatureLogitsWarper as TFTemperatureLogitsWarper,
    TopKLogitsWarper as TFTopKLogitsWarper,
    TopPLogitsWarper as TFTopPLogitsWarper,
    TypicalLogitsWarper as TFTypicalLogitsWarper,
)
from .backends.tensorflow.pretrained import (
    PreTrainedModel as TFPreTrainedModel,
)
from .backends.torch.generation.audio_processors import (
    AlternatingCodebooksLogitsProcessor as AlternatingCodebooksLogitsProcessor,
    BarkEosPrioritizerLogitsProcessor as BarkEosPrioritizerLogitsProcessor,
    ClassifierFreeGuidanceLogitsProcessor as ClassifierFreeGuidanceLogitsProcessor,
    WhisperNoSpeechDetection as WhisperNoSpeechDetection,
    WhisperTimeStampLogitsProcessor as WhisperTimeStampLogitsProcessor,
)
from .backends.torch.generation.criteria import (
    EosTokenCriteria as EosTokenCriteria,
    MaxLengthCriteria as MaxLengthCriteria,
    MaxTimeCriteria as MaxTimeCriteria,
    StopStringCriteria as StopStringCriteria,
    StoppingCriteria as StoppingCriteria,
    StoppingCriteriaList as StoppingCriteriaList,
)
from .backends.torch.generation.generate import (
    GenerationMixin as GenerationMixin,
)
from .backends.torch.generation.guidance import (
    UnbatchedClassifierFreeGuidanceLogitsProcessor as UnbatchedClassifierFreeGuidanceLogitsProcessor,
)
from .backends.torch.generation.processors import (
    EncoderNoRepeatNGramLogitsProcessor as EncoderNoRepeatNGramLogitsProcessor,
    EncoderRepetitionPenaltyLogitsProcessor as EncoderRepetitionPenaltyLogitsProcessor,
    ExponentialDecayLengthPenalty as ExponentialDecayLengthPenalty,
    ForcedBOSTokenLogitsProcessor as ForcedBOSTokenLogitsProcessor,
    ForcedEOSTokenLogitsProcessor as ForcedEOSTokenLogitsProcessor,
    HammingDiversityLogitsProcessor as HammingDiversityLogitsProcessor,
    InfNanRemoveLogitsProcessor as InfNanRemoveLogitsProcessor,
    LogitsProcessor as LogitsProcessor,
    LogitsProcessorList as LogitsProcessorList,
    MinLengthLogitsProcessor as MinLengthLogitsProcessor,
    MinNewTokensLengthLogitsProcessor as MinNewTokensLengthLogitsProcessor,
    NoBadWordsLogitsProcessor as NoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor as NoRepeatNGramLogitsProcessor,
    PrefixConstrainedLogitsProcessor as PrefixConstrainedLogitsProcessor,
    RepetitionPenaltyLogitsProcessor as RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor as SequenceBiasLogitsProcessor,
    SuppressTokensAtBeginLogitsProcessor as SuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor as SuppressTokensLogitsProcessor,
)
from .backends.torch.generation.warpers import (
    EpsilonLogitsWarper as EpsilonLogitsWarper,
    EtaLogitsWarper as EtaLogitsWarper,
    LogitNormalization as LogitNormalization,
    MinPLogitsWarper as MinPLogitsWarper,
    TemperatureLogitsWarper as TemperatureLogitsWarper,
    TopKLogitsWarper as TopKLogitsWarper,
    TopPLogitsWarper as TopPLogitsWarper,
    TypicalLogitsWarper as TypicalLogitsWarper,
)
from .backends.torch.optimization import (
    get_constant_schedule as get_constant_schedule,
    get_constant_schedule_with_warmup as get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup as get_cosine_schedule_with_warmup,
    get_cosine_with_hard_restarts_schedule_with_warmup as get_cosine_with_hard_restarts_schedule_with_warmup,
    get_inverse_sqrt_schedule as get_inverse_sqrt_schedule,
    get_linear_schedule_with_warmup as get_linear_schedule_with_warmup,
    get_polynomial_decay_schedule_with_warmup as get_polynomial_decay_schedule_with_warmup,
    get_scheduler as get_scheduler,
)
from .backends.torch.pretrained import (
    PreTrainedModel as PreTrainedModel,
)
from .backends.torch.watermark import (
    WatermarkDetector as WatermarkDetector,
    WatermarkLogitsProcessor as WatermarkLogitsProcessor,
)
from .configs.albert import (
    AlbertConfig as AlbertConfig,
)
from .configs.base import (
    PretrainedConfig as PretrainedConfig,
)
from .configs.bert import (
    BertConfig as BertConfig,
)
from .configs.constraints import (
    Constraint as Constraint,
    ConstraintListState as ConstraintListState,
    DisjunctiveConstraint as DisjunctiveConstraint,
    PhrasalConstraint as PhrasalConstraint,
)
from .configs.distilbert import (
    DistilBertConfig as DistilBertConfig,
)
from .configs.generation import (
    GenerationConfig as GenerationConfig,
)
from .configs.gpt2 import (
    GPT2Config as GPT2Config,
)
from .configs.llama import (
    LlamaConfig as LlamaConfig,
)
from .configs.t5 import (
    T5Config as T5Config,
)
from .configs.vit import (
    ViTConfig as ViTConfig,
)
from .configs.watermark import (
    WatermarkingConfig as WatermarkingConfig,
)
from .layers.cache import (
    DynamicCache as DynamicCache,
    DynamicCache as FlaxDynamicCache,
    DynamicCache as TFDynamicCache,
    StaticCache as FlaxStaticCache,
    StaticCache as StaticCache,
    StaticCache as TFStaticCache,
)
from .layers.conv1d import (
    Conv1D as Conv1D,
)
from .models.albert import (
    AlbertForMaskedLM as AlbertForMaskedLM,
    AlbertForMaskedLM as FlaxAlbertForMaskedLM,
    AlbertForMaskedLM as TFAlbertForMaskedLM,
    AlbertForMultipleChoice as AlbertForMultipleChoice,
    AlbertForMultipleChoice as FlaxAlbertForMultipleChoice,
    AlbertForMultipleChoice as TFAlbertForMultipleChoice,
    AlbertForPreTraining as AlbertForPreTraining,
    AlbertForPreTraining as FlaxAlbertForPreTraining,
    AlbertForPreTraining as TFAlbertForPreTraining,
    AlbertForQuestionAnswering as AlbertForQuestionAnswering,
    AlbertForQuestionAnswering as FlaxAlbertForQuestionAnswering,
    AlbertForQuestionAnswering as TFAlbertForQuestionAnswering,
    AlbertForSequenceClassification as AlbertForSequenceClassification,
    AlbertForSequenceClassification as FlaxAlbertForSequenceClassification,
    AlbertForSequenceClassification as TFAlbertForSequenceClassification,
    AlbertForTokenClassification as AlbertForTokenClassification,
    AlbertForTokenClassification as FlaxAlbertForTokenClassification,
    AlbertForTokenClassification as TFAlbertForTokenClassification,
    AlbertModel as AlbertModel,
    AlbertModel as FlaxAlbertModel,
    AlbertModel as TFAlbertModel,
    AlbertPreTrainedModel as AlbertPreTrainedModel,
    AlbertPreTrainedModel as FlaxAlbertPreTrainedModel,
    AlbertPreTrainedModel as TFAlbertPreTrainedModel,
)
from .models.bert import (
    BertForMaskedLM as BertForMaskedLM,
    BertForMaskedLM as FlaxBertForMaskedLM,
    BertForMaskedLM as TFBertForMaskedLM,
    BertForMultipleChoice as BertForMultipleChoice,
    BertForMultipleChoice as FlaxBertForMultipleChoice,
    BertForMultipleChoice as TFBertForMultipleChoice,
    BertForNextSentencePrediction as BertForNextSentencePrediction,
    BertForNextSentencePrediction as FlaxBertForNextSentencePrediction,
    BertForNextSentencePrediction as TFBertForNextSentencePrediction,
    BertForPreTraining as BertForPreTraining,
    BertForPreTraining as FlaxBertForPreTraining,
    BertForPreTraining as TFBertForPreTraining,
    BertForQuestionAnswering as BertForQuestionAnswering,
    BertForQuestionAnswering as FlaxBertForQuestionAnswering,
    BertForQuestionAnswering as TFBertForQuestionAnswering,
    BertForSequenceClassification as BertForSequenceClassification,
    BertForSequenceClassification as FlaxBertForSequenceClassification,
    BertForSequenceClassification as TFBertForSequenceClassification,
    BertForTokenClassification as BertForTokenClassification,
    BertForTokenClassification as FlaxBertForTokenClassification,
    BertForTokenClassification as TFBertForTokenClassification,
    BertLMHeadModel as BertForCausalLM,
    BertLMHeadModel as BertLMHeadModel,
    BertLMHeadModel as FlaxBertForCausalLM,
    BertLMHeadModel as FlaxBertLMHeadModel,
    BertLMHeadModel as TFBertForCausalLM,
    BertLMHeadModel as TFBertLMHeadModel,
    BertLayer as BertLayer,
    BertLayer as FlaxBertLayer,
    BertLayer as TFBertLayer,
    BertModel as BertModel,
    BertModel as FlaxBertModel,
    BertModel as TFBertModel,
    BertPreTrainedModel as BertPreTrainedModel,
    BertPreTrainedModel as FlaxBertPreTrainedModel,
    BertPreTrainedModel as TFBertPreTrainedModel,
)
from .models.distilbert import (
    DistilBertForMaskedLM as DistilBertForMaskedLM,
    DistilBertForMaskedLM as FlaxDistilBertForMaskedLM,
    DistilBertForMaskedLM as TFDistilBertForMaskedLM,
    DistilBertForMultipleChoice as DistilBertForMultipleChoice,
    DistilBertForMultipleChoice as FlaxDistilBertForMultipleChoice,
    DistilBertForMultipleChoice as TFDistilBertForMultipleChoice,
    DistilBertForQuestionAnswering as DistilBertForQuestionAnswering,
    DistilBertForQuestionAnswering as FlaxDistilBertForQuestionAnswering,
    DistilBertForQuestionAnswering as TFDistilBertForQuestionAnswering,
    DistilBertForSequenceClassification as DistilBertForSequenceClassification,
    DistilBertForSequenceClassification as FlaxDistilBertForSequenceClassification,
    DistilBertForSequenceClassification as TFDistilBertForSequenceClassification,
    DistilBertForTokenClassification as DistilBertForTokenClassification,
    DistilBertForTokenClassification as FlaxDistilBertForTokenClassification,
    DistilBertForTokenClassification as TFDistilBertForTokenClassification,
    DistilBertModel as DistilBertModel,
    DistilBertModel as FlaxDistilBertModel,
    DistilBertModel as TFDistilBertModel,
    DistilBertPreTrainedModel as DistilBertPreTrainedModel,
    DistilBertPreTrainedModel as FlaxDistilBertPreTrainedModel,
    DistilBertPreTrainedModel as TFDistilBertPreTrainedModel,
)
from .models.gpt2 import (
    GPT2DoubleHeadsModel as FlaxGPT2DoubleHeadsModel,
    GPT2DoubleHeadsModel as GPT2DoubleHeadsModel,
    GPT2DoubleHeadsModel as TFGPT2DoubleHeadsModel,
    GPT2ForQuestionAnswering as FlaxGPT2ForQuestionAnswering,
    GPT2ForQuestionAnswering as GPT2ForQuestionAnswering,
    GPT2ForQuestionAnswering as TFGPT2ForQuestionAnswering,
    GPT2ForSequenceClassification as FlaxGPT2ForSequenceClassification,
    GPT2ForSequenceClassification as GPT2ForSequenceClassification,
    GPT2ForSequenceClassification as TFGPT2ForSequenceClassification,
    GPT2ForTokenClassification as FlaxGPT2ForTokenClassification,
    GPT2ForTokenClassification as GPT2ForTokenClassification,
    GPT2ForTokenClassification as TFGPT2ForTokenClassification,
    GPT2LMHeadModel as FlaxGPT2LMHeadModel,
    GPT2LMHeadModel as GPT2LMHeadModel,
    GPT2LMHeadModel as TFGPT2LMHeadModel,
    GPT2Model as FlaxGPT2Model,
    GPT2Model as GPT2Model,
    GPT2Model as TFGPT2Model,
    GPT2PreTrainedModel as FlaxGPT2PreTrainedModel,
    GPT2PreTrainedModel as GPT2PreTrainedModel,
    GPT2PreTrainedModel as TFGPT2PreTrainedModel,
)
from .models.llama import (
    LlamaForCausalLM as FlaxLlamaForCausalLM,
    LlamaForCausalLM as LlamaForCausalLM,
    LlamaForCausalLM as TFLlamaForCausalLM,
    LlamaForQuestionAnswering as FlaxLlamaForQuestionAnswering,
    LlamaForQuestionAnswering as LlamaForQuestionAnswering,
    LlamaForQuestionAnswering as TFLlamaForQuestionAnswering,
    LlamaForSequenceClassification as FlaxLlamaForSequenceClassification,
    LlamaForSequenceClassification as LlamaForSequenceClassification,
    LlamaForSequenceClassification as TFLlamaForSequenceClassification,
    LlamaForTokenClassification as FlaxLlamaForTokenClassification,
    LlamaForTokenClassification as LlamaForTokenClassification,
    LlamaForTokenClassification as TFLlamaForTokenClassification,
    LlamaModel as FlaxLlamaModel,
    LlamaModel as LlamaModel,
    LlamaModel as TFLlamaModel,
    LlamaPreTrainedModel as FlaxLlamaPreTrainedModel,
    LlamaPreTrainedModel as LlamaPreTrainedModel,
    LlamaPreTrainedModel as TFLlamaPreTrainedModel,
)
from .models.t5 import (
    T5EncoderModel as FlaxT5EncoderModel,
    T5EncoderModel as T5EncoderModel,
    T5EncoderModel as TFT5EncoderModel,
    T5ForConditionalGeneration as FlaxT5ForConditionalGeneration,
    T5ForConditionalGeneration as T5ForConditionalGeneration,
    T5ForConditionalGeneration as TFT5ForConditionalGeneration,
    T5ForQuestionAnswering as FlaxT5ForQuestionAnswering,
    T5ForQuestionAnswering as T5ForQuestionAnswering,
    T5ForQuestionAnswering as TFT5ForQuestionAnswering,
    T5ForSequenceClassification as FlaxT5ForSequenceClassification,
    T5ForSequenceClassification as T5ForSequenceClassification,
    T5ForSequenceClassification as TFT5ForSequenceClassification,
    T5ForTokenClassification as FlaxT5ForTokenClassification,
    T5ForTokenClassification as T5ForTokenClassification,
    T5ForTokenClassification as TFT5ForTokenClassification,
    T5Model as FlaxT5Model,
    T5Model as T5Model,
    T5Model as TFT5Model,
    T5PreTrainedModel as FlaxT5PreTrainedModel,
    T5PreTrainedModel as T5PreTrainedModel,
    T5PreTrainedModel as TFT5PreTrainedModel,
)
from .models.vit import (
    ViTForImageClassification as FlaxViTForImageClassification,
    ViTForImageClassification as TFViTForImageClassification,
    ViTForImageClassification as ViTForImageClassification,
    ViTForMaskedImageModeling as FlaxViTForMaskedImageModeling,
    ViTForMaskedImageModeling as TFViTForMaskedImageModeling,
    ViTForMaskedImageModeling as ViTForMaskedImageModeling,
    ViTModel as FlaxViTModel,
    ViTModel as TFViTModel,
    ViTModel as ViTModel,
    ViTPreTrainedModel as FlaxViTPreTrainedModel,
    ViTPreTrainedModel as TFViTPreTrainedModel,
    ViTPreTrainedModel as ViTPreTrainedModel,
)
from .outputs import (
    AlbertForPreTrainingOutput as AlbertForPreTrainingOutput,
    BaseModelOutput as BaseModelOutput,
    BaseModelOutputWithCrossAttentions as BaseModelOutputWithCrossAttentions,
    BaseModelOutputWithPast as BaseModelOutputWithPast,
    BaseModelOutputWithPastAndCrossAttentions as BaseModelOutputWithPastAndCrossAttentions,
    BaseModelOutputWithPooling as BaseModelOutputWithPooling,
    BaseModelOutputWithPoolingAndCrossAttentions as BaseModelOutputWithPoolingAndCrossAttentions,
    BertForPreTrainingOutput as BertForPreTrainingOutput,
    CausalLMOutput as CausalLMOutput,
    CausalLMOutputWithCrossAttentions as CausalLMOutputWithCrossAttentions,
    CausalLMOutputWithPast as CausalLMOutputWithPast,
    FlaxGenerateOutput as FlaxGenerateOutput,
    GPT2DoubleHeadsModelOutput as GPT2DoubleHeadsModelOutput,
    GenerateBeamDecoderOnlyOutput as GenerateBeamDecoderOnlyOutput,
    GenerateBeamEncoderDecoderOutput as GenerateBeamEncoderDecoderOutput,
    GenerateDecoderOnlyOutput as GenerateDecoderOnlyOutput,
    GenerateEncoderDecoderOutput as GenerateEncoderDecoderOutput,
    ImageClassifierOutput as ImageClassifierOutput,
    MaskedImageModelingOutput as MaskedImageModelingOutput,
    MaskedLMOutput as MaskedLMOutput,
    ModelOutput as ModelOutput,
    MultipleChoiceModelOutput as MultipleChoiceModelOutput,
    NextSentencePredictorOutput as NextSentencePredictorOutput,
    QuestionAnsweringModelOutput as QuestionAnsweringModelOutput,
    Seq2SeqLMOutput as Seq2SeqLMOutput,
    Seq2SeqModelOutput as Seq2SeqModelOutput,
    Seq2SeqQuestionAnsweringModelOutput as Seq2SeqQuestionAnsweringModelOutput,
    Seq2SeqSequenceClassifierOutput as Seq2SeqSequenceClassifierOutput,
    SequenceClassifierOutput as SequenceClassifierOutput,
    SequenceClassifierOutputWithPast as SequenceClassifierOutputWithPast,
    TokenClassifierOutput as TokenClassifierOutput,
)
from .pipelines.base import (
    Pipeline as Pipeline,
)
from .pipelines.factory import (
    pipeline as pipeline,
)
from .pipelines.feature_extraction import (
    FeatureExtractionPipeline as FeatureExtractionPipeline,
)
from .pipelines.fill_mask import (
    FillMaskPipeline as FillMaskPipeline,
)
from .pipelines.image_classification import (
    ImageClassificationPipeline as ImageClassificationPipeline,
)
from .pipelines.image_feature_extraction import (
    ImageFeatureExtractionPipeline as ImageFeatureExtractionPipeline,
)
from .pipelines.question_answering import (
    QuestionAnsweringPipeline as QuestionAnsweringPipeline,
)
from .pipelines.text2text_generation import (
    SummarizationPipeline as SummarizationPipeline,
    Text2TextGenerationPipeline as Text2TextGenerationPipeline,
    TranslationPipeline as TranslationPipeline,
)
from .pipelines.text_classification import (
    TextClassificationPipeline as TextClassificationPipeline,
)
from .pipelines.text_generation import (
    TextGenerationPipeline as TextGenerationPipeline,
)
from .pipelines.token_classification import (
    NerPipeline as NerPipeline,
    TokenClassificationPipeline as TokenClassificationPipeline,
)
from .pipelines.zero_shot_classification import (
    ZeroShotClassificationPipeline as ZeroShotClassificationPipeline,
)
from .processors.base import (
    BaseImageProcessor as BaseImageProcessor,
    BatchFeature as BatchFeature,
)
from .processors.vit import (
    ViTFeatureExtractor as ViTFeatureExtractor,
    ViTImageProcessor as ViTImageProcessor,
    ViTImageProcessorFast as ViTImageProcessorFast,
)
from .tokenizers.albert import (
    AlbertTokenizer as AlbertTokenizer,
    AlbertTokenizerFast as AlbertTokenizerFast,
)
from .tokenizers.arguments import (
    CharSpan as CharSpan,
    PaddingStrategy as PaddingStrategy,
    TensorType as TensorType,
    TokenSpan as TokenSpan,
    TruncationStrategy as TruncationStrategy,
)
from .tokenizers.base import (
    PreTrainedTokenizerBase as PreTrainedTokenizerBase,
)
from .tokenizers.bert import (
    BertTokenizer as BertTokenizer,
    BertTokenizerFast as BertTokenizerFast,
)
from .tokenizers.distilbert import (
    DistilBertTokenizer as DistilBertTokenizer,
    DistilBertTokenizerFast as DistilBertTokenizerFast,
)
from .tokenizers.encoding import (
    BatchEncoding as BatchEncoding,
)
from .tokenizers.fast import (
    PreTrainedTokenizerFast as PreTrainedTokenizerFast,
)
from .tokenizers.gpt2 import (
    GPT2Tokenizer as GPT2Tokenizer,
    GPT2TokenizerFast as GPT2TokenizerFast,
)
from .tokenizers.llama import (
    LlamaTokenizer as LlamaTokenizer,
    LlamaTokenizerFast as LlamaTokenizerFast,
)
from .tokenizers.plain import (
    PreTrainedTokenizer as PreTrainedTokenizer,
)
from .tokenizers.special import (
    SpecialTokensMixin as SpecialTokensMixin,
)
from .tokenizers.streamers import (
    AsyncTextIteratorStreamer as AsyncTextIteratorStreamer,
    BaseStreamer as BaseStreamer,
    TextIteratorStreamer as TextIteratorStreamer,
    TextStreamer as TextStreamer,
)
from .tokenizers.t5 import (
    T5Tokenizer as T5Tokenizer,
    T5TokenizerFast as T5TokenizerFast,
)
from .tokenizers.wordpiece import (
    BasicTokenizer as BasicTokenizer,
    WordpieceTokenizer as WordpieceTokenizer,
)
from .training.callbacks import (
    EarlyStoppingCallback as EarlyStoppingCallback,
    TrainerCallback as TrainerCallback,
    TrainerControl as TrainerControl,
    TrainerState as TrainerState,
)
from .training.collators import (
    DataCollatorForLanguageModeling as DataCollatorForLanguageModeling,
    DataCollatorForSeq2Seq as DataCollatorForSeq2Seq,
    DataCollatorForTokenClassification as DataCollatorForTokenClassification,
    DataCollatorWithPadding as DataCollatorWithPadding,
    DefaultDataCollator as DefaultDataCollator,
    default_data_collator as default_data_collator,
)
from .training.kinds import (
    EvalPrediction as EvalPrediction,
    IntervalStrategy as IntervalStrategy,
    SchedulerType as SchedulerType,
)
from .training.seed import (
    enable_full_determinism as enable_full_determinism,
    set_seed as set_seed,
)
from .utils import (
    logging as logging,
)
from .utils.constants import (
    CONFIG_NAME as CONFIG_NAME,
    MODEL_CARD_NAME as MODEL_CARD_NAME,
    SPIECE_UNDERLINE as SPIECE_UNDERLINE,
    TF2_WEIGHTS_NAME as TF2_WEIGHTS_NAME,
    WEIGHTS_NAME as WEIGHTS_NAME,
)
from .utils.import_utils import (
    is_apex_available as is_apex_available,
    is_bitsandbytes_available as is_bitsandbytes_available,
    is_datasets_available as is_datasets_available,
    is_faiss_available as is_faiss_available,
    is_flax_available as is_flax_available,
    is_psutil_available as is_psutil_available,
    is_safetensors_available as is_safetensors_available,
    is_scipy_available as is_scipy_available,
    is_sentencepiece_available as is_sentencepiece_available,
    is_sklearn_available as is_sklearn_available,
    is_speech_available as is_speech_available,
    is_tensorflow_text_available as is_tensorflow_text_available,
    is_tf_available as is_tf_available,
    is_timm_available as is_timm_available,
    is_tokenizers_available as is_tokenizers_available,
    is_torch_available as is_torch_available,
    is_torch_cuda_available as is_torch_cuda_available,
    is_torch_npu_available as is_torch_npu_available,
    is_torch_xla_available as is_torch_xla_available,
    is_torch_xpu_available as is_torch_xpu_available,
    is_torchvision_available as is_torchvision_available,
    is_vision_available as is_vision_available,
)
from .version import (
    __version__ as __version__,
)

class AutoModel(AutoClass): ...
class AutoModelForAudioClassification(AutoClass): ...
class AutoModelForAudioFrameClassification(AutoClass): ...
class AutoModelForAudioTokenization(AutoClass): ...
class AutoModelForAudioXVector(AutoClass): ...
class AutoModelForCTC(AutoClass): ...
class AutoModelForCausalLM(AutoClass): ...
class AutoModelForDepthEstimation(AutoClass): ...
class AutoModelForDocumentQuestionAnswering(AutoClass): ...
class AutoModelForImageClassification(AutoClass): ...
class AutoModelForImageSegmentation(AutoClass): ...
class AutoModelForImageTextToText(AutoClass): ...
class AutoModelForImageToImage(AutoClass): ...
class AutoModelForInstanceSegmentation(AutoClass): ...
class AutoModelForKeypointDetection(AutoClass): ...
class AutoModelForKeypointMatching(AutoClass): ...
class AutoModelForMaskGeneration(AutoClass): ...
class AutoModelForMaskedImageModeling(AutoClass): ...
class AutoModelForMaskedLM(AutoClass): ...
class AutoModelForMultipleChoice(AutoClass): ...
class AutoModelForNextSentencePrediction(AutoClass): ...
class AutoModelForObjectDetection(AutoClass): ...
class AutoModelForPreTraining(AutoClass): ...
class AutoModelForQuestionAnswering(AutoClass): ...
class AutoModelForSemanticSegmentation(AutoClass): ...
class AutoModelForSeq2SeqLM(AutoClass): ...
class AutoModelForSequenceClassification(AutoClass): ...
class AutoModelForSpeechSeq2Seq(AutoClass): ...
class AutoModelForTableQuestionAnswering(AutoClass): ...
class AutoModelForTextEncoding(AutoClass): ...
class AutoModelForTextToSpectrogram(AutoClass): ...
class AutoModelForTextToWaveform(AutoClass): ...
class AutoModelForTimeSeriesPrediction(AutoClass): ...
class AutoModelForTokenClassification(AutoClass): ...
class AutoModelForUniversalSegmentation(AutoClass): ...
class AutoModelForVideoClassification(AutoClass): ...
class AutoModelForVision2Seq(AutoClass): ...
class AutoModelForVisualQuestionAnswering(AutoClass): ...
class AutoModelForZeroShotImageClassification(AutoClass): ...
class AutoModelForZeroShotObjectDetection(AutoClass): ...
class AutoModelWithLMHead(AutoClass): ...
class FlaxAutoModel(AutoClass): ...
class FlaxAutoModelForAudioClassification(AutoClass): ...
class FlaxAutoModelForAudioFrameClassification(AutoClass): ...
class FlaxAutoModelForAudioTokenization(AutoClass): ...
class FlaxAutoModelForAudioXVector(AutoClass): ...
class FlaxAutoModelForCTC(AutoClass): ...
class FlaxAutoModelForCausalLM(AutoClass): ...
class FlaxAutoModelForDepthEstimation(AutoClass): ...
class FlaxAutoModelForDocumentQuestionAnswering(AutoClass): ...
class FlaxAutoModelForImageClassification(AutoClass): ...
class FlaxAutoModelForImageSegmentation(AutoClass): ...
class FlaxAutoModelForImageTextToText(AutoClass): ...
class FlaxAutoModelForImageToImage(AutoClass): ...
class FlaxAutoModelForInstanceSegmentation(AutoClass): ...
class FlaxAutoModelForKeypointDetection(AutoClass): ...
class FlaxAutoModelForKeypointMatching(AutoClass): ...
class FlaxAutoModelForMaskGeneration(AutoClass): ...
class FlaxAutoModelForMaskedImageModeling(AutoClass): ...
class FlaxAutoModelForMaskedLM(AutoClass): ...
class FlaxAutoModelForMultipleChoice(AutoClass): ...
class FlaxAutoModelForNextSentencePrediction(AutoClass): ...
class FlaxAutoModelForObjectDetection(AutoClass): ...
class FlaxAutoModelForPreTraining(AutoClass): ...
class FlaxAutoModelForQuestionAnswering(AutoClass): ...
class FlaxAutoModelForSemanticSegmentation(AutoClass): ...
class FlaxAutoModelForSeq2SeqLM(AutoClass): ...
class FlaxAutoModelForSequenceClassification(AutoClass): ...
class FlaxAutoModelForSpeechSeq2Seq(AutoClass): ...
class FlaxAutoModelForTableQuestionAnswering(AutoClass): ...
class FlaxAutoModelForTextEncoding(AutoClass): ...
class FlaxAutoModelForTextToSpectrogram(AutoClass): ...
class FlaxAutoModelForTextToWaveform(AutoClass): ...
class FlaxAutoModelForTimeSeriesPrediction(AutoClass): ...
class FlaxAutoModelForTokenClassification(AutoClass): ...
class FlaxAutoModelForUniversalSegmentation(AutoClass): ...
class FlaxAutoModelForVideoClassification(AutoClass): ...
class FlaxAutoModelForVision2Seq(AutoClass): ...
class FlaxAutoModelForVisualQuestionAnswering(AutoClass): ...
class FlaxAutoModelForZeroShotImageClassification(AutoClass): ...
class FlaxAutoModelForZeroShotObjectDetection(AutoClass): ...
class FlaxAutoModelWithLMHead(AutoClass): ...
class TFAutoModel(AutoClass): ...
class TFAutoModelForAudioClassification(AutoClass): ...
class TFAutoModelForAudioFrameClassification(AutoClass): ...
class TFAutoModelForAudioTokenization(AutoClass): ...
class TFAutoModelForAudioXVector(AutoClass): ...
class TFAutoModelForCTC(AutoClass): ...
class TFAutoModelForCausalLM(AutoClass): ...
class TFAutoModelForDepthEstimation(AutoClass): ...
class TFAutoModelForDocumentQuestionAnswering(AutoClass): ...
class TFAutoModelForImageClassification(AutoClass): ...
class TFAutoModelForImageSegmentation(AutoClass): ...
class TFAutoModelForImageTextToText(AutoClass): ...
class TFAutoModelForImageToImage(AutoClass): ...
class TFAutoModelForInstanceSegmentation(AutoClass): ...
class TFAutoModelForKeypointDetection(AutoClass): ...
class TFAutoModelForKeypointMatching(AutoClass): ...
class TFAutoModelForMaskGeneration(AutoClass): ...
class TFAutoModelForMaskedImageModeling(AutoClass): ...
class TFAutoModelForMaskedLM(AutoClass): ...
class TFAutoModelForMultipleChoice(AutoClass): ...
class TFAutoModelForNextSentencePrediction(AutoClass): ...
class TFAutoModelForObjectDetection(AutoClass): ...
class TFAutoModelForPreTraining(AutoClass): ...
class TFAutoModelForQuestionAnswering(AutoClass): ...
class TFAutoModelForSemanticSegmentation(AutoClass): ...
class TFAutoModelForSeq2SeqLM(AutoClass): ...
class TFAutoModelForSequenceClassification(AutoClass): ...
class TFAutoModelForSpeechSeq2Seq(AutoClass): ...
class TFAutoModelForTableQuestionAnswering(AutoClass): ...
class TFAutoModelForTextEncoding(AutoClass): ...
class TFAutoModelForTextToSpectrogram(AutoClass): ...
class TFAutoModelForTextToWaveform(AutoClass): ...
class TFAutoModelForTimeSeriesPrediction(AutoClass): ...
class TFAutoModelForTokenClassification(AutoClass): ...
class TFAutoModelForUniversalSegmentation(AutoClass): ...
class TFAutoModelForVideoClassification(AutoClass): ...
class TFAutoModelForVision2Seq(AutoClass): ...
class TFAutoModelForVisualQuestionAnswering(AutoClass): ...
class TFAutoModelForZeroShotImageClassification(AutoClass): ...
class TFAutoModelForZeroShotObjectDetection(AutoClass): ...
class TFAutoModelWithLMHead(AutoClass): ...

__all__ = [
    "AlbertConfig",
    "AlbertForMaskedLM",
    "AlbertForMultipleChoice",
    "AlbertForPreTraining",
    "AlbertForPreTrainingOutput",
    "AlbertForQuestionAnswering",
    "AlbertForSequenceClassification",
    "AlbertForTokenClassification",
    "AlbertModel",
    "AlbertPreTrainedModel",
    "AlbertTokenizer",
    "AlbertTokenizerFast",
    "AlternatingCodebooksLogitsProcessor",
    "AsyncTextIteratorStreamer",
    "AutoConfig",
    "AutoImageProcessor",
    "AutoModel",
    "AutoModelForAudioClassification",
    "AutoModelForAudioFrameClassification",
    "AutoModelForAudioTokenization",
    "AutoModelForAudioXVector",
    "AutoModelForCTC",
    "AutoModelForCausalLM",
    "AutoModelForDepthEstimation",
    "AutoModelForDocumentQuestionAnswering",
    "AutoModelForImageClassification",
    "AutoModelForImageSegmentation",
    "AutoModelForImageTextToText",
    "AutoModelForImageToImage",
    "AutoModelForInstanceSegmentation",
    "AutoModelForKeypointDetection",
    "AutoModelForKeypointMatching",
    "AutoModelForMaskGeneration",
    "AutoModelForMaskedImageModeling",
    "AutoModelForMaskedLM",
    "AutoModelForMultipleChoice",
    "AutoModelForNextSentencePrediction",
    "AutoModelForObjectDetection",
    "AutoModelForPreTraining",
    "AutoModelForQuestionAnswering",
    "AutoModelForSemanticSegmentation",
    "AutoModelForSeq2SeqLM",
    "AutoModelForSequenceClassification",
    "AutoModelForSpeechSeq2Seq",
    "AutoModelForTableQuestionAnswering",
    "AutoModelForTextEncoding",
    "AutoModelForTextToSpectrogram",
    "AutoModelForTextToWaveform",
    "AutoModelForTimeSeriesPrediction",
    "AutoModelForTokenClassification",
    "AutoModelForUniversalSegmentation",
    "AutoModelForVideoClassification",
    "AutoModelForVision2Seq",
    "AutoModelForVisualQuestionAnswering",
    "AutoModelForZeroShotImageClassification",
    "AutoModelForZeroShotObjectDetection",
    "AutoModelWithLMHead",
    "AutoProcessor",
    "AutoTokenizer",
    "BarkEosPrioritizerLogitsProcessor",
    "BaseImageProcessor",
    "BaseModelOutput",
    "BaseModelOutputWithCrossAttentions",
    "BaseModelOutputWithPast",
    "BaseModelOutputWithPastAndCrossAttentions",
    "BaseModelOutputWithPooling",
    "BaseModelOutputWithPoolingAndCrossAttentions",
    "BaseStreamer",
    "BasicTokenizer",
    "BatchEncoding",
    "BatchFeature",
    "BertConfig",
    "BertForCausalLM",
    "BertForMaskedLM",
    "BertForMultipleChoice",
    "BertForNextSentencePrediction",
    "BertForPreTraining",
    "BertForPreTrainingOutput",
    "BertForQuestionAnswering",
    "BertForSequenceClassification",
    "BertForTokenClassification",
    "BertLMHeadModel",
    "BertLayer",
    "BertModel",
    "BertPreTrainedModel",
    "BertTokenizer",
    "BertTokenizerFast",
    "CONFIG_NAME",
    "CausalLMOutput",
    "CausalLMOutputWithCrossAttentions",
    "CausalLMOutputWithPast",
    "CharSpan",
    "ClassifierFreeGuidanceLogitsProcessor",
    "Constraint",
    "ConstraintListState",
    "Conv1D",
    "DataCollatorForLanguageModeling",
    "DataCollatorForSeq2Seq",
    "DataCollatorForTokenClassification",
    "DataCollatorWithPadding",
    "DefaultDataCollator",
    "DisjunctiveConstraint",
    "DistilBertConfig",
    "DistilBertForMaskedLM",
    "DistilBertForMultipleChoice",
    "DistilBertForQuestionAnswering",
    "DistilBertForSequenceClassification",
    "DistilBertForTokenClassification",
    "DistilBertModel",
    "DistilBertPreTrainedModel",
    "DistilBertTokenizer",
    "DistilBertTokenizerFast",
    "DynamicCache",
    "EarlyStoppingCallback",
    "EncoderNoRepeatNGramLogitsProcessor",
    "EncoderRepetitionPenaltyLogitsProcessor",
    "EosTokenCriteria",
    "EpsilonLogitsWarper",
    "EtaLogitsWarper",
    "EvalPrediction",
    "ExponentialDecayLengthPenalty",
    "FeatureExtractionPipeline",
    "FillMaskPipeline",
    "FlaxAlbertForMaskedLM",
    "FlaxAlbertForMultipleChoice",
    "FlaxAlbertForPreTraining",
    "FlaxAlbertForQuestionAnswering",
    "FlaxAlbertForSequenceClassification",
    "FlaxAlbertForTokenClassification",
    "FlaxAlbertModel",
    "FlaxAlbertPreTrainedModel",
    "FlaxAlternatingCodebooksLogitsProcessor",
    "FlaxAutoModel",
    "FlaxAutoModelForAudioClassification",
    "FlaxAutoModelForAudioFrameClassification",
    "FlaxAutoModelForAudioTokenization",
    "FlaxAutoModelForAudioXVector",
    "FlaxAutoModelForCTC",
    "FlaxAutoModelForCausalLM",
    "FlaxAutoModelForDepthEstimation",
    "FlaxAutoModelForDocumentQuestionAnswering",
    "FlaxAutoModelForImageClassification",
    "FlaxAutoModelForImageSegmentation",
    "FlaxAutoModelForImageTextToText",
    "FlaxAutoModelForImageToImage",
    "FlaxAutoModelForInstanceSegmentation",
    "FlaxAutoModelForKeypointDetection",
    "FlaxAutoModelForKeypointMatching",
    "FlaxAutoModelForMaskGeneration",
    "FlaxAutoModelForMaskedImageModeling",
    "FlaxAutoModelForMaskedLM",
    "FlaxAutoModelForMultipleChoice",
    "FlaxAutoModelForNextSentencePrediction",
    "FlaxAutoModelForObjectDetection",
    "FlaxAutoModelForPreTraining",
    "FlaxAutoModelForQuestionAnswering",
    "FlaxAutoModelForSemanticSegmentation",
    "FlaxAutoModelForSeq2SeqLM",
    "FlaxAutoModelForSequenceClassification",
    "FlaxAutoModelForSpeechSeq2Seq",
    "FlaxAutoModelForTableQuestionAnswering",
    "FlaxAutoModelForTextEncoding",
    "FlaxAutoModelForTextToSpectrogram",
    "FlaxAutoModelForTextToWaveform",
    "FlaxAutoModelForTimeSeriesPrediction",
    "FlaxAutoModelForTokenClassification",
    "FlaxAutoModelForUniversalSegmentation",
    "FlaxAutoModelForVideoClassification",
    "FlaxAutoModelForVision2Seq",
    "FlaxAutoModelForVisualQuestionAnswering",
    "FlaxAutoModelForZeroShotImageClassification",
    "FlaxAutoModelForZeroShotObjectDetection",
    "FlaxAutoModelWithLMHead",
    "FlaxBarkEosPrioritizerLogitsProcessor",
    "FlaxBertForCausalLM",
    "FlaxBertForMaskedLM",
    "FlaxBertForMultipleChoice",
    "FlaxBertForNextSentencePrediction",
    "FlaxBertForPreTraining",
    "FlaxBertForQuestionAnswering",
    "FlaxBertForSequenceClassification",
    "FlaxBertForTokenClassification",
    "FlaxBertLMHeadModel",
    "FlaxBertLayer",
    "FlaxBertModel",
    "FlaxBertPreTrainedModel",
    "FlaxClassifierFreeGuidanceLogitsProcessor",
    "FlaxDistilBertForMaskedLM",
    "FlaxDistilBertForMultipleChoice",
    "FlaxDistilBertForQuestionAnswering",
    "FlaxDistilBertForSequenceClassification",
    "FlaxDistilBertForTokenClassification",
    "FlaxDistilBertModel",
    "FlaxDistilBertPreTrainedModel",
    "FlaxDynamicCache",
    "FlaxEncoderNoRepeatNGramLogitsProcessor",
    "FlaxEncoderRepetitionPenaltyLogitsProcessor",
    "FlaxEosTokenCriteria",
    "FlaxEpsilonLogitsWarper",
    "FlaxEtaLogitsWarper",
    "FlaxExponentialDecayLengthPenalty",
    "FlaxForcedBOSTokenLogitsProcessor",
    "FlaxForcedEOSTokenLogitsProcessor",
    "FlaxGPT2DoubleHeadsModel",
    "FlaxGPT2ForQuestionAnswering",
    "FlaxGPT2ForSequenceClassification",
    "FlaxGPT2ForTokenClassification",
    "FlaxGPT2LMHeadModel",
    "FlaxGPT2Model",
    "FlaxGPT2PreTrainedModel",
    "FlaxGenerateOutput",
    "FlaxGenerationMixin",
    "FlaxHammingDiversityLogitsProcessor",
    "FlaxInfNanRemoveLogitsProcessor",
    "FlaxLlamaForCausalLM",
    "FlaxLlamaForQuestionAnswering",
    "FlaxLlamaForSequenceClassification",
    "FlaxLlamaForTokenClassification",
    "FlaxLlamaModel",
    "FlaxLlamaPreTrainedModel",
    "FlaxLogitNormalization",
    "FlaxLogitsProcessor",
    "FlaxLogitsProcessorList",
    "FlaxMaxLengthCriteria",
    "FlaxMaxTimeCriteria",
    "FlaxMinLengthLogitsProcessor",
    "FlaxMinNewTokensLengthLogitsProcessor",
    "FlaxMinPLogitsWarper",
    "FlaxNoBadWordsLogitsProcessor",
    "FlaxNoRepeatNGramLogitsProcessor",
    "FlaxPreTrainedModel",
    "FlaxPrefixConstrainedLogitsProcessor",
    "FlaxRepetitionPenaltyLogitsProcessor",
    "FlaxSequenceBiasLogitsProcessor",
    "FlaxStaticCache",
    "FlaxStopStringCriteria",
    "FlaxStoppingCriteria",
    "FlaxStoppingCriteriaList",
    "FlaxSuppressTokensAtBeginLogitsProcessor",
    "FlaxSuppressTokensLogitsProcessor",
    "FlaxT5EncoderModel",
    "FlaxT5ForConditionalGeneration",
    "FlaxT5ForQuestionAnswering",
    "FlaxT5ForSequenceClassification",
    "FlaxT5ForTokenClassification",
    "FlaxT5Model",
    "FlaxT5PreTrainedModel",
    "FlaxTemperatureLogitsWarper",
    "FlaxTopKLogitsWarper",
    "FlaxTopPLogitsWarper",
    "FlaxTypicalLogitsWarper",
    "FlaxUnbatchedClassifierFreeGuidanceLogitsProcessor",
    "FlaxViTForImageClassification",
    "FlaxViTForMaskedImageModeling",
    "FlaxViTModel",
    "FlaxViTPreTrainedModel",
    "FlaxWhisperNoSpeechDetection",
    "FlaxWhisperTimeStampLogitsProcessor",
    "ForcedBOSTokenLogitsProcessor",
    "ForcedEOSTokenLogitsProcessor",
    "GPT2Config",
    "GPT2DoubleHeadsModel",
    "GPT2DoubleHeadsModelOutput",
    "GPT2ForQuestionAnswering",
    "GPT2ForSequenceClassification",
    "GPT2ForTokenClassification",
    "GPT2LMHeadModel",
    "GPT2Model",
    "GPT2PreTrainedModel",
    "GPT2Tokenizer",
    "GPT2TokenizerFast",
    "GenerateBeamDecoderOnlyOutput",
    "GenerateBeamEncoderDecoderOutput",
    "GenerateDecoderOnlyOutput",
    "GenerateEncoderDecoderOutput",
    "GenerationConfig",
    "GenerationMixin",
    "HammingDiversityLogitsProcessor",
    "ImageClassificationPipeline",
    "ImageClassifierOutput",
    "ImageFeatureExtractionPipeline",
    "InfNanRemoveLogitsProcessor",
    "IntervalStrategy",
    "LlamaConfig",
    "LlamaForCausalLM",
    "LlamaForQuestionAnswering",
    "LlamaForSequenceClassification",
    "LlamaForTokenClassification",
    "LlamaModel",
    "LlamaPreTrainedModel",
    "LlamaTokenizer",
    "LlamaTokenizerFast",
    "LogitNormalization",
    "LogitsProcessor",
    "LogitsProcessorList",
    "MODEL_CARD_NAME",
    "MaskedImageModelingOutput",
    "MaskedLMOutput",
    "MaxLengthCriteria",
    "MaxTimeCriteria",
    "MinLengthLogitsProcessor",
    "MinNewTokensLengthLogitsProcessor",
    "MinPLogitsWarper",
    "ModelOutput",
    "MultipleChoiceModelOutput",
    "NerPipeline",
    "NextSentencePredictorOutput",
    "NoBadWordsLogitsProcessor",
    "NoRepeatNGramLogitsProcessor",
    "PaddingStrategy",
    "PhrasalConstraint",
    "Pipeline",
    "PreTrainedModel",
    "PreTrainedTokenizer",
    "PreTrainedTokenizerBase",
    "PreTrainedTokenizerFast",
    "PrefixConstrainedLogitsProcessor",
    "PretrainedConfig",
    "QuestionAnsweringModelOutput",
    "QuestionAnsweringPipeline",
    "RepetitionPenaltyLogitsProcessor",
    "SPIECE_UNDERLINE",
    "SchedulerType",
    "Seq2SeqLMOutput",
    "Seq2SeqModelOutput",
    "Seq2SeqQuestionAnsweringModelOutput",
    "Seq2SeqSequenceClassifierOutput",
    "SequenceBiasLogitsProcessor",
    "SequenceClassifierOutput",
    "SequenceClassifierOutputWithPast",
    "SpecialTokensMixin",
    "StaticCache",
    "StopStringCriteria",
    "StoppingCriteria",
    "StoppingCriteriaList",
    "SummarizationPipeline",
    "SuppressTokensAtBeginLogitsProcessor",
    "SuppressTokensLogitsProcessor",
    "T5Config",
    "T5EncoderModel",
    "T5ForConditionalGeneration",
    "T5ForQuestionAnswering",
    "T5ForSequenceClassification",
    "T5ForTokenClassification",
    "T5Model",
    "T5PreTrainedModel",
    "T5Tokenizer",
    "T5TokenizerFast",
    "TF2_WEIGHTS_NAME",
    "TFAlbertForMaskedLM",
    "TFAlbertForMultipleChoice",
    "TFAlbertForPreTraining",
    "TFAlbertForQuestionAnswering",
    "TFAlbertForSequenceClassification",
    "TFAlbertForTokenClassification",
    "TFAlbertModel",
    "TFAlbertPreTrainedModel",
    "TFAlternatingCodebooksLogitsProcessor",
    "TFAutoModel",
    "TFAutoModelForAudioClassification",
    "TFAutoModelForAudioFrameClassification",
    "TFAutoModelForAudioTokenization",
    "TFAutoModelForAudioXVector",
    "TFAutoModelForCTC",
    "TFAutoModelForCausalLM",
    "TFAutoModelForDepthEstimation",
    "TFAutoModelForDocumentQuestionAnswering",
    "TFAutoModelForImageClassification",
    "TFAutoModelForImageSegmentation",
    "TFAutoModelForImageTextToText",
    "TFAutoModelForImageToImage",
    "TFAutoModelForInstanceSegmentation",
    "TFAutoModelForKeypointDetection",
    "TFAutoModelForKeypointMatching",
    "TFAutoModelForMaskGeneration",
    "TFAutoModelForMaskedImageModeling",
    "TFAutoModelForMaskedLM",
    "TFAutoModelForMultipleChoice",
    "TFAutoModelForNextSentencePrediction",
    "TFAutoModelForObjectDetection",
    "TFAutoModelForPreTraining",
    "TFAutoModelForQuestionAnswering",
    "TFAutoModelForSemanticSegmentation",
    "TFAutoModelForSeq2SeqLM",
    "TFAutoModelForSequenceClassification",
    "TFAutoModelForSpeechSeq2Seq",
    "TFAutoModelForTableQuestionAnswering",
    "TFAutoModelForTextEncoding",
    "TFAutoModelForTextToSpectrogram",
    "TFAutoModelForTextToWaveform",
    "TFAutoModelForTimeSeriesPrediction",
    "TFAutoModelForTokenClassification",
    "TFAutoModelForUniversalSegmentation",
    "TFAutoModelForVideoClassification",
    "TFAutoModelForVision2Seq",
    "TFAutoModelForVisualQuestionAnswering",
    "TFAutoModelForZeroShotImageClassification",
    "TFAutoModelForZeroShotObjectDetection",
    "TFAutoModelWithLMHead",
    "TFBarkEosPrioritizerLogitsProcessor",
    "TFBertForCausalLM",
    "TFBertForMaskedLM",
    "TFBertForMultipleChoice",
    "TFBertForNextSentencePrediction",
    "TFBertForPreTraining",
    "TFBertForQuestionAnswering",
    "TFBertForSequenceClassification",
    "TFBertForTokenClassification",
    "TFBertLMHeadModel",
    "TFBertLayer",
    "TFBertModel",
    "TFBertPreTrainedModel",
    "TFClassifierFreeGuidanceLogitsProcessor",
    "TFDistilBertForMaskedLM",
    "TFDistilBertForMultipleChoice",
    "TFDistilBertForQuestionAnswering",
    "TFDistilBertForSequenceClassification",
    "TFDistilBertForTokenClassification",
    "TFDistilBertModel",
    "TFDistilBertPreTrainedModel",
    "TFDynamicCache",
    "TFEncoderNoRepeatNGramLogitsProcessor",
    "TFEncoderRepetitionPenaltyLogitsProcessor",
    "TFEosTokenCriteria",
    "TFEpsilonLogitsWarper",
    "TFEtaLogitsWarper",
    "TFExponentialDecayLengthPenalty",
    "TFForcedBOSTokenLogitsProcessor",
    "TFForcedEOSTokenLogitsProcessor",
    "TFGPT2DoubleHeadsModel",
    "TFGPT2ForQuestionAnswering",
    "TFGPT2ForSequenceClassification",
    "TFGPT2ForTokenClassification",
    "TFGPT2LMHeadModel",
    "TFGPT2Model",
    "TFGPT2PreTrainedModel",
    "TFGenerationMixin",
    "TFHammingDiversityLogitsProcessor",
    "TFInfNanRemoveLogitsProcessor",
    "TFLlamaForCausalLM",
    "TFLlamaForQuestionAnswering",
    "TFLlamaForSequenceClassification",
    "TFLlamaForTokenClassification",
    "TFLlamaModel",
    "TFLlamaPreTrainedModel",
    "TFLogitNormalization",
    "TFLogitsProcessor",
    "TFLogitsProcessorList",
    "TFMaxLengthCriteria",
    "TFMaxTimeCriteria",
    "TFMinLengthLogitsProcessor",
    "TFMinNewTokensLengthLogitsProcessor",
    "TFMinPLogitsWarper",
    "TFNoBadWordsLogitsProcessor",
    "TFNoRepeatNGramLogitsProcessor",
    "TFPreTrainedModel",
    "TFPrefixConstrainedLogitsProcessor",
    "TFRepetitionPenaltyLogitsProcessor",
    "TFSequenceBiasLogitsProcessor",
    "TFStaticCache",
    "TFStopStringCriteria",
    "TFStoppingCriteria",
    "TFStoppingCriteriaList",
    "TFSuppressTokensAtBeginLogitsProcessor",
    "TFSuppressTokensLogitsProcessor",
    "TFT5EncoderModel",
    "TFT5ForConditionalGeneration",
    "TFT5ForQuestionAnswering",
    "TFT5ForSequenceClassification",
    "TFT5ForTokenClassification",
    "TFT5Model",
    "TFT5PreTrainedModel",
    "TFTemperatureLogitsWarper",
    "TFTopKLogitsWarper",
    "TFTopPLogitsWarper",
    "TFTypicalLogitsWarper",
    "TFUnbatchedClassifierFreeGuidanceLogitsProcessor",
    "TFViTForImageClassification",
    "TFViTForMaskedImageModeling",
    "TFViTModel",
    "TFViTPreTrainedModel",
    "TFWhisperNoSpeechDetection",
    "TFWhisperTimeStampLogitsProcessor",
    "TemperatureLogitsWarper",
    "TensorType",
    "Text2TextGenerationPipeline",
    "TextClassificationPipeline",
    "TextGenerationPipeline",
    "TextIteratorStreamer",
    "TextStreamer",
    "TokenClassificationPipeline",
    "TokenClassifierOutput",
    "TokenSpan",
    "TopKLogitsWarper",
    "TopPLogitsWarper",
    "TrainerCallback",
    "TrainerControl",
    "TrainerState",
    "TranslationPipeline",
    "TruncationStrategy",
    "TypicalLogitsWarper",
    "UnbatchedClassifierFreeGuidanceLogitsProcessor",
    "ViTConfig",
    "ViTFeatureExtractor",
    "ViTForImageClassification",
    "ViTForMaskedImageModeling",
    "ViTImageProcessor",
    "ViTImageProcessorFast",
    "ViTModel",
    "ViTPreTrainedModel",
    "WEIGHTS_NAME",
    "WatermarkDetector",
    "WatermarkLogitsProcessor",
    "WatermarkingConfig",
    "WhisperNoSpeechDetection",
    "WhisperTimeStampLogitsProcessor",
    "WordpieceTokenizer",
    "ZeroShotClassificationPipeline",
    "__version__",
    "default_data_collator",
    "enable_full_determinism",
    "get_constant_schedule",
    "get_constant_schedule_with_warmup",
    "get_cosine_schedule_with_warmup",
    "get_cosine_with_hard_restarts_schedule_with_warmup",
    "get_inverse_sqrt_schedule",
    "get_linear_schedule_with_warmup",
    "get_polynomial_decay_schedule_with_warmup",
    "get_scheduler",
    "is_apex_available",
    "is_bitsandbytes_available",
    "is_datasets_available",
    "is_faiss_available",
    "is_flax_available",
    "is_psutil_available",
    "is_safetensors_available",
    "is_scipy_available",
    "is_sentencepiece_available",
    "is_sklearn_available",
    "is_speech_available",
    "is_tensorflow_text_available",
    "is_tf_available",
    "is_timm_available",
    "is_tokenizers_available",
    "is_torch_available",
    "is_torch_cuda_available",
    "is_torch_npu_available",
    "is_torch_xla_available",
    "is_torch_xpu_available",
    "is_torchvision_available",
    "is_vision_available",
    "logging",
    "pipeline",
    "set_seed",
]
