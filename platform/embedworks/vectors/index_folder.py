"""An index on disk: versions side by side, and a pointer to the one that answers."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from embedworks.errors import InputError
from embedworks.vectors.leases import is_held
from embedworks.vectors.records import (
    INDEX_FILE,
    VERSION_FILE,
    IndexRecord,
    VersionRecord,
    read_record,
    write_record,
)

VERSIONS = "versions"
_EXPECTED = "the folder of an index, as `embedworks embed MODEL CORPUS --index DIR` writes it"


class IndexFolder:
    """The folder of an index. Nothing is kept in memory: every question reads the disk.

    One process writes at a time; any number read meanwhile.

    Example:
        >>> index = IndexFolder.open("indexes/docs")       # doctest: +SKIP
        >>> index.current().rows                           # doctest: +SKIP
        16000
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser().absolute()

    def __repr__(self) -> str:
        return f"IndexFolder({str(self.path)!r})"

    @classmethod
    def open(cls, path: str | Path) -> IndexFolder:
        """An index that is there.

        Raises:
            InputError: if there is none, or its index.json is broken or another program's.
        """
        index = cls(path)
        if not index._file.is_file():
            missing = "has no index.json" if index.path.is_dir() else "is no folder"
            raise InputError(f"{path} {missing}", expected=_EXPECTED)
        _ = index.record
        return index

    @classmethod
    def create(cls, path: str | Path, name: str | None = None) -> IndexFolder:
        """An index, made where there is none; one that is there keeps its versions and its name.

        Args:
            path: Its folder.
            name: What endpoints call it; the folder's name by default.

        Raises:
            InputError: for a folder of something else, or one that cannot be made.
        """
        index = cls(path)
        if index._file.is_file():
            return cls.open(path)
        try:
            if index.path.is_dir() and any(not one.name.startswith(".") for one in index.path.iterdir()):
                raise InputError(f"{path} holds something else", expected="an empty or new folder")
            (index.path / VERSIONS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make a folder at {path}: {error.strerror}") from error
        write_record(IndexRecord(name=name or index.path.name, updated=time.time()), index._file)
        return index

    @property
    def _file(self) -> Path:
        return self.path / INDEX_FILE

    @property
    def record(self) -> IndexRecord:
        """The index's record as it is on disk now.

        Raises:
            InputError: if it is missing, broken or another program's.
        """
        return read_record(IndexRecord, self._file, _EXPECTED)

    def folder(self, version: str) -> Path:
        """Where a version is, or would be."""
        return self.path / VERSIONS / version

    def version(self, version: str) -> VersionRecord:
        """A version's record.

        Raises:
            InputError: for an unknown id, naming the nearest one, or a broken record.
        """
        file = self.folder(version) / VERSION_FILE
        if not file.is_file():
            known = [record.id for record in self.versions()]
            what = f"index {self.path} has no version {version!r}"
            expected = f"one of {', '.join(known)}" if known else "a version that was begun"
            raise InputError(what, expected=expected, name=version, known=known)
        return read_record(VersionRecord, file, "the record of a version")

    def current(self) -> VersionRecord | None:
        """The version that answers; None before the first one is complete.

        Raises:
            InputError: if a record is broken, or the pointer leads nowhere.
        """
        pointer = self.record.current
        return self.version(pointer) if pointer else None

    def versions(self) -> list[VersionRecord]:
        """All versions, complete or not, oldest first.

        Raises:
            InputError: if a record is broken.
        """
        files = (self.path / VERSIONS).glob(f"[!.]*/{VERSION_FILE}")
        found = [read_record(VersionRecord, file, "the record of a version") for file in files]
        return sorted(found, key=lambda record: (record.created, record.id))

    def write(self, record: VersionRecord) -> Path:
        """Write a version's record; its folder is made where there is none, and returned."""
        folder = self.folder(record.id)
        folder.mkdir(parents=True, exist_ok=True)
        write_record(record, folder / VERSION_FILE)
        return folder

    def switch(self, version: str) -> IndexRecord:
        """Let a complete version answer from now on. Readers of the one before go on reading it.

        Raises:
            InputError: for an unknown version, or one that is not complete.
        """
        if not self.version(version).complete:
            raise InputError(f"version {version} of {self.path} is not complete", expected="a complete one")
        old = self.record
        previous = old.previous if old.current == version else old.current
        changes = {"current": version, "previous": previous, "updated": time.time()}
        record = old.model_copy(update=changes)
        write_record(record, self._file)
        return record

    def prune(self, keep: int = 2) -> list[str]:
        """Delete old versions: all but the ``keep`` newest complete ones and those begun since the current.

        The current version, the one before it and those that are being read (:mod:`.leases`) always stay.

        Returns:
            The ids of what was deleted.
        """
        record, versions = self.record, self.versions()
        complete = [one.id for one in versions if one.complete]
        kept = {record.current, record.previous, *complete[max(0, len(complete) - keep) :]}
        began = next((one.created for one in versions if one.id == record.current), float("-inf"))
        old = [one.id for one in versions if one.id not in kept and (one.complete or one.created < began)]
        old = [version for version in old if not is_held(self.folder(version))]
        for version in old:
            # Out of sight first: a version is there as a whole or not at all.
            gone = self.folder(f".{version}.{os.getpid()}.deleted")
            self.folder(version).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
        return old
