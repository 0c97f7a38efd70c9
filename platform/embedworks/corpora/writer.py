"""Writes tables as shards: whole files under their final names, in row groups that a reader can seek."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.corpora.atomic import new_file
from embedworks.corpora.manifest import Shard
from embedworks.corpora.verify import file_digest

ROW_GROUP_ROWS = 256


class ShardWriter:
    """Takes tables of any size and cuts them into shards of equal rows.

    A shard appears under its name when it is complete and synced. Where the block ends with an
    exception, its shards are removed. One row group is held in memory. The same rows always give the
    same bytes under one version of Arrow, however they are cut into tables.

    Args:
        folder: Where the shards go.
        name: Number of a shard -> its file name.
        schema: Of every table.
        shard_rows: Rows of a full shard, rounded down to whole row groups.
        row_group_rows: Rows of a row group, the least that a reader decodes.
    """

    def __init__(
        self,
        folder: Path,
        name: Callable[[int], str],
        schema: pa.Schema,
        shard_rows: int,
        row_group_rows: int = ROW_GROUP_ROWS,
    ) -> None:
        self.shards: list[Shard] = []
        self._folder, self._name, self._schema = folder, name, schema
        self._group = min(row_group_rows, shard_rows)
        self._shard_rows = shard_rows // self._group * self._group
        self._waiting = schema.empty_table()
        self._open: _OpenShard | None = None

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        self._waiting = pa.concat_tables([self._waiting, table])
        start = 0
        while self._waiting.num_rows - start >= self._group:
            self._write_group(self._waiting.slice(start, self._group))
            start += self._group
        self._waiting = self._waiting.slice(start)

    def close(self) -> None:
        """Write what is left, as a last and shorter shard."""
        if self._waiting.num_rows:
            self._write_group(self._waiting)
            self._waiting = self._schema.empty_table()
        self._finish_shard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        if self._open:
            self._open.stack.__exit__(kind, error, trace)
        for shard in self.shards:
            (self._folder / shard.file).unlink(missing_ok=True)

    def _write_group(self, table: pa.Table) -> None:
        if self._open is None:
            self._open = _OpenShard(self._folder / self._name(len(self.shards)), self._schema)
        self._open.write(table)
        if self._open.rows == self._shard_rows:
            self._finish_shard()

    def _finish_shard(self) -> None:
        if self._open:
            self.shards.append(self._open.finish())
            self._open = None


class _OpenShard:
    def __init__(self, file: Path, schema: pa.Schema) -> None:
        self.file, self.rows = file, 0
        self.stack = ExitStack()
        self._partial = self.stack.enter_context(new_file(file))
        # Page checksums let a reader notice a flipped bit without hashing the whole shard.
        self._writer = self.stack.enter_context(
            pq.ParquetWriter(self._partial, schema, compression="zstd", write_page_checksum=True)
        )

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table.combine_chunks(), row_group_size=table.num_rows)
        self.rows += table.num_rows

    def finish(self) -> Shard:
        self._writer.close()
        size, digest = self._partial.stat().st_size, file_digest(self._partial)
        self.stack.close()
        return Shard(file=self.file.name, rows=self.rows, bytes=size, sha256=digest)
