"""The record of a finished unit: written whole, after its rows, so that a unit with a record is done."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from embedworks.corpora.atomic import new_file
from embedworks.indexing.pieces import Pieces
from embedworks.indexing.units import Unit

UNITS = "units"


class UnitRecord(BaseModel):
    """What a unit came to.

    Attributes:
        number: The unit's.
        first: Its first row.
        rows: Its rows.
        reused: Rows whose vectors were copied from an earlier version.
        tokens: Computed, for pictures how many.
        seconds: That it took one worker.
        stored: Where its rows are, in the words of the store.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int
    first: int
    rows: int
    reused: int
    tokens: int
    seconds: float
    stored: tuple[str, ...]

    def save(self, folder: Path) -> None:
        """Write it into a version's folder."""
        file = _file(folder, self.number)
        file.parent.mkdir(parents=True, exist_ok=True)
        with new_file(file) as partial:
            partial.write_text(self.model_dump_json())


def load_record(folder: Path, unit: Unit, pieces: Pieces) -> UnitRecord | None:
    """The record of a unit, if it is done: one of other rows, or whose rows are gone, is none."""
    file = _file(folder, unit.number)
    try:
        record = UnitRecord.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
    same = (record.number, record.first, record.rows) == (unit.number, unit.first, unit.rows)
    return record if same and pieces.has(record.stored) else None


def _file(folder: Path, number: int) -> Path:
    return folder / UNITS / f"{number}.json"
