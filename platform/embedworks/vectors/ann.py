"""Indexes for approximate search, with as many probes as their measured recall needs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedworks.vectors import approximate
from embedworks.vectors.approximate import HITS
from embedworks.vectors.exact import Vectors
from embedworks.vectors.records import ID, Ann, Kind, Size, VersionRecord
from embedworks.vectors.store import LanceStore, open_store, vectors_of
from embedworks.vectors.table import Table

logger = logging.getLogger(__name__)

SAMPLED = 200
HNSW_PARTITION = 500_000  # rows of one graph, which is built in memory
PQ_PARTITION = 4096
MOST_EF, MOST_REFINE = 1024, 64
SUB_VECTOR = (8, 4, 16, 2, 1)  # dimensions that one byte stands for, best first
TIE = 1e-5  # scores this near, of one, are the same: two ways of summing differ by as much


def build(
    version_folder: Path,
    record: VersionRecord,
    *,
    exact_rows: int = 100_000,
    hnsw_rows: int = 5_000_000,
    recall: float = 0.95,
) -> dict[str, Ann]:
    """Index every column of vectors: none up to ``exact_rows``, then IVF_HNSW_SQ, then IVF_PQ.

    Probes, candidates and refining are raised until the index finds ``recall`` of the ten nearest rows of
    sampled ones, or can do no more: then it says so, and what it found is in the record all the same.

    Args:
        version_folder: Of a version whose vectors are written.
        record: Its record.
        exact_rows: Up to so many rows exact search is quick enough.
        hnsw_rows: Up to so many rows a graph fits into memory while it is built.
        recall: What is to be reached.

    Returns:
        Column -> how it is searched, for :attr:`VersionRecord.ann`.
    """
    store = open_store(version_folder)
    kind: Kind = "ivf_hnsw_sq" if record.rows <= hnsw_rows else "ivf_pq"
    if record.rows <= exact_rows or not isinstance(store, LanceStore):
        kind = "exact"
    found: dict[str, Ann] = {}
    for size in record.sizes:
        if kind != "exact":
            assert isinstance(store, LanceStore)
            _create(store, record, size, kind)
            found[size.column] = _tune(version_folder, record, size, kind, recall)
        else:
            found[size.column] = Ann(kind="exact")
    return found


@dataclass(frozen=True)
class Sample:
    """Stored rows whose neighbours are known. A row that finds itself has found nothing: it does not count.

    Legend: Q queries, D dimensions.
    """

    ids: list[int]
    queries_QD: Vectors
    least_Q: Vectors  # the score of each one's exact neighbour number HITS


def measure(table: Table, size: Size, ann: Ann, sample: Sample) -> float:
    """Recall: the share of neighbours found that score at least as well as the last of the exact ones."""
    assert isinstance(table.store, LanceStore)
    found = approximate.nearest(table.store, table.record, size.column, ann, sample.queries_QD, HITS + 1)
    tie_Q = TIE * np.maximum(1, np.abs(sample.least_Q))
    good = [
        np.count_nonzero(scores[ids != own] >= least)
        for own, ids, scores, least in zip(sample.ids, *found, sample.least_Q - tie_Q, strict=True)
    ]
    most = min(HITS, table.record.rows - 1)
    return float(np.mean(np.minimum(good, most))) / most if most else 1.0


def draw(table: Table, size: Size) -> Sample:
    """Rows to ask for as queries, the same ones each time, with their exact neighbours."""
    rows = table.record.rows
    places = np.sort(np.random.default_rng(0).choice(rows, min(SAMPLED, rows), replace=False))
    taken = table.store.take(places.tolist(), [ID, size.column])
    queries_QD = vectors_of(taken[size.column].combine_chunks())
    found = table.search(queries_QD, HITS + 1, size=size, exact=True, columns=[])
    ids = taken[ID].to_pylist()
    least = [
        _last(scores[own_ids != own])
        for own, own_ids, scores in zip(ids, found.ids, found.scores, strict=True)
    ]
    return Sample(ids, queries_QD, np.array(least, np.float32))


def _last(scores: Vectors) -> float:
    return float(scores[:HITS][-1]) if len(scores) else -np.inf


def _create(store: LanceStore, record: VersionRecord, size: Size, kind: Kind) -> None:
    from lancedb.index import HnswSq, IvfPq

    like: Any = approximate.metric(record)
    config: Any = HnswSq(distance_type=like, num_partitions=_partitions(record, kind))
    if kind == "ivf_pq":
        width = next(width for width in SUB_VECTOR if size.dimensions % width == 0)
        config = IvfPq(
            distance_type=like,
            num_partitions=_partitions(record, kind),
            num_sub_vectors=size.dimensions // width,
        )
    store.table.create_index(size.column, config=config, replace=True)


def _partitions(record: VersionRecord, kind: Kind) -> int:
    return -(-record.rows // (PQ_PARTITION if kind == "ivf_pq" else HNSW_PARTITION))


def _tune(folder: Path, record: VersionRecord, size: Size, kind: Kind, recall: float) -> Ann:
    """Double whichever knob helps most, until the recall is reached."""
    table = Table(folder, record)
    sample = draw(table, size)
    most = _partitions(record, kind)
    ann = Ann(kind=kind, probes=max(1, most // 32), refine=1, ef=2 * HITS if kind == "ivf_hnsw_sq" else 0)
    reached = measure(table, size, ann, sample)
    while reached < recall and (steps := list(_steps(ann, most))):
        tried = [(measure(table, size, step, sample), -i, step) for i, step in enumerate(steps)]
        reached, _, ann = max(tried, key=lambda one: one[:2])
    if reached < recall:
        logger.warning(
            "%s, column %s: recall %.3f of exact search is the most that %s gives, %.2f was asked for",
            folder, size.column, reached, kind, recall,
        )  # fmt: skip
    return ann.model_copy(update={"recall": round(reached, 4), "sampled": len(sample.ids)})


def _steps(ann: Ann, partitions: int) -> Iterator[Ann]:
    if ann.probes < partitions:
        yield ann.model_copy(update={"probes": min(partitions, 2 * ann.probes)})
    if 0 < ann.ef < MOST_EF:
        yield ann.model_copy(update={"ef": 2 * ann.ef})
    if ann.refine < MOST_REFINE:
        yield ann.model_copy(update={"refine": 2 * ann.refine})
