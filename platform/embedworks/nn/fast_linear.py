"""Linear layers for inference on CPUs, with weights that are laid out once for the product.

`F.linear` orders a weight anew in every call, which costs short texts more than the product itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from embedworks.nn.blas import BlasProduct, suits_blas

Apply = Callable[[Tensor], Tensor]
Weights = Literal["fp32", "bf16", "fp16", "int8"]

# Shape legend: M tokens, I inputs, O outputs.

ROWS = 64  # of the product for which a weight is laid out; other numbers of rows run equally fast


def has_fbgemm() -> bool:
    """Whether products with half-precision and 8-bit weights can be had: on x86 with AVX2."""
    return "fbgemm" in torch.backends.quantized.supported_engines


def prepared(weight_OI: Tensor, bias_O: Tensor | None, weights: Weights) -> Apply:
    """A function that maps ``(..., I)`` to ``(..., O)``.

    Args:
        weight_OI: On a CPU; it is copied.
        bias_O: Or none.
        weights: ``fp32`` and ``bf16`` take and give tensors of this dtype. ``fp16`` keeps the weight in
            half precision, and ``int8`` in 8 bits with a scale for each output while inputs are rounded
            to 7 bits with a scale for each token; both take and give float32. They need
            :func:`has_fbgemm`.
    """
    weight_OI = weight_OI.detach()
    bias_O = None if bias_O is None else bias_O.detach()
    if weights == "fp16":
        packed = torch.ops.quantized.linear_prepack_fp16(weight_OI.float(), _float(bias_O))
        return lambda x: torch.ops.quantized.linear_dynamic_fp16(x, packed)
    if weights == "int8":
        return _Rounded(weight_OI.float(), _float(bias_O))
    dtype = torch.float32 if weights == "fp32" else torch.bfloat16
    return _ordered(weight_OI.to(dtype), None if bias_O is None else bias_O.to(dtype))


class PreparedLinear(nn.Module):
    """Takes the place of an ``nn.Linear`` in a model that only infers.

    Args:
        linear: Whose place; its weight is kept for code that looks at its dtype or device.
        weights: As in :func:`prepared`.
    """

    def __init__(self, linear: nn.Linear, weights: Weights) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self._apply_to = prepared(linear.weight, linear.bias, weights)

    def forward(self, x: Tensor) -> Tensor:
        """``(..., I)`` to ``(..., O)``."""
        return self._apply_to(x)


def _ordered(weight_OI: Tensor, bias_O: Tensor | None) -> Apply:
    """By oneDNN, where it has products of this dtype; by numpy's BLAS where that is faster."""
    if weight_OI.dtype == torch.float32 and suits_blas():
        return BlasProduct(weight_OI, bias_O, _by_onednn)
    return _by_onednn(weight_OI, bias_O)


def _by_onednn(weight_OI: Tensor, bias_O: Tensor | None) -> Apply:
    mkldnn: Any = getattr(torch.ops, "mkldnn", None)
    known = torch.backends.mkldnn.is_available() and hasattr(mkldnn, "_linear_pointwise")
    if not known or (weight_OI.dtype == torch.bfloat16 and not mkldnn._is_mkldnn_bf16_supported()):
        return lambda x: F.linear(x, weight_OI, bias_O)
    ordered = mkldnn._reorder_linear_weight(weight_OI, ROWS)
    apply = mkldnn._linear_pointwise
    return lambda x: apply(x, ordered, bias_O, "none", [], "")


class _Rounded:
    """A product in 8 bits. The kernel has one scale for all its inputs, which one large token would spoil
    for the others of its batch; so each token is divided by its own largest number before.
    """

    def __init__(self, weight_OI: Tensor, bias_O: Tensor | None) -> None:
        scale_O = weight_OI.abs().amax(1).clamp(min=1e-12).double() / 127
        zero_O = torch.zeros(len(scale_O), dtype=torch.long)
        with warnings.catch_warnings():  # of a future without quantised tensors
            warnings.simplefilter("ignore")
            rounded = torch.quantize_per_channel(weight_OI, scale_O, zero_O, 0, torch.qint8)
            self._packed = torch.ops.quantized.linear_prepack(rounded, None)
        self._bias_O = weight_OI.new_zeros(()) if bias_O is None else bias_O

    def __call__(self, x: Tensor) -> Tensor:
        largest = torch.linalg.vector_norm(x, torch.inf, dim=-1, keepdim=True).clamp_(min=1e-12)
        # 7 bits: with 8, sums of two products overflow on processors without VNNI.
        product = torch.ops.quantized.linear_dynamic(x / largest, self._packed, True)
        return torch.addcmul(self._bias_O, product, largest)


def _float(bias_O: Tensor | None) -> Tensor | None:
    return None if bias_O is None else bias_O.float()
