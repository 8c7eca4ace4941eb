"""The base of all configurations: typed fields with defaults, read from and written to config.json.

A configuration class declares its fields as annotated class attributes, in the order of the constructor's
positional arguments, and lists its checks as data:

    class BertConfig(PretrainedConfig):
        model_type = "bert"
        checks = (integers("vocab_size", "hidden_size"), activation("hidden_act"))

        vocab_size: int = 30522
        hidden_size: int = 768

Fields, defaults and the file format are those of `transformers` 4.57, whose files load here and which loads
ours. Keys that no field names are kept as attributes, since checkpoints carry them. (The standard library's
`dataclasses` would do the same at twice the import time of this whole package.)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from typing import Any, ClassVar, Self, dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda cls: cls


CONFIG_NAME = "config.json"
PROBLEM_TYPES = ("regression", "single_label_classification", "multi_label_classification")
# None lets the backend choose; the rest are the names of `transformers` and of our kernel selection.
ATTENTION_NAMES = ("eager", "sdpa", "flash_attention_2", "auto", "native", "reference", "triton")
# Arguments of from_pretrained that say where a file comes from rather than what the model is.
HUB_ARGUMENTS = ("cache_dir", "force_download", "local_files_only", "token", "revision", "subfolder")
IGNORED_ARGUMENTS = ("proxies", "resume_download", "trust_remote_code", "_from_auto", "_from_pipeline", "user_agent")
# Attributes that live with an instance and never go to a file.
UNSAVED = ("_commit_hash", "_attn_implementation", "_auto_class", "transformers_weights")


class _Alias:
    """A second name for a field, from `attribute_map`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, config, owner=None):
        return self if config is None else getattr(config, self.name)

    def __set__(self, config, value) -> None:
        setattr(config, self.name, value)


@dataclass_transform(kw_only_default=False)
class PretrainedConfig:
    """Settings of a model. Raises ValueError naming the field for unknown or contradictory values.

    Besides the fields below, `attn_implementation` (None or one of ATTENTION_NAMES) and `name_or_path` may
    be given. `num_labels=n` is short for `id2label={0: "LABEL_0", ...}`; `torch_dtype` is the older name of
    `dtype`, which is held as text ("bfloat16") whatever framework's dtype is given.
    """

    model_type: ClassVar[str] = ""
    attribute_map: ClassVar[dict[str, str]] = {}
    keys_to_ignore_at_inference: ClassVar[list[str]] = []
    sub_configs: ClassVar[dict[str, type]] = {}
    # Ordered, reversible (pattern, replacement) pairs: a checkpoint's names -> the definition's names.
    renames: ClassVar[tuple[tuple[str, str], ...]] = ()
    checks: ClassVar[tuple[Callable[[PretrainedConfig], str | None], ...]] = ()
    # Fields computed from another field: overriding the one while loading forgets the file's others.
    derived: ClassVar[dict[str, tuple[str, ...]]] = {"num_labels": ("id2label", "label2id"), "id2label": ("label2id",)}
    defaults: ClassVar[dict[str, Any]] = {}  # every field and its default; filled per class

    return_dict: bool = True
    output_hidden_states: bool = False
    output_attentions: bool = False
    torchscript: bool = False
    dtype: str | None = None
    pruned_heads: dict[int, list[int]] | None = None
    tie_word_embeddings: bool = True
    chunk_size_feed_forward: int = 0
    is_encoder_decoder: bool = False
    is_decoder: bool = False
    cross_attention_hidden_size: int | None = None
    add_cross_attention: bool = False
    tie_encoder_decoder: bool = False
    architectures: list[str] | None = None
    finetuning_task: str | None = None
    id2label: dict[int, str] | None = None
    label2id: dict[str, int] | None = None
    task_specific_params: dict[str, Any] | None = None
    problem_type: str | None = None
    tokenizer_class: str | None = None
    prefix: str | None = None
    bos_token_id: int | None = None
    pad_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    sep_token_id: int | None = None
    decoder_start_token_id: int | None = None
    # Generation settings that older checkpoints keep in config.json.
    max_length: int = 20
    min_length: int = 0
    do_sample: bool = False
    early_stopping: bool | str = False
    num_beams: int = 1
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 1.0
    typical_p: float = 1.0
    repetition_penalty: float = 1.0
    length_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    encoder_no_repeat_ngram_size: int = 0
    bad_words_ids: list[list[int]] | None = None
    num_return_sequences: int = 1
    output_scores: bool = False
    return_dict_in_generate: bool = False
    forced_bos_token_id: int | None = None
    forced_eos_token_id: int | None = None
    remove_invalid_values: bool = False
    exponential_decay_length_penalty: Any = None
    suppress_tokens: list[int] | None = None
    begin_suppress_tokens: list[int] | None = None
    num_beam_groups: int = 1
    diversity_penalty: float = 0.0
    _name_or_path: str = ""
    _commit_hash: str | None = None
    _attn_implementation: str | None = None
    transformers_version: str | None = None
    tf_legacy_loss: bool = False
    use_bfloat16: bool = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.own_fields = _declared(cls)
        cls.defaults = {**cls.defaults, **{name: getattr(cls, name) for name in cls.own_fields}}
        for alias, name in cls.attribute_map.items():
            setattr(cls, alias, _Alias(name))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if len(args) > len(self.own_fields):
            raise TypeError(f"[{type(self).__name__}] expected at most {len(self.own_fields)} values, got {len(args)}")
        positional = dict(zip(self.own_fields, args, strict=False))
        if twice := positional.keys() & kwargs.keys():
            raise TypeError(f"[{type(self).__name__}] got two values for {', '.join(sorted(twice))}")
        kwargs.update(positional)
        values = vars(self)
        values.update(self.defaults)
        self._take_common(kwargs)
        for name, value in kwargs.items():
            self._refuse_reserved(name)
            setattr(self, name, value)
        self.derive()
        self.validate()

    def _take_common(self, kwargs: dict[str, Any]) -> None:
        """Set the common fields that need more than assignment, removing them from `kwargs`."""
        torch_dtype = kwargs.pop("torch_dtype", None)
        dtype = kwargs.pop("dtype", None)
        self.dtype = _dtype_name(torch_dtype if dtype is None else dtype)
        self.pruned_heads = {int(layer): heads for layer, heads in (kwargs.pop("pruned_heads", None) or {}).items()}
        if "name_or_path" in kwargs:
            self.name_or_path = kwargs.pop("name_or_path")
        self.attn_implementation = kwargs.pop("attn_implementation", kwargs.pop("_attn_implementation", None))

        num_labels = kwargs.pop("num_labels", None)
        id2label, label2id = kwargs.pop("id2label", None), kwargs.pop("label2id", None)
        for name, value in (("id2label", id2label), ("label2id", label2id)):
            if value is not None and not isinstance(value, dict):
                self._fail(f"expected {name} to be a dictionary, got {value!r}")
        if id2label is None:
            self._set_labels(2 if num_labels is None else num_labels)
        else:
            try:
                self.id2label = {int(key): label for key, label in id2label.items()}  # JSON keys are text
            except (TypeError, ValueError):
                self._fail(f"expected the keys of id2label to be integers, got {', '.join(map(repr, id2label))}")
            self.label2id = {label: key for key, label in self.id2label.items()}
            if num_labels is not None and num_labels != len(self.id2label):
                self._fail(
                    f"expected num_labels to be the length of id2label, got {num_labels} and {len(self.id2label)}; "
                    "give one of them"
                )
        if label2id is not None:
            self.label2id = dict(label2id)

    def _set_labels(self, num_labels: int) -> None:
        if not isinstance(num_labels, int) or isinstance(num_labels, bool) or num_labels < 0:
            self._fail(f"expected num_labels to be an integer of at least 0, got {num_labels!r}")
        self.id2label = {i: f"LABEL_{i}" for i in range(num_labels)}
        self.label2id = {label: i for i, label in self.id2label.items()}

    def _refuse_reserved(self, name: str) -> None:
        member = getattr(type(self), name, None)
        if callable(member) or isinstance(member, property) and member.fset is None:
            self._fail(f"expected no key {name!r}, which is the name of a method or read-only property; rename it")

    def _fail(self, message: str) -> None:
        raise ValueError(f"[{type(self).__name__}] {message}")

    def derive(self) -> None:
        """Fill the fields whose default follows from others. Subclasses with such fields override it."""

    def validate(self) -> None:
        """Raise ValueError for the first value that is unknown or contradicts another.

        Runs on construction and loading; call it after assigning fields by hand.
        """
        if self.problem_type is not None and self.problem_type not in PROBLEM_TYPES:
            self._fail(f"expected problem_type to be one of {', '.join(PROBLEM_TYPES)}, got {self.problem_type!r}")
        self.require(*self.checks)

    def require(self, *checks: Callable[[PretrainedConfig], str | None]) -> None:
        """Raise ValueError with the message of the first check that finds fault."""
        for check in checks:
            if message := check(self):
                self._fail(message)

    @property
    def num_labels(self) -> int:
        """Number of labels of a classification head. Assigning another number renames the labels."""
        return len(self.id2label)

    @num_labels.setter
    def num_labels(self, num_labels: int) -> None:
        if self.id2label is None or num_labels != len(self.id2label):
            self._set_labels(num_labels)

    @property
    def use_return_dict(self) -> bool:
        """Whether models return ModelOutput rather than tuples."""
        return self.return_dict and not self.torchscript

    @property
    def torch_dtype(self) -> str | None:
        """The older name of `dtype`."""
        return self.dtype

    @torch_dtype.setter
    def torch_dtype(self, value: Any) -> None:
        self.dtype = _dtype_name(value)

    @property
    def attn_implementation(self) -> str | None:
        """Which attention runs: None (the backend's choice) or one of ATTENTION_NAMES."""
        return self._attn_implementation

    @attn_implementation.setter
    def attn_implementation(self, value: str | None) -> None:
        if value is not None and value not in ATTENTION_NAMES:
            from .checks import near

            known, hint = ", ".join(ATTENTION_NAMES), near(value, ATTENTION_NAMES)
            self._fail(f"expected attn_implementation to be one of {known}, got {value!r}{hint}")
        self._attn_implementation = value

    @property
    def name_or_path(self) -> str:
        """The folder or hub id that the configuration was loaded from, or ""."""
        return self._name_or_path

    @name_or_path.setter
    def name_or_path(self, value: Any) -> None:
        self._name_or_path = str(value)

    def get_text_config(self, decoder: bool | None = None, encoder: bool | None = None) -> PretrainedConfig:
        """The part that describes the text model: this configuration itself, where there is only one part."""
        return self

    # Reading

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any) -> Self:
        """Load from a folder, a config.json, or a hub id.

        `kwargs` override the file's values. Those in HUB_ARGUMENTS say where to look. With
        `return_unused_kwargs=True` the result is `(config, the kwargs that are no setting)`.
        Raises OSError for a missing or unreadable file, ValueError for values that make no sense.
        """
        config_dict, kwargs = cls.get_config_dict(pretrained_model_name_or_path, **kwargs)
        found = config_dict.get("model_type")
        if found and cls.model_type and found != cls.model_type:
            import logging

            logging.getLogger(__name__).warning(
                "[%s] expected model_type %r in %s, got %r; AutoConfig picks the class that fits",
                cls.__name__, cls.model_type, pretrained_model_name_or_path, found,
            )  # fmt: skip
        try:
            result = cls.from_dict(config_dict, **kwargs)
        except ValueError as error:
            raise ValueError(f"[{pretrained_model_name_or_path}] cannot use this {CONFIG_NAME}: {error}") from error
        config = result[0] if isinstance(result, tuple) else result
        config.name_or_path = pretrained_model_name_or_path
        return result

    @classmethod
    def get_config_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The content of config.json, and the `kwargs` that do not say where to find it."""
        import os

        from ..utils.files import read_json_object

        for name in IGNORED_ARGUMENTS:
            kwargs.pop(name, None)
        if (token := kwargs.pop("use_auth_token", None)) is not None:
            kwargs.setdefault("token", token)
        filename = kwargs.pop("_configuration_file", CONFIG_NAME)
        hub = {name: kwargs.pop(name) for name in HUB_ARGUMENTS if name in kwargs}
        where = os.fspath(pretrained_model_name_or_path)
        if os.path.isfile(where):
            path = where
        else:
            from ..weights import resolve_file

            path = resolve_file(where, filename, **{k: v for k, v in hub.items() if v is not None})
            if path is None:
                raise OSError(
                    f"[{where}] expected a {filename}, found none; give a folder that holds one, or a model's hub id"
                )
        return read_json_object(path), kwargs

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Self:
        """Build from a dictionary such as `to_dict` gives; `kwargs` override it (see `from_pretrained`)."""
        return_unused = kwargs.pop("return_unused_kwargs", False)
        values = {cls.attribute_map.get(name, name): value for name, value in config_dict.items()}
        values.pop("model_type", None)
        used = {}
        for name in list(kwargs):
            field = cls.attribute_map.get(name, name)
            if field in ("dtype", "torch_dtype"):  # also an argument of models: both get it
                if kwargs[name] != "auto":
                    used["dtype"] = kwargs[name]
            elif field in values or hasattr(cls, field):
                used[field] = kwargs.pop(name)
        for field in used:
            for other in cls.derived.get(field, ()):
                if other not in used and not _agree(values, field, used[field]):
                    values.pop(other, None)
        config = cls(**{**values, **used})
        return (config, kwargs) if return_unused else config

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike[str]) -> Self:
        """Build from a JSON file."""
        from ..utils.files import read_json_object

        return cls.from_dict(read_json_object(json_file))

    def update(self, config_dict: dict[str, Any]) -> None:
        """Assign every item as an attribute, then validate."""
        for name, value in config_dict.items():
            self._refuse_reserved(name)
            setattr(self, name, value)
        self.validate()

    # Writing

    def to_dict(self) -> dict[str, Any]:
        """Every setting, as plain Python values of its own."""
        import copy

        values = {name: value for name, value in vars(self).items() if name not in UNSAVED}
        values = {n: v.to_dict() if isinstance(v, PretrainedConfig) else copy.deepcopy(v) for n, v in values.items()}
        if values["transformers_version"] is None:
            del values["transformers_version"]
        return {**values, "model_type": self.model_type}

    def to_diff_dict(self) -> dict[str, Any]:
        """The settings that config.json holds: the architecture's own, and the common ones that differ."""
        common, own = _BARE.to_dict(), type(self)().to_dict()
        values = {
            name: value
            for name, value in self.to_dict().items()
            if name not in common or value != common[name] or value != own.get(name, value)
        }
        values.pop("_name_or_path", None)
        return values

    def to_json_string(self, use_diff: bool = True) -> str:
        """JSON text, with only `to_diff_dict` unless `use_diff` is False."""
        import json

        values = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(_with_text_keys(values), indent=2, sort_keys=True) + "\n"

    def to_json_file(self, json_file_path: str | os.PathLike[str], use_diff: bool = True) -> None:
        """Write `to_json_string` to a file, atomically."""
        from ..utils.files import write_text

        write_text(json_file_path, self.to_json_string(use_diff))

    def save_pretrained(self, save_directory: str | os.PathLike[str], push_to_hub: bool = False, **kwargs: Any) -> None:
        """Write config.json into a folder, which is created if need be; with `push_to_hub`, upload it too."""
        import os

        from ..utils.files import make_folder

        folder = make_folder(save_directory)
        self.to_json_file(os.path.join(folder, CONFIG_NAME))
        if push_to_hub:
            self.push_to_hub(kwargs.pop("repo_id", os.path.basename(os.path.abspath(folder))), **kwargs)

    def push_to_hub(self, repo_id: str, **kwargs: Any) -> Any:
        """Upload config.json to a hub repository; arguments as in `utils.hub.push_to_hub`."""
        from ..utils.hub import push_to_hub

        return push_to_hub(self.save_pretrained, repo_id, **kwargs)

    def __eq__(self, other: object) -> bool:
        return self is other or (type(self) is type(other) and vars(self) == vars(other))

    def __hash__(self) -> int:
        # Equal configurations must hash alike while their fields stay assignable; JAX needs hashable statics.
        return hash(type(self))

    def __iter__(self) -> Iterator[str]:
        return iter(vars(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"


def _declared(cls: type) -> tuple[str, ...]:
    """The names of the fields that the class itself declares, in order."""
    annotations = cls.__dict__.get("__annotations__", {})
    return tuple(name for name, kind in annotations.items() if "ClassVar" not in str(kind) and name in cls.__dict__)


def _agree(values: dict[str, Any], field: str, value: Any) -> bool:
    """Whether an override repeats what the file says, so that what follows from it may stay."""
    if field == "num_labels":
        return len(values.get("id2label") or ()) == value
    return field in values and values[field] == value


def _dtype_name(dtype: Any) -> Any:
    """ "bfloat16" for torch.bfloat16, jnp.bfloat16, tf.bfloat16, np.dtype("bfloat16") or the text itself."""
    if dtype is None or isinstance(dtype, (str, dict)):
        return dtype.removeprefix("torch.") if isinstance(dtype, str) else dtype
    for attribute in ("name", "__name__"):
        if isinstance(name := getattr(dtype, attribute, None), str):
            return name
    return str(dtype).rsplit(".", 1)[-1]


def _with_text_keys(value: Any) -> Any:
    """JSON sorts its keys, so they must all be text."""
    if isinstance(value, dict):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_text_keys(item) for item in value]
    return value


PretrainedConfig.own_fields = _declared(PretrainedConfig)
PretrainedConfig.defaults = {name: getattr(PretrainedConfig, name) for name in PretrainedConfig.own_fields}
_BARE = PretrainedConfig()
