"""Which number format an engine computes in, on the hardware that is there."""

from __future__ import annotations

from typing import Literal

import torch

from embedworks.errors import InputError

Precision = Literal["auto", "bf16", "fp32"]
PRECISIONS = ("auto", "bf16", "fp32")

# Instruction sets that multiply bfloat16 directly; elsewhere it is emulated and slower than float32.
FAST_BF16 = ("amx_bf16", "avx512_bf16", "bf16", "arm_bf16")


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The dtype of the encoder's weights: ``auto`` is bfloat16 where it is fast, else float32.

    Raises:
        InputError: for an unknown precision.
    """
    if precision not in PRECISIONS:
        known = ", ".join(PRECISIONS)
        raise InputError(
            f"unknown precision {precision!r}", expected=known, name=precision, known=PRECISIONS
        )
    if precision == "auto":
        return torch.bfloat16 if has_fast_bf16(device) else torch.float32
    return torch.bfloat16 if precision == "bf16" else torch.float32


def has_fast_bf16(device: torch.device) -> bool:
    """Whether ``device`` multiplies bfloat16 matrices in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in FAST_BF16)
