"""Key-value caches. They are values: an update returns a new cache and leaves the old one as it was."""

from .. import ops


class DynamicCache:
    """Keys and values that grow by concatenation, for each layer (batch, heads, length, head_dim).

    Cross-attention keys and values are kept beside them once computed. Indexing a layer gives its (key, value), or with
    cross-attention (key, value, cross_key, cross_value), the older tuple form.
    """

    def __init__(self, layers=(), cross_layers=()):
        self.layers = tuple(layers)
        self.cross_layers = tuple(cross_layers)

    @property
    def length(self):
        """Positions held."""
        return ops.size(self.layers[0][0], 2) if self.layers else 0

    def get_seq_length(self, layer_idx=0):
        return self.length

    aligned = True  # whether the last key belongs to the last query

    def key_length(self, new):
        """How many keys a query meets once `new` positions are added."""
        return self.length + new

    def update(self, key, value, layer):
        """Append to a layer (layers come in order the first time); gives all keys, all values and the new cache."""
        layers = list(self.layers)
        if layer < len(layers):
            key = ops.cat((layers[layer][0], key), 2)
            value = ops.cat((layers[layer][1], value), 2)
            layers[layer] = (key, value)
        else:
            layers.append((key, value))
        return key, value, DynamicCache(layers, self.cross_layers)

    def has_cross(self, layer):
        return layer < len(self.cross_layers)

    def cross(self, layer):
        return self.cross_layers[layer]

    def set_cross(self, key, value, layer):
        return DynamicCache(self.layers, self.cross_layers[:layer] + ((key, value),))

    def __len__(self):
        return len(self.layers)

    def __getitem__(self, layer):
        return self.layers[layer] + (self.cross_layers[layer] if self.cross_layers else ())

    def __iter__(self):
        return (self[layer] for layer in range(len(self)))

    def to_legacy_cache(self):
        return tuple(self)

    @classmethod
    def from_legacy_cache(cls, past_key_values):
        """From a tuple per layer of (key, value) or (key, value, cross_key, cross_value)."""
        cross = [layer[2:] for layer in past_key_values if len(layer) == 4]
        return cls([layer[:2] for layer in past_key_values], cross)

    def reorder(self, indices):
        """Choose batch rows, as beam search does."""
        def chosen(layers):
            return tuple((ops.take(key, indices, 0), ops.take(value, indices, 0)) for key, value in layers)

        return DynamicCache(chosen(self.layers), chosen(self.cross_layers))


class StaticCache(DynamicCache):
    """Keys and values in memory laid out once, of `capacity` positions, of which `length` are held.

    Where lengths are numbers (PyTorch), a layer's keys are a view of the positions held, and the memory grows when it
    is full. Where they are tensors of a compiled program (JAX, TensorFlow), all `capacity` keys are given, whose rest
    the causal mask hides. An update takes over the memory of the cache it is called on, which holds what it held as
    long as nothing else is added to it. Not for training: no gradient passes through it.
    """

    def __init__(self, capacity, length=0, layers=(), cross_layers=()):
        super().__init__(layers, cross_layers)
        self.capacity = capacity
        self._length = length

    @property
    def length(self):
        return self._length

    @property
    def max_cache_len(self):
        return self.capacity

    def get_max_cache_shape(self):
        return self.capacity

    @property
    def aligned(self):
        return isinstance(self.length, int)

    def key_length(self, new):
        return self.length + new if self.aligned else self.capacity

    def update(self, key, value, layer):
        """As `DynamicCache.update`; the first layer moves `length` on."""
        new = ops.size(key, 2)
        start = self.length if layer == 0 else self.length - new
        end, layers = start + new, list(self.layers)
        capacity = self.capacity
        if layer == len(layers):  # the first positions of this layer
            layers.append((self._laid_out(key), self._laid_out(value)))
        else:
            kept = layers[layer]
            if isinstance(end, int) and end > ops.size(kept[0], 2):
                more = max(2 * ops.size(kept[0], 2), end) - ops.size(kept[0], 2)
                kept = tuple(ops.pad(x, (0, 0, 0, more)) for x in kept)
                capacity = max(capacity, ops.size(kept[0], 2))
            kept = ops.update_slice(kept[0], key, start, 2), ops.update_slice(kept[1], value, start, 2)
            layers[layer] = kept
            key, value = kept if not isinstance(end, int) else (x[:, :, :end] for x in kept)
        return key, value, StaticCache(capacity, end, layers, self.cross_layers)

    def _laid_out(self, x):
        return ops.pad(x, (0, 0, 0, max(self.capacity - ops.size(x, 2), 0)))

    def set_cross(self, key, value, layer):
        return StaticCache(self.capacity, self.length, self.layers, self.cross_layers[:layer] + ((key, value),))

    def __getitem__(self, layer):
        own = tuple(x[:, :, : self.length] for x in self.layers[layer])
        return own + (self.cross_layers[layer] if self.cross_layers else ())

    def reorder(self, indices):
        moved = super().reorder(indices)
        return StaticCache(self.capacity, self.length, moved.layers, moved.cross_layers)

    def crop(self, length):
        """The first `length` positions."""
        return StaticCache(self.capacity, length, self.layers, self.cross_layers)

    def dynamic(self):
        """What is held, as a `DynamicCache`."""
        return DynamicCache([self[layer][:2] for layer in range(len(self))], self.cross_layers)

    @classmethod
    def of(cls, cache, capacity):
        """The positions of another cache, with room for `capacity`."""
        made = cls(capacity, cache.length)
        made.layers = tuple((made._laid_out(k), made._laid_out(v)) for k, v in (layer[:2] for layer in cache))
        made.cross_layers = cache.cross_layers
        return made


def as_cache(past_key_values, use_cache):
    """The cache a decoder starts with: the caller's, a new one, or None."""
    if isinstance(past_key_values, (tuple, list)):
        return DynamicCache.from_legacy_cache(past_key_values)
    if past_key_values is None and use_cache:
        return DynamicCache()
    return past_key_values


def with_cache(key, value, cache, layer):
    """A layer's new keys and values behind those that it has seen, and the cache after it."""
    return (key, value, None) if cache is None else cache.update(key, value, layer)


def keys_values(project, x, encoder_states, cache, layer):
    """What a layer attends to, (batch, heads, length, head_dim) each, and the cache after it.

    Args:
        project: states -> key, value.
        x: the layer's own states, added to the cache.
        encoder_states: None, or the states to attend to instead; with a cache they are projected the first time only.
        cache, layer: a cache or None, and the layer's place in it.
    """
    if encoder_states is None:
        return with_cache(*project(x), cache, layer)
    if cache is not None and cache.has_cross(layer):
        return *cache.cross(layer), cache
    key, value = project(encoder_states)
    return key, value, None if cache is None else cache.set_cross(key, value, layer)
