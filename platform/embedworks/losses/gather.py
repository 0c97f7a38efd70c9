"""Rows of every data-parallel worker in one tensor, with their gradient."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

# Shape legend: W workers, B rows of one worker, D width.


def world() -> tuple[int, int]:
    """(rank, world size) of this process; (0, 1) where ``torch.distributed`` is not running."""
    if not (dist.is_available() and dist.is_initialized()):
        return 0, 1
    return dist.get_rank(), dist.get_world_size()


def gather_rows(x_BD: Tensor) -> Tensor:
    """Collect the rows of all workers, in rank order; gradients flow back to the worker that made them.

    Why the usual averaging of data-parallel training is then exact: let L_r be worker r's mean loss
    over its own B queries, against the gathered rows, and L = (1/W) sum_r L_r the mean over all W*B
    queries. The backward pass gives worker s the slice sum_r dL_r/dx_s, which it carries on to the
    parameters; averaging over workers yields (1/W) sum_s sum_r dL_r/dx_s dx_s/dtheta = dL/dtheta. No
    factor W has to be put in or taken out. The same holds for a loss that every worker computes in
    full from gathered rows alone: its W equal copies sum to W dL/dx_s, and averaging removes the W.

    Args:
        x_BD: ``(B, ...)`` rows of this worker; B and the dtype must be the same on every worker.

    Returns:
        ``(W*B, ...)``; the input itself with one worker or without ``torch.distributed``.
    """
    if world()[1] == 1:
        return x_BD
    gathered: Tensor = _GatherRows.apply(x_BD)
    return gathered


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_BD: Tensor) -> Tensor:
        parts = [torch.empty_like(x_BD, memory_format=torch.contiguous_format) for _ in range(world()[1])]
        dist.all_gather(parts, x_BD.contiguous())
        ctx.rows = x_BD.shape[0]
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        # A clone, because the all-reduce works in place and autograd may have lent us its own tensor.
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total.narrow(0, world()[0] * ctx.rows, ctx.rows)
