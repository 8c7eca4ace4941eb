"""Writes tiny random checkpoints with the TensorFlow or Flax classes of `transformers`, run as a program.

    python oracle_checkpoints.py FOLDER tf|flax

Each case is a folder with the framework's own files and `expected.safetensors`: what `transformers` itself makes of
them in PyTorch, one name for each distinct parameter. `names.json` lists every name of the state dict.
"""

import json
import os
import sys
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"  # programs run once: compile them fast

import numpy as np
import transformers as hf
from safetensors.numpy import save_file
from transformers.modeling_flax_pytorch_utils import load_flax_weights_in_pytorch_model
from transformers.modeling_tf_pytorch_utils import load_tf2_model_in_pytorch_model

SIZES = dict(
    hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, vocab_size=40,
    max_position_embeddings=20,
)  # fmt: skip
T5 = dict(d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2, vocab_size=40)
VIT = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, image_size=8, patch_size=4)

# case -> (class, config, arguments of save_pretrained)
SHARDS, SAFE = {"max_shard_size": "10KB"}, {"safe_serialization": True}
CASES = {
    "bert": ("BertForPreTraining", hf.BertConfig(**SIZES), {}),
    "bert-shards": ("BertForMaskedLM", hf.BertConfig(**SIZES), SHARDS),
    "bert-safetensors": ("BertForSequenceClassification", hf.BertConfig(**SIZES), SAFE),
    "albert": ("AlbertForPreTraining", hf.AlbertConfig(**SIZES, embedding_size=12), {}),
    "gpt2": ("GPT2LMHeadModel", hf.GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=40, n_positions=20), {}),
    "t5-gated": (
        "T5ForConditionalGeneration",
        hf.T5Config(**T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False),
        {},
    ),
    "vit": ("ViTForImageClassification", hf.ViTConfig(**VIT), {}),
}
ONLY_TF = {
    "bert-base": ("BertModel", hf.BertConfig(**SIZES), {}),
    "t5": ("T5ForConditionalGeneration", hf.T5Config(**T5), {}),
    "convbert": ("ConvBertModel", hf.ConvBertConfig(**SIZES, embedding_size=16), {}),
    "resnet": (
        "ResNetModel",
        hf.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic"),
        {},
    ),
}
ONLY_FLAX = {
    "llama": ("LlamaForCausalLM", hf.LlamaConfig(**SIZES, num_key_value_heads=1), {}),
}


def randomise_tf(model, rng, torch_model):
    model.build_in_name_scope()
    for weight in model.weights:
        value = rng.standard_normal(weight.shape)
        weight.assign(value)
    load_tf2_model_in_pytorch_model(torch_model, model, allow_missing_keys=True)


def randomise_flax(model, rng, torch_model):
    import jax

    model.params = jax.tree_util.tree_map(lambda x: rng.standard_normal(x.shape).astype(np.float32), model.params)
    load_flax_weights_in_pytorch_model(torch_model, model.params)


def main(folder: Path, framework: str) -> None:
    rng = np.random.default_rng(0)
    prefix, randomise, cases = {
        "tf": ("TF", randomise_tf, CASES | ONLY_TF),
        "flax": ("Flax", randomise_flax, CASES | ONLY_FLAX),
    }[framework]
    if framework == "flax":
        import jax.numpy as jnp

        clip = jnp.clip  # T5 calls it with the argument names of older releases
        jnp.clip = lambda x, *bounds, a_min=None, a_max=None: clip(x, *bounds or (a_min, a_max))
    for case, (name, config, arguments) in cases.items():
        model = getattr(hf, prefix + name)(config)
        torch_model = getattr(hf, name)(config)
        randomise(model, rng, torch_model)
        model.save_pretrained(folder / case, **({"safe_serialization": False} | arguments))
        expected = {key: p.detach().numpy() for key, p in torch_model.named_parameters()}
        save_file({key: np.ascontiguousarray(value) for key, value in expected.items()}, folder / case / "expected")
        (folder / case / "names.json").write_text(json.dumps(list(torch_model.state_dict())))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
