"""A static cache holds what a dynamic one holds, also inside compiled functions."""

import numpy as np
import pytest

from .frameworks import FRAMEWORKS

LAYERS, SHAPE = 2, (2, 3, 4)  # batch, heads, head_dim


def states(count, seed):
    """Key and value (batch, heads, count, head_dim) of each layer."""
    batch, heads, width = SHAPE
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(2, batch, heads, count, width)).astype(np.float32) for _ in range(LAYERS)]


def filled(fw, cache, steps):
    """(the cache after `steps` positions at a time, what the last update gave)."""
    for seed, count in enumerate(steps):
        given = []
        for layer, (key, value) in enumerate(states(count, seed)):
            key, value, cache = cache.update(fw.tensor(key), fw.tensor(value), layer)
            given.append((key, value))
    return cache, given


def held(cache):
    return [[np.asarray(x) for x in cache[layer]] for layer in range(len(cache))]


def same(a, b):
    assert len(a) == len(b) == LAYERS
    for ours, theirs in zip(a, b, strict=True):
        for x, y in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.fixture(params=FRAMEWORKS.values(), ids=FRAMEWORKS)
def fw(request):
    return request.param


@pytest.mark.parametrize("capacity", (20, 9))
@pytest.mark.parametrize("steps", ((5, 1, 1, 2), (1, 8)))
def test_updates(steps, capacity, fw):
    static, given = filled(fw, fw.public("StaticCache")(capacity), steps)
    dynamic, expected = filled(fw, fw.public("DynamicCache")(), steps)
    assert static.length == dynamic.length == sum(steps) and static.get_seq_length() == sum(steps)
    assert static.get_max_cache_shape() == capacity
    same(held(static), held(dynamic))
    same([[np.asarray(x) for x in pair] for pair in given], [[np.asarray(x) for x in pair] for pair in expected])


def test_it_grows(fw):
    """Where lengths are numbers, memory is added as needed, twice as much each time."""
    static, _ = filled(fw, fw.public("StaticCache")(4), (3, 3, 1, 6))
    dynamic, _ = filled(fw, fw.public("DynamicCache")(), (3, 3, 1, 6))
    same(held(static), held(dynamic))
    assert static.capacity == 16 and static.length == 13


def test_rows_are_chosen(fw):
    rows = fw.tensor(np.array([1, 1, 0]))
    static, _ = filled(fw, fw.public("StaticCache")(8), (5, 1))
    dynamic, _ = filled(fw, fw.public("DynamicCache")(), (5, 1))
    same(held(static.reorder(rows)), held(dynamic.reorder(rows)))
    assert static.reorder(rows).capacity == 8


def test_a_crop_forgets(fw):
    static, _ = filled(fw, fw.public("StaticCache")(12), (5, 1, 1))
    cropped = static.crop(5)
    whole, _ = filled(fw, fw.public("DynamicCache")(), (5,))
    same(held(cropped), held(whole))
    again, _ = filled(fw, cropped, (2,))
    expected, _ = filled(fw, whole, (2,))
    same(held(again), held(expected))


def test_forms(fw):
    dynamic, _ = filled(fw, fw.public("DynamicCache")(), (4, 2))
    static = fw.public("StaticCache").of(dynamic, 9)
    assert (static.length, static.capacity) == (6, 9)
    same(held(static), held(dynamic))
    same(held(static.dynamic()), held(dynamic))
    same(held(fw.public("DynamicCache").from_legacy_cache(static.to_legacy_cache())), held(dynamic))


def test_cross_attention_is_kept(fw):
    cross = [fw.tensor(x) for x in states(7, 9)[0]]
    cache = fw.public("StaticCache")(8)
    assert not cache.has_cross(0)
    for layer in range(LAYERS):
        cache = cache.set_cross(*cross, layer)
    cache, _ = filled(fw, cache, (2, 1))
    assert cache.has_cross(1) and len(cache[1]) == 4 and cache.length == 3
    assert np.array_equal(np.asarray(cache.crop(2)[0][2]), np.asarray(cross[0]))


def test_through_compiled_functions(fw):
    """A cache goes in and out of `jit` and `tf.function`, its length a tensor; one program serves every length."""
    fw.public("PreTrainedModel")  # its module makes caches known to the framework
    if fw.eager:
        import torch

        compiled = torch.compile(lambda cache, key: cache.update(key, key, 0)[2], backend="eager", fullgraph=True)
    else:
        compiled = fw.jit(lambda cache, key: cache.update(key, key, 0)[2])
    key, _ = states(1, 4)[0]
    first, _ = states(3, 5)[0]
    cache = fw.public("StaticCache")(8)
    for _ in range(2):  # two layers with the same first positions
        cache = cache.update(fw.tensor(first), fw.tensor(first), len(cache))[2]
    if not fw.eager:
        cache = cache.crop(fw.tensor(np.array(3)))
    for turn in range(3):
        cache = compiled(cache, fw.tensor(key))
        assert int(cache.length) == 4 + turn
    expected = np.concatenate([first] + [key] * 3, 2)
    assert np.array_equal(np.asarray(cache.crop(6)[0][0]), expected)
