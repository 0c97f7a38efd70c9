"""Builds one part of a corpus: its shards, then a small record that says it is done.

A part is the unit of work, of parallelism and of going on after a kill. It knows its own rows, whether
they are read from files or generated.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from embedworks.corpora.atomic import PARTIAL, new_file
from embedworks.corpora.duplicates import row_digests, sort_digests
from embedworks.corpora.manifest import Shard
from embedworks.corpora.statistics import SplitTally, text_columns
from embedworks.corpora.writer import ShardWriter

FORMAT = 1  # of what a part writes; another number makes the parts of a killed build start again
BUILD = ".build"  # inside the corpus folder, until the manifest is written


class Part(Protocol):
    """Some of a corpus's rows, in order; it travels to whoever builds it.

    Attributes:
        index: Its place among the parts, in the names of its shards.
        identity: Changes with whatever changes its bytes.
        schema: Of every table.
        shard_rows: Rows of a full shard.
    """

    @property
    def index(self) -> int: ...  # noqa: D102
    @property
    def identity(self) -> str: ...  # noqa: D102
    @property
    def schema(self) -> pa.Schema: ...  # noqa: D102
    @property
    def shard_rows(self) -> int: ...  # noqa: D102

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """(split, rows), the same whenever asked."""
        ...


@dataclass(frozen=True)
class Header:
    """What a manifest says of a corpus in words."""

    name: str
    description: str
    source: str
    licence: str
    split_rule: str


@dataclass(frozen=True)
class Plan:
    """A whole build.

    Attributes:
        asked: The user's options as JSON values; a killed build goes on only with the same.
        header: For the manifest.
        schema: Of every shard.
        splits: In the manifest's order.
        parts: What is to be done.
        reads: The path or URI that the parts read; empty if they read none.
    """

    asked: dict[str, Any]
    header: Header
    schema: pa.Schema
    splits: tuple[str, ...]
    parts: tuple[Part, ...]
    reads: str = ""


class PartRecord(BaseModel):
    """What a finished part left behind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    identity: str
    shards: dict[str, list[Shard]]
    tallies: dict[str, dict[str, Any]]

    @property
    def rows(self) -> int:
        """Rows of all its splits."""
        return sum(shard.rows for shards in self.shards.values() for shard in shards)


def build_part(part: Part, folder: Path) -> PartRecord:
    """Write a part's shards, and last of all its record.

    Raises:
        InputError: for rows that cannot be had or do not fit, saying where.
    """
    forget_part(part.index, folder)
    with ExitStack() as stack:
        splits: dict[str, _SplitPart] = {}
        for split, table in part.tables():
            if split not in splits:
                splits[split] = stack.enter_context(_SplitPart(part, folder, split))
            splits[split].write(table)
        for one in splits.values():
            one.close()
    record = PartRecord(
        identity=part.identity,
        shards={split: one.writer.shards for split, one in splits.items()},
        tallies={split: one.tally.to_json() for split, one in splits.items()},
    )
    with new_file(_record_file(part.index, folder)) as partial_file:
        partial_file.write_text(record.model_dump_json(exclude_none=True))
    return record


def load_record(part: Part, folder: Path) -> PartRecord | None:
    """The record of a part that is done; None if it is missing, of other inputs, or lacks a shard."""
    try:
        record = PartRecord.model_validate_json(_record_file(part.index, folder).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    sizes = {shard.file: shard.bytes for shards in record.shards.values() for shard in shards}
    whole = all((folder / n).is_file() and (folder / n).stat().st_size == s for n, s in sizes.items())
    return record if record.identity == part.identity and whole else None


def has_records(folder: Path) -> bool:
    """Whether any part of a build is done."""
    return any((folder / BUILD).glob("part-*.json"))


def forget_part(index: int, folder: Path) -> None:
    """Remove whatever an earlier try left of a part, its record first."""
    _record_file(index, folder).unlink(missing_ok=True)
    for pattern in (f"*-{index:05d}-*.parquet", f".*-{index:05d}-*{PARTIAL}"):
        for file in folder.glob(pattern):
            file.unlink()
    for file in (folder / BUILD).glob(f"rows-{index:05d}-*.npy"):
        file.unlink()


def digest_file(index: int, split: str, folder: Path) -> Path:
    """Where the digests of a part's rows are, sorted."""
    return folder / BUILD / f"rows-{index:05d}-{split}.npy"


def _record_file(index: int, folder: Path) -> Path:
    return folder / BUILD / f"part-{index:05d}.json"


class _SplitPart:
    """The rows of a part that belong to one split, on their way to shards and counts."""

    def __init__(self, part: Part, folder: Path, split: str) -> None:
        schema, name = part.schema, partial(_shard_name, split, part.index)
        self.writer = ShardWriter(folder, name, schema, part.shard_rows)
        self.tally = SplitTally(text_columns(schema))
        self._digests: list[np.ndarray] = []
        self._file = digest_file(part.index, split, folder)

    def write(self, table: pa.Table) -> None:
        self.writer.write(table)
        self.tally.add(table)
        self._digests.append(row_digests(table))

    def close(self) -> None:
        self.writer.close()
        data = io.BytesIO()
        np.save(data, sort_digests(np.concatenate(self._digests)))
        with new_file(self._file) as file:
            file.write_bytes(data.getvalue())

    def __enter__(self) -> _SplitPart:
        return self

    def __exit__(self, *error: Any) -> None:
        self.writer.__exit__(*error)


def _shard_name(split: str, part: int, number: int) -> str:
    return f"{split}-{part:05d}-{number:05d}.parquet"
