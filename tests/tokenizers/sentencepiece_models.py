"""Sentencepiece models for tests: Mistral's out of a package, and small ones trained on the corpus."""

import io
import sys
from pathlib import Path

from .corpus import CORPUS

MISTRAL = Path(sys.prefix) / "vocabularies" / "mistral_common" / "data"
MISTRAL_MODELS = ("tokenizer.model.v1", "mistral_instruct_tokenizer_240323.model.v3")
TEKKEN = MISTRAL / "tekken_240911.json"

SYMBOLS = ["[REF]", "ﬁ lig", "  two", "emoji😀", "the quick", "qu"]
UNIGRAM = {"model_type": "unigram", "vocab_size": 1300}
BPE = {"model_type": "bpe", "vocab_size": 2200}
T5 = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
ALBERT = {
    "pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1, "control_symbols": ["[CLS]", "[SEP]", "[MASK]"],
    "user_defined_symbols": ["(", ")", "£"],
}  # fmt: skip

# Name -> what is trained.
TRAINED = {
    "t5": {**UNIGRAM, **T5, "normalization_rule_name": "nmt_nfkc"},
    "t5-bytes": {**UNIGRAM, **T5, "normalization_rule_name": "nfkc_cf", "byte_fallback": True},
    "t5-identity": {**UNIGRAM, **T5, "normalization_rule_name": "identity"},
    "albert": {**UNIGRAM, **ALBERT, "normalization_rule_name": "nmt_nfkc"},
    "unigram-symbols": {**UNIGRAM, "user_defined_symbols": SYMBOLS, "normalization_rule_name": "nmt_nfkc_cf"},
    "unigram-spaces-kept": {
        **UNIGRAM, "normalization_rule_name": "identity", "byte_fallback": True, "remove_extra_whitespaces": False,
        "split_by_whitespace": False, "add_dummy_prefix": False,
    },
    "bpe-symbols": {**BPE, "user_defined_symbols": SYMBOLS, "control_symbols": ["[CLS]"]},
    "bpe-suffix": {**BPE, "treat_whitespace_as_suffix": True, "byte_fallback": True},
    "bpe-phrases": {**BPE, "split_by_whitespace": False, "normalization_rule_name": "identity"},
}  # fmt: skip


def train(path: Path, **settings: object) -> Path:
    """Train a model on pieces of the corpus, the same one every time."""
    import sentencepiece

    words = (text.split() for text in CORPUS)
    lines = [" ".join(row[at : at + 6]) for row in words for at in range(0, len(row), 4)]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, minloglevel=2, hard_vocab_limit=False, num_threads=1,
        character_coverage=0.98, **settings,
    )  # fmt: skip
    path.write_bytes(model.getvalue())
    return path


def model_path(name: str, folder: Path) -> Path:
    """The path of a model: Mistral's, or one that is trained into `folder` when first asked for."""
    if name in MISTRAL_MODELS:
        return MISTRAL / name
    path = folder / f"{name}.model"
    return path if path.exists() else train(path, **TRAINED[name])
