"""The map of a version: some of its rows in the plane."""

from __future__ import annotations

from pathlib import Path

from embedworks.vectors.records import VersionRecord


def write(version_folder: Path, record: VersionRecord, limit: int = 3000) -> Path:
    """Write ``map.parquet`` (id, x, y, group, text) of at most ``limit`` rows."""
    raise NotImplementedError
