"""Rows of every data-parallel worker in one tensor, with their gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import accumulate
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

# Shape legend: W workers, B rows of one worker, D width.

_samples: ContextVar[tuple[int, ...] | None] = ContextVar("samples", default=None)


def world() -> tuple[int, int]:
    """(rank, world size) of this process; (0, 1) where ``torch.distributed`` is not running."""
    if not (dist.is_available() and dist.is_initialized()):
        return 0, 1
    return dist.get_rank(), dist.get_world_size()


@contextmanager
def samples_of_workers(samples: Sequence[int]) -> Iterator[None]:
    """While it lasts, workers have so many samples each, which need not be equally many.

    All workers know these numbers from the plan of batches; nothing has to be exchanged for them.
    """
    token = _samples.set(tuple(samples))
    try:
        yield
    finally:
        _samples.reset(token)


def row_counts(own: int) -> list[int]:
    """Rows of each worker, where this one has ``own``: a fixed number a sample."""
    rank, workers = world()
    samples = _samples.get()
    if samples is None or len(samples) != workers:
        return [own] * workers
    rows, rest = divmod(own, samples[rank])
    assert rest == 0, "every sample brings the same number of rows"
    return [n * rows for n in samples]


def first_row(own: int) -> int:
    """Where this worker's ``own`` rows begin among the gathered ones."""
    return list(accumulate(row_counts(own), initial=0))[world()[0]]


def gather_rows(x_BD: Tensor, detach_others: bool = False) -> Tensor:
    """Collect the rows of all workers, in rank order; gradients flow back to the worker that made them.

    Why the usual averaging of data-parallel training is then exact: let L_r be worker r's mean loss
    over its own B queries, against the gathered rows, and L = (1/W) sum_r L_r the mean over all W*B
    queries. The backward pass gives worker s the slice sum_r dL_r/dx_s, which it carries on to the
    parameters; averaging over workers yields (1/W) sum_s sum_r dL_r/dx_s dx_s/dtheta = dL/dtheta. No
    factor W has to be put in or taken out. The same holds for a loss that every worker computes in
    full from gathered rows alone: its W equal copies sum to W dL/dx_s, and averaging removes the W.

    With unequally many queries a worker (:func:`samples_of_workers`) the engine weighs L_r by its share.

    Args:
        x_BD: ``(B, ...)`` rows of this worker; the dtype must be the same on every worker.
        detach_others: Let gradients reach this worker's own rows alone; the above then does not hold.

    Returns:
        ``(W*B, ...)``; the input itself with one worker or without ``torch.distributed``.
    """
    if world()[1] == 1:
        return x_BD
    gathered: Tensor = _GatherRows.apply(x_BD.detach() if detach_others else x_BD)
    if detach_others:
        first = first_row(len(x_BD))
        gathered = torch.cat([gathered[:first], x_BD, gathered[first + len(x_BD) :]])
    return gathered


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_BD: Tensor) -> Tensor:
        counts = row_counts(x_BD.shape[0])
        ctx.own = slice(first_row(x_BD.shape[0]), first_row(x_BD.shape[0]) + x_BD.shape[0])
        # Collectives want equal shapes: shorter parts are filled up, and cut again.
        filled_BD = x_BD.new_zeros((max(counts), *x_BD.shape[1:]))
        filled_BD[: x_BD.shape[0]] = x_BD
        parts = [torch.empty_like(filled_BD) for _ in counts]
        dist.all_gather(parts, filled_BD)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        # A clone, because the all-reduce works in place and autograd may have lent us its own tensor.
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total[ctx.own]
