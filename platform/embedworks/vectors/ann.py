"""Indexes for approximate search, with as many probes as their measured recall needs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from embedworks.vectors import approximate
from embedworks.vectors.exact import Vectors
from embedworks.vectors.records import Ann, Kind, Size, VersionRecord
from embedworks.vectors.store import LanceStore, open_store, vectors_of
from embedworks.vectors.table import Table

logger = logging.getLogger(__name__)

HITS = 10  # recall is measured at
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


def measure(table: Table, size: Size, ann: Ann, queries_QD: Vectors, least_Q: Vectors) -> float:
    """Recall: the share of hits that score at least as well as the last of the exact ones.

    Args:
        table: The version.
        size: A stored size.
        ann: How to search.
        queries_QD: Queries.
        least_Q: For each the score of its exact hit number :data:`HITS`.
    """
    assert isinstance(table.store, LanceStore)
    _, scores = approximate.nearest(table.store, table.record, size.column, ann, queries_QD, HITS)
    hits, tie_Q = min(HITS, table.record.rows), TIE * np.maximum(1, np.abs(least_Q))
    good = [np.count_nonzero(own >= least) for own, least in zip(scores, least_Q - tie_Q, strict=True)]
    return float(np.mean(np.minimum(good, hits))) / hits


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
    queries_QD, least_Q = _sample(table, size)
    most = _partitions(record, kind)
    ann = Ann(kind=kind, probes=max(1, most // 32), refine=1, ef=2 * HITS if kind == "ivf_hnsw_sq" else 0)
    reached = measure(table, size, ann, queries_QD, least_Q)
    while reached < recall and (steps := list(_steps(ann, most))):
        tried = [
            (measure(table, size, step, queries_QD, least_Q), -i, step) for i, step in enumerate(steps)
        ]
        reached, _, ann = max(tried, key=lambda one: one[:2])
    if reached < recall:
        logger.warning(
            "%s, column %s: recall %.3f of exact search is the most that %s gives, %.2f was asked for",
            folder, size.column, reached, kind, recall,
        )  # fmt: skip
    return ann.model_copy(update={"recall": round(reached, 4), "sampled": len(queries_QD)})


def _steps(ann: Ann, partitions: int) -> Iterator[Ann]:
    if ann.probes < partitions:
        yield ann.model_copy(update={"probes": min(partitions, 2 * ann.probes)})
    if 0 < ann.ef < MOST_EF:
        yield ann.model_copy(update={"ef": 2 * ann.ef})
    if ann.refine < MOST_REFINE:
        yield ann.model_copy(update={"refine": 2 * ann.refine})


def _sample(table: Table, size: Size) -> tuple[Vectors, Vectors]:
    """Stored vectors as queries, and the score of the last of each one's exact hits."""
    rows = table.record.rows
    drawn = np.sort(np.random.default_rng(0).choice(rows, min(SAMPLED, rows), replace=False))
    queries_QD = vectors_of(table.store.take(drawn.tolist(), [size.column])[size.column].combine_chunks())
    found = table.search(queries_QD, HITS, size=size, exact=True, columns=[])
    return queries_QD, np.array([scores[-1] for scores in found.scores], np.float32)
