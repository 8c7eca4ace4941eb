"""What is installed: `is_torch_available()` and its many siblings, told without importing anything.

Questions about a device (`is_torch_cuda_available`) are put to PyTorch, and are False without it.
"""

from __future__ import annotations

import functools
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

# `is_<word>_available()` for packages that are called as the word itself.
_PLAIN = """
accelerate apex apollo_torch aqlm auto_gptq auto_round av bitsandbytes bs4 causal_conv1d coloredlogs
compressed_tensors cv2 datasets decord detectron2 eetq essentia faiss fastapi fbgemm_gpu flash_attn ftfy g2p_en
galore_torch gguf gptqmodel grokadamw hqq kenlm keras_nlp kernels libcst librosa liger_kernel mamba_ssm matplotlib
mistral_common mlx natten ninja nltk num2words onnx openai optimum pandas peft phonemizer pretty_midi psutil py3nvml
pyctcdecode pydantic pygments pytesseract pytest pytorch_quantization quark rich rjieba sacremoses safetensors
schedulefree scipy sentencepiece seqio soundfile spacy tensorflow_probability tensorflow_text tf2onnx timm
tokenizers torch torch_mlu torch_musa torch_npu torch_optimi torch_xla torchao torchaudio torchcodec torchdistx
torchvision triton uroman uvicorn vptq xlstm yt_dlp
""".split()
# Those that go by another name, and those that take several packages.
_PACKAGES = {
    **{name: (name,) for name in _PLAIN},
    "auto_awq": ("awq",),
    "ccl": ("oneccl_bindings_for_pytorch",),
    "cython": ("Cython",),
    "flash_attn_2": ("flash_attn",),
    "flash_attn_3": ("flash_attn_3",),
    "flax": ("jax", "flax"),
    "fsdp": ("torch",),
    "ipex": ("intel_extension_for_pytorch",),
    "jinja": ("jinja2",),
    "jumanpp": ("rhoknp",),
    "levenshtein": ("Levenshtein",),
    "lomo": ("lomo_optim",),
    "optimum_quanto": ("optimum.quanto",),
    "protobuf": ("google.protobuf",),
    "sklearn": ("sklearn",),
    "speech": ("torchaudio",),
    "spqr": ("spqr_quant",),
    "sudachi": ("sudachipy",),
    "tf": ("tensorflow",),
    "tiktoken": ("tiktoken", "blobfile"),
    "torch_fx": ("torch",),
    "torch_sdpa": ("torch",),
    "torch_flex_attn": ("torch",),
    "torch_compile": ("torch",),
    "torchdynamo": ("torch",),
    "torchvision_v2": ("torchvision",),
    "vision": ("PIL",),
}
# Those that depend on the machine; `backends/torch/devices.py` answers.
_DEVICES = """
torch_cuda torch_mps torch_xpu torch_hpu torch_accelerator torch_bf16 torch_bf16_cpu torch_bf16_gpu torch_tf32
""".split()

ENV_VARS_TRUE_VALUES = {"1", "ON", "YES", "TRUE"}
ENV_VARS_TRUE_AND_AUTO_VALUES = ENV_VARS_TRUE_VALUES | {"AUTO"}
NLTK_IMPORT_ERROR = "[nltk] expected the package nltk to be installed, found none; run: pip install nltk"


def has_packages(*packages: str) -> bool:
    """Whether all of them can be imported; none is."""
    try:
        return all(package in sys.modules or find_spec(package) is not None for package in packages)
    except (ModuleNotFoundError, ValueError):  # a parent that is missing, a module without a spec
        return False


def _package_question(name: str, packages: tuple[str, ...]) -> Any:
    def ask(*minimum: str) -> bool:
        return has_packages(*packages) and all(is_at_least(packages[0], version) for version in minimum)

    return _named(ask, name, f"Whether {' and '.join(packages)} can be imported, of a version of at least `minimum`.")


def _device_question(name: str) -> Any:
    def ask(*_: Any) -> bool:
        if not has_packages("torch"):
            return False
        return import_module("...backends.torch.devices", __name__).QUESTIONS[name]()

    return _named(ask, name, "Whether PyTorch is installed and says so of this machine.")


def _named(function: Any, name: str, doc: str) -> Any:
    function.__name__ = function.__qualname__ = f"is_{name}_available"
    function.__doc__ = doc
    return function


globals().update({f"is_{name}_available": _package_question(name, packages) for name, packages in _PACKAGES.items()})
globals().update({f"is_{name}_available": _device_question(name) for name in _DEVICES})


@functools.cache
def is_at_least(package: str, version: str) -> bool:
    """Whether the installed package has this version or a later one."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    from packaging.version import parse

    try:
        return parse(parse(installed(package)).base_version) >= parse(version)
    except PackageNotFoundError:
        return False


is_torch_greater_or_equal = functools.partial(is_at_least, "torch")
is_flash_attn_greater_or_equal = functools.partial(is_at_least, "flash_attn")
is_huggingface_hub_greater_or_equal = functools.partial(is_at_least, "huggingface_hub")


def is_torchdynamo_compiling() -> bool:
    """Whether `torch.compile` or `torch.export` is tracing this very call."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.compiler.is_compiling()


def is_in_notebook() -> bool:
    return "IPython" in sys.modules and "IPKernelApp" in (sys.modules["IPython"].get_ipython().config or ())


def is_sagemaker_mp_enabled() -> bool:
    return False


is_sagemaker_dp_enabled = is_sagemaker_mp_enabled


def get_torch_version() -> str:
    """The installed version, or "N/A"."""
    from importlib.metadata import version

    return version("torch") if has_packages("torch") else "N/A"


def requires_backends(obj: Any, backends: str | list[str]) -> None:
    """ImportError that names the first of these words ("torch", "vision", ...) whose packages are missing."""
    what = getattr(obj, "__name__", type(obj).__name__)
    for name in [backends] if isinstance(backends, str) else backends:
        packages = _PACKAGES.get(name, (name,))
        if not has_packages(*packages):
            wanted = " ".join(packages)
            raise ImportError(f"[{what}] expected {wanted} to be installed, found none; run: pip install {wanted}")


class OptionalDependencyNotAvailable(ImportError):
    """A package that is not required is missing."""


__all__ = [name for name in dir() if name.startswith("is_") or name.isupper() and not name.startswith("_")]
__all__ += ["OptionalDependencyNotAvailable", "get_torch_version", "requires_backends"]
