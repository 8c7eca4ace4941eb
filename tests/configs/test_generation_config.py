"""How a GenerationConfig prints itself, and the search it asks for."""

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
