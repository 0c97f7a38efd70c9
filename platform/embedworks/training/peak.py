"""The most FLOPs a second that a device gives: what a rate is compared with."""

from __future__ import annotations

import re
import time
from functools import lru_cache

import torch

# Dense matrix products with 16-bit inputs and no sparsity, FLOP/s, from the vendors' data sheets; V100 and
# T4 have no bf16, theirs is fp16. The first name that is found counts.
GPUS: dict[str, float] = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "V100": 125e12,
    "T4": 65e12,
    "MI300X": 1307e12,
}
SIDE = 1024  # of the matrices: large enough for a processor's best, small enough for milliseconds
SECONDS = 0.15


def device_peak(device: torch.device, precision: str) -> float | None:
    """Peak FLOP/s of a device at ``bf16``, ``fp16`` or ``fp32``.

    A CPU is measured, with the threads that this process has; a GPU is looked up. None where nothing is
    known: another GPU, or float32 on one.
    """
    if device.type == "cpu":
        return matmul_peak({"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32))
    if precision == "fp32":
        return None
    return gpu_peak(torch.cuda.get_device_name(device))


def gpu_peak(name: str) -> float | None:
    """Peak of a GPU by the name that its driver gives it, such as ``NVIDIA A100-SXM4-80GB``."""
    for known, peak in GPUS.items():
        if re.search(rf"\b{known}\b", name):
            return peak
    return None


@lru_cache
def matmul_peak(dtype: torch.dtype) -> float:
    """FLOP/s of the fastest of several square matrix products on this process's threads."""
    draws = torch.Generator().manual_seed(0)  # of its own: the global one belongs to the run
    left, right = (torch.randn(SIDE, SIDE, generator=draws).to(dtype) for _ in range(2))
    best, stop = float("inf"), time.perf_counter() + SECONDS
    with torch.no_grad():
        for number in range(10_000):
            start = time.perf_counter()
            if number > 2 and start > stop:
                break
            left @ right
            best = min(best, time.perf_counter() - start)
    return 2 * SIDE**3 / best
