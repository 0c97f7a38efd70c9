"""The model that made an index's vectors: found again, and told from others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from embedworks.errors import InputError
from embedworks.folder import resolve_model, weights_digest
from embedworks.vectors.records import VersionRecord

Find = Callable[[str], Path]


def find_maker(record: VersionRecord, find: Find | None = None) -> Path:
    """The folder of the model that made a version's vectors: where it was, or where its source leads to.

    Args:
        record: The version.
        find: A source to its folder, for what is in a registry.

    Raises:
        InputError: where it is not there any more, or another model is in its place.
    """
    if record.folder.is_dir() and weights_digest(record.folder) == record.weights:
        return record.folder
    folder = (find or resolve_model)(record.model)
    if weights_digest(folder) != record.weights:
        what = f"{record.model} in {folder} is not the model that made the vectors of version {record.id}"
        raise InputError(what, expected="its weights, or `embedworks embed` again")
    return folder
