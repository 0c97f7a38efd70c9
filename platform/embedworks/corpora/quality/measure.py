"""Measures the rows of a split chunk by chunk: in this process, or as tasks of Ray Data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from embedworks.corpora.corpus import Corpus
from embedworks.corpora.quality.contract import QualityFilter

ROW = "__row__"
TASK_CHUNKS = 32  # at most: what a task returns is held in its memory
TASKS_PER_WORKER = 4  # at least, where there are so many chunks: the last ones to end differ less


def measure(
    quality: QualityFilter[Any], corpus: Corpus, split: str, rows_N: np.ndarray, workers: int
) -> pa.Table:
    """Measurements of the rows ``rows_N``, in that order.

    Args:
        quality: The filter.
        corpus: What it reads.
        split: Of the corpus.
        rows_N: Numbers of the rows.
        workers: Ray Data tasks at a time; 0: in this process.

    Raises:
        InputError: for a shard that cannot be read.
    """
    one = partial(measure_rows, quality=quality, corpus=corpus, split=split)
    size = quality.chunk_rows * _chunks_of_a_task(len(rows_N) / quality.chunk_rows, workers)
    blocks = [pa.table({ROW: rows}) for rows in chunked(rows_N, size)]
    table = pa.concat_tables(_on_ray(one, blocks, workers) if workers else map(one, blocks))
    if not np.array_equal(table[ROW].to_numpy(), rows_N):
        raise RuntimeError("Ray Data returned other rows than it was given, or in another order")
    return table.drop_columns([ROW])


def measure_rows(rows: pa.Table, *, quality: QualityFilter[Any], corpus: Corpus, split: str) -> pa.Table:
    """Row numbers -> the same with what the filter measures, chunk by chunk."""
    tables = []
    for chunk in chunked(rows[ROW].to_numpy(), quality.chunk_rows):
        measured = quality.measure(corpus.read(split, chunk, quality.columns))
        tables.append(measured.add_column(0, ROW, pa.array(chunk)))
    return pa.concat_tables(tables)


def _chunks_of_a_task(chunks: float, workers: int) -> int:
    """Whole ones, so that results stay the same; many: Ray Data idles 0.2 s between a slot's tasks."""
    return max(1, min(TASK_CHUNKS, math.ceil(chunks / (TASKS_PER_WORKER * max(1, workers)))))


def chunked(rows_N: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Slices of at most ``size``; one empty slice of nothing."""
    for start in range(0, max(len(rows_N), 1), size):
        yield rows_N[start : start + size]


def _on_ray(function: Any, blocks: Sequence[pa.Table], workers: int) -> Iterator[pa.Table]:
    import ray.data

    ray.data.DataContext.get_current().execution_options.preserve_order = True
    measured = ray.data.from_arrow(list(blocks)).map_batches(
        function,
        batch_size=None,  # a whole block, which is a whole number of chunks
        batch_format="pyarrow",
        compute=ray.data.TaskPoolStrategy(size=workers),
        num_cpus=1,
    )
    yield from measured.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1)
