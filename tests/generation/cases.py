"""What is generated, as data: models, prompts, settings. No framework is imported here.

A `Case` names a model, a prompt and settings; the oracle of its version answers it in a process of its own.
"""

from dataclasses import dataclass, field
from importlib import import_module
from itertools import product

import numpy as np

VOCAB = 100
SPECIAL = {"bos_token_id": 98, "eos_token_id": 99}
ENDS = list(range(10, 26))  # so many end-of-sequence tokens that texts do end
WRITERS = ("gpt2", "llama", "bert", "t5")

GPT2 = {"vocab_size": VOCAB, "n_positions": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, **SPECIAL}
# name -> (class, configuration class, its arguments, standard deviation of the weights)
MODELS = {
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", GPT2, 0.4),
    "near": ("GPT2LMHeadModel", "GPT2Config", GPT2, 0.03),  # added to gpt2's, as an assistant that is often right
    "bytes": ("GPT2LMHeadModel", "GPT2Config", {**GPT2, "vocab_size": 320, "n_layer": 1}, 0.4),  # with a tokenizer
    "llama": ("LlamaForCausalLM", "LlamaConfig", {
        "vocab_size": VOCAB, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64, "pad_token_id": 0, **SPECIAL,
    }, 0.4),
    "bert": ("BertLMHeadModel", "BertConfig", {
        "vocab_size": VOCAB, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 64, "is_decoder": True, "pad_token_id": 0, **SPECIAL,
    }, 0.4),
    "t5": ("T5ForConditionalGeneration", "T5Config", {
        "vocab_size": VOCAB, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4,
        "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1,
    }, 0.4),
}  # fmt: skip


# -- prompts -----------------------------------------------------------------------------------------------------------
def tokens(shape, seed=1):
    return np.random.default_rng(seed).integers(30, 97, shape)


def padded(model, lengths=(4, 7, 6), seed=2):
    """Prompts of several lengths, padded on the left with 0; those of an encoder on the right."""
    ids, mask = tokens((len(lengths), max(lengths)), seed), np.zeros((len(lengths), max(lengths)), np.int64)
    for row, length in enumerate(lengths):
        kept = slice(None, length) if model == "t5" else slice(max(lengths) - length, None)
        mask[row, kept] = 1
    return {"input_ids": ids * mask, "attention_mask": mask}


def repeats(model):
    """Prompts in which runs of tokens come again."""
    return {"input_ids": np.concatenate([tokens((2, 4), 5)] * 3, 1)}


def embeds(model):
    return {"inputs_embeds": np.random.default_rng(4).normal(0, 1, (2, 6, 32)).astype(np.float32)}


def types(model):
    ids = tokens((2, 7))
    return {"input_ids": ids, "token_type_ids": np.repeat([[0, 0, 0, 0, 1, 1, 1]], 2, 0)}


def negative(model):
    mask = np.array([[0, 1, 1], [1, 1, 1], [1, 1, 1]])
    return {
        "input_ids": tokens((3, 7)), "negative_prompt_ids": tokens((3, 3), 8) * mask,
        "negative_prompt_attention_mask": mask,
    }  # fmt: skip


def begun(model):
    """An encoder's input, and how the decoder's text begins."""
    return {"input_ids": tokens((3, 7)), "decoder_input_ids": np.concatenate([[[0]] * 3, tokens((3, 2), 6)], 1)}


def text(model):
    return {"input_ids": np.array([[264, 269], [269, 264]])}


PROMPTS = {
    "text": text,
    "plain": lambda model: {"input_ids": tokens((3, 7))}, "one": lambda model: {"input_ids": tokens((1, 7))},
    "none": lambda model: {}, "padded": padded, "repeats": repeats, "embeds": embeds, "types": types,
    "negative": negative, "begun": begun,
}  # fmt: skip


# -- what is no data: functions that work on any framework's arrays ---------------------------------------------------
def allowed(batch_id, ids):
    """Tokens that may follow."""
    return [(int(ids[-1]) * 7 + k) % VOCAB for k in range(3, 40, 4)]


class Tilt:
    """A processor: the token whose score is nearest to 2 becomes the likeliest."""

    def __call__(self, input_ids, scores):
        return -abs(scores - 2.0)


class Sevens:
    """A criterion: a row stops at a multiple of seven."""

    def __call__(self, input_ids, scores, **kwargs):
        return input_ids[:, -1] % 7 == 0


def continued(model, arguments):
    """Continue from the keys and values of the prompt's beginning."""
    arguments["past_key_values"] = model(arguments["input_ids"][:, :4], use_cache=True).past_key_values


def tokenizer_of(model):
    """In the library that the model is of."""
    library = import_module(type(model).__module__.partition(".")[0])
    return library.PreTrainedTokenizerFast(tokenizer_file=f"{model.config._name_or_path}/tokenizer.json")


def write_tokenizer(folder):
    """A byte-level BPE of 256 bytes and a few merges."""
    import tokenizers

    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=320, initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    corpus = ["the other brother and the rest of them went there in the evening, then again in the morning"] * 3
    made.train_from_iterator(corpus, trainer)
    made.save(str(folder / "tokenizer.json"))


def stops(model, arguments):
    arguments.update(stop_strings=STOPS, tokenizer=tokenizer_of(model))


def constraints(model, arguments):
    """Objects of the library that the model is of."""
    library = import_module(type(model).__module__.partition(".")[0])
    either = library.DisjunctiveConstraint([[50, 51], [50, 52], [61]])
    arguments.update(constraints=[library.PhrasalConstraint([44, 45]), either])


STOPS = ["en", "th", "A", "er"]
EXTRAS = {
    "stops": stops,
    "prefix": lambda model, arguments: arguments.update(prefix_allowed_tokens_fn=allowed),
    "processor": lambda model, arguments: arguments.update(logits_processor=[Tilt()]),
    "criterion": lambda model, arguments: arguments.update(stopping_criteria=[Sevens()]),
    "past": continued,
    "constraints": constraints,
}


@dataclass(frozen=True)
class Case:
    name: str
    model: str
    prompt: str
    settings: dict
    extras: tuple = ()
    version: str = "4.57.6"
    seed: int = field(default=3, kw_only=True)

    def arguments(self, model, tensor):
        """Of `generate`; `tensor` makes the framework's tensor of an array."""
        arguments = {name: tensor(value) for name, value in PROMPTS[self.prompt](self.model).items()}
        for name in self.extras:
            EXTRAS[name](model, arguments)
        return {**arguments, **self.settings}


# -- settings ----------------------------------------------------------------------------------------------------------
N = {"max_new_tokens": 12}
PROCESSORS = {
    "default-length": {},
    "greedy": N,
    "no-cache": {**N, "use_cache": False},
    "max-length": {"max_length": 15},
    "eos-list": {**N, "eos_token_id": ENDS, "pad_token_id": 5},
    "repetition-penalty": {**N, "repetition_penalty": 1.6},
    "repetition-reward": {**N, "repetition_penalty": 0.7},
    "ngram-1": {**N, "no_repeat_ngram_size": 1},
    "ngram-2": {**N, "no_repeat_ngram_size": 2},
    "ngram-3": {**N, "no_repeat_ngram_size": 3},
    "encoder-penalty": {**N, "encoder_repetition_penalty": 1.7},
    "encoder-ngram": {**N, "encoder_no_repeat_ngram_size": 2},
    "bad-words": {**N, "bad_words_ids": [[51], [60, 61], [94], [33], [77], [40], [42]]},
    "sequence-bias": {**N, "sequence_bias": [[[44], 3.0], [[45, 66], 20.0], [[50], -9.0], [[44, 45], 15.0]]},
    "min-length": {"max_length": 20, "min_length": 12, "eos_token_id": ENDS},
    "min-new-tokens": {**N, "min_new_tokens": 6, "eos_token_id": ENDS},
    "forced-bos": {**N, "forced_bos_token_id": 41},
    "forced-eos": {**N, "forced_eos_token_id": 42},
    "forced-eos-list": {**N, "forced_eos_token_id": [42, 17]},
    "invalid-values": {**N, "remove_invalid_values": True},
    "decay": {**N, "exponential_decay_length_penalty": (3, 1.4)},
    "suppress": {**N, "suppress_tokens": list(range(30, 60)), "begin_suppress_tokens": list(range(60, 99))},
    "renormalize": {**N, "renormalize_logits": True},
    "combined": {
        **N, "repetition_penalty": 1.3, "no_repeat_ngram_size": 2, "bad_words_ids": [[5], [7, 8]], "min_new_tokens": 4,
        "sequence_bias": {(3,): 2.0, (4, 6): 3.0}, "suppress_tokens": [31, 32], "eos_token_id": ENDS,
        "encoder_repetition_penalty": 1.2, "exponential_decay_length_penalty": (6, 1.1), "renormalize_logits": True,
    },
}  # fmt: skip
BEAMS = {
    "beams": {**N, "num_beams": 4},
    "beams-eos": {**N, "num_beams": 4, "eos_token_id": ENDS, "pad_token_id": 0},
    "beams-early": {**N, "num_beams": 3, "eos_token_id": ENDS, "early_stopping": True, "num_return_sequences": 2},
    "beams-never": {**N, "num_beams": 3, "eos_token_id": ENDS, "early_stopping": "never", "length_penalty": 2.0},
    "beams-never-short": {
        **N, "num_beams": 3, "eos_token_id": ENDS, "early_stopping": "never", "length_penalty": -1.0,
    },
    "beams-long": {**N, "num_beams": 3, "eos_token_id": ENDS, "length_penalty": 3.0, "num_return_sequences": 3},
    "beams-short": {**N, "num_beams": 5, "eos_token_id": ENDS, "length_penalty": 0.0, "num_return_sequences": 5},
    "beams-processors": {
        **N, "num_beams": 3, "no_repeat_ngram_size": 2, "min_new_tokens": 5, "eos_token_id": ENDS,
        "bad_words_ids": [[50, 51], [33]], "repetition_penalty": 1.2, "forced_eos_token_id": 11,
    },
    "beams-no-cache": {**N, "num_beams": 3, "use_cache": False},
}  # fmt: skip
S = {**N, "do_sample": True}
SAMPLED = {
    "sample": S,
    "temperature": {**S, "temperature": 0.6, "top_k": 0},
    "hot": {**S, "temperature": 2.5},
    "top-k": {**S, "top_k": 5},
    "top-p": {**S, "top_k": 0, "top_p": 0.6},
    "top-k-p": {**S, "top_k": 20, "top_p": 0.7},
    "min-p": {**S, "top_k": 0, "min_p": 0.1, "temperature": 2.0},
    "typical": {**S, "top_k": 0, "typical_p": 0.7, "temperature": 2.0},
    "epsilon": {**S, "top_k": 0, "epsilon_cutoff": 0.02, "temperature": 2.0},
    "eta": {**S, "top_k": 0, "eta_cutoff": 0.05, "temperature": 2.0},
    "several": {**S, "num_return_sequences": 4, "eos_token_id": ENDS, "pad_token_id": 5},
    "all-warpers": {
        **S, "temperature": 1.7, "top_k": 40, "top_p": 0.95, "min_p": 0.001, "typical_p": 0.95, "epsilon_cutoff": 3e-4,
        "eta_cutoff": 3e-4, "repetition_penalty": 1.2, "num_return_sequences": 2, "renormalize_logits": True,
    },
    "beam-sample": {**S, "num_beams": 3},
    "beam-sample-warped": {
        **S, "num_beams": 3, "temperature": 1.8, "top_k": 10, "top_p": 0.8, "num_return_sequences": 2,
        "eos_token_id": ENDS,
    },
}  # fmt: skip
OUTPUTS = {
    "return_dict_in_generate": True, "output_scores": True, "output_logits": True, "output_attentions": True,
    "output_hidden_states": True,
}  # fmt: skip
COLLECTED = {
    "greedy": {"max_new_tokens": 5, **OUTPUTS},
    "ended": {"max_new_tokens": 8, "eos_token_id": ENDS, "pad_token_id": 5, **OUTPUTS},
    "sample": {"max_new_tokens": 5, "do_sample": True, "top_k": 10, **OUTPUTS},
    "beams": {"max_new_tokens": 6, "num_beams": 3, "eos_token_id": ENDS, "num_return_sequences": 2, **OUTPUTS},
    "scores": {"max_new_tokens": 5, "return_dict_in_generate": True, "output_scores": True},
    "bare": {"max_new_tokens": 5, "num_beams": 2, "return_dict_in_generate": True},
    "no-cache": {"max_new_tokens": 4, "use_cache": False, "return_dict_in_generate": True, "output_logits": True},
}  # fmt: skip
CONTRASTIVE = {
    "contrastive": {**N, "penalty_alpha": 0.6, "top_k": 4},
    "contrastive-penalty": {**N, "penalty_alpha": 0.3, "top_k": 3, "repetition_penalty": 1.3},
    "contrastive-eos": {**N, "penalty_alpha": 0.9, "top_k": 6, "eos_token_id": ENDS, "pad_token_id": 5},
}
GROUPS = {
    "groups": {**N, "num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.7},
    "groups-several": {
        **N, "num_beams": 6, "num_beam_groups": 3, "diversity_penalty": 1.2, "num_return_sequences": 3,
        "length_penalty": 0.5, "no_repeat_ngram_size": 2, "eos_token_id": ENDS, "pad_token_id": 0,
    },
    "groups-early": {
        **N, "num_beams": 4, "num_beam_groups": 4, "diversity_penalty": 0.5, "early_stopping": True,
        "num_return_sequences": 4, "eos_token_id": ENDS, "pad_token_id": 0,
    },
    "groups-never": {
        **N, "num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5, "early_stopping": "never",
        "length_penalty": 1.5, "eos_token_id": ENDS, "pad_token_id": 0,
    },
}  # fmt: skip
W = {**N, "output_scores": False}  # with it the oracle fails on texts that lack a phrase
CONSTRAINED = {
    "phrases": {**W, "num_beams": 4, "force_words_ids": [[40, 41], [55]]},
    "phrases-ends": {
        **W, "num_beams": 3, "force_words_ids": [[33], [40, 41, 42]], "eos_token_id": ENDS, "pad_token_id": 0,
        "num_return_sequences": 3, "length_penalty": 0.5, "early_stopping": True,
    },
    "phrases-either": {
        **W, "num_beams": 5, "force_words_ids": [[[40, 43], [40, 42], [60, 61, 62]], [70, 71]], "eos_token_id": ENDS,
        "pad_token_id": 5, "early_stopping": "never", "length_penalty": 2.0, "min_new_tokens": 4,
        "num_return_sequences": 2,
    },
    "phrases-too-long": {**W, "max_new_tokens": 4, "num_beams": 3, "force_words_ids": [[40, 41, 42, 43, 44, 45]]},
    "phrases-no-cache": {**W, "num_beams": 2, "force_words_ids": [[77, 78]], "use_cache": False},
}  # fmt: skip
# padding counts as text for these in transformers, and not here
OF_TEXT = (
    "repetition-penalty", "repetition-reward", "ngram-1", "ngram-2", "ngram-3", "encoder-penalty", "encoder-ngram",
    "combined", "beams-processors", "all-warpers", "contrastive-penalty", "groups-several",
)  # fmt: skip
EXTRA_CASES = (
    Case("prefix-gpt2", "gpt2", "plain", N, ("prefix",)),
    Case("prefix-beams", "gpt2", "plain", {**N, "num_beams": 3}, ("prefix",)),
    Case("prefix-t5", "t5", "plain", N, ("prefix",)),
    Case("processor-gpt2", "gpt2", "plain", {**N, "repetition_penalty": 1.4}, ("processor",)),
    Case("processor-sample", "llama", "plain", S, ("processor",)),
    Case("criterion-gpt2", "gpt2", "plain", {**N, "pad_token_id": 5}, ("criterion",)),
    Case("criterion-beams", "gpt2", "plain", {**N, "num_beams": 3, "pad_token_id": 5}, ("criterion",)),
    Case("criterion-t5", "t5", "plain", N, ("criterion",)),
    Case("stops", "bytes", "text", {"max_new_tokens": 40, "do_sample": True, "pad_token_id": 0}, ("stops",)),
    Case("stops-beams", "bytes", "text", {"max_new_tokens": 40, "num_beams": 2, "do_sample": True}, ("stops",)),
    Case("past-gpt2", "gpt2", "plain", N, ("past",)),
    Case("past-llama", "llama", "plain", N, ("past",)),
    Case("embeds-gpt2", "gpt2", "embeds", N),
    Case("embeds-penalty", "gpt2", "embeds", {**N, "repetition_penalty": 1.5}),
    Case("embeds-llama", "llama", "embeds", {**N, "no_repeat_ngram_size": 2, "eos_token_id": ENDS}),
    Case("embeds-sample", "llama", "embeds", S),
    Case("embeds-beams", "gpt2", "embeds", {**N, "num_beams": 3}),
    Case("embeds-max-length", "gpt2", "embeds", {"max_length": 9}),
    Case("embeds-t5", "t5", "embeds", N),
    Case("types-gpt2", "gpt2", "types", N),
    Case("types-bert", "bert", "types", N),
    Case("begun", "t5", "begun", N),
    Case("begun-beams", "t5", "begun", {**N, "num_beams": 3}),
    Case("guidance", "gpt2", "plain", {**N, "guidance_scale": 1.7}),
    Case("guidance-no-cache", "gpt2", "plain", {**N, "guidance_scale": 1.7, "use_cache": False}),
    Case("guidance-outputs", "gpt2", "negative", {**COLLECTED["scores"], "guidance_scale": 1.7}),
    Case("guidance-negative", "gpt2", "negative", {**N, "guidance_scale": 1.5}),
    Case("guidance-sample", "llama", "negative", {**S, "guidance_scale": 2.5, "top_k": 5}),
    Case("none-gpt2", "gpt2", "none", N),
    Case("none-llama", "llama", "none", S),
)


def _cases():
    yield from EXTRA_CASES
    for model, (name, settings) in product(("gpt2", "t5"), PROCESSORS.items()):
        prompt = "repeats" if name.startswith(("ngram", "encoder")) else "plain"
        yield Case(f"{name}-{model}", model, prompt, settings)
    for model, (name, settings) in product(WRITERS, {**BEAMS, **SAMPLED}.items()):
        yield Case(f"{name}-{model}", model, "plain", settings)
    for name in ("greedy", "eos-list", "no-cache", "combined"):
        for model in ("llama", "bert"):
            yield Case(f"{name}-{model}", model, "plain", PROCESSORS[name])
    for model, (name, settings) in product(WRITERS, {**PROCESSORS, **BEAMS, **SAMPLED}.items()):
        if name not in OF_TEXT and (model != "bert" or name in BEAMS):
            yield Case(f"{name}-{model}-padded", model, "padded", settings)
    for model, (name, settings) in product(("gpt2", "llama", "t5"), {**CONTRASTIVE, **GROUPS, **CONSTRAINED}.items()):
        yield Case(f"{name}-{model}", model, "plain", settings, version="4.51.3")
        if name not in OF_TEXT:
            yield Case(f"{name}-{model}-padded", model, "padded", settings, version="4.51.3")
    for model, (name, settings) in product(("gpt2", "t5"), COLLECTED.items()):
        yield Case(f"{name}-{model}-outputs", model, "plain", settings)
    for model in ("gpt2", "t5"):
        settings = {**CONTRASTIVE["contrastive"], **OUTPUTS, "max_new_tokens": 5}
        yield Case(f"contrastive-{model}-outputs", model, "one", settings, version="4.51.3")
        settings = {**GROUPS["groups"], "return_dict_in_generate": True, "output_scores": True, "eos_token_id": ENDS}
        yield Case(f"groups-{model}-outputs", model, "plain", settings, version="4.51.3")
        settings = {**CONSTRAINED["phrases"], "return_dict_in_generate": True, "output_scores": True}
        yield Case(f"phrases-{model}-outputs", model, "plain", settings, version="4.51.3")
        settings = {**W, "num_beams": 4, "force_words_ids": [[34]]}
        yield Case(f"constraints-{model}", model, "plain", settings, ("constraints",), version="4.51.3")


CASES = {case.name: case for case in _cases()}
