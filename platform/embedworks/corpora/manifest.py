"""The manifest of a corpus: what its shards are, how many rows they hold, and their hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

import pyarrow.fs as pafs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from embedworks.corpora.atomic import new_file
from embedworks.corpora.places import Place
from embedworks.corpora.statistics import SplitStatistics
from embedworks.errors import InputError

MANIFEST_FILE = "manifest.json"
SHA256 = "^[0-9a-f]{64}$"


class Shard(BaseModel):
    """One file of a corpus, with the hash that tells it from any other."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(description="file name inside the corpus folder, or the URI of a file elsewhere")
    rows: int = Field(ge=0)
    bytes: int = Field(ge=0, description="size of the file")
    sha256: str | None = Field(default=None, pattern=SHA256, description="of the whole file")
    footer_sha256: str | None = Field(
        default=None, pattern=SHA256, description="of footer and size alone: the rows were not read"
    )

    @field_validator("file")
    @classmethod
    def _stay_inside(cls, file: str) -> str:
        if "://" not in file and (Path(file).name != file or file in ("", ".", "..")):
            raise ValueError("a shard is a file name without folders, or a URI")
        return file

    @model_validator(mode="after")
    def _one_hash(self) -> Self:
        if (self.sha256 is None) == (self.footer_sha256 is None):
            raise ValueError("a shard has either sha256 or footer_sha256")
        return self

    def place(self, folder: Place) -> Place:
        """Where the file is, for a corpus at ``folder``."""
        return Place.of(self.file) if "://" in self.file else folder / self.file


class Manifest(BaseModel):
    """What a corpus folder holds. Stored as ``manifest.json``, written after the last shard."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str = ""
    source: str = Field(default="", description="what the rows were made from, with versions")
    licence: str = ""
    split_rule: str = Field(default="", description="what keeps the splits apart, in words")
    columns: dict[str, str] = Field(description="name -> Arrow type, in order")
    splits: dict[str, list[Shard]]
    statistics: dict[str, SplitStatistics] = Field(
        default_factory=dict, description="split -> counts; empty where the rows were not read"
    )

    def rows(self, split: str) -> int:
        """Rows of one split.

        Raises:
            InputError: for an unknown split, naming the nearest one.
        """
        return sum(shard.rows for shard in self.shards(split))

    def shards(self, split: str) -> list[Shard]:
        """Shards of one split, in row order.

        Raises:
            InputError: for an unknown split, naming the nearest one.
        """
        if split not in self.splits:
            raise InputError(
                f"corpus {self.name!r} has no split {split!r}",
                expected=f"one of {', '.join(self.splits)}",
                name=split,
                known=self.splits,
            )
        return self.splits[split]

    @property
    def digest(self) -> str:
        """SHA-256 of the content: shard hashes by split and position, and the columns.

        Names, descriptions and file sizes do not change it; any row does. Of a shard that is indexed in
        place its footer counts, which changes with the columns, row groups and value ranges.
        """
        lines = [f"column {name} {kind}" for name, kind in sorted(self.columns.items())]
        for split, shards in sorted(self.splits.items()):
            lines += [_hash_line(shard, f"{split} {index}") for index, shard in enumerate(shards)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def save(self, folder: Path) -> Path:
        """Write ``manifest.json`` into ``folder``, whole or not at all."""
        file = folder / MANIFEST_FILE
        with new_file(file) as partial:
            partial.write_text(self.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8")
        return file

    @classmethod
    def load(cls, folder: str | Path | Place) -> Manifest:
        """Read the manifest of a corpus folder, here or at a URI.

        Raises:
            InputError: if there is no folder, no manifest, or one that cannot be read.
        """
        place = Place.of(folder)
        file = place / MANIFEST_FILE
        if file.info().type != pafs.FileType.File:
            # A bucket has no folders of its own, and a web server may not list them.
            if place.local and not place.is_folder():
                raise InputError(f"no corpus folder at {str(place)!r}", expected="a folder of shards")
            raise InputError(f"{place} has no {MANIFEST_FILE}", expected="a corpus built to its end")
        manifest = cls._parse(file)
        if not place.local:
            manifest.refuse_local_files(str(file))
        return manifest

    @classmethod
    def _parse(cls, file: Place) -> Manifest:
        try:
            return cls.model_validate_json(file.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise InputError(f"{place}: {first['msg']}".removeprefix(": "), where=str(file)) from error

    def refuse_local_files(self, where: str) -> None:
        """Keep a manifest from elsewhere from naming files of the machine that reads it.

        Raises:
            InputError: naming the first such file.
        """
        for shard in (shard for shards in self.splits.values() for shard in shards):
            if shard.file.startswith("file:"):
                raise InputError(
                    f"names a local file, {shard.file}", where=where, expected="shards beside it"
                )


def _hash_line(shard: Shard, place: str) -> str:
    return f"shard {place} {shard.sha256}" if shard.sha256 else f"footer {place} {shard.footer_sha256}"
