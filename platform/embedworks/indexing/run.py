"""One run of one writer: what is missing of a version, its index, its map, the switch, clearing up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.indexing.known import KNOWN_KEYS, KNOWN_ROWS, keys_of, write_known
from embedworks.indexing.pieces import open_pieces
from embedworks.indexing.plan import Plan
from embedworks.indexing.record import UNITS, UnitRecord, load_record
from embedworks.indexing.units import Unit
from embedworks.indexing.work import Work
from embedworks.vectors import ann, map, questions
from embedworks.vectors.index_folder import IndexFolder
from embedworks.vectors.records import VersionRecord
from embedworks.vectors.store import open_store
from embedworks.vectors.table import MAP_FILE

EmbedUnits = Callable[[Work, Sequence[Unit]], Iterator[UnitRecord]]
STAGES = ("embed", "index", "map")


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        stage: One of :data:`STAGES`.
        rows: In all.
        before: Of them done by an earlier run.
        done: Done, with those before.
        reused: Copied from an earlier version.
        tokens: Computed by this run.
        seconds: Since it began.
    """

    stage: str
    rows: int
    before: int
    done: int
    reused: int
    tokens: int
    seconds: float


Listen = Callable[[Progress], None]


@dataclass(frozen=True)
class Embedded:
    """What a run gave.

    Attributes:
        index: Folder of the index.
        name: Of the index.
        version: Id of the version that answers now.
        rows: In it.
        reused: Copied from an earlier version.
        before: Done by an earlier run of the same version; all of them where there was nothing to do.
        tokens: Computed by this run.
        seconds: That this run took.
        kind: How the full size is searched.
        recall: Of that, measured; None for exact search.
        removed: Ids of old versions that were deleted.
    """

    index: Path
    name: str
    version: str
    rows: int
    reused: int
    before: int
    tokens: int
    seconds: float
    kind: str
    recall: float | None
    removed: tuple[str, ...] = ()


class Run:
    """Makes the version of a plan, and lets it answer.

    Args:
        folder: The index.
        plan: What is made.
        listen: Told of every unit that is done.
    """

    def __init__(self, folder: IndexFolder, plan: Plan, listen: Listen) -> None:
        self.folder, self.plan, self._listen = folder, plan, listen
        self.started = time.monotonic()
        self.before = self.done = self.reused = self.tokens = 0

    def run(self, embed: EmbedUnits) -> Embedded:
        """Do what is missing, switch, and clear up."""
        there = {record.id: record for record in self.folder.versions()}
        record = there.get(self.plan.record.id)
        if record is None or not record.complete:
            record = self.plan.record
            self.folder.write(record)
            record = self._finish(record, self._units(embed))
        else:
            self.before = record.rows
            record = record.model_copy(update=_whereabouts(self.plan.record))
        if record != there.get(record.id):
            self.folder.write(record)
        if self.folder.record.current != record.id:
            self.folder.switch(record.id)
        removed = self.folder.prune(self.plan.options.keep_versions)
        return self._embedded(record, tuple(removed))

    def _units(self, embed: EmbedUnits) -> list[UnitRecord]:
        """All units of the plan, done."""
        work, units = self.plan.work, self.plan.units
        pieces = open_pieces(work.folder, work.format)
        records = {
            unit.number: record for unit in units if (record := load_record(work.folder, unit, pieces))
        }
        self.before = sum(record.rows for record in records.values())
        self.done, self.reused = self.before, sum(record.reused for record in records.values())
        self._tell("embed")
        if missing := [unit for unit in units if unit.number not in records]:
            for record in embed(self._with_earlier(work), missing):
                records[record.number] = record
                self.done += record.rows
                self.reused += record.reused
                self.tokens += record.tokens
                self._tell("embed")
        return [records[unit.number] for unit in units]

    def _with_earlier(self, work: Work) -> Work:
        """The work with the newest complete version of the same model, whose keys are sorted for it."""
        mine = self.plan.record
        same = [one for one in self.folder.versions() if one.complete and one.identity == mine.identity]
        if not same:
            return work
        earlier = self.folder.folder(same[-1].id)
        write_known(keys_of(open_store(earlier)), same[-1].rows, work.folder / UNITS)
        return replace(work, earlier=earlier)

    def _finish(self, record: VersionRecord, records: Sequence[UnitRecord]) -> VersionRecord:
        """One table of all units, and what searching it needs."""
        work, options = self.plan.work, self.plan.options
        open_pieces(work.folder, work.format).commit([one.stored for one in records], work.schema)
        record = record.model_copy(update={"reused": sum(one.reused for one in records)})
        self._tell("index")
        record = record.model_copy(update={"ann": ann.build(work.folder, record)})
        self._tell("map")
        map.write(work.folder, record, onto=self._map_before())
        if options.questions is not None:
            questions.write(work.folder, record, work.corpus, options.questions)
        for name in (KNOWN_KEYS, KNOWN_ROWS):
            (work.folder / UNITS / name).unlink(missing_ok=True)
        return record.model_copy(
            update={"complete": True, "seconds": time.monotonic() - self.started, "created": time.time()}
        )

    def _map_before(self) -> pa.Table | None:
        """The map of the version that answers, which the new one is turned onto."""
        current = self.folder.record.current
        file = self.folder.folder(current) / MAP_FILE if current else None
        return pq.read_table(file) if file and file.is_file() else None

    def _tell(self, stage: str) -> None:
        seconds, rows = time.monotonic() - self.started, self.plan.record.rows
        self._listen(Progress(stage, rows, self.before, self.done, self.reused, self.tokens, seconds))

    def _embedded(self, record: VersionRecord, removed: tuple[str, ...]) -> Embedded:
        found = record.ann[record.full.column]
        return Embedded(
            self.folder.path,
            self.folder.record.name,
            record.id,
            record.rows,
            record.reused,
            self.before,
            self.tokens,
            time.monotonic() - self.started,
            found.kind,
            found.recall,
            removed,
        )


def _whereabouts(record: VersionRecord) -> dict[str, Any]:
    """Where the model is found, which the same model under another name or in another place may change."""
    return {key: getattr(record, key) for key in ("model", "asked", "registry_version", "folder")}
