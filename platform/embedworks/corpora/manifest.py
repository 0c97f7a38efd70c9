"""The manifest of a corpus: what its shards are, how many rows they hold, and their hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from embedworks.corpora.atomic import new_file
from embedworks.errors import InputError

MANIFEST_FILE = "manifest.json"


class Shard(BaseModel):
    """One file of a corpus."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(description="file name inside the corpus folder")
    rows: int = Field(ge=0)
    bytes: int = Field(ge=0, description="size of the file")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @field_validator("file")
    @classmethod
    def _stay_inside(cls, file: str) -> str:
        if Path(file).name != file or file in ("", ".", ".."):
            raise ValueError("a shard is a file name without folders")
        return file


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

        Names, descriptions and file sizes do not change it; any row does.
        """
        lines = [f"column {name} {kind}" for name, kind in sorted(self.columns.items())]
        for split, shards in sorted(self.splits.items()):
            lines += [f"shard {split} {index} {shard.sha256}" for index, shard in enumerate(shards)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def save(self, folder: Path) -> Path:
        """Write ``manifest.json`` into ``folder``, whole or not at all."""
        file = folder / MANIFEST_FILE
        with new_file(file) as partial:
            partial.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return file

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read the manifest of a corpus folder.

        Raises:
            InputError: if there is no folder, no manifest, or one that cannot be read.
        """
        file = folder / MANIFEST_FILE
        if not folder.is_dir():
            raise InputError(f"no corpus folder at {str(folder)!r}", expected="a folder of shards")
        if not file.is_file():
            raise InputError(f"{folder} has no {MANIFEST_FILE}", expected="a corpus built to its end")
        try:
            return cls.model_validate_json(file.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise InputError(f"{place}: {first['msg']}".removeprefix(": "), where=str(file)) from error
