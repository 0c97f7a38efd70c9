"""Indexes for approximate search, with as many probes as their measured recall needs."""

from __future__ import annotations

from pathlib import Path

from embedworks.vectors.records import Ann, VersionRecord


def build(
    version_folder: Path,
    record: VersionRecord,
    *,
    exact_rows: int = 100_000,
    hnsw_rows: int = 5_000_000,
    recall: float = 0.95,
) -> dict[str, Ann]:
    """Index every column of vectors: none up to ``exact_rows``, then IVF_HNSW_SQ, then IVF_PQ."""
    raise NotImplementedError
