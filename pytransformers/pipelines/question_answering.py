"""question-answering: the place in a context that answers a question.

Long contexts are cut into overlapping chunks. Spans are scored as in Chen et al. 2017, "Reading Wikipedia to answer
open-domain questions", arXiv:1704.00051: the product of the probabilities of start and end.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from . import batching
from .base import ArgumentHandler, ChunkPipeline, is_stream

NO_ANSWER_YET = 1_000_000  # above any score


class SquadExample(NamedTuple):
    """A question and the text that may answer it, with the further fields of the SQuAD data."""

    qas_id: Any
    question_text: str
    context_text: str
    answer_text: Any = None
    start_position_character: Any = None
    title: Any = None


def decode_spans(
    start: np.ndarray, end: np.ndarray, topk: int, max_answer_len: int, undesired_tokens: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best spans: starts, ends (the last token) and scores.

    Args:
        start, end: (length,) or (1, length) probabilities.
        max_answer_len: in tokens.
        undesired_tokens: (length,) or (1, length), 1 where an answer may start or end.
    """
    outer = np.matmul(start.reshape(-1, 1), end.reshape(1, -1))
    candidates = np.tril(np.triu(outer), max_answer_len - 1)
    flat = candidates.ravel()
    if topk == 1:
        order = np.array([flat.argmax()])
    elif len(flat) <= topk:
        order = np.argsort(-flat)
    else:
        chosen = np.argpartition(-flat, topk)[:topk]
        order = chosen[np.argsort(-flat[chosen])]
    starts, ends = np.unravel_index(order, candidates.shape)
    allowed = undesired_tokens.ravel().astype(bool)
    kept = allowed[starts] & allowed[ends]
    starts, ends = starts[kept], ends[kept]
    return starts, ends, candidates[starts, ends]


def select_starts_ends(
    start: np.ndarray, end: np.ndarray, p_mask: np.ndarray, attention_mask: np.ndarray | None,
    min_null_score: float = NO_ANSWER_YET, top_k: int = 1, handle_impossible_answer: bool = False,
    max_answer_len: int = 15,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:  # fmt: skip
    """The best spans from (1, length) logits, and the least score of no answer so far.

    Args:
        p_mask: (1, length), 1 where no answer can be: question, special tokens.
    """
    allowed = np.asarray(p_mask) == 0
    if attention_mask is not None:
        allowed = allowed & (np.asarray(attention_mask) != 0)

    def probabilities(logits: np.ndarray) -> np.ndarray:
        masked = np.where(allowed, logits, np.float32(-10000.0))
        exponentials = np.exp(masked - masked.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum()

    start, end = probabilities(start), probabilities(end)
    if handle_impossible_answer:
        min_null_score = min(min_null_score, float(start[0, 0] * end[0, 0]))
    start[0, 0] = end[0, 0] = 0.0  # the first token stands for no answer
    return (*decode_spans(start, end, top_k, max_answer_len, allowed), min_null_score)


class QuestionAnsweringArgumentHandler(ArgumentHandler):
    """Questions and contexts, given in any of the usual ways, as a list of SquadExample."""

    def normalize(self, item: Any) -> SquadExample:
        if isinstance(item, SquadExample):
            return item
        if not isinstance(item, dict):
            raise ValueError(f"[question-answering] expected a dictionary with question and context, got {item!r:.80}")
        for name in ("question", "context"):
            if name not in item:
                raise KeyError(f"[question-answering] expected a dictionary with question and context, got no {name}")
            if item[name] is None:
                raise ValueError(f"[question-answering] `{name}` cannot be None")
            if isinstance(item[name], str) and not item[name]:
                raise ValueError(f"[question-answering] `{name}` cannot be empty")
        return QuestionAnsweringPipeline.create_sample(item["question"], item["context"])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args:
            pair = len(args) == 2 and all(isinstance(text, str) for text in args)
            inputs = {"question": args[0], "context": args[1]} if pair else args[0] if len(args) == 1 else list(args)
        elif "X" in kwargs or "data" in kwargs:
            inputs = kwargs.get("X", kwargs.get("data"))
        elif "question" in kwargs and "context" in kwargs:
            inputs = self._pairs(kwargs["question"], kwargs["context"])
        else:
            given = ", ".join(kwargs) or "neither"
            raise ValueError(f"[question-answering] expected question and context, got {given}")
        if is_stream(inputs) and not isinstance(inputs, list):
            return inputs
        if isinstance(inputs, (dict, SquadExample)):
            inputs = [inputs]
        elif not isinstance(inputs, Iterable):
            raise ValueError(f"[question-answering] expected questions with contexts, got {inputs!r:.80}")
        return [example for item in inputs for example in _flat(self.normalize(item))]

    @staticmethod
    def _pairs(question: Any, context: Any) -> list[dict[str, Any]]:
        questions = [question] if isinstance(question, str) else question
        contexts = [context] * len(questions) if isinstance(context, str) else context
        if not isinstance(questions, list) or not isinstance(contexts, list):
            raise ValueError("[question-answering] expected question and context to be texts or lists of texts")
        if len(questions) != len(contexts):
            raise ValueError(
                f"[question-answering] Questions and contexts don't have the same lengths: {len(questions)} and "
                f"{len(contexts)}"
            )
        return [{"question": q, "context": c} for q, c in zip(questions, contexts, strict=True)]


def _flat(sample: Any) -> list[SquadExample]:
    return sample if isinstance(sample, list) else [sample]


class QuestionAnsweringPipeline(ChunkPipeline):
    """{"score", "start", "end", "answer"} of a question and its context; a list of those for `top_k` above 1.

    Args:
        top_k: how many answers to give; fewer come where there are no more.
        max_seq_len: longest chunk, in tokens, question included; 384 or what the tokenizer allows by default.
        doc_stride: how many tokens neighbouring chunks share; 128, or half a chunk, by default.
        max_question_len: kept for the interface; questions are not cut.
        max_answer_len: longest answer in tokens, 15 by default.
        handle_impossible_answer: also consider "", no answer.
        align_to_words: widen answers to whole words, True by default.
        padding: of chunks, as the tokenizer's.
    """

    _load_tokenizer = True
    _load_image_processor = False
    _load_feature_extractor = False
    default_input_names = "question,context"

    def __init__(self, model: Any, tokenizer: Any, **kwargs: Any) -> None:
        super().__init__(model=model, tokenizer=tokenizer, **kwargs)
        self._args_parser = QuestionAnsweringArgumentHandler()

    @staticmethod
    def create_sample(question: Any, context: Any) -> Any:
        """A SquadExample, or a list of them for lists."""
        if isinstance(question, list):
            return [SquadExample(None, q, c) for q, c in zip(question, context, strict=True)]
        return SquadExample(None, question, context)

    def _sanitize_parameters(
        self, padding=None, topk=None, top_k=None, doc_stride=None, max_answer_len=None, max_seq_len=None,
        max_question_len=None, handle_impossible_answer=None, align_to_words=None, **kwargs,
    ):  # fmt: skip
        if topk is not None and top_k is None:
            warnings.warn("[question-answering] topk is old; use top_k", stacklevel=3)
            top_k = topk
        for name, value in (("top_k", top_k), ("max_answer_len", max_answer_len)):
            if value is not None and value < 1:
                raise ValueError(f"[question-answering] {name} parameter should be >= 1 (got {value})")
        before = {"padding": padding, "doc_stride": doc_stride, "max_question_len": max_question_len,
                  "max_seq_len": max_seq_len}  # fmt: skip
        after = {"top_k": top_k, "max_answer_len": max_answer_len, "align_to_words": align_to_words,
                 "handle_impossible_answer": handle_impossible_answer}  # fmt: skip
        before, after = ({name: v for name, v in d.items() if v is not None} for d in (before, after))
        return before, {}, after

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        examples = self._args_parser(*args, **kwargs)
        if isinstance(examples, list) and len(examples) == 1:
            examples = examples[0]
        return super().__call__(examples, **kwargs)

    @property
    def _question_first(self) -> bool:
        return self.tokenizer.padding_side == "right"

    def preprocess(
        self, example: Any, padding: Any = "do_not_pad", doc_stride: int | None = None, max_question_len: int = 64,
        max_seq_len: int | None = None,
    ) -> Iterator[dict[str, Any]]:  # fmt: skip
        example = self._args_parser.normalize(example)
        max_seq_len = min(self.tokenizer.model_max_length, 384) if max_seq_len is None else max_seq_len
        doc_stride = min(max_seq_len // 2, 128) if doc_stride is None else doc_stride
        if doc_stride > max_seq_len:
            raise ValueError(f"`doc_stride` ({doc_stride}) is larger than `max_seq_len` ({max_seq_len})")
        if not self.tokenizer.is_fast:
            self.fail("expected a tokenizer that knows each token's characters, got a plain one; use use_fast=True")
        first = self._question_first
        texts = (example.question_text, example.context_text)
        encoded = self.tokenizer(
            *(texts if first else texts[::-1]), padding=padding, truncation="only_second" if first else "only_first",
            max_length=max_seq_len, stride=doc_stride, return_token_type_ids=True, return_overflowing_tokens=True,
            return_offsets_mapping=True, return_tensors=None,
        )  # fmt: skip
        names = [name for name in {*self.tokenizer.model_input_names, "token_type_ids"} if name in encoded]
        for index, ids in enumerate(encoded["input_ids"]):
            mask = [part != int(first) for part in encoded.sequence_ids(index)]
            if self.tokenizer.cls_token_id is not None:  # stands for no answer
                mask = [out and token != self.tokenizer.cls_token_id for out, token in zip(mask, ids, strict=True)]
            yield {
                "example": example,
                "encoding": encoded[index],
                "p_mask": np.array([mask], np.int64),
                **{name: np.array([encoded[name][index]], np.int64) for name in names},
            }

    def _forward(self, inputs: Any) -> dict[str, Any]:
        output = self.run_model({name: inputs[name] for name in self.tokenizer.model_input_names})
        return {"start": output["start_logits"], "end": output["end_logits"], **inputs}

    def postprocess(
        self, model_outputs: Any, top_k: int = 1, handle_impossible_answer: bool = False, max_answer_len: int = 15,
        align_to_words: bool = True,
    ) -> Any:  # fmt: skip
        null_score = NO_ANSWER_YET
        answers: list[dict[str, Any]] = []
        candidates = top_k * 2 + 10 if align_to_words else top_k  # aligned to words, some become one
        for output in model_outputs:
            arrays = (batching.to_numpy(output.get(name)) for name in ("start", "end", "p_mask", "attention_mask"))
            starts, ends, scores, null_score = select_starts_ends(
                *arrays, null_score, candidates, handle_impossible_answer, max_answer_len
            )
            context = output["example"].context_text
            for first, last, score in zip(starts.tolist(), ends.tolist(), scores.tolist(), strict=True):
                place = (output["encoding"], first, last, int(self._question_first))
                start, end = self.get_indices(*place, align_to_words)
                known = self.get_answer(answers, context[start:end])
                if known:
                    known["score"] += score
                else:
                    answers.append({"score": score, "start": start, "end": end, "answer": context[start:end]})
        if handle_impossible_answer:
            answers.append({"score": null_score, "start": 0, "end": 0, "answer": ""})
        answers = sorted(answers, key=lambda answer: answer["score"], reverse=True)[:top_k]
        return answers[0] if len(answers) == 1 else answers

    def get_answer(self, answers: list[dict[str, Any]], target: str) -> dict[str, Any] | None:
        """The answer with this text, in either case."""
        return next((answer for answer in answers if answer["answer"].lower() == target.lower()), None)

    def get_indices(self, enc: Any, s: int, e: int, sequence_index: int, align_to_words: bool) -> tuple[int, int]:
        """The characters from token `s` to token `e`, widened to whole words if asked and if the tokenizer has them."""
        if align_to_words:
            words = enc.token_to_word(s), enc.token_to_word(e)
            if None not in words:
                spans = [enc.word_to_chars(word, sequence_index) for word in words]
                if None not in spans:
                    return spans[0][0], spans[1][1]
        return enc.offsets[s][0], enc.offsets[e][1]
