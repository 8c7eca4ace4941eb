"""The one table: what exists, as strings. Nothing is imported here, so reading it costs next to nothing.

A new architecture is one row of ARCHITECTURES: the definition is `pytransformers/models/<module>.py`, the
configuration `pytransformers/configs/<module>.py`. Every class exists in every framework; the public name is the
class name behind the framework's prefix (`BertModel`, `TFBertModel`, `FlaxBertModel`).
"""

# Public prefix -> backend folder, the extra that installs it, and the packages that must be there.
FRAMEWORKS = {
    "": {"backend": "torch", "title": "PyTorch", "extra": "torch", "packages": ("torch",)},
    "Flax": {"backend": "jax", "title": "JAX", "extra": "jax", "packages": ("jax", "jaxlib", "flax")},
    "TF": {"backend": "tensorflow", "title": "TensorFlow", "extra": "tensorflow", "packages": ("tensorflow", "keras")},
}

# The Auto classes: AutoModel + head. The value says what the head computes.
HEADS = {
    "": "the bare states",
    "ForPreTraining": "the losses that the original was trained with",
    "ForCausalLM": "next token",
    "ForMaskedLM": "masked tokens",
    "ForSeq2SeqLM": "text from text",
    "ForSequenceClassification": "labels of a text",
    "ForTokenClassification": "labels of each token",
    "ForQuestionAnswering": "the answer's place in a text",
    "ForMultipleChoice": "one of several texts",
    "ForNextSentencePrediction": "whether a sentence follows",
    "ForTextEncoding": "the states of a text encoder",
    "ForTableQuestionAnswering": "cells of a table",
    "ForVisualQuestionAnswering": "an answer about an image",
    "ForDocumentQuestionAnswering": "an answer about a page",
    "ForImageTextToText": "text from images and text",
    "ForVision2Seq": "text from an image",
    "ForImageClassification": "labels of an image",
    "ForZeroShotImageClassification": "labels given as text",
    "ForMaskedImageModeling": "masked patches",
    "ForImageSegmentation": "segments",
    "ForSemanticSegmentation": "labels of pixels",
    "ForUniversalSegmentation": "segments of any kind",
    "ForInstanceSegmentation": "segments of objects",
    "ForMaskGeneration": "masks from prompts",
    "ForObjectDetection": "boxes",
    "ForZeroShotObjectDetection": "boxes of things given as text",
    "ForDepthEstimation": "depth of pixels",
    "ForKeypointDetection": "keypoints",
    "ForKeypointMatching": "matches of keypoints",
    "ForImageToImage": "an image from an image",
    "ForVideoClassification": "labels of a video",
    "ForAudioClassification": "labels of a sound",
    "ForAudioFrameClassification": "labels of each audio frame",
    "ForAudioXVector": "speaker vectors",
    "ForAudioTokenization": "codes of a sound",
    "ForCTC": "text from speech, by frames",
    "ForSpeechSeq2Seq": "text from speech",
    "ForTextToSpectrogram": "a spectrogram from text",
    "ForTextToWaveform": "a sound from text",
    "ForTimeSeriesPrediction": "the future of a series",
    "WithLMHead": "the older name of the language-model heads",
}

# model_type -> its row.
#   config, module   the configuration class, and the file of definition and configuration
#   tokenizer        the class AutoTokenizer takes when the checkpoint names none
#   heads            Auto head -> class
#   others           further public classes of the definition
#   aliases          further public names of classes
ARCHITECTURES = {
    "albert": {
        "title": "ALBERT",
        "config": "AlbertConfig",
        "module": "albert",
        "tokenizer": "PreTrainedTokenizerFast",
        "heads": {
            "": "AlbertModel",
            "ForPreTraining": "AlbertForPreTraining",
            "ForMaskedLM": "AlbertForMaskedLM",
            "ForSequenceClassification": "AlbertForSequenceClassification",
            "ForTokenClassification": "AlbertForTokenClassification",
            "ForQuestionAnswering": "AlbertForQuestionAnswering",
            "ForMultipleChoice": "AlbertForMultipleChoice",
            "ForTextEncoding": "AlbertModel",
            "WithLMHead": "AlbertForMaskedLM",
        },
        "others": ("AlbertPreTrainedModel",),
        "aliases": {},
    },
    "bert": {
        "title": "BERT",
        "config": "BertConfig",
        "module": "bert",
        "tokenizer": "BertTokenizerFast",
        "heads": {
            "": "BertModel",
            "ForPreTraining": "BertForPreTraining",
            "ForCausalLM": "BertLMHeadModel",
            "ForMaskedLM": "BertForMaskedLM",
            "ForSequenceClassification": "BertForSequenceClassification",
            "ForTokenClassification": "BertForTokenClassification",
            "ForQuestionAnswering": "BertForQuestionAnswering",
            "ForMultipleChoice": "BertForMultipleChoice",
            "ForNextSentencePrediction": "BertForNextSentencePrediction",
            "ForTextEncoding": "BertModel",
            "WithLMHead": "BertForMaskedLM",
        },
        "others": ("BertPreTrainedModel", "BertLayer"),
        "aliases": {"BertForCausalLM": "BertLMHeadModel"},
    },
    "gpt2": {
        "title": "GPT-2",
        "config": "GPT2Config",
        "module": "gpt2",
        "tokenizer": "PreTrainedTokenizerFast",
        "heads": {
            "": "GPT2Model",
            "ForPreTraining": "GPT2LMHeadModel",
            "ForCausalLM": "GPT2LMHeadModel",
            "ForSequenceClassification": "GPT2ForSequenceClassification",
            "ForTokenClassification": "GPT2ForTokenClassification",
            "ForQuestionAnswering": "GPT2ForQuestionAnswering",
            "WithLMHead": "GPT2LMHeadModel",
        },
        "others": ("GPT2PreTrainedModel", "GPT2DoubleHeadsModel"),
        "aliases": {},
    },
    "llama": {
        "title": "Llama",
        "config": "LlamaConfig",
        "module": "llama",
        "tokenizer": "PreTrainedTokenizerFast",
        "heads": {
            "": "LlamaModel",
            "ForCausalLM": "LlamaForCausalLM",
            "ForSequenceClassification": "LlamaForSequenceClassification",
            "ForTokenClassification": "LlamaForTokenClassification",
            "ForQuestionAnswering": "LlamaForQuestionAnswering",
        },
        "others": ("LlamaPreTrainedModel",),
        "aliases": {},
    },
    "t5": {
        "title": "T5",
        "config": "T5Config",
        "module": "t5",
        "tokenizer": "PreTrainedTokenizerFast",
        "heads": {
            "": "T5Model",
            "ForPreTraining": "T5ForConditionalGeneration",
            "ForSeq2SeqLM": "T5ForConditionalGeneration",
            "ForSequenceClassification": "T5ForSequenceClassification",
            "ForTokenClassification": "T5ForTokenClassification",
            "ForQuestionAnswering": "T5ForQuestionAnswering",
            "ForTextEncoding": "T5EncoderModel",
            "WithLMHead": "T5ForConditionalGeneration",
        },
        "others": ("T5PreTrainedModel",),
        "aliases": {},
    },
    "vit": {
        "title": "ViT",
        "config": "ViTConfig",
        "module": "vit",
        "tokenizer": None,
        "heads": {
            "": "ViTModel",
            "ForImageClassification": "ViTForImageClassification",
            "ForMaskedImageModeling": "ViTForMaskedImageModeling",
        },
        "others": ("ViTPreTrainedModel",),
        "aliases": {},
    },
}

# Public names that each framework has once: name -> module below the backend.
BACKEND_NAMES = {"PreTrainedModel": "pretrained", "DynamicCache": "layers.cache"}

# Public names that exist once: module -> names.
SHARED_NAMES = {
    "auto.config": ("AutoConfig",),
    "auto.tokenizer": ("AutoTokenizer",),
    "configs.base": ("PretrainedConfig",),
    "tokenizers.encoding": ("BatchEncoding",),
    "tokenizers.fast": ("PreTrainedTokenizerFast",),
    "tokenizers.bert": ("BertTokenizer", "BertTokenizerFast"),
    "version": ("__version__",),
    "outputs": (
        "AlbertForPreTrainingOutput",
        "BaseModelOutput",
        "BaseModelOutputWithCrossAttentions",
        "BaseModelOutputWithPast",
        "BaseModelOutputWithPastAndCrossAttentions",
        "BaseModelOutputWithPooling",
        "BaseModelOutputWithPoolingAndCrossAttentions",
        "BertForPreTrainingOutput",
        "CausalLMOutput",
        "CausalLMOutputWithCrossAttentions",
        "CausalLMOutputWithPast",
        "GPT2DoubleHeadsModelOutput",
        "ImageClassifierOutput",
        "MaskedImageModelingOutput",
        "MaskedLMOutput",
        "ModelOutput",
        "MultipleChoiceModelOutput",
        "NextSentencePredictorOutput",
        "QuestionAnsweringModelOutput",
        "Seq2SeqLMOutput",
        "Seq2SeqModelOutput",
        "Seq2SeqQuestionAnsweringModelOutput",
        "Seq2SeqSequenceClassifierOutput",
        "SequenceClassifierOutput",
        "SequenceClassifierOutputWithPast",
        "TokenClassifierOutput",
    ),
}
