"""Small models with random weights, and calls of pipelines over them, for `transformers` and for this package alike."""

from dataclasses import dataclass, field

SMALL = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=37,
             max_position_embeddings=64, vocab_size=30522)  # fmt: skip
DISTIL = dict(dim=32, n_layers=2, n_heads=4, hidden_dim=37, max_position_embeddings=64, vocab_size=30522)
GPT2 = dict(n_embd=32, n_layer=2, n_head=4, n_positions=64, vocab_size=400, bos_token_id=0, eos_token_id=0)
LLAMA = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=37,
             max_position_embeddings=128, vocab_size=400, bos_token_id=0, eos_token_id=0, pad_token_id=1)  # fmt: skip
T5 = dict(d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, vocab_size=400, pad_token_id=0, eos_token_id=1,
          decoder_start_token_id=0)  # fmt: skip
VIT = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=37, image_size=16,
           patch_size=4)  # fmt: skip


def labels(*names):
    return {"id2label": dict(enumerate(names)), "label2id": {name: index for index, name in enumerate(names)}}


ENTITIES = labels("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC")

# name -> (model class, its settings, tokenizer or image processor)
MODELS = {
    "bert": ("BertModel", SMALL, "wordpiece"),
    "bert-labels": ("BertForSequenceClassification", SMALL | labels("bad", "fair", "good"), "wordpiece"),
    "bert-one": ("BertForSequenceClassification", SMALL | {"num_labels": 1}, "wordpiece"),
    "bert-several": (
        "BertForSequenceClassification",
        SMALL | labels("a", "b", "c") | {"problem_type": "multi_label_classification"}, "wordpiece",
    ),
    "bert-number": (
        "BertForSequenceClassification", SMALL | {"num_labels": 1, "problem_type": "regression"}, "wordpiece",
    ),
    "distilbert-nli": (
        "DistilBertForSequenceClassification", DISTIL | labels("contradiction", "neutral", "entailment"), "distil",
    ),
    "bert-entities": ("BertForTokenClassification", SMALL | ENTITIES, "wordpiece-short"),
    "gpt2-entities": ("GPT2ForTokenClassification", GPT2 | ENTITIES | {"pad_token_id": 0}, "bytes"),
    "gpt2-labels": ("GPT2ForSequenceClassification", GPT2 | labels("no", "yes") | {"pad_token_id": 1}, "bytes"),
    "gpt2-no-pad": ("GPT2ForSequenceClassification", GPT2 | labels("no", "yes"), "bytes"),
    "bert-answers": ("BertForQuestionAnswering", SMALL, "wordpiece"),
    "distilbert-answers": ("DistilBertForQuestionAnswering", DISTIL, "distil"),
    "albert-masked": ("AlbertForMaskedLM", SMALL | {"embedding_size": 16}, "wordpiece"),
    "gpt2": ("GPT2LMHeadModel", GPT2, "bytes"),
    "llama": ("LlamaForCausalLM", LLAMA, "chat"),
    "t5": (
        "T5ForConditionalGeneration",
        T5 | {"task_specific_params": {
            "summarization": {"prefix": "summarize: ", "num_beams": 2, "max_length": 12, "min_length": 3},
            "translation_en_to_de": {"prefix": "to German: ", "num_beams": 2, "max_length": 11},
        }},
        "unigram",
    ),
    "vit": ("ViTModel", VIT, "images"),
    "vit-labels": ("ViTForImageClassification", VIT | labels(*"abcdefg"), "images"),
}  # fmt: skip

TEXTS = ["A fine day.", "The quick brown fox jumps over the lazy dog, again and again and again!", "", "Ünïcode 東京"]
NAMES = "Ada Lovelace went from London to Neuschwanstein with Dr. Unbelievabletown, and unaffable Bob stayed."
LONG = " ".join([NAMES, "Then Grace Hopper arrived in Arlington; nobody in Washington had expected that."] * 3)
CONTEXT = (
    "My name is Wolfgang and I live in Berlin. The capital of France is Paris, which lies on the Seine. "
    "Photosynthesis turns light into chemical energy; Neuschwanstein is a castle. "
)
QUESTION = "Where do I live?"


@dataclass
class Case:
    """Calls of one pipeline. A call is (positional arguments, keyword arguments).

    `compiled`: how many of them run in JAX and TensorFlow, which compile a loop for each shape; None is all.
    """

    name: str
    task: str
    model: str
    calls: list
    options: dict = field(default_factory=dict)
    compiled: int | None = None


def one(*args, **kwargs):
    return args, kwargs


CASES = [
    Case("features", "feature-extraction", "bert", [
        one("A fine day."), one(TEXTS), one("x", return_tensors=True),
        one("a long text " * 40, truncation=True, tokenize_kwargs={"max_length": 9}),
    ]),
    Case("labels", "text-classification", "bert-labels", [
        one(TEXTS[0]), one(TEXTS), one(TEXTS, batch_size=3), one(TEXTS[1], top_k=None), one(TEXTS, top_k=2),
        one({"text": "a", "text_pair": "b c"}), one([{"text": "a", "text_pair": "b c"}, {"text": "d"}]),
        one(TEXTS[1], function_to_apply="sigmoid"), one(TEXTS[1], function_to_apply="none", top_k=3),
        one([[["a", "b c"]]]), one("word " * 100, truncation=True, max_length=12), one([]),
    ]),
    Case("labels-all", "sentiment-analysis", "bert-labels", [one(TEXTS[0]), one(TEXTS[:2])], {"top_k": None}),
    Case("labels-older", "text-classification", "bert-labels", [one(TEXTS[0], return_all_scores=True)]),
    Case("label-one", "text-classification", "bert-one", [one(TEXTS)]),
    Case("label-several", "text-classification", "bert-several", [one(TEXTS, top_k=None)]),
    Case("label-number", "text-classification", "bert-number", [one(TEXTS)]),
    Case("decoder-labels", "text-classification", "gpt2-labels", [one(["A fine day.", "Another one, longer"])]),
    Case("decoder-no-pad", "text-classification", "gpt2-no-pad", [one(["A fine day.", "Another one, longer"])]),
    Case("zero-shot", "zero-shot-classification", "distilbert-nli", [
        one("I like trains", candidate_labels=["travel", "food", "sport"]),
        one("I like trains", "travel, food", hypothesis_template="It is about {}, surely."),
        one(["I like trains", "Soup and bread"], candidate_labels=["travel", "food"], multi_label=True),
        one("I like trains", candidate_labels="travel"),
        one(["many words " * 40, "few"], candidate_labels=["travel", "food"], batch_size=3),
    ]),
    Case("entities", "token-classification", "bert-entities", [
        one(NAMES), one([NAMES, "Bob."]), one(NAMES, ignore_labels=[]),
        *(one([NAMES, "東京 unaffable"], aggregation_strategy=s) for s in ("simple", "first", "average", "max")),
        one([NAMES, "Bob.", NAMES[:40]], aggregation_strategy="average", batch_size=2),
        one(["Ada", "Lovelace", "unaffable"], is_split_into_words=True, aggregation_strategy="first"),
        one([["Ada", "Lovelace"], ["Bob"]], is_split_into_words=True, delimiter="_"),
        one(NAMES, grouped_entities=True),
    ]),
    Case("entities-stride", "ner", "bert-entities", [
        one(LONG), one([LONG, NAMES, "Bob"], batch_size=2), one(LONG, aggregation_strategy="max", ignore_labels=[]),
    ], {"stride": 4, "aggregation_strategy": "simple"}),
    Case("entities-bytes", "token-classification", "gpt2-entities", [
        one(NAMES), *(one(NAMES, aggregation_strategy=s) for s in ("simple", "first", "average", "max")),
    ]),
    Case("answers", "question-answering", "bert-answers", [
        one(question=QUESTION, context=CONTEXT), one(QUESTION, CONTEXT),
        one({"question": QUESTION, "context": CONTEXT}, top_k=5),
        one(question=[QUESTION, "What is a castle?"], context=CONTEXT),
        one(question=[QUESTION, "Who?"], context=[CONTEXT, "Nobody but Bob."], batch_size=2),
        one(question=QUESTION, context=CONTEXT * 2, max_seq_len=30, doc_stride=8, top_k=3, batch_size=4),
        one(question=QUESTION, context=CONTEXT * 2, max_seq_len=40, align_to_words=False, max_answer_len=4),
        one(question=QUESTION, context=CONTEXT, handle_impossible_answer=True, top_k=2),
        one(question=QUESTION, context="Bob", top_k=20),
        one(question=QUESTION, context=CONTEXT, padding="max_length", max_seq_len=62),
    ]),
    Case("answers-distilbert", "question-answering", "distilbert-answers", [
        one(question=QUESTION, context=CONTEXT * 2, max_seq_len=32, doc_stride=10),
    ]),
    Case("masks", "fill-mask", "albert-masked", [
        one("Paris is the [MASK] of France."), one(["[MASK]", "A [MASK] day and a longer text"], batch_size=2),
        one("The [MASK] sat on the [MASK].", top_k=2), one("A [MASK] day", targets=["fine", "rainy", "unaffable"]),
        one(["only one [MASK]"], top_k=1), one("a [MASK] " + "b " * 90, tokenizer_kwargs={"truncation": True}),
    ]),
    Case("image-labels", "image-classification", "vit-labels", [
        one("photo.png"), one(["photo.png", "wide.png"]), one(["photo.png", "wide.png"], batch_size=2, top_k=2),
        one("photo.png", function_to_apply="sigmoid", top_k=30), one("grey.png"), one("base64"),
    ]),
    Case("image-features", "image-feature-extraction", "vit", [
        one("photo.png"), one(["photo.png", "wide.png"], batch_size=2), one("photo.png", pool=True),
        one("photo.png", return_tensors=True),
    ]),
]  # fmt: skip

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello there"}]
PREFILL = [*CHAT, {"role": "assistant", "content": "Well, I"}]
GREEDY = {"do_sample": False, "max_new_tokens": 6}

GENERATING = [
    Case("text", "text-generation", "gpt2", [
        one("A fine day"), one(["A fine day", "The quick brown fox"]), one("A fine day", return_full_text=False),
        one("A fine day", return_tensors=True), one("A fine day", prefix="So it was. ", return_full_text=True),
        one("word " * 50, handle_long_generation="hole", max_new_tokens=10), one("A fine day", stop_sequence="e"),
        one("A fine day", num_beams=3, num_return_sequences=2), one("A fine day", truncation=True, max_length=3),
        one(""), one("A fine day", skip_special_tokens=False, clean_up_tokenization_spaces=False),
    ], GREEDY, 3),
    Case("chat", "text-generation", "llama", [
        one(CHAT), one(PREFILL), one([CHAT, PREFILL]), one(CHAT, return_full_text=False),
        one(PREFILL, continue_final_message=False),
    ], GREEDY, 2),
    Case("text-to-text", "text2text-generation", "t5", [
        one("A fine day"), one(["A fine day", "The quick brown fox jumps"]), one(["A fine day", "x"], batch_size=2),
        one("A fine day", return_tensors=True), one("A fine day", num_return_sequences=2),
    ], {"max_new_tokens": 6}, 1),
    Case("summary", "summarization", "t5", [one(LONG[:80]), one([LONG[:60], NAMES])], {"max_new_tokens": 7}, 0),
    Case("translation", "translation_en_to_de", "t5", [one("A fine day"), one(["A fine day", "x y"])],
         {"max_new_tokens": 7}, 1),
    Case("translation-told", "translation", "t5", [one("A fine day")], {"max_new_tokens": 7}, 0),
]  # fmt: skip
