"""BERT's WordPiece tokenizer, from tokenizer.json or from vocab.txt."""

from __future__ import annotations

import json
import os
from typing import Any

from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

from .fast import PreTrainedTokenizerFast
from .files import VOCAB, read_vocab

# Setting -> the Rust normaliser's name for it.
NORMALIZER = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}


class BertTokenizerFast(PreTrainedTokenizerFast):
    """WordPiece (Wu et al., 2016, arXiv:1609.08144) as BERT uses it: [CLS] text [SEP], or [CLS] a [SEP] b [SEP].

    Args:
        vocab_file: a vocab.txt, one token a line, where there is no tokenizer.json.
        do_lower_case: whether to lower the case of text.
        strip_accents: whether to remove accents; None does so when lowering the case.
        tokenize_chinese_chars: whether to set every Chinese character apart.
    """

    defaults = {
        "do_lower_case": True,
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
        "tokenize_chinese_chars": True,
        "strip_accents": None,
    }
    vocab_files = (VOCAB,)

    def __init__(self, vocab_file: str | os.PathLike[str] | None = None, **settings: Any) -> None:
        super().__init__(**settings, **({} if vocab_file is None else {"vocab_file": vocab_file}))

    def build(self, settings: dict[str, Any]) -> Tokenizer:
        path = settings.pop("vocab_file", None)
        if path is None:
            return super().build(settings)
        vocab = read_vocab(path)
        names = {name: str(settings[name]) for name in ("unk_token", "cls_token", "sep_token")}
        for name, token in names.items():
            if token not in vocab:
                raise OSError(
                    f"[{os.fspath(path)}] expected the {name} {token!r} among the {len(vocab)} tokens, found none; "
                    f"give the right file, or {name}="
                )
        unk, cls, sep = names.values()
        tokenizer = Tokenizer(WordPiece(vocab, unk_token=unk, max_input_chars_per_word=100))
        tokenizer.normalizer = normalizers.BertNormalizer(
            clean_text=True, **{rust: settings[name] for name, rust in NORMALIZER.items()}
        )
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece(prefix="##")
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{cls}:0 $A:0 {sep}:0",
            pair=f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
            special_tokens=[(cls, vocab[cls]), (sep, vocab[sep])],
        )
        return tokenizer

    def adapt(self, settings: dict[str, Any]) -> None:
        settings.pop("vocab_file", None)
        if self._tokenizer.normalizer is None:
            return
        state = json.loads(self._tokenizer.normalizer.__getstate__())
        if state.pop("type") == "BertNormalizer":
            asked = {rust: settings[name] for name, rust in NORMALIZER.items()}
            if asked != {rust: state[rust] for rust in asked}:
                self._tokenizer.normalizer = normalizers.BertNormalizer(**{**state, **asked})

    def vocabulary_texts(self) -> dict[str, str]:
        vocab = self._tokenizer.get_vocab(with_added_tokens=False)
        return {VOCAB: "".join(f"{token}\n" for token, _ in sorted(vocab.items(), key=lambda item: item[1]))}


BertTokenizer = BertTokenizerFast
