"""Corpora to the workers' batches, through Ray Data, in the order that :mod:`..corpora.order` fixes.

One read task makes one block: the rows of one rank for a few consecutive steps. All blocks of a chunk
have the same number of rows, so ``streaming_split(equal=True)`` deals them to the ranks in turn and
drops nothing. Every row carries its step and rank, and the worker checks both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
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
from embedworks.corpora.order import SampleOrder
from embedworks.errors import InputError
from embedworks.transforms.transform import EPOCH, SAMPLE, SOURCE

if TYPE_CHECKING:
    from embedworks.transforms.transform import Transform

STEP = "__step__"
RANK = "__rank__"
CHUNK_STEPS = 4
READERS_PER_WORKER = 0.5  # processes that read and transform ahead of the workers


@dataclass(frozen=True)
class CorpusInput:
    """A corpus that a stage reads.

    Attributes:
        folder: Where its manifest is.
        split: Which split.
        columns: The transform's column -> the corpus's column; same names are left out.
        weight: Samples it gives per round of a mixture.
        limit: Read only the first so many rows.
    """

    folder: Path
    split: str = "train"
    columns: tuple[tuple[str, str], ...] = ()
    weight: int = 1
    limit: int | None = None

    def rows(self) -> int:
        """Rows that are read: the split's, or fewer by ``limit``."""
        rows = _open(self.folder).rows(self.split)
        return min(rows, self.limit or rows)


@dataclass(frozen=True)
class StreamSpec:
    """All that fixes what every worker receives at every step.

    Attributes:
        corpora: The mixture.
        transform: Rows to rows.
        batch_size: Samples a step, over all workers.
        seed: Seed of the order.
        steps: Steps of the whole stage.
    """

    corpora: tuple[CorpusInput, ...]
    transform: Transform
    batch_size: int
    seed: int
    steps: int

    def order(self) -> SampleOrder:
        """The order of samples over all corpora."""
        rows = [corpus.rows() for corpus in self.corpora]
        return SampleOrder(rows, [corpus.weight for corpus in self.corpora], seed=self.seed)

    def check(self) -> None:
        """Refuse corpora that lack a column that the transform needs.

        Raises:
            InputError: naming the corpus, the column and the nearest one.
        """
        for corpus in self.corpora:
            have = list(_open(corpus.folder).columns)
            wanted = [*self.transform.columns, *(new for new, _ in corpus.columns)]
            for column in wanted:
                actual = dict(corpus.columns).get(column, column)
                if actual not in have:
                    raise InputError(
                        f"the corpus has no column {actual!r}",
                        where=str(corpus.folder),
                        expected=f"one of {', '.join(have)}",
                        name=actual,
                        known=have,
                    )

    def read(self, start: int, stop: int) -> pa.Table:
        """The samples ``start .. stop - 1`` of the stream, transformed, in order."""
        located = self.order().locate(start, stop)
        parts, places = [], []
        for number, corpus in enumerate(self.corpora):
            mine = np.flatnonzero(located.source == number)
            if len(mine):
                part = self._read_corpus(corpus, located.row[mine], located.epoch[mine])
                parts.append(part.append_column(SOURCE, pa.array(located.source[mine])))
                places.append(mine)
        table = pa.concat_tables(parts, promote_options="default")
        back = np.argsort(np.concatenate(places), kind="stable")
        return self.transform(table.take(pa.array(back)))

    def _read_corpus(self, corpus: CorpusInput, rows: Any, epochs: Any) -> pa.Table:
        opened = _open(corpus.folder)
        renames = dict(corpus.columns)
        wanted = list(self.transform.columns)
        wanted += [c for c in self.transform.optional_columns if renames.get(c, c) in opened.columns]
        actual = [renames.get(column, column) for column in wanted]
        table = opened.read(corpus.split, rows, list(dict.fromkeys(actual)))
        table = pa.table({new: table[old] for new, old in zip(wanted, actual, strict=True)})
        return table.append_column(EPOCH, pa.array(epochs)).append_column(SAMPLE, pa.array(rows))


class PackedStream:
    """A stream as bytes: processes that only pass it on need not import tokenizers and torch for it."""

    def __init__(self, spec: StreamSpec) -> None:
        self.batch_size = spec.batch_size
        self.steps = spec.steps
        self.packed = cloudpickle.dumps(spec)

    def unpack(self) -> StreamSpec:
        """The stream itself; kept by the process that asks."""
        return _unpack(self.packed)


@lru_cache(maxsize=2)
def _unpack(packed: bytes) -> StreamSpec:
    spec = cloudpickle.loads(packed)
    assert isinstance(spec, StreamSpec)
    return spec


class RankChunks(Datasource):
    """Read tasks in the order chunk 0 of rank 0, chunk 0 of rank 1, ..., chunk 1 of rank 0, ..."""

    def __init__(self, spec: PackedStream, workers: int, first_step: int) -> None:
        super().__init__()
        self.spec = spec
        self.workers = workers
        self.first_step = first_step

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
        rows = self.spec.batch_size // self.workers
        tasks = []
        for first in range(self.first_step, self.spec.steps, CHUNK_STEPS):
            steps = range(first, min(first + CHUNK_STEPS, self.spec.steps))
            for rank in range(self.workers):
                size = BlockMetadata(len(steps) * rows, None, None, None)
                tasks.append(
                    ReadTask(self._reader(steps, rank), size, per_task_row_limit=per_task_row_limit)
                )
        return tasks

    def _reader(self, steps: range, rank: int) -> Callable[[], list[pa.Table]]:
        spec, workers = self.spec, self.workers
        return lambda: [read_chunk(spec.unpack(), workers, steps, rank)]


def read_chunk(spec: StreamSpec, workers: int, steps: range, rank: int) -> pa.Table:
    """What one rank receives in consecutive steps: its slice of each step's global batch."""
    rows = spec.batch_size // workers
    tables = []
    for step in steps:
        start = step * spec.batch_size + rank * rows
        table = spec.read(start, start + rows)
        table = table.append_column(STEP, pa.array(np.full(rows, step)))
        tables.append(table.append_column(RANK, pa.array(np.full(rows, rank))))
    return pa.concat_tables(tables).combine_chunks()


class ChunkSplit(DataConfig):
    """Gives every worker its stream, from the step at which this worker group starts.

    Ray Train asks for the streams each time a worker group starts, on the cluster; ``first_step``
    asks the board, where rank 0 has just written the step of the checkpoint it restored. So a restart
    seeks to its place instead of replaying the stream.
    """

    def __init__(self, spec: StreamSpec, first_step: Callable[[], int]) -> None:
        super().__init__()
        self.spec = PackedStream(spec)
        self.first_step = first_step

    def configure(self, datasets: Any, world_size: int, *_: Any, **__: Any) -> list[dict[str, Any]]:
        """One iterator a worker, under the name of the only dataset."""
        (name,) = datasets
        context = ray.data.DataContext.get_current()
        context.target_max_block_size = None  # one block a task, whatever its size
        context.execution_options.preserve_order = True
        chunks = RankChunks(self.spec, world_size, self.first_step())
        tasks = len(chunks.get_read_tasks(1))
        readers = max(1, round(world_size * READERS_PER_WORKER))
        dataset = ray.data.read_datasource(chunks, override_num_blocks=max(tasks, 1), concurrency=readers)
        splits = dataset.streaming_split(world_size, equal=True)
        return [{name: split} for split in splits]


def rank_batches(stream: Any, spec: StreamSpec, rank: int, workers: int, first: int) -> Iterator[Any]:
    """(step, rows) for every step from ``first`` on, checked against what was asked for.

    Raises:
        RuntimeError: if the stream gives other rows than this rank's of the next step.
    """
    rows = spec.batch_size // workers
    expected = first
    batches = stream.iter_batches(batch_size=rows, batch_format="pyarrow", prefetch_batches=2)
    for table in batches:
        got = {(table[STEP][i].as_py(), table[RANK][i].as_py()) for i in (0, len(table) - 1)}
        if got != {(expected, rank)} or len(table) != rows:
            raise RuntimeError(f"stream out of order: wanted step {expected} of rank {rank}, got {got}")
        yield expected, table
        expected += 1
    if expected != spec.steps:
        raise RuntimeError(f"stream ended before step {expected} of {spec.steps}")


@lru_cache(maxsize=64)
def _open(folder: Path) -> Corpus:
    return open_corpus(folder)
