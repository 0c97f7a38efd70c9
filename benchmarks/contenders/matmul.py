"""The machine's own limit: a square matrix product on all threads, in the best of several rounds."""

from __future__ import annotations

import argparse
import json
import time

import torch

SIZE, ROUNDS = 2048, 8


def peak(dtype: torch.dtype) -> float:
    """FLOP/s."""
    left, right = (torch.randn(SIZE, SIZE).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - begun)
    return 2 * SIZE**3 / best


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--precision", choices=("fp32", "bf16"), required=True)
    precision = parser.parse_args().precision  # one alone: where bf16 is emulated, it takes minutes
    found = peak({"fp32": torch.float32, "bf16": torch.bfloat16}[precision])
    print(json.dumps({"contender": "matrix product", "flops": found}), flush=True)
