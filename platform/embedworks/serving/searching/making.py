"""The model that made an index's vectors: found again, told from others, served for queries."""

from __future__ import annotations

from pathlib import Path

from embedworks.errors import InputError
from embedworks.folder import resolve_model, weights_digest
from embedworks.serving.config import Served
from embedworks.serving.finding import Resolve
from embedworks.serving.searching.settings import ServedIndex, label_of
from embedworks.vectors.records import VersionRecord


def find_maker(record: VersionRecord, resolve: Resolve | None = None) -> Path:
    """The folder of the model that made a version's vectors: where it was, or where its source leads to.

    Args:
        record: The version.
        resolve: A source to its folder, for what is in a registry.

    Raises:
        InputError: where it is not there any more, or another model is in its place.
    """
    if record.folder.is_dir() and weights_digest(record.folder).startswith(record.weights):
        return record.folder
    folder = (resolve or resolve_model)(record.model)
    if not weights_digest(folder).startswith(record.weights):
        what = f"{record.model} in {folder} is not the model that made the vectors of version {record.id}"
        raise InputError(what, expected="its weights, or `embedworks embed` again")
    return folder


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
