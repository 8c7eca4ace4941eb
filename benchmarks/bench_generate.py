"""What `generate` adds to the model's own forwards, per token, beside `transformers`; compiled loops, first and again.

The floor of each library is its own forward, called token by token with its own cache and nothing between. What is
reported is the time of `generate` less that floor, for as many tokens. The models are shallow, so that what is small is
not the difference of two long times.
"""

import statistics
import time

import pytest
import torch
import transformers

import pytransformers

SHAPES = {
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", dict(n_embd=128, n_layer=2, n_head=2, vocab_size=5000, n_positions=512)),
    "llama": ("LlamaForCausalLM", "LlamaConfig", dict(
        hidden_size=128, intermediate_size=344, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=5000, max_position_embeddings=512)),
}  # fmt: skip
MODES = {
    "greedy": {},
    "penalties": dict(repetition_penalty=1.2, no_repeat_ngram_size=3),
    "sampling": dict(do_sample=True, top_k=50, top_p=0.9, temperature=0.8),
}
TOKENS = 64


def pair(name):
    class_name, config_name, values = SHAPES[name]
    torch.manual_seed(0)
    config = getattr(transformers, config_name)(**values, bos_token_id=1, eos_token_id=2, pad_token_id=0)
    theirs = getattr(transformers, class_name)(config).eval()
    cls = getattr(pytransformers, class_name)
    ours = cls.from_config(cls.config_class.from_dict(config.to_dict())).eval()
    ours.load_state_dict(theirs.state_dict(), strict=False)
    ours.tie_weights()
    return ours, theirs


def forwards(model, ids, cache):
    """TOKENS forwards: the prompt, then one token at a time."""
    with torch.no_grad():
        past = cache()
        for turn in range(TOKENS):
            read = ids if turn == 0 else ids[:, -1:]
            past = model(input_ids=read, past_key_values=past, use_cache=True, logits_to_keep=1).past_key_values


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SHAPES)
def test_overhead(benchmark, name, mode):
    ours, theirs = pair(name)
    ids = torch.randint(5, 5000, (1, 16))
    settings = dict(max_new_tokens=TOKENS, min_new_tokens=TOKENS, attention_mask=torch.ones_like(ids), **MODES[mode])
    own_cache = pytransformers.StaticCache
    calls = {
        "ours": lambda: ours.generate(ids, **settings),
        "ours floor": lambda: forwards(ours, ids, lambda: own_cache(512)),
        "theirs": lambda: theirs.generate(ids, **settings),
        "theirs floor": lambda: forwards(theirs, ids, transformers.DynamicCache),
    }
    times = {call: [] for call in calls}
    for turn in range(13):
        for call, run in calls.items():
            begin = time.perf_counter()
            run()
            if turn >= 3:
                times[call].append((time.perf_counter() - begin) / TOKENS * 1e6)
    over = {
        who: statistics.median(a - b for a, b in zip(times[who], times[f"{who} floor"], strict=True))
        for who in ("ours", "theirs")
    }
    total = {call: statistics.median(values) for call, values in times.items()}
    benchmark.pedantic(calls["ours"], rounds=1)
    benchmark.extra_info.update(microseconds_per_token=total, overhead=over)
    print(
        f"\n{name} {mode}: overhead per token ours {over['ours']:.0f} us, transformers {over['theirs']:.0f} us "
        f"(ratio {over['ours'] / over['theirs']:.2f}); forward {total['ours floor']:.0f} and "
        f"{total['theirs floor']:.0f} us; generate {total['theirs'] / total['ours']:.2f} times as fast"
    )


@pytest.mark.parametrize("prefix", ["Flax", "TF"])
@pytest.mark.parametrize("name", SHAPES)
def test_compiled(benchmark, name, prefix, tmp_path):
    """The whole loop is compiled once for a bucket of lengths."""
    ours, _ = pair(name)
    ours.save_pretrained(tmp_path)
    model = getattr(pytransformers, prefix + SHAPES[name][0]).from_pretrained(tmp_path)
    seconds = {}

    def generate(length, new):
        ids = torch.randint(5, 5000, (1, length)).numpy()
        begin = time.perf_counter()
        model.generate(ids, max_new_tokens=new, min_new_tokens=new)
        return time.perf_counter() - begin

    seconds["first"] = generate(20, 40)
    seconds["other lengths, same bucket"] = generate(29, 33)
    seconds["again"] = statistics.median(generate(20, 40) for _ in range(5))
    benchmark.pedantic(lambda: generate(20, 40), rounds=1)
    benchmark.extra_info.update(seconds)
    print(f"\n{prefix or 'torch'} {name}: " + "  ".join(f"{what} {value:.3f} s" for what, value in seconds.items()))
