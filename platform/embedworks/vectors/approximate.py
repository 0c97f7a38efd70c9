"""Approximate search of one column by LanceDB's index, its hits scored with the stored vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedworks.vectors.exact import Ids, Vectors
from embedworks.vectors.filters import Condition, sql
from embedworks.vectors.records import ID, Ann, VersionRecord
from embedworks.vectors.store import LanceStore

HITS = 10  # recall is measured at so many neighbours of stored rows, each of which finds itself as well
ALL = 0  # probes: every partition, if it takes these to fill the limit


def metric(record: VersionRecord) -> str:
    """What the index compares by. Of unit vectors cosine says what the product says, and indexes better."""
    return "dot" if record.similarity == "dot" and not record.normalized else "cosine"


def nearest(
    store: LanceStore,
    record: VersionRecord,
    column: str,
    ann: Ann,
    queries_QD: Vectors,
    limit: int,
    conditions: Sequence[Condition] = (),
) -> tuple[list[Ids], list[Vectors]]:
    """Ids and scores of each query's hits, best first, as the index finds them.

    A filter is applied before the search, which goes on to further partitions until enough rows pass.
    """
    probes = _probes(ann, limit)
    query = store.table.search(queries_QD, vector_column_name=column).distance_type(metric(record))
    query = query.minimum_nprobes(probes).refine_factor(max(1, ann.refine))
    query = query.maximum_nprobes(ALL if conditions else probes)
    if ann.ef:
        query = query.ef(max(ann.ef, limit * max(1, ann.refine)))
    if conditions:
        query = query.where(sql(conditions), prefilter=True)
    found = query.select([ID, "_distance"]).limit(limit).to_arrow()
    lengths_Q = _lengths(queries_QD) if record.similarity == "dot" and metric(record) == "cosine" else None
    return _by_query(found, len(queries_QD), lengths_Q)


def _probes(ann: Ann, limit: int) -> int:
    """As many as the measured recall took, and so many again whenever the hits double."""
    return math.ceil(max(1, ann.probes) * (1 + math.log2(max(1, limit / (HITS + 1)))))


def _by_query(
    found: pa.Table, queries: int, lengths_Q: NDArray[np.float32] | None
) -> tuple[list[Ids], list[Vectors]]:
    ids_H = found[ID].to_numpy()
    scores_H = 1 - found["_distance"].to_numpy()  # Lance's distance is one minus the product, or the cosine
    query_H = found["query_index"].to_numpy() if queries > 1 else np.zeros(len(ids_H), np.int64)
    ids, scores = [], []
    for query in range(queries):
        own = np.flatnonzero(query_H == query)
        own = own[np.lexsort((ids_H[own], -scores_H[own]))]
        ids.append(ids_H[own].astype(np.int64))
        factor = 1.0 if lengths_Q is None else lengths_Q[query]
        scores.append((scores_H[own] * factor).astype(np.float32))
    return ids, scores


def _lengths(queries_QD: Vectors) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.linalg.norm(queries_QD, axis=1)
    return lengths
