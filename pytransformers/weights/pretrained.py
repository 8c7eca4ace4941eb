"""What every pretrained model does in every framework, without a framework.

`backends/X/pretrained.py` adds its framework's `Module` and the few methods listed under "From the backend".
"""

import copy
import inspect
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from ..configs.generation import GENERATION_CONFIG_NAME, GenerationConfig
from ..utils.files import read_json_object
from ..utils.hub import push_to_hub
from .checkpoint import Checkpoint, open_checkpoint
from .hub import resolve_file
from .matching import match, rename, reverse_renames
from .save import save_checkpoint
from .signature import name_arguments

HUB_ARGUMENTS = (
    "cache_dir", "force_download", "local_files_only", "token", "revision", "subfolder",
)  # fmt: skip
CHECKPOINT_ARGUMENTS = ("variant", "use_safetensors", "from_tf", "from_flax", "from_pt")
IGNORED_ARGUMENTS = (
    "low_cpu_mem_usage", "trust_remote_code", "resume_download", "proxies", "_fast_init", "use_auth_token", "mirror",
)  # fmt: skip


class PreTrainedMixin:
    """Loading, saving and the embedding table of a model.

    Class attributes a definition gives:
        config_class, base_model_prefix: as in `transformers`.
        main_input_name: the first argument of `forward`.
        _tied_weights_keys: {name: name of the parameter it shares}; held when `config.tie_word_embeddings`.
        _always_tied_weights_keys: the same, whatever the config says.
        _no_split_modules: names of classes that a device map keeps whole.
        _keys_to_ignore_on_load_unexpected: patterns of checkpoint names that mean nothing to this model.
    Methods a definition gives:
        init_weights(module, name): fill the parameters that `module`, found under `name`, itself holds.

    From the backend:
        _create(config, dtype, empty, **arguments): a model; with `empty`, its parameters take no memory yet.
        _specs(): {name: (shape, dtype string)} of all parameters and persistent buffers.
        _assign(tensors, dtype): give parameters the values of {name: LazyTensor}.
        _materialize(names): give these parameters memory.
        _loaded(arguments): use the arguments of `_backend_arguments` (a device map) once the weights are there.
        _sources(state_dict): a LazyTensor for each tensor to save.
        _from_state_dict(state_dict): the same for the arrays a caller passes.
        _share(name, source): make the parameter `name` the one called `source`.
        _array(name), _replace(name, array): a parameter's values as float32 NumPy; another value of another shape.
    """

    config_class = None
    base_model_prefix = ""
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _tied_weights_keys = {}
    _always_tied_weights_keys = {}
    _no_split_modules = ()
    _keys_to_ignore_on_load_unexpected = ()

    # -- construction ------------------------------------------------------------------------------------------------
    def post_init(self):
        """Fill fresh parameters; a definition calls it at the end of `__init__`."""
        name_arguments(self)
        self.tie_weights()
        if not self._is_empty():
            self._initialize()

    def _initialize(self, names=None):
        """Draw the parameters in `names` (default: all not yet drawn) by the architecture's own rule."""
        for name, module in self.named_modules():
            if names is None and getattr(module, "_is_initialized", False):
                continue
            if names is None or any(key.rpartition(".")[0] == name for key in names):
                self.init_weights(module, name)
            module._is_initialized = True

    def ties(self):
        """{name: name of the parameter it shares} that hold under this config."""
        tied = dict(self._always_tied_weights_keys)
        if getattr(self.config, "tie_word_embeddings", True):
            tied.update(self._tied_weights_keys)
        return tied

    def tie_weights(self):
        for name, source in self.ties().items():
            self._share(name, source)

    # -- configuration -----------------------------------------------------------------------------------------------
    @property
    def base_model(self):
        """The model without its head."""
        return getattr(self, self.base_model_prefix, self)

    @property
    def generation_config(self):
        """How `generate` works when not told otherwise: of generation_config.json, else of the config's settings."""
        held = vars(self).get("_generation_config")
        if held is None or held.follows(self.config):
            fresh = GenerationConfig.from_model_config(self.config)
            if fresh != held:
                self._generation_config = fresh
        return self._generation_config

    @generation_config.setter
    def generation_config(self, value):
        self._generation_config = value

    def set_attn_implementation(self, name):
        """"eager", "sdpa", "flash_attention_2", "auto" or "native"."""
        self.config.attn_implementation = name

    def respond(self, output, return_dict):
        """`output`, or a plain tuple when the caller or the config asks for one."""
        if return_dict is None:
            return_dict = self.config.use_return_dict
        return output if return_dict else output.to_tuple()

    def wants(self, output_attentions, output_hidden_states):
        """The caller's choice, else the config's."""
        config = self.config
        return (
            config.output_attentions if output_attentions is None else output_attentions,
            config.output_hidden_states if output_hidden_states is None else output_hidden_states,
        )

    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs=None):
        """Compute intermediate results again in the backward pass instead of keeping them."""
        self._set_gradient_checkpointing(True)

    def gradient_checkpointing_disable(self):
        self._set_gradient_checkpointing(False)

    @property
    def is_gradient_checkpointing(self):
        return any(getattr(module, "gradient_checkpointing", False) for module in self.modules())

    def _set_gradient_checkpointing(self, value):
        found = False
        for module in self.modules():
            if hasattr(module, "gradient_checkpointing"):
                module.gradient_checkpointing = value
                found = True
        if not found:
            raise ValueError(f"[gradient_checkpointing] {type(self).__name__} has no stack of layers to apply it to")

    def num_parameters(self, only_trainable=False, exclude_embeddings=False):
        """How many numbers the parameters hold, each shared one counted once."""
        tables = [module for module in self.modules() if hasattr(module, "num_embeddings")]
        seen, total = {id(table.weight) for table in tables} if exclude_embeddings else set(), 0
        for parameter in self.parameters():
            trainable = getattr(parameter, "requires_grad", True)
            if id(parameter) in seen or (only_trainable and not trainable):
                continue
            seen.add(id(parameter))
            size = 1
            for length in parameter.shape:
                size *= int(length)
            total += size
        return total

    def replace_module(self, name, module):
        """Put `module` in the place of the one called `name`."""
        owner, _, leaf = name.rpartition(".")
        setattr(self.get_submodule(owner), leaf, module)

    # -- embeddings --------------------------------------------------------------------------------------------------
    def get_input_embeddings(self):
        """The token embedding; a definition of a base model overrides it."""
        base = self.base_model
        return None if base is self else base.get_input_embeddings()

    def set_input_embeddings(self, value):
        base = self.base_model
        if base is self:
            raise ValueError(f"[set_input_embeddings] {type(self).__name__} has no token embedding")
        base.set_input_embeddings(value)

    def get_output_embeddings(self):
        """The projection to the vocabulary, or None."""
        return None

    def resize_token_embeddings(self, new_num_tokens=None, pad_to_multiple_of=None, mean_resizing=True):
        """Grow or shrink the token embedding and the projection to the vocabulary; returns the embedding.

        New rows are the mean of the old ones with a little noise (Hewitt 2021, "Initializing new word embeddings for
        pretrained language models"), or with `mean_resizing=False` are drawn with the old rows' standard deviation.

        Args:
            new_num_tokens: rows wanted; None keeps their number.
            pad_to_multiple_of: round the number of rows up.
        """
        embedding = self.get_input_embeddings()
        if not hasattr(embedding, "num_embeddings"):
            raise ValueError(f"[resize_token_embeddings] {type(self).__name__} has no token embedding")
        old = embedding.num_embeddings
        size = old if new_num_tokens is None else int(new_num_tokens)
        if pad_to_multiple_of:
            size = -(-size // pad_to_multiple_of) * pad_to_multiple_of
        if size < 1:
            raise ValueError(f"[resize_token_embeddings] expected at least 1 token, got {size}")
        if size != old:
            projection = self.get_output_embeddings()
            self._resize_rows(embedding, old, size, mean_resizing)
            embedding.num_embeddings = size
            if projection is not None:
                self._resize_rows(projection, old, size, mean_resizing)
                projection.out_features = size
            self.config.vocab_size = size
            self.tie_weights()
        return embedding

    def _resize_rows(self, module, old, size, mean_resizing):
        prefix = next(name for name, found in self.named_modules() if found is module)
        ties = self.ties()
        for leaf in ("weight", "bias"):
            if getattr(module, leaf, None) is None:
                continue
            name = f"{prefix}.{leaf}" if prefix else leaf
            values = self._array(ties.get(name, name))
            if values.shape[0] == old:
                self._replace(ties.get(name, name), resized_rows(values, size, mean_resizing))

    # -- loading -----------------------------------------------------------------------------------------------------
    @classmethod
    def from_config(cls, config, *, dtype=None, torch_dtype=None, attn_implementation=None, **kwargs):
        """A fresh model; `kwargs` go to its constructor."""
        config = _configured(copy.deepcopy(config), attn_implementation)
        return cls._create(config, torch_dtype if dtype is None else dtype, **kwargs)

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path, *model_args, config=None, dtype=None, torch_dtype=None,
        attn_implementation=None, output_loading_info=False, ignore_mismatched_sizes=False, state_dict=None, **kwargs,
    ):  # fmt: skip
        """Load a model from a folder or a hub id.

        Args:
            pretrained_model_name_or_path: a folder holding config.json and weights, or "owner/name" on the hub. None
                with `config` and `state_dict`.
            model_args: of the model's constructor, after `config`.
            config: a config object, or where to read it instead.
            dtype: the parameters' dtype, by name or as the framework's own; "auto" takes the checkpoint's. Default:
                float32. `torch_dtype` is its older name.
            attn_implementation: see `set_attn_implementation`.
            output_loading_info: also return {"missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"}.
            ignore_mismatched_sizes: draw afresh what has another shape in the checkpoint, instead of an error.
            state_dict: {name: array} to take instead of files.
            kwargs: of the hub (`revision`, `token`, `cache_dir`, `local_files_only`, ...), of the files (`variant`,
                `subfolder`, `use_safetensors`, `from_tf`, `from_flax`, `from_pt`), of the framework (`device_map`);
                the rest overrides values of the config, or goes to the model's constructor.
        Raises:
            CheckpointError (an OSError): a file is missing, damaged, or does not fit; it names the file and the key.
        """
        where = pretrained_model_name_or_path
        hub = {name: kwargs.pop(name) for name in HUB_ARGUMENTS if name in kwargs}
        files = {name: kwargs.pop(name) for name in CHECKPOINT_ARGUMENTS if name in kwargs}
        backend = {name: kwargs.pop(name) for name in cls._backend_arguments if name in kwargs}
        for name in IGNORED_ARGUMENTS:
            kwargs.pop(name, None)
        if config is None or isinstance(config, (str, Path)):
            config, unused = cls.config_class.from_pretrained(
                where if config is None else config, return_unused_kwargs=True, **hub, **kwargs
            )
        else:
            config, unused = copy.deepcopy(config), {}
            for name, value in kwargs.items():
                if hasattr(config, name):
                    setattr(config, name, value)
                else:
                    unused[name] = value
            config.validate()
        arguments = cls._constructor_arguments(model_args, unused)
        if where is not None:
            config._name_or_path = str(where)

        if state_dict is not None:
            checkpoint = cls._from_state_dict(state_dict)
        else:
            checkpoint = open_checkpoint(where, **hub, **files)
        dtype = torch_dtype if dtype is None else dtype
        if isinstance(dtype, str) and dtype == "auto":
            dtype = _checkpoint_dtype(config, checkpoint)
        arguments.update(cls._creation(backend))
        try:
            model = cls._create(_configured(config, attn_implementation), dtype, empty=True, **arguments)
            plan = model._load(checkpoint, ignore_mismatched_sizes, source=where)
        finally:
            if isinstance(checkpoint, Checkpoint):
                checkpoint.close()
        model._loaded(backend)
        if where is not None and cls.can_generate():
            model._read_generation_config(where, hub)
        if not output_loading_info:
            return model
        return model, {
            "missing_keys": list(plan.missing), "unexpected_keys": list(plan.unexpected),
            "mismatched_keys": list(plan.mismatched), "error_msgs": [],
        }  # fmt: skip

    def _read_generation_config(self, where, hub):
        path = resolve_file(where, GENERATION_CONFIG_NAME, **hub)
        if path is not None:
            self.generation_config = GenerationConfig.from_dict(read_json_object(path))

    @classmethod
    def _constructor_arguments(cls, positional, named):
        """Arguments of the definition's constructor after `config`, by name."""
        names = list(inspect.signature(cls.__init__).parameters)[2:]
        unknown = [*map(repr, positional[len(names) :]), *sorted(set(named) - set(names))]
        if unknown:
            raise TypeError(
                f"[from_pretrained] expected arguments of {cls.__name__} ({', '.join(names) or 'it has none'}) or "
                f"values of its config, got {', '.join(unknown)}: check the names"
            )
        return {**dict(zip(names, positional, strict=False)), **named}

    def _load(self, checkpoint, ignore_mismatched_sizes=False, source=""):
        specs = self._specs()
        plan = match(
            {name: shape for name, (shape, _) in specs.items()}, checkpoint,
            base_model_prefix=self.base_model_prefix, renames=self.config.renames, ties=self.ties(),
            ignore_unexpected=self._keys_to_ignore_on_load_unexpected,
            ignore_mismatched_sizes=ignore_mismatched_sizes, source=source,
        )  # fmt: skip
        fresh = [name for name in specs if name not in plan.assign]
        self._materialize(fresh)
        self._initialize(fresh)
        self._assign(plan.assign)
        self.tie_weights()
        report = plan.report()
        if report:
            warnings.warn(f"[{type(self).__name__}] {report}", stacklevel=4)
        return plan

    # -- saving ------------------------------------------------------------------------------------------------------
    def save_pretrained(
        self, save_directory, is_main_process=True, state_dict=None, push_to_hub=False, max_shard_size="5GB",
        safe_serialization=True, variant=None, repo_id=None, **kwargs,
    ):  # fmt: skip
        """Write config.json and safetensors, atomically: interrupted, the old files are whole.

        Args:
            save_directory: made if it is missing.
            is_main_process: False writes nothing, for all but one process of a distributed run.
            state_dict: {name: tensor} to write instead of the model's own.
            max_shard_size: bytes, or text such as "5GB"; larger models are split into several files with an index.
            safe_serialization: False is refused with a warning; only safetensors are written.
            push_to_hub: upload the same afterwards, to `repo_id` or the folder's name; `kwargs` are its arguments.
            variant: file names get it: model.{variant}.safetensors.
        """
        if kwargs and not push_to_hub:
            raise TypeError(f"[save_pretrained] unknown arguments {', '.join(sorted(kwargs))}: check their names")
        if not is_main_process:
            return []
        if not safe_serialization:
            warnings.warn("[save_pretrained] writes safetensors, whatever safe_serialization says", stacklevel=2)
        folder = Path(save_directory)
        if folder.is_file():
            raise NotADirectoryError(f"[save_pretrained] expected a folder, got the file {folder}: give another name")
        folder.mkdir(parents=True, exist_ok=True)
        config = copy.deepcopy(self.config)
        config.architectures = [type(self).__name__]
        config.dtype = next((dtype for _, dtype in self._specs().values() if "float" in dtype), config.dtype)
        ties = self.ties()
        renames = reverse_renames(self.config.renames)
        tensors = ((rename(t.name, renames), t) for t in self._sources(state_dict) if t.name not in ties)
        files = save_checkpoint(folder, tensors, max_shard_size=max_shard_size, variant=variant)
        config.save_pretrained(folder)
        if self.can_generate():
            self.generation_config.save_pretrained(folder)
        if push_to_hub:
            files_as = dict(state_dict=state_dict, max_shard_size=max_shard_size, variant=variant)
            self.push_to_hub(repo_id or folder.name, **files_as, **kwargs)
        return files

    def push_to_hub(self, repo_id, *, state_dict=None, max_shard_size="5GB", variant=None, **kwargs):
        """Upload config and weights to the hub; `kwargs` as in `utils.hub.push_to_hub`. Returns its CommitInfo."""
        save = partial(self.save_pretrained, state_dict=state_dict, max_shard_size=max_shard_size, variant=variant)
        kwargs.setdefault("commit_message", f"Upload {type(self).__name__}")
        return push_to_hub(save, repo_id, **kwargs)


def resized_rows(values, size, mean_resizing):
    """(rows, ...) float32 cut or extended to `size` rows; see `resize_token_embeddings`."""
    rows = values.shape[0]
    if size <= rows:
        return values[:size]
    spread = values.std(0)
    noise = np.random.default_rng(rows).standard_normal((size - rows, *values.shape[1:]), np.float32)
    fresh = values.mean(0) + 1e-4 * spread * noise if mean_resizing else spread.mean() * noise
    return np.concatenate((values, fresh.astype(values.dtype)))


def _configured(config, attn_implementation):
    if attn_implementation is not None:
        config.attn_implementation = attn_implementation
    return config


def _checkpoint_dtype(config, checkpoint: Mapping):
    """The dtype the config names, else that of the first floating-point tensor."""
    if config.dtype is not None:
        return config.dtype
    return next((tensor.dtype for tensor in checkpoint.values() if "float" in tensor.dtype), "float32")
