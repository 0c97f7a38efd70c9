"""How long the rows of a corpus are, in tokens: what batches by a token budget are planned with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import ray
from ray import cloudpickle

from embedworks.corpora.atomic import new_file
from embedworks.corpora.buckets import Lengths
from embedworks.corpora.plan import Ints, Located
from embedworks.errors import InputError
from embedworks.training.stream import CorpusInput, StreamSpec

if TYPE_CHECKING:
    from embedworks.transforms.transform import Transform

TASK_ROWS = 8192
SUFFIX = "_ids"

# Shape legend: N rows, F fields.


def measure(corpus: CorpusInput, transform: Transform, file: Path) -> Lengths:
    """Lengths of every row, counted in Ray tasks once and kept in ``file``.

    Rows are transformed as in epoch 0. Where a transform draws texts, hard negatives say, those of
    later epochs may be longer or shorter.
    """
    if not file.is_file():
        packed = ray.put(cloudpickle.dumps((corpus, transform)))
        rows = corpus.rows()
        count = ray.remote(num_cpus=1)(_measure_span)
        spans = [(first, min(first + TASK_ROWS, rows)) for first in range(0, rows, TASK_ROWS)]
        parts = ray.get([count.remote(packed, *span) for span in spans])
        file.parent.mkdir(parents=True, exist_ok=True)
        with new_file(file) as partial, partial.open("wb") as stream:
            np.save(stream, np.concatenate(parts).astype(np.int32))
    return Lengths(file)


def _measure_span(packed: bytes, first: int, stop: int) -> Ints:
    corpus, transform = cloudpickle.loads(packed)
    row_N = np.arange(first, stop)
    nothing: Any = None  # the rows are named here, and no plan is asked
    spec = StreamSpec((corpus,), transform, nothing)
    return field_lengths(spec.read(Located(np.zeros_like(row_N), np.zeros_like(row_N), row_N)))


def field_lengths(rows: pa.Table) -> Ints:
    """``(N, F)`` tokens of each column of token ids; lists of texts count as their longest, each.

    Raises:
        InputError: for a transform that makes no token ids.
    """
    columns = [rows[name] for name in rows.column_names if name.endswith(SUFFIX)]
    if not columns:
        raise InputError("batch_tokens needs texts, and this system's batches hold no token ids")
    return np.stack([_lengths(column.combine_chunks()) for column in columns], axis=1)


def _lengths(column: Any) -> Ints:
    own_N = np.asarray(pc.list_value_length(column), dtype=np.int64)
    if not pa.types.is_list(column.type.value_type):
        return own_N
    inner = np.asarray(pc.list_value_length(column.flatten()), dtype=np.int64)
    longest_N = np.zeros_like(own_N)
    np.maximum.at(longest_N, np.repeat(np.arange(len(own_N)), own_N), inner)
    return own_N * longest_N
