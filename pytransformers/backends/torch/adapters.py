"""Adapters inside a model, through the library `peft`: small trained parts beside the weights, which stay as they are.

`peft.get_peft_model` wraps a model; these methods put adapters into the model itself.
"""

from pathlib import Path

from pytransformers.utils.constants import ADAPTER_SAFE_WEIGHTS_NAME
from pytransformers.utils.peft_utils import check_peft_version, find_adapter_config_file

FIRST_VERSION = "0.13.0"
PREFIX = "base_model.model."  # what peft's files put before our names


class PeftAdapterMixin:
    """Load, add, choose, switch off and save adapters by name. Each method needs `peft`, and says so without it."""

    _hf_peft_config_loaded = False

    def load_adapter(
        self, peft_model_id=None, adapter_name=None, revision=None, token=None, *, peft_config=None,
        adapter_state_dict=None, low_cpu_mem_usage=False, is_trainable=False, adapter_kwargs=None, **kwargs,
    ):  # fmt: skip
        """Put an adapter from a folder or the hub into the model.

        Args:
            peft_model_id: where adapter_config.json and the weights are, or None with the next two.
            adapter_name: what to call it here; default: "default".
            peft_config, adapter_state_dict: a `peft.PeftConfig` and {name: tensor} instead of files.
            is_trainable: keep it in training mode; otherwise the model goes into evaluation mode.
            adapter_kwargs: of the hub, such as `subfolder` and `revision`.
        Raises:
            ValueError: the name is taken, or there is nothing to load; OSError: there is no adapter.
        """
        check_peft_version(FIRST_VERSION)
        from peft import PeftConfig, inject_adapter_in_model, load_peft_weights, set_peft_model_state_dict

        name = self._new_name(adapter_name)
        hub = {**{"token": token, "revision": revision}, **(adapter_kwargs or {})}
        hub = {key: value for key, value in hub.items() if value is not None}
        device = str(hub.pop("device", self.device))
        if peft_model_id is None and (peft_config is None or adapter_state_dict is None):
            raise ValueError("[load_adapter] expected peft_model_id, or peft_config with adapter_state_dict")
        if peft_config is None:
            if find_adapter_config_file(peft_model_id, **hub) is None:
                raise OSError(f"[load_adapter] expected adapter_config.json in {peft_model_id}, found none; check it")
            peft_config = PeftConfig.from_pretrained(peft_model_id, **hub)
            peft_config.inference_mode = not is_trainable
        memory = {"low_cpu_mem_usage": low_cpu_mem_usage}
        inject_adapter_in_model(peft_config, self, name, **memory)
        self._hf_peft_config_loaded = True
        if adapter_state_dict is None:
            adapter_state_dict = load_peft_weights(peft_model_id, device=device, **hub)
        state = {key.removeprefix(PREFIX): value for key, value in adapter_state_dict.items()}
        result = set_peft_model_state_dict(self, state, name, **memory)
        missing = [key for key in result.missing_keys if "lora_" in key and name in key]
        unexpected = result.unexpected_keys
        if missing or unexpected:
            raise ValueError(
                f"[load_adapter] expected weights that fit the model in {peft_model_id or name!r}, missing: "
                f"{', '.join(missing) or 'none'}; not in the model: {', '.join(unexpected) or 'none'}"
            )
        if peft_config.inference_mode:
            self.eval()

    def add_adapter(self, adapter_config, adapter_name=None):
        """Put a fresh adapter of a `peft.PeftConfig` into the model and use it."""
        check_peft_version(FIRST_VERSION)
        from peft import PeftConfig, inject_adapter_in_model

        name = self._new_name(adapter_name)
        if not isinstance(adapter_config, PeftConfig):
            raise TypeError(f"[add_adapter] expected a peft.PeftConfig, got {type(adapter_config).__name__}")
        adapter_config.base_model_name_or_path = self.config.name_or_path or None
        inject_adapter_in_model(adapter_config, self, name)
        self._hf_peft_config_loaded = True
        self.set_adapter(name)

    def set_adapter(self, adapter_name):
        """Use the adapter of this name, or the adapters of these names together."""
        self._check_names([adapter_name] if isinstance(adapter_name, str) else adapter_name)
        for module in self._adapted_modules():
            module.set_adapter(adapter_name)

    def disable_adapters(self):
        """Compute as if there were none."""
        self._check_names(())
        for module in self._adapted_modules():
            module.enable_adapters(enabled=False)

    def enable_adapters(self):
        """Undo `disable_adapters`."""
        self._check_names(())
        for module in self._adapted_modules():
            module.enable_adapters(enabled=True)

    def active_adapters(self):
        """Names of the adapters in use."""
        self._check_names(())
        active = next(module.active_adapter for module in self._adapted_modules())
        return [active] if isinstance(active, str) else list(active)

    def get_adapter_state_dict(self, adapter_name=None, state_dict=None):
        """{name: tensor} of an adapter; default: the first in use."""
        from peft import get_peft_model_state_dict

        name = adapter_name or self.active_adapters()[0]
        self._check_names([name])
        return get_peft_model_state_dict(self, state_dict=state_dict, adapter_name=name)

    def delete_adapter(self, adapter_names):
        """Take adapters out of the model."""
        names = [adapter_names] if isinstance(adapter_names, str) else list(adapter_names)
        self._check_names(names)
        for name in names:
            for module in self._adapted_modules():
                module.delete_adapter(name)
            del self.peft_config[name]
        if not self.peft_config:
            del self.peft_config
            self._hf_peft_config_loaded = False

    def save_pretrained(self, save_directory, *args, **kwargs):
        """The model's weights; with adapters inside, the one in use alone, in peft's format."""
        if not self._hf_peft_config_loaded:
            return super().save_pretrained(save_directory, *args, **kwargs)
        from safetensors.torch import save_file

        folder = Path(save_directory)
        name = self.active_adapters()[0]
        self.peft_config[name].save_pretrained(folder)
        tensors = self.get_adapter_state_dict(name).items()
        file = folder / ADAPTER_SAFE_WEIGHTS_NAME
        save_file({PREFIX + key: tensor.contiguous() for key, tensor in tensors}, file, {"format": "pt"})
        return [file]

    def _new_name(self, name):
        name = name or "default"
        if self._hf_peft_config_loaded and name in self.peft_config:
            raise ValueError(f"[adapters] expected a new name, got {name!r}, which is taken; choose another")
        return name

    def _check_names(self, names):
        check_peft_version(FIRST_VERSION)
        if not self._hf_peft_config_loaded:
            raise ValueError("[adapters] expected an adapter, the model has none; load_adapter or add_adapter first")
        if unknown := [name for name in names if name not in self.peft_config]:
            raise ValueError(f"[adapters] expected one of {', '.join(self.peft_config)}, got {', '.join(unknown)}")

    def _adapted_modules(self):
        from peft.tuners.tuners_utils import BaseTunerLayer
        from peft.utils import ModulesToSaveWrapper

        return [module for module in self.modules() if isinstance(module, (BaseTunerLayer, ModulesToSaveWrapper))]
