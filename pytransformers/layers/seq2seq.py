"""What encoder-decoders share: the two halves as one call, shifted labels, and their heads.

A concrete model has `encode_decode(...)`, which gives a `Seq2SeqModelOutput` whatever the config says of `return_dict`:
`EncoderDecoder` for a model that holds `encoder` and `decoder`, `WithBase` for a head over such a model.
"""

from pytransformers.outputs import (
    BaseModelOutput,
    Seq2SeqLMOutput,
    Seq2SeqModelOutput,
    Seq2SeqQuestionAnsweringModelOutput,
    Seq2SeqSequenceClassifierOutput,
)

from .. import ops
from . import losses
from .heads import last_where


def shift_tokens_right(input_ids, pad_token_id, start_token_id):
    """(batch, length) ids with the start token put before them and the last one dropped; -100 becomes padding.

    Raises:
        ValueError: the config names no start or no padding token.
    """
    for name, value in (("decoder_start_token_id", start_token_id), ("pad_token_id", pad_token_id)):
        if value is None:
            raise ValueError(f"[shift_tokens_right] expected an id, got None: set {name} in the config")
    start = ops.full_like(input_ids[:, :1], start_token_id)
    shifted = ops.cat((start, input_ids[:, :-1]), 1)
    return ops.where(shifted == -100, ops.full_like(shifted, pad_token_id), shifted)


class EncoderDecoder:
    """`self.encoder` and `self.decoder`, the second attending to the first.

    Both take (input_ids, attention_mask, inputs_embeds, head_mask, output_attentions, output_hidden_states,
    return_dict), the decoder also (encoder_hidden_states, encoder_attention_mask, cross_attn_head_mask,
    past_key_values, use_cache).
    """

    shares_head_mask = False

    def get_encoder(self):
        return self.encoder

    def get_decoder(self):
        return self.decoder

    def prepare_decoder_input_ids_from_labels(self, labels):
        """labels (batch, length) -> what the decoder reads to predict them."""
        return shift_tokens_right(labels, self.config.pad_token_id, self.config.decoder_start_token_id)

    def encode_decode(self, input_ids=None, attention_mask=None, decoder_input_ids=None, decoder_attention_mask=None,
                      head_mask=None, decoder_head_mask=None, cross_attn_head_mask=None, encoder_outputs=None,
                      past_key_values=None, inputs_embeds=None, decoder_inputs_embeds=None, *, use_cache=None,
                      output_attentions=None, output_hidden_states=None):  # fmt: skip
        """Both halves, or the decoder alone on `encoder_outputs` (the encoder's output, or its tuple).

        With `shares_head_mask`, `head_mask` is the decoder's too when that has none of its own.
        """
        wanted = {
            "output_attentions": output_attentions, "output_hidden_states": output_hidden_states, "return_dict": True,
        }  # fmt: skip
        if encoder_outputs is None:
            encoder_outputs = self.encoder(
                input_ids=input_ids, attention_mask=attention_mask, inputs_embeds=inputs_embeds, head_mask=head_mask,
                **wanted,
            )  # fmt: skip
        elif isinstance(encoder_outputs, (tuple, list)):
            names = ("last_hidden_state", "hidden_states", "attentions")
            encoder_outputs = BaseModelOutput(**dict(zip(names, encoder_outputs, strict=False)))
        if decoder_head_mask is None and self.shares_head_mask:
            decoder_head_mask = head_mask
        outputs = self.decoder(
            input_ids=decoder_input_ids, attention_mask=decoder_attention_mask, inputs_embeds=decoder_inputs_embeds,
            encoder_hidden_states=encoder_outputs.last_hidden_state, encoder_attention_mask=attention_mask,
            head_mask=decoder_head_mask, cross_attn_head_mask=cross_attn_head_mask, past_key_values=past_key_values,
            use_cache=use_cache, **wanted,
        )  # fmt: skip
        return Seq2SeqModelOutput(
            outputs.last_hidden_state, outputs.past_key_values, outputs.hidden_states, outputs.attentions,
            outputs.cross_attentions, encoder_outputs.last_hidden_state, encoder_outputs.hidden_states,
            encoder_outputs.attentions,
        )  # fmt: skip


class WithBase:
    """A head whose base model has the encoder and the decoder."""

    def get_encoder(self):
        return self.base_model.get_encoder()

    def get_decoder(self):
        return self.base_model.get_decoder()

    def prepare_decoder_input_ids_from_labels(self, labels):
        return self.base_model.prepare_decoder_input_ids_from_labels(labels)

    def encode_decode(self, *inputs, **kwargs):
        return self.base_model(*inputs, return_dict=True, **kwargs)


class BaseModel:
    """The two halves without a head."""

    def forward(self, *inputs, return_dict=None, **kwargs):
        return self.respond(self.encode_decode(*inputs, **kwargs), return_dict)


def _extras(outputs):
    """The fields that the outputs of all heads share, in their order."""
    return (
        outputs.past_key_values, outputs.decoder_hidden_states, outputs.decoder_attentions, outputs.cross_attentions,
        outputs.encoder_last_hidden_state, outputs.encoder_hidden_states, outputs.encoder_attentions,
    )  # fmt: skip


class ConditionalGeneration:
    """`self.logits(states)` scores the next token of the output.

    labels (batch, length), -100 ignored, are not shifted: without decoder inputs the decoder reads them shifted.
    """

    writes_text = True

    def forward(self, input_ids=None, attention_mask=None, decoder_input_ids=None, *inputs, labels=None,
                decoder_inputs_embeds=None, return_dict=None, **kwargs):  # fmt: skip
        if labels is not None and decoder_input_ids is None and decoder_inputs_embeds is None:
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        outputs = self.encode_decode(
            input_ids, attention_mask, decoder_input_ids, *inputs, decoder_inputs_embeds=decoder_inputs_embeds, **kwargs
        )
        logits = self.logits(outputs.last_hidden_state)
        loss = None if labels is None else losses.token_cross_entropy(logits, labels)
        return self.respond(Seq2SeqLMOutput(loss, logits, *_extras(outputs)), return_dict)


class SequenceClassification:
    """`classification_head` on the decoder's state at the last end-of-sequence token of each row.

    Without decoder inputs the decoder reads the encoder's, shifted. labels (batch,), or (batch, num_labels) floats.
    """

    def forward(self, input_ids=None, attention_mask=None, decoder_input_ids=None, decoder_attention_mask=None,
                head_mask=None, decoder_head_mask=None, cross_attn_head_mask=None, encoder_outputs=None, *,
                labels=None, use_cache=None, decoder_inputs_embeds=None, return_dict=None, **kwargs):  # fmt: skip
        if input_ids is None:
            raise ValueError(
                f"[{type(self).__name__}] expected input_ids, whose last end-of-sequence token is classified, got "
                "none: pass them, with or without inputs_embeds"
            )
        if decoder_input_ids is None and decoder_inputs_embeds is None:
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(input_ids)
        outputs = self.encode_decode(
            input_ids, attention_mask, decoder_input_ids, decoder_attention_mask, head_mask, decoder_head_mask,
            cross_attn_head_mask, encoder_outputs, decoder_inputs_embeds=decoder_inputs_embeds,
            use_cache=use_cache if labels is None else False, **kwargs,
        )  # fmt: skip
        logits = self.classification_head(
            last_where(outputs.last_hidden_state, input_ids == self.config.eos_token_id)
        )
        loss = None if labels is None else losses.sequence_classification(logits, labels, self.config)
        return self.respond(Seq2SeqSequenceClassifierOutput(loss, logits, *_extras(outputs)), return_dict)


class QuestionAnswering:
    """`qa_outputs` scores each position of the decoder as start and end. start_positions, end_positions (batch,).

    Without decoder inputs the decoder reads the encoder's, shifted.
    """

    def forward(self, input_ids=None, attention_mask=None, decoder_input_ids=None, decoder_attention_mask=None,
                head_mask=None, decoder_head_mask=None, cross_attn_head_mask=None, encoder_outputs=None, *,
                start_positions=None, end_positions=None, use_cache=None, decoder_inputs_embeds=None,
                return_dict=None, **kwargs):  # fmt: skip
        if decoder_input_ids is None and decoder_inputs_embeds is None:
            if input_ids is None:
                raise ValueError(
                    f"[{type(self).__name__}] expected input_ids for the decoder, got none: pass decoder_input_ids or "
                    "decoder_inputs_embeds"
                )
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(input_ids)
        given = start_positions is not None and end_positions is not None
        outputs = self.encode_decode(
            input_ids, attention_mask, decoder_input_ids, decoder_attention_mask, head_mask, decoder_head_mask,
            cross_attn_head_mask, encoder_outputs, decoder_inputs_embeds=decoder_inputs_embeds,
            use_cache=False if given else use_cache, **kwargs,
        )  # fmt: skip
        scores = self.qa_outputs(outputs.last_hidden_state)
        start, end = scores[..., 0], scores[..., 1]
        loss = losses.span(start, end, start_positions, end_positions) if given else None
        return self.respond(Seq2SeqQuestionAnsweringModelOutput(loss, start, end, *_extras(outputs)), return_dict)
