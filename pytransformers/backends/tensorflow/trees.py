"""Outputs and caches as structures of tensors, for Keras (optree) and for tf.function's arguments and results."""

import keras  # noqa: F401 - Keras registers its own types first
import optree
import tensorflow as tf
from tensorflow.core.function import trace_type

from pytransformers import outputs

from .layers.cache import DynamicCache, StaticCache


def _register_output(cls):
    optree.register_pytree_node(
        cls, outputs.flatten, lambda names, values: outputs.unflatten(cls, values, names), namespace="keras"
    )


class CacheType(tf.types.experimental.TraceType):
    """What a `tf.function` knows of a cache while tracing: the type of its two tuples."""

    def __init__(self, content):
        self.content = content

    def is_subtype_of(self, other):
        return isinstance(other, CacheType) and self.content.is_subtype_of(other.content)

    def most_specific_common_supertype(self, others):
        if not all(isinstance(other, CacheType) for other in others):
            return None
        content = self.content.most_specific_common_supertype([other.content for other in others])
        return None if content is None else CacheType(content)

    def placeholder_value(self, placeholder_context):
        return DynamicCache(*self.content.placeholder_value(placeholder_context))

    def to_tensors(self, value):
        return self.content.to_tensors(_content(value))

    def from_tensors(self, tensors):
        return DynamicCache(*self.content.from_tensors(tensors))

    def flatten(self):
        return self.content.flatten()

    def cast(self, value, cast_context):
        return DynamicCache(*self.content.cast(_content(value), cast_context))

    def __eq__(self, other):
        return isinstance(other, CacheType) and self.content == other.content

    def __hash__(self):
        return hash((CacheType, self.content))


class StaticCacheType(CacheType):
    """The same of a cache of fixed capacity: its length, then the two tuples."""

    def __init__(self, capacity, content):
        super().__init__(content)
        self.capacity = capacity

    def _like(self, content):
        return StaticCache(self.capacity, content[0], *content[1:])

    def is_subtype_of(self, other):
        return isinstance(other, StaticCacheType) and self.capacity == other.capacity and super().is_subtype_of(other)

    def most_specific_common_supertype(self, others):
        if not all(isinstance(other, StaticCacheType) and other.capacity == self.capacity for other in others):
            return None
        content = self.content.most_specific_common_supertype([other.content for other in others])
        return None if content is None else StaticCacheType(self.capacity, content)

    def placeholder_value(self, placeholder_context):
        return self._like(self.content.placeholder_value(placeholder_context))

    def to_tensors(self, value):
        return self.content.to_tensors((value.length, *_content(value)))

    def from_tensors(self, tensors):
        return self._like(self.content.from_tensors(tensors))

    def cast(self, value, cast_context):
        return self._like(self.content.cast((value.length, *_content(value)), cast_context))

    def __eq__(self, other):
        return isinstance(other, StaticCacheType) and (self.capacity, self.content) == (other.capacity, other.content)

    def __hash__(self):
        return hash((StaticCacheType, self.capacity, self.content))


def _content(cache):
    return cache.layers, cache.cross_layers


def register():
    """Done once, when the backend's models are imported."""
    outputs.register_trees(_register_output)
    optree.register_pytree_node(
        DynamicCache, lambda cache: (_content(cache), None), lambda _, content: DynamicCache(*content),
        namespace="keras",
    )  # fmt: skip
    DynamicCache.__tf_flatten__ = lambda cache: (None, _content(cache))
    DynamicCache.__tf_unflatten__ = classmethod(lambda cls, _, content: cls(*content))
    DynamicCache.__tf_tracing_type__ = lambda cache, context: CacheType(trace_type.from_value(_content(cache), context))
    StaticCache.__tf_flatten__ = lambda cache: (cache.capacity, (cache.length, *_content(cache)))
    StaticCache.__tf_unflatten__ = classmethod(
        lambda cls, capacity, content: cls(capacity, content[0], *map(tuple, content[1:]))
    )
    StaticCache.__tf_tracing_type__ = lambda cache, context: StaticCacheType(
        cache.capacity, trace_type.from_value((cache.length, *_content(cache)), context)
    )
