"""Corpora to the workers' batches, through Ray Data, in the order that a plan of batches fixes.

One read task makes one block: the rows of one rank for a few consecutive steps. The blocks of a chunk of
steps are equally long for all ranks, filled up where a batch is not, so ``streaming_split(equal=True)``
deals them to the ranks in turn and drops nothing. Every row carries its step and rank, and the worker
checks both.

A data set covers a stretch of steps and is run again for the next one: what Ray is told at the start
does not grow with the length of the run. The step at which a stretch begins is kept on the board.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import ray.data
from ray import cloudpickle
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask
from ray.train import DataConfig

from embedworks.corpora.corpus import Corpus, open_corpus
from embedworks.corpora.plan import BatchPlan, Ints, Located
from embedworks.errors import InputError
from embedworks.training.ahead import Ahead
from embedworks.training.chunks import HEAD_ROWS, block_rows, chunk_steps, count_chunks, head_stop
from embedworks.transforms.transform import EPOCH, SAMPLE, SOURCE

if TYPE_CHECKING:
    from embedworks.transforms.transform import Transform

STEP = "__step__"
RANK = "__rank__"
PREFETCH_BLOCKS = 2  # that wait beside the one being consumed
FILLER = -1  # the step of rows that only make blocks equally long

# Shape legend: N samples of a batch or of several.


@dataclass(frozen=True)
class CorpusInput:
    """A corpus that a stage reads.

    Attributes:
        folder: Where its manifest is.
        split: Which split.
        columns: The transform's column -> the corpus's column; same names are left out.
        weight: Its share of the stream, beside the other weights.
        epochs: Times it is read in one epoch of the stage.
        limit: Read only the first so many rows.
    """

    folder: Path
    split: str = "train"
    columns: tuple[tuple[str, str], ...] = ()
    weight: float = 1
    epochs: float = 1
    limit: int | None = None

    def rows(self) -> int:
        """Rows that are read: the split's, or fewer by ``limit``."""
        rows = opened(self.folder).rows(self.split)
        return min(rows, self.limit or rows)

    def read(self, rows: Ints, transform: Transform) -> pa.Table:
        """The columns that the transform wants of some rows, under its names."""
        corpus, renames = opened(self.folder), dict(self.columns)
        wanted = list(transform.columns)
        wanted += [c for c in transform.optional_columns if renames.get(c, c) in corpus.columns]
        actual = [renames.get(column, column) for column in wanted]
        table = corpus.read(self.split, rows, list(dict.fromkeys(actual)))
        return pa.table({new: table[old] for new, old in zip(wanted, actual, strict=True)})

    def check(self, transform: Transform) -> None:
        """Refuse a corpus that lacks a column that the transform needs.

        Raises:
            InputError: naming the corpus, the column and the nearest one.
        """
        have, renames = opened(self.folder).columns, dict(self.columns)
        for column in (*transform.columns, *renames):
            actual = renames.get(column, column)
            if actual not in have:
                raise InputError(
                    f"the corpus has no column {actual!r}",
                    where=str(self.folder),
                    expected=f"one of {', '.join(have)}",
                    name=actual,
                    known=have,
                )


@dataclass(frozen=True)
class StreamSpec:
    """All that fixes what every worker receives at every step.

    Attributes:
        corpora: The corpora, in the order of the plan's sources.
        transform: Rows to rows.
        plan: Which rows each step receives.
        head_rows: Rows that each worker reads itself while Ray Data starts, in whole steps, one at least.
    """

    corpora: tuple[CorpusInput, ...]
    transform: Transform
    plan: BatchPlan
    head_rows: int = HEAD_ROWS

    @property
    def steps(self) -> int:
        """Steps of the whole stage."""
        return self.plan.steps

    @property
    def block_rows(self) -> int:
        """Rows of a full block of the stream."""
        shards = [s for c in self.corpora for s in opened(c.folder).manifest.shards(c.split)]
        return block_rows(sum(shard.rows for shard in shards), sum(shard.bytes for shard in shards))

    def head_stop(self, workers: int, first: int) -> int:
        """Behind the last step that workers read themselves when they start at ``first``."""
        return head_stop(self.plan, workers, first, min(self.head_rows, self.block_rows))

    def read(self, located: Located) -> pa.Table:
        """Samples, transformed, in the order given."""
        parts, places = [], []
        for source, corpus in enumerate(self.corpora):
            mine = np.flatnonzero(located.source == source)
            if len(mine):
                part = located.take(mine)
                table = corpus.read(part.row, self.transform)
                for name, values in ((EPOCH, part.epoch), (SAMPLE, part.row), (SOURCE, part.source)):
                    table = table.append_column(name, pa.array(values))
                parts.append(table)
                places.append(mine)
        if len(parts) == 1:
            return self.transform(parts[0])
        back = np.argsort(np.concatenate(places), kind="stable")
        return self.transform(pa.concat_tables(parts, promote_options="default").take(pa.array(back)))


def samples_of_ranks(samples: int, workers: int) -> tuple[int, ...]:
    """How many of a batch's samples each rank gets: rank r takes every W-th one from the r-th on."""
    return tuple(len(range(rank, samples, workers)) for rank in range(workers))


def read_block(spec: StreamSpec, workers: int, steps: range, rank: int) -> pa.Table:
    """What one rank receives in consecutive steps: every W-th sample of each step's global batch."""
    parts, labels = [], []
    for step in steps:
        batch = spec.plan.batch(step)
        mine = batch.take(slice(rank, None, workers))
        filler = -(-len(batch) // workers) - len(mine)
        parts += [mine, batch.take(slice(0, filler))]
        labels += [np.full(len(mine), step), np.full(filler, FILLER)]
    table = spec.read(Located.join(parts))
    table = table.append_column(STEP, pa.array(np.concatenate(labels)))
    return table.append_column(RANK, pa.array(np.full(len(table), rank))).combine_chunks()


class PackedStream:
    """A stream as bytes in Ray's object store: passing it on costs neither imports nor copies."""

    def __init__(self, spec: StreamSpec) -> None:
        self.reference = ray.put(cloudpickle.dumps(spec))

    def unpack(self) -> StreamSpec:
        """The stream itself; kept by the process that asks."""
        return _unpack(self.reference)


@lru_cache(maxsize=2)
def _unpack(reference: Any) -> StreamSpec:
    spec = cloudpickle.loads(ray.get(reference))
    assert isinstance(spec, StreamSpec)
    return spec


class RankBlocks(Datasource):
    """Read tasks in the order chunk 0 of rank 0, chunk 0 of rank 1, ..., chunk 1 of rank 0, ...

    Args:
        spec: The stream.
        workers: How many share it.
        board: Knows the step at which the stretch begins.
        chunks: Chunks of a stretch; those behind the last step are empty.
    """

    def __init__(self, spec: PackedStream, workers: int, board: Any, chunks: int) -> None:
        super().__init__()
        self.spec = spec
        self.workers = workers
        self.board = board
        self.chunks = chunks

    def estimate_inmemory_data_size(self) -> int | None:
        """Unknown; Ray Data then plans by the number of tasks."""
        return None

    def get_read_tasks(
        self,
        parallelism: int,  # noqa: ARG002  (the chunks are fixed)
        per_task_row_limit: int | None = None,
        data_context: Any = None,  # noqa: ARG002
    ) -> list[ReadTask]:
        """One task for each chunk of steps and each rank."""
        unknown = BlockMetadata(None, None, None, None)
        return [
            ReadTask(self._reader(chunk, rank), unknown, per_task_row_limit=per_task_row_limit)
            for chunk in range(self.chunks)
            for rank in range(self.workers)
        ]

    def _reader(self, chunk: int, rank: int) -> Callable[[], list[pa.Table]]:
        packed, workers, board = self.spec, self.workers, self.board

        def read() -> list[pa.Table]:
            spec = packed.unpack()
            steps = chunk_steps(
                spec.plan, workers, int(ray.get(board.first_step.remote())), chunk, spec.block_rows
            )
            return [read_block(spec, workers, steps, rank)] if steps else []

        return read


class RankSplit(DataConfig):
    """Gives every worker its stream, from the step at which this worker group starts.

    Ray Train asks for the streams each time a worker group starts, on the cluster; by then rank 0 has
    written the step of the checkpoint it restored on the board. So a restart seeks to its place instead
    of replaying the stream.

    Args:
        spec: The stream.
        board: Where the step is.
        readers: Processes that read and transform ahead of each worker.
    """

    def __init__(self, spec: StreamSpec, board: Any, readers: float) -> None:
        super().__init__()
        self.packed = PackedStream(spec)
        self.plan = spec.plan
        self.block_rows = spec.block_rows
        self.board = board
        self.readers = readers

    def configure(self, datasets: Any, world_size: int, *_: Any, **__: Any) -> list[dict[str, Any]]:
        """One iterator a worker, under the name of the only dataset."""
        (name,) = datasets
        first = int(ray.get(self.board.first_step.remote()))
        chunks = count_chunks(self.plan, world_size, first, self.block_rows)
        readers = max(1, round(world_size * self.readers))
        source = RankBlocks(self.packed, world_size, self.board, chunks)
        return [{name: split} for split in split_stream(source, readers)]


def split_stream(source: RankBlocks, readers: int) -> list[Any]:
    """An iterator for each worker, over one stretch a time."""
    context = ray.data.DataContext.get_current()
    context.target_max_block_size = None  # one block a task, whatever its size
    context.execution_options.preserve_order = True
    tasks = source.chunks * source.workers
    # One more than work at a time: Ray leaves a slot idle between two tasks.
    readers += 1
    dataset = ray.data.read_datasource(source, override_num_blocks=tasks, concurrency=readers)
    splits: list[Any] = dataset.streaming_split(source.workers, equal=True)
    return splits


def seek(board: Any, spec: StreamSpec, workers: int, first: int) -> None:
    """Note the step from which read tasks go on, for a worker group that starts at ``first``."""
    ray.get(board.start_at.remote(spec.head_stop(workers, first)))


def rank_batches(
    stream: Any, spec: StreamSpec, rank: int, workers: int, first: int, board: Any
) -> Iterator[tuple[int, pa.Table]]:
    """(step, rows) for every step from ``first`` on, checked against what was asked for.

    The first steps are read here, while Ray Data starts behind them.

    Raises:
        RuntimeError: if the stream gives other rows than this rank's of the next step.
    """
    step = spec.head_stop(workers, first)
    ahead = Ahead(stream_blocks(stream, spec, rank, step, board), PREFETCH_BLOCKS)
    try:
        for early in range(first, step):
            for _, rows in split_block(read_block(spec, workers, range(early, early + 1), rank), rank):
                yield early, rows
        for label, rows in chain.from_iterable(split_block(block, rank) for block in ahead):
            wanted = samples_of_ranks(len(spec.plan.batch(step)), workers)[rank]
            if (label, len(rows)) != (step, wanted):
                raise RuntimeError(f"stream out of order: wanted step {step} of rank {rank}, got {label}")
            yield step, rows
            step += 1
    finally:
        ahead.close()


def stream_blocks(stream: Any, spec: StreamSpec, rank: int, step: int, board: Any) -> Iterator[pa.Table]:
    """What Ray Data gives a rank from a step on, stretch after stretch.

    Raises:
        RuntimeError: if it ends before the last step.
    """
    while step < spec.steps:
        begun = step
        # Ray's own prefetching holds the first block back until the window behind it is full.
        for block in stream.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            yield block
            step = max(step, int(np.max(block[STEP])) + 1)
        if step == begun:
            raise RuntimeError(f"stream ended before step {step} of {spec.steps}")
        if rank == 0:  # before it asks for the next stretch, which starts when all have asked
            ray.get(board.start_at.remote(step))


def split_block(block: pa.Table, rank: int) -> Iterator[tuple[int, pa.Table]]:
    """The block's steps and their rows, without the filler.

    Raises:
        RuntimeError: for a block of another rank.
    """
    labels, ranks = (np.asarray(block[name]) for name in (STEP, RANK))
    if (ranks != rank).any():
        raise RuntimeError(f"rank {rank} was given rows of rank {ranks[ranks != rank][0]}")
    starts = np.flatnonzero(np.diff(labels, prepend=FILLER - 1))
    for start, stop in zip(starts, [*starts[1:], len(labels)], strict=True):
        if labels[start] != FILLER:
            yield int(labels[start]), block.slice(start, stop - start)


@lru_cache(maxsize=64)
def opened(folder: Path) -> Corpus:
    """A corpus, opened once a process."""
    return open_corpus(folder)
