"""The map of a version: some of its rows in the plane."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.corpora.atomic import new_file
from embedworks.vectors.plane import Plane, plane, turn, within
from embedworks.vectors.records import ID, VersionRecord
from embedworks.vectors.store import Store, open_store, vectors_of
from embedworks.vectors.table import MAP_FILE

LONGEST = 200  # characters of a text
NEIGHBOURS = 8  # points that two maps must share for one to be turned onto the other


def write(
    version_folder: Path, record: VersionRecord, limit: int = 3000, onto: pa.Table | None = None
) -> Path:
    """Write ``map.parquet``: id, x, y (both 0 to 1), group and text of at most ``limit`` rows.

    Args:
        version_folder: Of a version whose vectors are written.
        record: Its record.
        limit: Most rows, drawn with a fixed seed: a version of the same rows draws the same.
        onto: The map of an earlier version, which this one is turned onto.

    Returns:
        The file.
    """
    store = open_store(version_folder)
    rows = record.rows
    places_N = np.arange(rows)
    if rows > limit:
        places_N = np.sort(np.random.default_rng(0).choice(rows, limit, replace=False))
    shown = [name for name in (record.group, _text_column(store, record)) if name]
    found = store.take(places_N.tolist(), list(dict.fromkeys([ID, record.full.column, *shown])))
    ids = found[ID].to_pylist()
    vectors_ND = vectors_of(found[record.full.column].combine_chunks())
    places_N2 = plane(vectors_ND) if rows > 1 else np.zeros((rows, 2))
    if onto is not None:
        places_N2 = _turned_onto(places_N2, ids, onto)
    unit_N2 = within(places_N2) if rows else places_N2
    points = {
        ID: pa.array(ids, pa.int64()),
        "x": pa.array(unit_N2[:, 0], pa.float32()),
        "y": pa.array(unit_N2[:, 1], pa.float32()),
        "group": _strings(found, record.group),
        "text": _strings(found, shown[-1] if _text_column(store, record) else None),
    }
    with new_file(version_folder / MAP_FILE) as partial:
        pq.write_table(pa.table(points), partial)
    return version_folder / MAP_FILE


def _text_column(store: Store, record: VersionRecord) -> str | None:
    """What a point says: what was embedded, else the first kept column of strings."""
    strings = {field.name for field in store.schema if _is_text(field.type)}
    return next((name for name in (record.column, *record.keep) if name in strings), None)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _strings(found: pa.Table, column: str | None) -> pa.Array:
    if column is None:
        return pa.nulls(found.num_rows, pa.string())
    values = found[column].to_pylist()
    return pa.array([None if value is None else str(value)[:LONGEST] for value in values], pa.string())


def _turned_onto(places_N2: Plane, ids: list[int], onto: pa.Table) -> Plane:
    other = {point[ID]: (point["x"], point["y"]) for point in onto.select([ID, "x", "y"]).to_pylist()}
    shared = [place for place, number in enumerate(ids) if number in other]
    if len(shared) < NEIGHBOURS:
        return places_N2
    other_S2 = np.array([other[ids[place]] for place in shared])
    return np.asarray(places_N2 @ turn(places_N2[shared], other_S2))
