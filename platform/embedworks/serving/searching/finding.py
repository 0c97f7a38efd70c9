"""Finds the indexes that a configuration names, and refuses what could not be searched."""

from __future__ import annotations

from collections.abc import Sequence

from embedworks.errors import InputError
from embedworks.serving.searching.settings import ServedIndex
from embedworks.vectors.index_folder import IndexFolder


def find_indexes(indexes: Sequence[ServedIndex]) -> list[ServedIndex]:
    """The indexes with whole paths: replicas have another working folder.

    Raises:
        InputError: for a folder that is no index, or one without a complete version.
    """
    return [index.model_copy(update={"path": str(_find(index).path)}) for index in indexes]


def name_of(path: str) -> str:
    """What requests call an index that was given without a name: as its folder says.

    Raises:
        InputError: for a folder that is no index.
    """
    return IndexFolder.open(path).record.name


def _find(index: ServedIndex) -> IndexFolder:
    folder = IndexFolder.open(index.path)
    if folder.current() is None:
        what = f"index {index.name!r} in {folder.path} has no complete version yet"
        raise InputError(what, expected="`embedworks embed MODEL CORPUS --index DIR` first")
    return folder
