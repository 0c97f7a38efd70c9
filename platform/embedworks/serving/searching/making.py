"""The model that made an index's vectors, served for queries."""

from __future__ import annotations

from pathlib import Path

from embedworks.serving.config import Served
from embedworks.serving.searching.settings import ServedIndex, label_of
from embedworks.vectors.records import VersionRecord


def served_maker(index: ServedIndex, record: VersionRecord, folder: Path) -> Served:
    """The model as a room runs it for an index: at every size, for the table says which are stored."""
    return Served(
        name=label_of(index.name),
        source=record.model,
        folder=folder,
        created=int(record.created),
        version=record.id,
        precision=index.precision,
        num_cpus=index.num_cpus,
        num_gpus=index.num_gpus,
        max_waiting=index.max_waiting,
        sizes="any",
    )
