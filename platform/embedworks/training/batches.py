"""What a worker is given at a step: its share of the global batch, cut as the options say.

A batch may be cut twice. *Micro-batches* accumulate: each has a loss of its own, and samples of one are no
negatives of another. *Chunks* do not change the loss: they only bound what is in memory at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from embedworks.corpora.plan import Ints
from embedworks.training.lengths import SUFFIX, field_lengths
from embedworks.transforms.transform import Batch, Transform

# Shape legend: N samples of this worker in a micro-batch, n of a chunk.


@dataclass(frozen=True)
class Chunk:
    """Samples that are represented together.

    Attributes:
        samples_n: Which ones of the micro-batch.
        batch: Their tensors, padded no further than they need.
    """

    samples_n: Tensor
    batch: Batch


@dataclass(frozen=True)
class MicroBatch:
    """A part of the global batch with a loss of its own, as one worker has it.

    Attributes:
        samples: How many of its samples each worker has.
        batch: This worker's.
        chunks: The same again, in chunks; none where all are represented at once.
    """

    samples: tuple[int, ...]
    batch: Batch
    chunks: tuple[Chunk, ...] = ()

    def to(self, device: torch.device) -> MicroBatch:
        """The same on a device."""
        chunks = tuple(replace(chunk, batch=moved(chunk.batch, device)) for chunk in self.chunks)
        return replace(self, batch=moved(self.batch, device), chunks=chunks)


def moved(batch: Batch, device: torch.device) -> Batch:
    """A batch on a device."""
    return {key: value.to(device, non_blocking=True) for key, value in batch.items()}


@dataclass(frozen=True)
class Cutter:
    """Cuts a worker's rows of a step.

    Attributes:
        transform: Makes tensors of rows.
        rank: This worker.
        workers: How many there are.
        accumulate: Micro-batches of a step.
        chunk_size: Samples of a chunk; None: no chunks.
    """

    transform: Transform
    rank: int
    workers: int
    accumulate: int = 1
    chunk_size: int | None = None

    def __call__(self, rows: pa.Table, samples: int) -> tuple[MicroBatch, ...]:
        """The micro-batches of a step with so many samples, of which ``rows`` are this worker's."""
        return tuple(self._cut(rows, samples))

    def _cut(self, rows: pa.Table, samples: int) -> Iterator[MicroBatch]:
        first = 0
        for micro in micro_batches(samples, self.accumulate, self.workers):
            shares = tuple(sum(n % self.workers == rank for n in micro) for rank in range(self.workers))
            own = rows.slice(first, shares[self.rank])
            first += len(own)
            yield MicroBatch(shares, self.transform.collate(own), tuple(self._chunks(own, shares)))

    def _chunks(self, rows: pa.Table, shares: tuple[int, ...]) -> Iterator[Chunk]:
        if self.chunk_size is None:
            return
        # As many on every worker: under ZeRO 2 and 3 each is a collective.
        number = min(-(-max(shares) // self.chunk_size), min(shares))
        # Of like length, so that little is padded.
        order_N = np.argsort(row_tokens(rows), kind="stable")
        for samples_n in np.array_split(order_N, number):
            batch = self.transform.collate(rows.take(pa.array(samples_n)))
            yield Chunk(torch.from_numpy(samples_n), batch)


def micro_batches(samples: int, accumulate: int, workers: int) -> list[range]:
    """Which samples of a global batch are in which micro-batch: the same ones on any number of workers.

    Worker r has every W-th sample from the r-th on, so a micro-batch of W samples has one for each. A batch
    that is too small for that is cut into fewer.
    """
    number = min(accumulate, max(1, samples // workers))
    bounds = [samples * n // number for n in range(number + 1)]
    return [range(start, stop) for start, stop in pairwise(bounds)]


def row_tokens(rows: pa.Table) -> Ints:
    """``(N,)`` tokens of each row, of all its texts; zeros where there are none."""
    if not any(name.endswith(SUFFIX) for name in rows.column_names):
        return np.zeros(len(rows), dtype=np.int64)
    total_N: Ints = field_lengths(rows).sum(1)
    return total_N
