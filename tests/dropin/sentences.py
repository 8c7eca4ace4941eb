"""Encode with sentence-transformers on either `transformers`: `python sentences.py MODEL OUT.npz FOLDER`."""

import sys

import numpy as np
import torch
import transformers
from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder, util
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification

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


def small(auto, name):
    """The folder of a small model of this kind, its parameters filled in the order of their names."""
    config = transformers.AutoConfig.from_pretrained(
        model_folder, num_labels=1, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    random = np.random.RandomState(0)
    made = auto.from_config(config)
    with torch.no_grad():
        for _, parameter in sorted(made.named_parameters()):
            parameter.copy_(torch.from_numpy(0.3 * random.standard_normal(parameter.shape)))
    made.save_pretrained(f"{folder}/{name}")
    transformers.AutoTokenizer.from_pretrained(model_folder).save_pretrained(f"{folder}/{name}")
    return f"{folder}/{name}"


pairs = CrossEncoder(small(AutoModelForSequenceClassification, "pairs"), device="cpu")
sparse = SparseEncoder(small(AutoModelForMaskedLM, "sparse"), device="cpu")
np.savez(
    out, embeddings=embeddings, tensors=tensors.numpy(), tokens=tokens.numpy(), similarity=similarity.numpy(),
    again=again, hits=np.array([hit["corpus_id"] for hit in util.semantic_search(embeddings[4], embeddings)[0]]),
    pairs=pairs.predict([(SENTENCES[0], text) for text in SENTENCES[:6]]),
    sparse=sparse.encode(SENTENCES[:2]).to_dense().numpy(),
    length=np.array(model.max_seq_length), dimension=np.array(model.get_sentence_embedding_dimension()),
)  # fmt: skip
print(transformers.__file__)
