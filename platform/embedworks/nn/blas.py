"""Float32 products by the OpenBLAS that numpy brings along, where it is faster than torch's libraries.

On AMD processors without AVX-512 it reaches 90 % of what a core can multiply, oneDNN and MKL 70 % (Zen 2,
docs/benchmarks.md). It lays a weight out anew in every call, so products of few rows stay with oneDNN.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from threadpoolctl import threadpool_info
from torch import Tensor

Apply = Callable[[Tensor], Tensor]
Prepare = Callable[[Tensor, Tensor | None], Apply]

# Shape legend: M tokens, I inputs, O outputs.

ROWS = 48  # of a product; with fewer of them oneDNN is faster


def suits_blas() -> bool:
    """Whether this process multiplies fastest by numpy's BLAS.

    With several threads it does not: OpenBLAS and torch have threads of their own, which wait by spinning
    and take the cores from each other. Both count them by ``OMP_NUM_THREADS``.
    """
    return is_plain_amd() and torch.get_num_threads() == 1 and _openblas_threads() == 1


@lru_cache(maxsize=1)
def is_plain_amd() -> bool:
    """Whether the processor is AMD's, and without AVX-512."""
    able = torch.cpu.get_capabilities()
    is_amd = str(able.get("cpu_name", "")).startswith("AMD")
    return is_amd and bool(able.get("avx2")) and not able.get("avx512_f")


class BlasProduct:
    """Maps ``(..., I)`` to ``(..., O)`` in float32.

    Args:
        weight_OI: On a CPU; it is copied.
        bias_O: Or none.
        prepare: Makes the function for few rows of weight and bias, when they first come.
    """

    def __init__(self, weight_OI: Tensor, bias_O: Tensor | None, prepare: Prepare) -> None:
        self._weight_IO = weight_OI.t().contiguous().numpy()
        self._bias_O = bias_O
        self._prepare = prepare
        self._few: Apply | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """The product."""
        rows = x.shape[:-1].numel()
        if rows < ROWS:
            self._few = self._few or self._prepare(self._weight_OI, self._bias_O)
            return self._few(x)
        inputs, outputs = self._weight_IO.shape
        made_MO = x.new_empty(rows, outputs)
        np.matmul(x.reshape(rows, inputs).numpy(), self._weight_IO, out=made_MO.numpy())
        if self._bias_O is not None:
            made_MO.add_(self._bias_O)
        return made_MO.view(*x.shape[:-1], outputs)

    @property
    def _weight_OI(self) -> Tensor:
        return torch.from_numpy(self._weight_IO).t().contiguous()


def _openblas_threads() -> int:
    """The most that numpy's OpenBLAS takes; 0 where numpy has another BLAS."""
    pools = (pool for pool in threadpool_info() if pool["internal_api"] == "openblas")
    return max((pool["num_threads"] for pool in pools), default=0)
