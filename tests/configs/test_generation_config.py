"""How a GenerationConfig prints itself, and the search it asks for."""

import numpy as np
import pytest
import transformers

from pytransformers.configs.generation import DEFAULTS, GenerationConfig, GenerationMode

SETTINGS = (
    {}, {"do_sample": True}, {"num_beams": 3}, {"num_beams": 3, "do_sample": True}, {"penalty_alpha": 0.6, "top_k": 4},
    {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5}, {"prompt_lookup_num_tokens": 2},
    {"num_beams": 2, "force_words_ids": [[5]]}, {"num_beams": 3, "num_beam_groups": 1, "penalty_alpha": 0.0},
)  # fmt: skip


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_the_search_as_the_original_names_it(settings):
    expected = transformers.GenerationConfig(**settings).get_generation_mode()
    mode = GenerationConfig(**settings).get_generation_mode()
    assert isinstance(mode, GenerationMode) and mode == expected.value and f"{mode}" == expected.value
    assert mode.name == expected.name


def test_every_mode_of_the_original():
    from transformers.generation.configuration_utils import GenerationMode as Original

    assert {mode.name: mode.value for mode in GenerationMode} == {mode.name: mode.value for mode in Original}


def test_a_search_that_does_not_exist_here():
    with pytest.raises(ValueError, match="dola_layers=None, got 'low'"):
        GenerationConfig(dola_layers="low").get_generation_mode()


def test_repr_shows_settings_alone():
    """Where a file came from, and which version wrote it, is no setting."""
    values = {"num_beams": 3, "eos_token_id": [1, 2]}
    stored = {**values, "transformers_version": "4.41.2", "_from_model_config": True}
    original = transformers.GenerationConfig.from_dict(stored)
    config = GenerationConfig.from_dict(stored)
    assert repr(config) == repr(original)
    assert '"transformers_version": "4.41.2"' in config.to_json_string()
    assert config.to_dict().keys() >= DEFAULTS.keys()


def test_numbers_and_tokens_of_numpy():
    config = GenerationConfig(max_new_tokens=np.int64(4), temperature=np.float64(0.5), eos_token_id=np.array([3, 4]))
    assert config.update(repetition_penalty=np.float32(1.5), pad_token_id=np.int32(2)) == {}
    held = {name: value for name, value in config.to_diff_dict().items() if value is not None}
    assert held == {
        "max_new_tokens": 4, "temperature": 0.5, "eos_token_id": [3, 4], "repetition_penalty": 1.5, "pad_token_id": 2,
    }  # fmt: skip
    assert [type(value) for value in held.values()].count(int) == 2 and "1.5" in config.to_json_string()


class TestSettingsOnTheModelsConfiguration:
    """As in the original: they count while the generation config is untouched and was made from the configuration."""

    def model(self):
        import pytransformers

        config = pytransformers.GPT2Config(vocab_size=20, n_positions=32, n_embd=8, n_layer=1, n_head=2, eos_token_id=1)
        return pytransformers.GPT2LMHeadModel(config)

    def test_an_edit_counts(self):
        model = self.model()
        assert model.generation_config.num_beams == 1
        model.config.num_beams, model.config.max_length = 3, 9
        assert (model.generation_config.num_beams, model.generation_config.max_length) == (3, 9)
        assert model.generation_config is model.generation_config

    def test_special_tokens_alone_do_not(self):
        model = self.model()
        assert model.generation_config.pad_token_id is None
        model.config.pad_token_id = 1
        assert model.generation_config.pad_token_id is None

    def test_an_edited_generation_config_wins(self):
        model = self.model()
        model.generation_config.max_new_tokens = 5
        model.config.num_beams = 3
        assert (model.generation_config.num_beams, model.generation_config.max_new_tokens) == (1, 5)

    def test_one_that_was_given_wins(self, tmp_path):
        model = self.model()
        model.generation_config = GenerationConfig(max_new_tokens=5)
        model.config.num_beams = 3
        assert model.generation_config.num_beams == 1
        del model.config.num_beams
        GenerationConfig(top_p=0.9, do_sample=True, _from_model_config=True).save_pretrained(tmp_path)
        model.generation_config = GenerationConfig.from_pretrained(tmp_path)  # as the files of Llama 2 have it
        assert model.generation_config.top_p == 0.9
