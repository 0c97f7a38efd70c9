"""The machine's own limit: a square matrix product on all threads, in the best of several rounds.

Two libraries may compute it in float32: torch's own, and the one that numpy has brought along.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import torch

SIZE, ROUNDS = 2048, 8
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def peak(dtype: torch.dtype, size: int = SIZE, rounds: int = ROUNDS) -> float:
    """FLOP/s of torch."""
    left, right = (torch.randn(size, size).to(dtype) for _ in range(2))
    return best(lambda: left @ right, size, rounds)


def numpy_peak(size: int = SIZE, rounds: int = ROUNDS) -> float:
    """FLOP/s of numpy in float32."""
    left, right = (np.random.default_rng(0).random((size, size), np.float32) for _ in range(2))
    return best(lambda: left @ right, size, rounds)


def best(product: Callable[[], object], size: int, rounds: int) -> float:
    """FLOP/s of the fastest of some rounds."""
    seconds = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        product()
        seconds = min(seconds, time.perf_counter() - begun)
    return 2 * size**3 / seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--precision", choices=DTYPES, required=True)  # emulated bf16 takes minutes
    parser.add_argument("--library", choices=("torch", "numpy"), default="torch")
    parser.add_argument("--size", type=int, default=SIZE)
    given = parser.parse_args()
    if given.library == "numpy":
        found = numpy_peak(given.size)
    else:
        found = peak(DTYPES[given.precision], given.size)
    print(json.dumps({"contender": "matrix product", "flops": found}), flush=True)
