"""CTranslate2, float32 and int8, for the architectures that its converter knows."""

from __future__ import annotations

import os

import ctranslate2
import numpy as np

from ..models import create
from . import Absent


class Peer:
    def __init__(self, model, variant):
        if model.kind == "vision":
            raise Absent("it has no image models")
        create(model)
        self.model = model
        path = model.scratch() / f"ctranslate2_{variant}"
        if not path.exists():
            from ctranslate2.converters import TransformersConverter

            TransformersConverter(str(model.folder())).convert(str(path), quantization=variant)
        settings = dict(compute_type=variant, inter_threads=1, intra_threads=int(os.environ["OMP_NUM_THREADS"]))
        engine = ctranslate2.Encoder if model.kind == "encoder" else ctranslate2.Generator
        self.engine = engine(str(path), **settings)

    def prepare(self, cell):
        ids = self.model.inputs(cell)["input_ids"]
        if self.model.kind == "encoder":
            view = ctranslate2.StorageView.from_array(ids.astype(np.int32))
            lengths = ctranslate2.StorageView.from_array(np.full(len(ids), ids.shape[1], np.int32))
            return lambda: np.array(self.engine.forward_batch(view, lengths).last_hidden_state)
        tokens = [[f"t{i}" for i in row] for row in ids]
        new = cell.new or 1

        def call():
            results = self.engine.generate_batch(
                tokens, max_length=new, min_length=cell.new, include_prompt_in_result=False,
                return_logits_vocab=not cell.new)  # fmt: skip
            if cell.new:
                return np.array([result.sequences_ids[0] for result in results])
            return np.stack([np.array(result.logits[0][0]) for result in results])[:, None]

        return call
