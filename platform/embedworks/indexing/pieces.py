"""Where finished units lie until they are one table: fragments of a Lance dataset, or Parquet files.

The table that they become is read by :mod:`embedworks.vectors.store`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.corpora.atomic import new_file, sync
from embedworks.errors import InputError
from embedworks.named import require_known
from embedworks.vectors.store import EXTRA, LANCE, PARQUET

DATASET, FILES = f"{LANCE}.lance", PARQUET
ROW_GROUP_ROWS = 1024
FORMATS = ("lance", "parquet")


class Pieces(Protocol):
    """The table of a version, in pieces while it is made. A unit's piece is written before its record."""

    def write(self, number: int, table: pa.Table, /) -> list[str]:
        """Write a unit's rows; what its record has to say of where they are."""
        ...

    def has(self, stored: Sequence[str]) -> bool:
        """Whether what a record says is there."""
        ...

    def commit(self, pieces: Sequence[Sequence[str]], schema: pa.Schema, /) -> None:
        """Make one table of all pieces, in this order, and delete what belongs to none of them."""
        ...


def open_pieces(folder: Path, kind: str) -> Pieces:
    """The pieces of a version's folder.

    Raises:
        InputError: for an unknown format, or one that is not installed.
    """
    require_known("format", kind, FORMATS)
    return LancePieces(folder) if kind == "lance" else ParquetPieces(folder)


class LancePieces:
    """Fragments, which are data files that no version of the dataset knows until they are committed."""

    def __init__(self, folder: Path) -> None:
        _lance()  # what is missing is told before anything is computed
        self.place = folder / DATASET

    def write(self, _number: int, table: pa.Table) -> list[str]:
        """One or more fragments, synced to disk."""
        fragment = _lance("fragment")
        found = fragment.write_fragments(table, str(self.place), mode="create")
        for file in (file for piece in found for file in piece.files):
            sync(self.place / "data" / file.path)
        return [json.dumps(piece.to_json()) for piece in found]

    def has(self, stored: Sequence[str]) -> bool:
        """Whether the data files are there."""
        return all((self.place / "data" / name).is_file() for name in _data_files(stored))

    def commit(self, pieces: Sequence[Sequence[str]], schema: pa.Schema) -> None:
        """Commit all fragments as the dataset's rows."""
        ours = {name for stored in pieces for name in _data_files(stored)}
        if self._committed() != ours:  # a run that was killed behind this may have committed them
            lance = _lance()
            metadata = lance.fragment.FragmentMetadata
            fragments = [metadata.from_json(text) for stored in pieces for text in stored]
            operation = lance.LanceOperation.Overwrite(schema, fragments)
            lance.LanceDataset.commit(str(self.place), operation)
        for file in (self.place / "data").iterdir():
            if file.name not in ours:
                file.unlink(missing_ok=True)

    def _committed(self) -> set[str]:
        if not (self.place / "_versions").is_dir():
            return set()
        fragments = _lance().dataset(str(self.place)).get_fragments()
        return {file.path for fragment in fragments for file in fragment.data_files()}


class ParquetPieces:
    """A file a unit, named by its number: written again, it is the same file."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / FILES

    def write(self, number: int, table: pa.Table) -> list[str]:
        """One file."""
        self.place.mkdir(parents=True, exist_ok=True)
        file = self.place / f"{number:06d}.parquet"
        with new_file(file) as partial:
            pq.write_table(table, partial, compression="zstd", row_group_size=ROW_GROUP_ROWS)
        return [file.name]

    def has(self, stored: Sequence[str]) -> bool:
        """Whether the files are there."""
        return all((self.place / name).is_file() for name in stored)

    def commit(self, pieces: Sequence[Sequence[str]], _schema: pa.Schema) -> None:
        """Files are a table by being there: delete the others."""
        ours = {name for stored in pieces for name in stored}
        for file in self.place.iterdir():
            if file.name not in ours:
                file.unlink(missing_ok=True)


def _lance(part: str = "") -> Any:
    try:
        import lance
        import lance.fragment
    except ImportError as error:
        raise InputError(
            "the format lance needs the package pylance",
            expected=f"{EXTRA}, or --format parquet",
        ) from error
    return getattr(lance, part) if part else lance


def _data_files(stored: Sequence[str]) -> Iterator[str]:
    for text in stored:
        yield from (file["path"] for file in json.loads(text)["files"])
