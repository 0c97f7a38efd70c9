"""What a user asks of a build, and what the source's rows become by it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field


class BuildOptions(BaseModel):
    """What a user asks of a build.

    Attributes:
        source: A path, URI or glob.
        format: A reader's name; by the extensions if None.
        options: The reader's own options.
        columns: New name -> the source's; all columns as they are if empty.
        keep_all: Keep the columns that ``columns`` does not name, too.
        splits: Split -> share of the rows; what is left is ``train``. Empty: as the source has them.
        split_by: The column whose values stay together; the whole row if None.
        seed: Draws the split.
        name: The corpus's name; from the source if empty.
        licence: Of the content.
        description: What a row is.
        shard_rows: Rows of a full shard.
        part_bytes: Bytes of source files that make a part; a file is never divided.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    format: str | None = None
    options: dict[str, str] = Field(default_factory=dict)
    columns: dict[str, str] = Field(default_factory=dict)
    keep_all: bool = False
    splits: dict[str, float] = Field(default_factory=dict)
    split_by: str | None = None
    seed: int = 0
    name: str = ""
    licence: str = ""
    description: str = ""
    shard_rows: int = Field(default=16384, ge=1)
    part_bytes: int = Field(default=64 << 20, ge=1)


@dataclass(frozen=True)
class Layout:
    """What the source's rows become.

    Attributes:
        source: The source's columns, over all its files.
        schema: The corpus's columns.
        origin: Column of the corpus -> column of the source.
    """

    source: pa.Schema
    schema: pa.Schema
    origin: dict[str, str]

    @property
    def dropped(self) -> list[str]:
        """The source's columns that the corpus has not."""
        return [name for name in self.source.names if name not in self.origin.values()]


def unify(first: pa.Schema, second: pa.Schema) -> pa.Schema:
    """Columns of both, each with the type that holds either: whole numbers become fractions, never text.

    Raises:
        pyarrow.ArrowException: if two types have nothing in common.
    """
    return pa.unify_schemas([first, second], promote_options="permissive")


def corpus_name(source: str) -> str:
    """A name for a corpus, from its source.

    Example:
        >>> corpus_name("s3://bucket/docs/*.parquet")
        'bucket-docs'
    """
    words = re.findall(r"[A-Za-z0-9]+", re.sub(r"\?.*|\*.*|^\w+://", "", source))
    return "-".join(words[-2:]).lower() or "corpus"
