"""What `generate` returns, and what it collects on the way."""

import numpy as np

from pytransformers.outputs import (
    GenerateBeamDecoderOnlyOutput,
    GenerateBeamEncoderDecoderOutput,
    GenerateDecoderOnlyOutput,
    GenerateEncoderDecoderOutput,
)

from .. import decoding
from ..layers.cache import StaticCache

# what is asked for -> (output of a decoder, of an encoder-decoder)
COLLECTED = {
    "scores": ("scores", "scores"),
    "logits": ("logits", "logits"),
    "attentions": ("attentions", "decoder_attentions"),
    "hidden_states": ("hidden_states", "decoder_hidden_states"),
    "cross_attentions": (None, "cross_attentions"),
}


class Record:
    """Hands tokens to a streamer and keeps what the config asks for."""

    def __init__(self, config, streamer=None):
        self.config, self.streamer = config, streamer
        wanted = {
            "scores": config.output_scores, "logits": config.output_logits, "attentions": config.output_attentions,
            "hidden_states": config.output_hidden_states, "cross_attentions": config.output_attentions,
        }  # fmt: skip
        self.kept = {name: [] for name, want in wanted.items() if want and config.return_dict_in_generate}
        self.encoder = {}

    @property
    def listener(self):
        """None where nobody listens."""
        return self.listen if self.kept or self.streamer is not None else None

    def listen(self, seen):
        for name, steps in self.kept.items():
            found = seen.get(name, seen.get(f"decoder_{name}"))
            if found is not None:
                steps.append(found)
        for name in ("encoder_attentions", "encoder_hidden_states"):
            if name in seen:
                self.encoder[name] = seen[name]
        if self.streamer is not None:
            self.streamer.put(seen["token"])

    def result(self, model, found, state, request):
        sequences = found["sequences"]
        if request.embeds is not None:
            sequences = decoding.host(sequences)[:, request.length :]
            if request.said is not None:  # the ids that the embeddings stand for
                said = np.repeat(request.said, len(sequences) // len(request.said), 0)
                sequences = np.concatenate((said, sequences), 1)
            sequences = decoding.ids(sequences, model)
        if not self.config.return_dict_in_generate:
            return decoding.returned(sequences)
        beams, both = "beam_indices" in found, model.config.is_encoder_decoder
        values = {"sequences": sequences}
        for name, steps in self.kept.items():
            field = COLLECTED[name][both]
            if field is not None and steps:
                values[field] = tuple(steps)
        if both:
            values.update(self.encoder)
        if beams:
            values["beam_indices"] = found["beam_indices"]
            if self.config.output_scores:
                values["sequences_scores"] = found["sequences_scores"]
        cache = state.get("cache")
        if isinstance(cache, StaticCache):
            read = min(int(cache.length), int(state["length"]) - 1)  # contrastive and assisted search read ahead
            cache = cache.crop(read).dynamic()
            values["past_key_values"] = tuple(cache) if self.config.return_legacy_cache else cache
        kinds = {
            (False, False): GenerateDecoderOnlyOutput, (False, True): GenerateEncoderDecoderOutput,
            (True, False): GenerateBeamDecoderOnlyOutput, (True, True): GenerateBeamEncoderDecoderOutput,
        }  # fmt: skip
        return kinds[beams, both](**values)
