"""Measures the rows of a split chunk by chunk: in this process, or as tasks of Ray Data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from embedworks.corpora.corpus import Corpus
from embedworks.corpora.quality.contract import QualityFilter

ROW = "__row__"


def measure(
    quality: QualityFilter[Any], corpus: Corpus, split: str, rows_N: np.ndarray, workers: int
) -> pa.Table:
    """Measurements of the rows ``rows_N``, in that order.

    Args:
        quality: The filter.
        corpus: What it reads.
        split: Of the corpus.
        rows_N: Numbers of the rows.
        workers: Rays tasks at a time; 0: in this process.

    Raises:
        InputError: for a shard that cannot be read.
    """
    chunks = [pa.table({ROW: chunk}) for chunk in chunked(rows_N, quality.chunk_rows)]
    one = partial(measure_chunk, quality=quality, corpus=corpus, split=split)
    tables = list(_on_ray(one, chunks, workers) if workers else map(one, chunks))
    table = pa.concat_tables(tables)
    if not np.array_equal(table[ROW].to_numpy(), rows_N):
        raise RuntimeError("Ray Data returned other rows than it was given, or in another order")
    return table.drop_columns([ROW])


def measure_chunk(rows: pa.Table, *, quality: QualityFilter[Any], corpus: Corpus, split: str) -> pa.Table:
    """Row numbers -> the same with what the filter measures."""
    table = corpus.read(split, rows[ROW].to_numpy(), quality.columns)
    return quality.measure(table).add_column(0, ROW, rows[ROW])


def chunked(rows_N: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Slices of at most ``size``; one empty slice of nothing."""
    for start in range(0, max(len(rows_N), 1), size):
        yield rows_N[start : start + size]


def _on_ray(function: Any, chunks: Sequence[pa.Table], workers: int) -> Iterator[pa.Table]:
    import ray.data

    ray.data.DataContext.get_current().execution_options.preserve_order = True
    measured = ray.data.from_arrow(list(chunks)).map_batches(
        function,
        batch_size=None,  # a block is a chunk, whatever the number of workers
        batch_format="pyarrow",
        compute=ray.data.TaskPoolStrategy(size=workers),
        num_cpus=1,
    )
    yield from measured.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1)
