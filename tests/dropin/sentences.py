"""Encode with sentence-transformers on either `transformers`: `python sentences.py MODEL OUT.npz FOLDER`."""

import sys

import numpy as np
import transformers
from sentence_transformers import SentenceTransformer, util

model_folder, out, folder = sys.argv[1:]
SENTENCES = [
    "Stars shine because hydrogen fuses into helium in their cores.",
    "",
    "Wasser läuft bergab; 水往低处流。 \N{GRINNING FACE}",
    "word " * 600,
    *(f"The number {i} is followed by {i + 1}" + ", and so on" * (i % 5) + "." for i in range(40)),
]
model = SentenceTransformer(model_folder, device="cpu")
embeddings = model.encode(SENTENCES, batch_size=16, show_progress_bar=False)
tensors = model.encode(SENTENCES[:3], convert_to_tensor=True, normalize_embeddings=True)
tokens = model.encode(SENTENCES[0], output_value="token_embeddings")
similarity = model.similarity(embeddings[:5], embeddings)
model.save(folder)
again = SentenceTransformer(folder, device="cpu").encode(SENTENCES[:5])
np.savez(
    out, embeddings=embeddings, tensors=tensors.numpy(), tokens=tokens.numpy(), similarity=similarity.numpy(),
    again=again, hits=np.array([hit["corpus_id"] for hit in util.semantic_search(embeddings[4], embeddings)[0]]),
    length=np.array(model.max_seq_length), dimension=np.array(model.get_sentence_embedding_dimension()),
)  # fmt: skip
print(transformers.__file__)
