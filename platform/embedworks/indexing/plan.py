"""From what a user asks to the work: every check before the first row is read, and the version's id."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from embedworks.corpora.corpus import Corpus
from embedworks.indexing.options import FoundModel, IndexOptions, check_column, holds_pictures
from embedworks.indexing.pieces import open_pieces
from embedworks.indexing.reading import Reading, read_with
from embedworks.indexing.units import Unit, cut_units, unit_rows
from embedworks.indexing.work import Work
from embedworks.vectors.index_folder import IndexFolder
from embedworks.vectors.records import VersionRecord, version_id


@dataclass(frozen=True)
class Plan:
    """A version that is to be made.

    Attributes:
        record: Of the version, not complete.
        work: What workers are given; without an earlier version.
        units: All of the work, in order.
        options: What was asked.
    """

    record: VersionRecord
    work: Work
    units: list[Unit]
    options: IndexOptions


def make_plan(
    model: FoundModel,
    corpus: Corpus,
    index: Path,
    options: IndexOptions,
    find: Callable[[str], Path] | None = None,
    max_rows: int | None = None,
) -> Plan:
    """Check what is asked and cut it into units; nothing is written.

    Args:
        model: The model.
        corpus: The rows.
        index: Folder of the index.
        options: What to embed, and how.
        find: Finds the model by its source on nodes that do not have its folder.
        max_rows: Rows of a unit; None: by the size of the corpus.

    Raises:
        InputError: for a column, split, size, prompt or format that there is not.
    """
    reading = read_with(
        model.source,
        model.folder,
        options.column,
        images=holds_pictures(corpus, options.column),
        sizes=options.sizes,
        prompt=options.prompt,
        precision=options.precision,
        backend=options.backend,
    )
    kept = options.kept(corpus)
    if options.questions is not None:
        check_column(corpus, options.questions)
    rows = min(corpus.rows(options.split), options.limit or corpus.rows(options.split))
    open_pieces(index, options.format)
    record = _record(model, corpus, reading, options, kept, rows)
    folder = IndexFolder(index).folder(record.id)
    work = Work(reading, corpus, options.split, rows, kept, folder, options.format, find=find)
    shards = corpus.manifest.shards(options.split)
    return Plan(
        record, work, cut_units(shards, rows, work.vector_bytes, max_rows or unit_rows(rows)), options
    )


def _record(
    model: FoundModel,
    corpus: Corpus,
    reading: Reading,
    options: IndexOptions,
    kept: tuple[tuple[str, str], ...],
    rows: int,
) -> VersionRecord:
    # What is read of the corpus: another choice of rows or columns is another version.
    read = [corpus.digest, options.split, rows, kept, options.group, options.questions, options.format]
    digest = hashlib.sha256(json.dumps(read).encode()).hexdigest()
    work_sizes = Work(reading, corpus, options.split, rows, kept, Path()).sizes
    return VersionRecord(
        id=version_id(reading.identity(), digest),
        model=model.source,
        asked=model.asked,
        registry_version=model.version,
        folder=model.folder,
        weights=reading.weights,
        sizes=work_sizes,
        similarity=reading.similarity,
        normalized=reading.normalized,
        prompt=reading.prompt,
        corpus=str(corpus.manifest.name),
        corpus_digest=corpus.digest,
        split=options.split,
        column=_name_of(options.column, kept),
        keep=tuple(name for name, _ in kept),
        group=options.group,
        rows=rows,
        created=time.time(),
    )


def _name_of(column: str, kept: tuple[tuple[str, str], ...]) -> str:
    """What the embedded column is called in the table, where it is kept there."""
    return next((name for name, source in kept if source == column), column)
