"""DistilBERT's tokenizers: BERT's, without segments."""

from __future__ import annotations

from .bert import BertTokenizer, BertTokenizerFast


class DistilBertTokenizer(BertTokenizer):
    """`BertTokenizer`, without segments."""

    model_input_names = ["input_ids", "attention_mask"]


class DistilBertTokenizerFast(BertTokenizerFast):
    """`BertTokenizerFast`, without segments."""

    model_input_names = ["input_ids", "attention_mask"]
    slow_tokenizer_class = DistilBertTokenizer
