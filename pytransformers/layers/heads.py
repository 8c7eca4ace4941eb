"""What a task adds to a base model, written once.

Each class here gives a `forward` to a concrete model that builds the modules under its checkpoint's names. Arguments
that a head does not know go to the base model, in its order.
"""

from pytransformers.outputs import (
    CausalLMOutputWithCrossAttentions,
    CausalLMOutputWithPast,
    ImageClassifierOutput,
    MaskedLMOutput,
    MultipleChoiceModelOutput,
    NextSentencePredictorOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    SequenceClassifierOutputWithPast,
    TokenClassifierOutput,
)

from .. import ops
from . import losses


class MaskedLM:
    """`self.logits(states)` scores the vocabulary at each position. labels (batch, length)."""

    def forward(self, *inputs, labels=None, return_dict=None, **kwargs):
        outputs = self.base_model(*inputs, return_dict=True, **kwargs)
        logits = self.logits(outputs.last_hidden_state)
        loss = None if labels is None else losses.token_cross_entropy(logits, labels)
        return self.respond(MaskedLMOutput(loss, logits, outputs.hidden_states, outputs.attentions), return_dict)


class CausalLM:
    """`self.logits(states)` scores the next token. labels (batch, length) are the inputs; they are shifted here.

    `logits_to_keep` > 0 computes logits for that many last positions only; a tensor (n,) names the positions.
    """

    writes_text = keeps_logits = True

    def forward(self, *inputs, labels=None, logits_to_keep=0, return_dict=None, **kwargs):
        outputs = self.base_model(*inputs, return_dict=True, **kwargs)
        states = outputs.last_hidden_state
        if not isinstance(logits_to_keep, int):
            states = ops.take(states, logits_to_keep, 1)
        elif logits_to_keep:
            states = states[:, -logits_to_keep:]
        logits = self.logits(states)
        loss = None if labels is None else losses.causal_lm(logits, labels)
        past, hidden, attentions = outputs.past_key_values, outputs.hidden_states, outputs.attentions
        if "cross_attentions" in type(outputs).__dataclass_fields__:
            output = CausalLMOutputWithCrossAttentions(loss, logits, past, hidden, attentions, outputs.cross_attentions)
        else:
            output = CausalLMOutputWithPast(loss, logits, past, hidden, attentions)
        return self.respond(output, return_dict)


class PooledClassification:
    """`classifier(dropout(pooled))`. labels (batch,), or (batch, num_labels) floats."""

    def forward(self, *inputs, labels=None, return_dict=None, **kwargs):
        outputs = self.base_model(*inputs, return_dict=True, **kwargs)
        logits = self.classifier(self.dropout(pooled(self, outputs)))
        loss = None if labels is None else losses.sequence_classification(logits, labels, self.config)
        output = SequenceClassifierOutput(loss, logits, outputs.hidden_states, outputs.attentions)
        return self.respond(output, return_dict)


class LastTokenClassification:
    """`score` at the last token that is not padding. labels as `PooledClassification`."""

    def forward(self, input_ids=None, *inputs, labels=None, return_dict=None, **kwargs):
        outputs = self.base_model(input_ids, *inputs, return_dict=True, **kwargs)
        logits = last_token(self.score(outputs.last_hidden_state), input_ids, self.config.pad_token_id)
        loss = None if labels is None else losses.sequence_classification(logits, labels, self.config)
        output = SequenceClassifierOutputWithPast(
            loss, logits, outputs.past_key_values, outputs.hidden_states, outputs.attentions
        )
        return self.respond(output, return_dict)


class TokenClassification:
    """`classifier(dropout(states))` at each position. labels (batch, length)."""

    def forward(self, *inputs, labels=None, return_dict=None, **kwargs):
        outputs = self.base_model(*inputs, return_dict=True, **kwargs)
        logits = self.classifier(self.dropout(outputs.last_hidden_state))
        loss = None if labels is None else losses.token_cross_entropy(logits, labels)
        return self.respond(TokenClassifierOutput(loss, logits, outputs.hidden_states, outputs.attentions), return_dict)


class QuestionAnswering:
    """`qa_outputs(states)` scores each position as start and end. start_positions, end_positions (batch,)."""

    def scores(self, states):
        return self.qa_outputs(states)

    def forward(self, *inputs, start_positions=None, end_positions=None, return_dict=None, **kwargs):
        outputs = self.base_model(*inputs, return_dict=True, **kwargs)
        scores = self.scores(outputs.last_hidden_state)
        start, end = scores[..., 0], scores[..., 1]
        given = start_positions is not None and end_positions is not None
        loss = losses.span(start, end, start_positions, end_positions) if given else None
        output = QuestionAnsweringModelOutput(loss, start, end, outputs.hidden_states, outputs.attentions)
        return self.respond(output, return_dict)


class MultipleChoice:
    """One score for each choice. Inputs are (batch, choices, length), labels (batch,)."""

    def forward(self, *inputs, labels=None, return_dict=None, **kwargs):
        given = [x for x in (*inputs, kwargs.get("input_ids"), kwargs.get("inputs_embeds")) if x is not None]
        choices = ops.size(given[0], 1)
        inputs = [None if x is None else ops.flatten(x, 0, 1) for x in inputs]
        for name in ("input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds"):
            if kwargs.get(name) is not None:
                kwargs[name] = ops.flatten(kwargs[name], 0, 1)
        outputs = self.base_model(*inputs, return_dict=True, **kwargs)
        logits = ops.reshape(self.classifier(self.dropout(pooled(self, outputs))), (-1, choices))
        loss = None if labels is None else ops.cross_entropy(logits, labels)
        output = MultipleChoiceModelOutput(loss, logits, outputs.hidden_states, outputs.attentions)
        return self.respond(output, return_dict)


class NextSentence:
    """Does the second text follow the first (0) or not (1)? `self.logits(pooler_output)`; labels (batch,)."""

    def forward(self, *inputs, labels=None, return_dict=None, **kwargs):
        outputs = self.base_model(*inputs, return_dict=True, **kwargs)
        logits = self.logits(outputs.pooler_output)
        loss = None if labels is None else losses.token_cross_entropy(logits, labels)
        output = NextSentencePredictorOutput(loss, logits, outputs.hidden_states, outputs.attentions)
        return self.respond(output, return_dict)


class ImageClassification:
    """`classifier` on the first token. labels as `PooledClassification`."""

    def forward(self, *inputs, labels=None, return_dict=None, **kwargs):
        outputs = self.base_model(*inputs, return_dict=True, **kwargs)
        logits = self.classifier(outputs.last_hidden_state[:, 0])
        loss = None if labels is None else losses.sequence_classification(logits, labels, self.config)
        return self.respond(ImageClassifierOutput(loss, logits, outputs.hidden_states, outputs.attentions), return_dict)


def classifier_dropout(config):
    """The dropout rate before a decoder's classifier of tokens."""
    for name in ("classifier_dropout", "hidden_dropout"):
        if getattr(config, name, None) is not None:
            return getattr(config, name)
    return 0.1


def pooled(model, outputs):
    """`model.pool(states)` where the head has its own way of pooling, else what the base model pooled."""
    pool = getattr(model, "pool", None)
    return outputs.pooler_output if pool is None else pool(outputs.last_hidden_state)


def last_token(x, input_ids, pad_token_id):
    """x (batch, length, features) at each row's last token other than padding: (batch, features).

    Without ids or a padding token it is the last position.
    """
    if input_ids is None or pad_token_id is None:
        return x[:, -1]
    return last_where(x, input_ids != pad_token_id)


def last_where(x, chosen):
    """x (batch, length, features) at the last position that is True in `chosen` (batch, length), the first if none."""
    positions = ops.arange(ops.size(chosen, 1), like=chosen)
    last = ops.argmax(ops.cast(chosen, ops.dtype(positions)) * positions, 1)
    return ops.squeeze(ops.gather(x, 1, ops.expand(last[:, None, None], (-1, 1, ops.size(x, 2)))), 1)
