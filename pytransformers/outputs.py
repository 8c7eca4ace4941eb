"""What models return: objects that are a mapping, a tuple and a record at once.

    out = model(**inputs)
    out.logits                  # by attribute; a field that was not computed is None
    out["logits"]               # by name, over the fields that are not None
    out[0], out[:2]             # by position, over the fields that are not None
    loss, logits = out.to_tuple()

Names that every class uses, with their shapes (any framework's arrays):

    loss                   () scalar, present when labels were given
    logits                 (batch, labels), or (batch, length, vocab_size) for language models
    last_hidden_state      (batch, length, hidden_size); decoders with a cache: the new positions only
    pooler_output          (batch, hidden_size)
    past_key_values        the cache to pass to the next call
    hidden_states          tuple of (batch, length, hidden_size): the embeddings, then one per layer
    attentions             tuple, one per layer, of (batch, heads, length, length), after the softmax
    cross_attentions       tuple, one per layer, of (batch, heads, length, encoder_length)
    decoder_*, encoder_*   the same for the two halves of an encoder-decoder model

The field order of a class is the order of `transformers`, so positions agree with it.
No framework is imported here. A backend teaches its tree utilities about the classes with
`register_trees`, `flatten` and `unflatten`; `tf.nest` needs nothing, since it rebuilds any mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

Tensor = Any  # torch.Tensor, jax.Array, tf.Tensor or np.ndarray
Tensors = tuple[Any, ...]

_classes: list[type[ModelOutput]] = []
_registrars: list[Callable[[type], None]] = []


def register_trees(registrar: Callable[[type], None]) -> None:
    """Call `registrar(cls)` for every output class that exists and for every one defined later.

    PyTorch: `register_pytree_node(cls, flatten, partial(unflatten, cls), serialized_type_name=...,
    to_dumpable_context=list, from_dumpable_context=tuple)`. JAX's `register_pytree_node` and Keras (optree's,
    with `namespace="keras"`) want an inverse that takes the context first.
    """
    _registrars.append(registrar)
    for cls in _classes:
        registrar(cls)


def flatten(output: ModelOutput) -> tuple[list[Any], tuple[str, ...]]:
    """The values that are not None, and their names (the hashable context of a tree node)."""
    return list(output.values()), tuple(output)


def unflatten(cls: type[ModelOutput], values: Any, names: tuple[str, ...]) -> ModelOutput:
    """The inverse of `flatten`. Values may be placeholders of any type."""
    return cls(**dict(zip(names, values, strict=True)))


class ModelOutput(dict):
    """Base of all outputs: subclass it as a dataclass whose fields default to None.

    The mapping holds the fields that are not None, in field order; attributes and items never disagree,
    whichever of them is assigned. Items cannot be deleted or added beyond the fields. It may also be built
    from one mapping, or one iterable of (name, value) pairs, as `tf.nest` and data-parallel code do.
    """

    __match_args__: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _classes.append(cls)
        for registrar in _registrars:
            registrar(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names = self.__match_args__
        if args:
            kwargs = _named(type(self), args, kwargs)
        attributes = self.__dict__
        for name in names:
            if name in kwargs:
                value = kwargs.pop(name)
                if value is not None:
                    attributes[name] = value
        dict.update(self, attributes)
        if kwargs:
            raise TypeError(f"[{type(self).__name__}] expected fields {', '.join(names)}, got {', '.join(kwargs)}")

    def __post_init__(self) -> None:
        """For user-defined subclasses, whose dataclass-made `__init__` takes one mapping as its first field."""
        if len(self) == 1:
            names = self.__match_args__
            pairs = _pairs(self.get(names[0]), names)
            if pairs is not None:
                self[names[0]] = None
                for name, value in pairs.items():
                    self[name] = value

    def __getitem__(self, key: str | int | slice) -> Any:
        if isinstance(key, str):
            return dict.__getitem__(self, key)
        return tuple(self.values())[key]

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self.__match_args__:
            fields = ", ".join(self.__match_args__)
            raise KeyError(f"[{type(self).__name__}] expected a field ({fields}), got {name!r}")
        object.__setattr__(self, name, value)
        if value is not None and (name in self or not self):
            dict.__setitem__(self, name, value)
            return
        items = {**self, name: value}
        dict.clear(self)
        for field in self.__match_args__:  # keeps field order when a field joins late
            if items.get(field) is not None:
                dict.__setitem__(self, field, items[field])

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__match_args__:
            self[name] = value
        else:
            object.__setattr__(self, name, value)

    def to_tuple(self) -> tuple[Any, ...]:
        """The values that are not None, in field order."""
        return tuple(self.values())

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{type(self).__name__}({fields})"

    def __copy__(self) -> ModelOutput:
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        dict.update(other, self)
        return other

    copy = __copy__

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(f"[{type(self).__name__}] has a fixed set of fields; assign None to remove one")

    __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse


def _named(cls: type[ModelOutput], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Positional arguments given their field names."""
    names = cls.__match_args__
    if len(args) == 1 and not kwargs:
        pairs = _pairs(args[0], names)
        if pairs is not None:
            return pairs
    if len(args) > len(names):
        raise TypeError(f"[{cls.__name__}] expected at most {len(names)} values, got {len(args)}")
    named = dict(zip(names, args, strict=False))
    if twice := named.keys() & kwargs.keys():
        raise TypeError(f"[{cls.__name__}] got two values for {', '.join(sorted(twice))}")
    return {**named, **kwargs}


def _pairs(value: Any, names: tuple[str, ...]) -> dict[str, Any] | None:
    """`value` as {field: value} if it is a mapping or an iterable of (field, value) pairs, else None."""
    if isinstance(value, Mapping):
        return dict(value) if value.keys() <= set(names) else None
    if isinstance(value, Iterator):
        return dict(value)
    if isinstance(value, (list, tuple)) and value:
        if all(isinstance(v, (list, tuple)) and len(v) == 2 and isinstance(v[0], str) for v in value):
            return dict(value)
    return None


# init=False: the shared __init__ above is several times cheaper than a generated one with synchronised
# attributes, and outputs are built on every forward pass.
output = dataclass(init=False, repr=False, eq=False)


@output
class BaseModelOutput(ModelOutput):
    """The states of a bare model."""

    last_hidden_state: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@output
class BaseModelOutputWithPooling(ModelOutput):
    """The states of a bare model, and one vector for the whole sequence or image."""

    last_hidden_state: Tensor | None = None
    pooler_output: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@output
class BaseModelOutputWithPast(ModelOutput):
    """The states of a bare decoder, and its cache."""

    last_hidden_state: Tensor | None = None
    past_key_values: Any | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@output
class BaseModelOutputWithCrossAttentions(ModelOutput):
    """The states of a bare decoder that attends to an encoder."""

    last_hidden_state: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@output
class BaseModelOutputWithPoolingAndCrossAttentions(ModelOutput):
    """The states of a bare model that can be an encoder or a decoder, such as BERT."""

    last_hidden_state: Tensor | None = None
    pooler_output: Tensor | None = None
    hidden_states: Tensors | None = None
    past_key_values: Any | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@output
class BaseModelOutputWithPastAndCrossAttentions(ModelOutput):
    """The states of a bare decoder that attends to an encoder, and its cache."""

    last_hidden_state: Tensor | None = None
    past_key_values: Any | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@output
class Seq2SeqModelOutput(ModelOutput):
    """The states of a bare encoder-decoder model; `last_hidden_state` is the decoder's."""

    last_hidden_state: Tensor | None = None
    past_key_values: Any | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


@output
class LogitsOutput(ModelOutput):
    """A loss and logits: what most heads return. Its subclasses only name the task."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@output
class CausalLMOutput(LogitsOutput):
    """Next-token scores, `logits` (batch, length, vocab_size)."""


@output
class MaskedLMOutput(LogitsOutput):
    """Scores of masked tokens, `logits` (batch, length, vocab_size)."""


@output
class NextSentencePredictorOutput(LogitsOutput):
    """Does the second sentence follow the first: `logits` (batch, 2), index 0 for yes."""


@output
class SequenceClassifierOutput(LogitsOutput):
    """Scores of labels, or regression values: `logits` (batch, num_labels)."""


@output
class TokenClassifierOutput(LogitsOutput):
    """Scores of labels for each token: `logits` (batch, length, num_labels)."""


@output
class MultipleChoiceModelOutput(LogitsOutput):
    """Scores of choices: `logits` (batch, num_choices)."""


@output
class ImageClassifierOutput(LogitsOutput):
    """Scores of labels for each image: `logits` (batch, num_labels)."""


@output
class LogitsOutputWithPast(ModelOutput):
    """A loss, logits and a cache."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Any | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@output
class CausalLMOutputWithPast(LogitsOutputWithPast):
    """Next-token scores, `logits` (batch, length, vocab_size), and the cache."""


@output
class SequenceClassifierOutputWithPast(LogitsOutputWithPast):
    """Scores of labels from a decoder's last token: `logits` (batch, num_labels), and the cache."""


@output
class CausalLMOutputWithCrossAttentions(LogitsOutputWithPast):
    """Next-token scores of a decoder that may attend to an encoder."""

    cross_attentions: Tensors | None = None


@output
class QuestionAnsweringModelOutput(ModelOutput):
    """Scores of the answer's first and last token: each (batch, length)."""

    loss: Tensor | None = None
    start_logits: Tensor | None = None
    end_logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@output
class Seq2SeqLogitsOutput(ModelOutput):
    """A loss and logits from an encoder-decoder model."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Any | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


@output
class Seq2SeqLMOutput(Seq2SeqLogitsOutput):
    """Next-token scores, `logits` (batch, decoder_length, vocab_size)."""


@output
class Seq2SeqSequenceClassifierOutput(Seq2SeqLogitsOutput):
    """Scores of labels: `logits` (batch, num_labels)."""


@output
class Seq2SeqQuestionAnsweringModelOutput(ModelOutput):
    """Scores of the answer's first and last token from an encoder-decoder model: each (batch, length)."""

    loss: Tensor | None = None
    start_logits: Tensor | None = None
    end_logits: Tensor | None = None
    past_key_values: Any | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


@output
class MaskedImageModelingOutput(ModelOutput):
    """The image rebuilt from its visible patches: `reconstruction` (batch, channels, height, width)."""

    loss: Tensor | None = None
    reconstruction: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None

    @property
    def logits(self) -> Tensor | None:
        """The older name of `reconstruction`."""
        return self.reconstruction


@output
class BertForPreTrainingOutput(ModelOutput):
    """Masked-token scores (batch, length, vocab_size) and next-sentence scores (batch, 2)."""

    loss: Tensor | None = None
    prediction_logits: Tensor | None = None
    seq_relationship_logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@output
class AlbertForPreTrainingOutput(ModelOutput):
    """Masked-token scores (batch, length, vocab_size) and sentence-order scores (batch, 2)."""

    loss: Tensor | None = None
    prediction_logits: Tensor | None = None
    sop_logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@output
class GPT2DoubleHeadsModelOutput(ModelOutput):
    """Next-token scores (batch, choices, length, vocab_size) and choice scores (batch, choices)."""

    loss: Tensor | None = None
    mc_loss: Tensor | None = None
    logits: Tensor | None = None
    mc_logits: Tensor | None = None
    past_key_values: Any | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@output
class GenerateDecoderOnlyOutput(ModelOutput):
    """What `generate` returns when asked for more than ids.

    sequences (rows, length); per new token: scores and logits (rows, vocab_size), after and before the processors,
    attentions and hidden_states as a forward returns them; past_key_values: the cache at the end.
    """

    sequences: Tensor | None = None
    scores: Tensors | None = None
    logits: Tensors | None = None
    attentions: Tensors | None = None
    hidden_states: Tensors | None = None
    past_key_values: Any | None = None


@output
class GenerateEncoderDecoderOutput(ModelOutput):
    """As `GenerateDecoderOnlyOutput`, with the encoder's own states and attentions."""

    sequences: Tensor | None = None
    scores: Tensors | None = None
    logits: Tensors | None = None
    encoder_attentions: Tensors | None = None
    encoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    decoder_hidden_states: Tensors | None = None
    past_key_values: Any | None = None


@output
class GenerateBeamDecoderOnlyOutput(ModelOutput):
    """Of a beam search: also sequences_scores (rows,) and beam_indices (rows, new), -1 after a text's end."""

    sequences: Tensor | None = None
    sequences_scores: Tensor | None = None
    scores: Tensors | None = None
    logits: Tensors | None = None
    beam_indices: Tensor | None = None
    attentions: Tensors | None = None
    hidden_states: Tensors | None = None
    past_key_values: Any | None = None


@output
class GenerateBeamEncoderDecoderOutput(ModelOutput):
    """Of a beam search of an encoder-decoder."""

    sequences: Tensor | None = None
    sequences_scores: Tensor | None = None
    scores: Tensors | None = None
    logits: Tensors | None = None
    beam_indices: Tensor | None = None
    encoder_attentions: Tensors | None = None
    encoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    decoder_hidden_states: Tensors | None = None
    past_key_values: Any | None = None


@output
class FlaxGenerateOutput(ModelOutput):
    """What `generate` of a JAX model returns: `sequences` (rows, length). NumPy takes it for that array."""

    sequences: Tensor | None = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.sequences.__array__(dtype)
