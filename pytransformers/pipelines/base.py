"""Pipeline: from a task's inputs to its results, in three steps a task fills in.

    preprocess    one input -> what the model takes, each value with a leading axis of 1
    _forward      that, or a batch of it -> the model's outputs
    postprocess   the outputs of one input -> its result

`_sanitize_parameters` sorts keyword arguments among the three. No framework is imported here: the model's own backend
runs it, moves it and lends its arrays.
"""

from __future__ import annotations

import inspect
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

from ..auto.registry import import_backend
from ..tokenizers.tensors import BACKENDS, kind_of
from ..utils.files import make_folder
from . import batching
from .errors import PipelineException

logger = logging.getLogger(__name__)

# A progress bar appears after this many seconds on a list of at least this many inputs.
BAR_DELAY = 2.0
BAR_LEAST = 16
# Batches of a list among which inputs are sorted by length.
WINDOW = 16
# Packages whose module classes a model may derive from -> framework.
ROOTS = {"torch": "pt", "keras": "tf", "tensorflow": "tf", "tf_keras": "tf", "flax": "jax", "jax": "jax"}


class ArgumentHandler(ABC):
    """Turns what a user passes to a task into its inputs."""

    @abstractmethod
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The inputs."""


def framework_of(model: Any) -> str:
    """"pt", "tf" or "jax", told by the classes a model derives from."""
    for base in type(model).__mro__:
        if found := ROOTS.get(base.__module__.partition(".")[0]):
            return found
    raise ValueError(
        f"[pipeline] expected a model of PyTorch, TensorFlow or JAX, got {type(model).__name__}; pass framework="
    )


def is_stream(inputs: Any) -> bool:
    """Whether `inputs` are many, given one after another: a list, a generator or another iterator, a data set."""
    named = any(base.__name__ in ("Dataset", "IterableDataset", "KeyDataset", "KeyPairDataset")
                for base in type(inputs).__mro__)  # fmt: skip
    return isinstance(inputs, (list, Iterator)) or named


class Pipeline(ABC):
    """Base of all tasks.

    Args:
        model: of any of the three frameworks; it is put into evaluation mode.
        tokenizer, image_processor, feature_extractor, processor: what prepares the inputs.
        framework: "pt", "tf" or "jax"; None tells it from the model.
        task: the name it was made under.
        device: an index (-1 is the CPU), a name, or the framework's own; None is an accelerator if there is one.
        batch_size: how many inputs run together, where many are given; 1 by default. Results do not depend on it.
        num_workers, binary_output, modelcard: kept for the interface.
    Further keyword arguments are the task's own, and may also be given with each call.
    """

    # Which parts the task needs: True (required), None (taken if the checkpoint has one), False.
    _load_processor: ClassVar[bool | None] = False
    _load_image_processor: ClassVar[bool | None] = None
    _load_feature_extractor: ClassVar[bool | None] = None
    _load_tokenizer: ClassVar[bool | None] = None
    _pipeline_calls_generate: ClassVar[bool] = False
    default_input_names: ClassVar[str | None] = None
    padding_side = "right"

    def __init__(
        self, model: Any, tokenizer: Any = None, feature_extractor: Any = None, image_processor: Any = None,
        processor: Any = None, modelcard: Any = None, framework: str | None = None, task: str = "", device: Any = None,
        binary_output: bool = False, batch_size: int | None = None, num_workers: int | None = None,
        torch_dtype: Any = None, dtype: Any = None, args_parser: ArgumentHandler | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.task = task
        self.model = model
        self.tokenizer = tokenizer or getattr(processor, "tokenizer", None)
        self.feature_extractor = feature_extractor or getattr(processor, "feature_extractor", None)
        self.image_processor = image_processor or getattr(processor, "image_processor", None)
        self.processor = processor
        self.modelcard = modelcard
        self.framework = framework or framework_of(model)
        if self.framework not in BACKENDS:
            raise ValueError(f"[pipeline] expected framework to be {', '.join(BACKENDS)}, got {self.framework!r}")
        self._backend = import_backend(f"backends.{BACKENDS[self.framework]}.inference", "pipeline")
        self.device = self._backend.place(model, device)
        self.binary_output = binary_output
        self.call_count = 0
        self._batch_size = batch_size
        self._num_workers = num_workers
        self._runner: Any = None
        if self._pipeline_calls_generate:
            kwargs = self._prepare_generation(kwargs)
        sorted_out = self._sanitize_parameters(**kwargs)
        self._preprocess_params, self._forward_params, self._postprocess_params = sorted_out

    def _prepare_generation(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """For tasks that call `generate`: take their settings out of `kwargs`."""
        return kwargs

    # What a task fills in

    @abstractmethod
    def _sanitize_parameters(self, **pipeline_parameters: Any) -> tuple[dict, dict, dict]:
        """Keyword arguments of the constructor or of a call -> those of preprocess, _forward and postprocess."""

    @abstractmethod
    def preprocess(self, input_: Any, **preprocess_parameters: Any) -> Any:
        """One input -> a mapping of what `_forward` takes; arrays have a leading axis of 1."""

    @abstractmethod
    def _forward(self, input_tensors: Any, **forward_parameters: Any) -> Any:
        """What `preprocess` gave, or a batch of it -> the model's outputs, with the same leading axis."""

    @abstractmethod
    def postprocess(self, model_outputs: Any, **postprocess_parameters: Any) -> Any:
        """The outputs of one input, arrays with a leading axis of 1 -> its result."""

    # What tasks use

    @property
    def tensors(self) -> str:
        """The `return_tensors` of `preprocess`: arrays that cost nothing to make and that the model takes."""
        return "pt" if self.framework == "pt" else "np"

    def run_model(self, inputs: Mapping[str, Any]) -> Any:
        """The model's outputs, on the host, without gradients, dropout and cache.

        JAX is compiled for a few lengths, into which others are padded; TensorFlow is traced for all lengths at once.
        """
        self.check_ids(inputs)
        if self._runner is None:
            options = {"use_cache": False} if self._takes("use_cache") else {}
            self._runner = self._backend.host_runner(self.model, exact=self._needs_exact_lengths(), **options)
        # tokenizers give these unasked
        unwanted = () if self._takes("token_type_ids", unsure=True) else ("token_type_ids",)
        return self._runner(**{name: value for name, value in inputs.items() if name not in unwanted})

    def _takes(self, name: str, unsure: bool = False) -> bool:
        """Whether the model's `forward` has this argument; `unsure` where that does not tell."""
        return name in self._arguments or (unsure and "**" in self._arguments)

    @cached_property
    def _arguments(self) -> set[str]:
        """The names of the arguments of the model's `forward`, and "**" if it takes any."""
        own = getattr(self.model, "get_base_model", lambda: self.model)()  # inside an adapter
        if not hasattr(own, "forward"):
            return {"**"}
        parameters = inspect.signature(own.forward).parameters.values()
        return {"**" if parameter.kind is parameter.VAR_KEYWORD else parameter.name for parameter in parameters}

    def _needs_exact_lengths(self) -> bool:
        return False

    def check_ids(self, inputs: Mapping[str, Any]) -> None:
        """Refuse no text, too long text, and ids of another vocabulary than the model's."""
        ids = inputs.get("input_ids")
        if ids is None:
            return
        ids = batching.to_numpy(ids)
        if ids.size == 0:
            self.fail("expected text of at least one token, got none")
        config = self.model.config
        rows = getattr(config, "vocab_size", None)
        if rows is not None and ids.max() >= rows:
            self.fail(
                f"expected token ids below the model's vocabulary of {rows}, got {ids.max()}: the tokenizer "
                f"({len(self.tokenizer)} tokens) does not belong to this model; load both from one place, or resize "
                "the model's embeddings"
            )
        places = getattr(config, "max_position_embeddings", None)
        if places is not None and not hasattr(config, "rope_theta") and ids.shape[-1] > places:
            self.fail(
                f"expected at most {places} tokens, the model's positions, got {ids.shape[-1]}; shorten the text, or "
                "pass truncation=True where the task takes it"
            )

    def fail(self, reason: str) -> None:
        """Raise PipelineException for this task and model."""
        kind = getattr(self.model, "base_model_prefix", type(self.model).__name__)
        raise PipelineException(self.task, kind, f"[{self.task or type(self).__name__}] {reason}")

    def check_model_type(self, supported_models: Any) -> None:
        """Warn if the model's class is none of the names in a list, or among the values of a mapping."""
        names = supported_models.values() if isinstance(supported_models, Mapping) else supported_models
        known = {name for entry in names for name in (entry if isinstance(entry, tuple) else (entry,))}
        if type(self.model).__name__ not in {name if isinstance(name, str) else name.__name__ for name in known}:
            logger.error("[%s] %s is not a model for this task", self.task, type(self.model).__name__)

    # Running

    def __call__(
        self, inputs: Any, *args: Any, num_workers: int | None = None, batch_size: int | None = None,
        progress: bool | None = None, **kwargs: Any,
    ) -> Any:  # fmt: skip
        """The result of one input, a list of results for a list, an iterator of them for a generator or data set.

        Args:
            batch_size: how many inputs run together; default: the constructor's, else 1.
            progress: a bar on standard error. None: where that is a terminal and a list takes long.
            kwargs: the task's own, in place of the constructor's.
        """
        if args:
            logger.warning("Ignoring args : %s", args)
        batch_size = batch_size or self._batch_size or 1
        given = self._sanitize_parameters(**kwargs)
        own = self._preprocess_params, self._forward_params, self._postprocess_params
        parameters = [{**before, **now} for before, now in zip(own, given, strict=True)]
        self.call_count += 1
        if not is_stream(inputs):
            return self.run_single(inputs, *parameters)
        results = self.get_iterator(inputs, num_workers or self._num_workers or 0, batch_size, *parameters)
        if isinstance(inputs, list):
            return list(self._shown(results, len(inputs), progress))
        return self._shown(results, len(inputs) if hasattr(inputs, "__len__") else None, progress or False)

    def _shown(self, results: Iterable[Any], total: int | None, progress: bool | None) -> Iterable[Any]:
        """`results` behind a progress bar, if one is wanted."""
        if progress is False or (progress is None and (total is None or total < BAR_LEAST)):
            return results
        from tqdm.auto import tqdm

        # disable=None: where standard error is no terminal
        how = {"disable": False} if progress else {"disable": None, "delay": BAR_DELAY}
        return tqdm(results, self.task or None, total, **how)

    def run_single(self, inputs: Any, preprocess_params: dict, forward_params: dict, postprocess_params: dict) -> Any:
        """The result of one input."""
        features = self.preprocess(inputs, **preprocess_params)
        return self.postprocess(self.forward(features, **forward_params), **postprocess_params)

    def get_iterator(
        self, inputs: Iterable[Any], num_workers: int, batch_size: int, preprocess_params: dict, forward_params: dict,
        postprocess_params: dict,
    ) -> Iterator[Any]:  # fmt: skip
        """The results of many inputs, in their order, as they become ready.

        Of a stream no more than a batch is held. Of a list more is, so that inputs of one length run together.
        """
        features = ((self.preprocess(item, **preprocess_params), True) for item in _items(inputs))
        for _, outputs in self._outputs(features, batch_size, forward_params, isinstance(inputs, list)):
            yield self.postprocess(outputs, **postprocess_params)

    def _outputs(
        self, features: Iterable[tuple[Any, Any]], size: int, forward_params: dict, together: bool = False
    ) -> Iterator[tuple[Any, Any]]:
        """(mark, outputs) for each (features, mark), run `size` at a time; `together`: those of like length."""
        for held in _batches(features, size * WINDOW if together and size > 1 else size):
            found: list[Any] = [None] * len(held)
            order = sorted(range(len(held)), key=lambda row: batching.length_of(held[row][0]))
            for rows in _batches(order, size):
                outputs = self._run([held[row][0] for row in rows], forward_params)
                for row, output in zip(rows, outputs, strict=True):
                    found[row] = output
            yield from zip((mark for _, mark in held), found, strict=True)

    def _run(self, features: list[Any], forward_params: dict) -> list[Any]:
        """The outputs of each of some inputs, run as one batch."""
        if len(features) == 1:
            return [self.forward(features[0], **forward_params)]
        pad = getattr(self.tokenizer, "pad_token_id", None)
        pad = getattr(self.model.config, "pad_token_id", None) if pad is None else pad
        outputs = self.forward(batching.collate(features, pad, self.padding_side), **forward_params)
        return batching.split(outputs, len(features))

    def forward(self, model_inputs: Any, **forward_params: Any) -> Any:
        """`_forward` on the pipeline's device, without gradients; the outputs lie on the host."""
        with self.device_placement():
            inputs = self._backend.to_device(model_inputs, self.device)
            return self._backend.to_host(self._forward(inputs, **forward_params), self.device)

    def device_placement(self) -> Any:
        """A context in which the framework's new tensors lie on the pipeline's device."""
        return self._backend.on_device(self.device)

    def ensure_tensor_on_device(self, **inputs: Any) -> dict[str, Any]:
        """The arguments, with PyTorch tensors on the pipeline's device."""
        return self._backend.to_device(inputs, self.device)

    def transform(self, X: Any) -> Any:  # noqa: N803 (scikit-learn's name)
        """A call, under scikit-learn's name."""
        return self(X)

    predict = transform

    # Saving

    @property
    def dtype(self) -> Any:
        """The model's dtype."""
        return getattr(self.model, "dtype", None)

    torch_dtype = dtype

    def save_pretrained(self, save_directory: str | os.PathLike[str], **kwargs: Any) -> None:
        """Write the model and what prepares its inputs into a folder that `pipeline(model=folder)` loads."""
        folder = make_folder(save_directory)
        self.model.save_pretrained(folder, **kwargs)
        for part in (self.tokenizer, self.feature_extractor, self.image_processor):
            if part is not None:
                part.save_pretrained(folder)

    def push_to_hub(self, repo_id: str, **kwargs: Any) -> Any:
        """Upload the files of `save_pretrained`; arguments as in `utils.hub.push_to_hub`."""
        from ..utils.hub import push_to_hub

        return push_to_hub(self.save_pretrained, repo_id, **kwargs)


class ChunkPipeline(Pipeline):
    """A task whose `preprocess` yields several features for one input, and whose `postprocess` gets all their outputs.

    Each is run by itself or in batches that may span inputs. A feature's "is_last" is allowed and not needed.
    """

    def run_single(self, inputs: Any, preprocess_params: dict, forward_params: dict, postprocess_params: dict) -> Any:
        parameters = preprocess_params, forward_params, postprocess_params
        return next(self.get_iterator([inputs], 0, self._batch_size or 1, *parameters))

    def get_iterator(
        self, inputs: Iterable[Any], num_workers: int, batch_size: int, preprocess_params: dict, forward_params: dict,
        postprocess_params: dict,
    ) -> Iterator[Any]:  # fmt: skip
        features = self._marked(_items(inputs), preprocess_params)
        group = []
        for last, outputs in self._outputs(features, batch_size, forward_params, isinstance(inputs, list)):
            if isinstance(outputs, Mapping):
                outputs = {name: value for name, value in outputs.items() if name != "is_last"}
            group.append(outputs)
            if last:
                yield self.postprocess(group, **postprocess_params)
                group = []

    def _marked(self, inputs: Iterable[Any], preprocess_params: dict) -> Iterator[tuple[Any, bool]]:
        """(features, whether they are the last of their input)."""
        for item in inputs:
            chunks = iter(self.preprocess(item, **preprocess_params))
            before = next(chunks, None)
            if before is None:
                self.fail(f"expected preprocess to yield something for each input, got nothing for {item!r:.80}")
            for chunk in chunks:
                yield before, False
                before = chunk
            yield before, True


def _items(inputs: Iterable[Any]) -> Iterator[Any]:
    """The inputs one by one; data sets need only lengths and indices."""
    if hasattr(inputs, "__iter__"):
        return iter(inputs)
    return (inputs[index] for index in range(len(inputs)))


def _batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def return_tensor(value: Any, framework: str) -> Any:
    """`value` as an array of the framework, whichever it is an array of now."""
    return value if kind_of(value) == framework else batching.from_numpy(batching.to_numpy(value), framework)
