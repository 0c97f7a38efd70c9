"""Opens a backend by name, or says in one sentence why it cannot be."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from embedworks.errors import InputError
from embedworks.inference.backends.protocol import BACKENDS, SERVING_PRECISIONS, Backend, Setting
from embedworks.named import require_known
from embedworks.nn.attention import attention_kind
from embedworks.nn.fast_linear import has_fbgemm
from embedworks.nn.precision import has_fast_bf16
from embedworks.nn.token_prepending import token_prepending_of
from embedworks.nn.unpadded import OFFSET, PLAIN, runs_unpadded

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PLACES = {
    "torch": ("torch_padded", "TorchPadded"),
    "packed": ("torch_packed", "TorchPacked"),
    "compile": ("torch_compile", "TorchCompile"),
    "onnx": ("onnx_runtime", "OnnxRuntime"),
    "openvino": ("openvino_runtime", "OpenVino"),
}
PRECISIONS_OF: dict[str, tuple[str, ...]] = {
    "torch": ("fp32", "bf16", "fp16", "int8"),
    "packed": ("fp32", "bf16", "fp16", "int8"),
    "compile": ("fp32", "bf16", "fp16"),
    "onnx": ("fp32", "int8"),
    "openvino": ("fp32", "bf16", "fp16", "int8"),
}
PACKAGES = {"onnx": ("onnxruntime", "onnx", "onnxscript"), "openvino": ("openvino",)}
CPU_ONLY = ("packed", "onnx", "openvino")


def open_backend(name: str, setting: Setting) -> Backend:
    """A backend that is ready for the full depth's first batch.

    Raises:
        InputError: for an unknown name or precision, a package that is missing (with the extra to
            install), or a model, device or precision that the backend does not have.
    """
    check_backend(name, setting.precision)
    _check_device(name, setting)
    if name == "packed" and not runs_unpadded(setting.encoder):
        raise _not_packed(setting.encoder.config.model_type)
    if name != "torch" and attention_kind(setting.encoder) == "prefix":
        raise InputError(
            f"backend {name} has no attention to a prefix",
            expected="backend: torch, which runs every model",
        )
    if name != "torch" and token_prepending_of(setting.encoder):
        raise InputError(
            f"backend {name} has no token prepending", expected="backend: torch, which runs every model"
        )
    module, kind = PLACES[name]
    opened = getattr(importlib.import_module(f"{__package__}.{module}"), kind)(setting)
    return cast(Backend, opened)


def check_backend(name: str, precision: str) -> None:
    """What can be said without the model.

    Raises:
        InputError: as :func:`open_backend`.
    """
    require_known("backend", name, BACKENDS)
    require_known("precision", precision, SERVING_PRECISIONS)
    if missing := missing_packages(name):
        raise InputError(
            f"backend {name} needs {', '.join(missing)}", expected=f"pip install 'embedworks[{name}]'"
        )
    if precision != "auto" and precision not in PRECISIONS_OF[name]:
        raise InputError(
            f"backend {name} has no {precision}", expected=f"one of {', '.join(PRECISIONS_OF[name])}"
        )


def missing_packages(name: str) -> list[str]:
    """What a backend needs and is not installed."""
    return [package for package in PACKAGES.get(name, ()) if importlib.util.find_spec(package) is None]


def check_served(name: str, precision: str, folder: Path) -> None:
    """What can be said without opening the model: :func:`check_backend`, and its architecture.

    Raises:
        InputError: for a backend that cannot run it.
    """
    check_backend(name, precision)
    model_type = json.loads((folder / "config.json").read_text()).get("model_type")
    if name == "packed" and model_type not in (*PLAIN, *OFFSET):
        raise _not_packed(model_type)


def default_backend(encoder: PreTrainedModel, device: torch.device) -> str:
    """``packed`` for BERT-like encoders on a CPU, where it is never slower; else ``torch``."""
    return "packed" if device.type == "cpu" and runs_unpadded(encoder) else "torch"


def choose_precision(name: str, precision: str, device: torch.device) -> str:
    """``auto`` is bf16 where the hardware multiplies it and the backend has it, else fp32."""
    if precision != "auto":
        return precision
    return "bf16" if "bf16" in PRECISIONS_OF[name] and has_fast_bf16(device) else "fp32"


def _not_packed(model_type: str) -> InputError:
    return InputError(
        f"backend packed does not run this {model_type!r} model",
        expected=f"{', '.join((*PLAIN, *OFFSET))}, as published; or backend: torch, which runs every model",
    )


def _check_device(name: str, setting: Setting) -> None:
    precision, on_cpu = setting.precision, setting.device.type == "cpu"
    if not on_cpu and name in CPU_ONLY:
        raise InputError(f"backend {name} runs on CPUs", expected="torch or compile on a GPU")
    if not on_cpu and precision == "int8":
        raise InputError("int8 runs on CPUs", expected="fp32, bf16 or fp16 on a GPU")
    if on_cpu and name == "compile" and precision == "fp16":
        raise InputError("backend compile has fp16 on GPUs alone", expected="fp32 or bf16 on a CPU")
    if on_cpu and name in ("torch", "packed") and precision in ("fp16", "int8") and not has_fbgemm():
        raise InputError(f"{precision} under torch needs an x86 CPU with AVX2", expected="fp32 or bf16")
