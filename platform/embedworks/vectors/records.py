"""The record files of an index: what it is called, which version answers, and what a version was made from.

INDEX/index.json                    :class:`IndexRecord`
INDEX/versions/<id>/version.json    :class:`VersionRecord`
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from embedworks.corpora.atomic import new_file
from embedworks.errors import InputError, dotted, first_line

INDEX_FILE = "index.json"
VERSION_FILE = "version.json"
VECTOR = "vector"  # the column of the full size
ID = "id"
KEY = "key"
KEY_BYTES = 16

Kind = Literal["exact", "ivf_hnsw_sq", "ivf_pq"]
Similarity = Literal["cosine", "dot"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)  # a newer writer may say more


class Size(_Record):
    """A stored size of vectors, or a stored one read at its first dimensions."""

    column: str = Field(description="the column that holds it")
    layers: int = Field(ge=1)
    dimensions: int = Field(ge=1, description="of a vector; fewer than the column's where it is cut")

    @classmethod
    def of(cls, layers: int, dimensions: int, *, full: tuple[int, int]) -> Size:
        """The size with the name of its column: ``vector``, or ``vector_<layers>x<dimensions>``.

        Example:
            >>> Size.of(2, 96, full=(6, 384)).column
            'vector_2x96'
        """
        whole = (layers, dimensions) == tuple(full)
        column = VECTOR if whole else f"{VECTOR}_{layers}x{dimensions}"
        return cls(column=column, layers=layers, dimensions=dimensions)

    def __str__(self) -> str:
        """As options spell it."""
        return f"{self.layers}x{self.dimensions}"


class Ann(_Record):
    """How one column of vectors is searched, and how well that finds what exact search finds."""

    kind: Kind
    probes: int = Field(default=0, ge=0, description="partitions that a search looks into")
    refine: int = Field(default=0, ge=0, description="exactly scored candidates for each hit; 0: none")
    ef: int = Field(default=0, ge=0, description="candidates that the graph search keeps; 0: no graph")
    recall: float | None = Field(default=None, ge=0, le=1, description="at 10, measured; null for exact")
    sampled: int = Field(default=0, ge=0, description="stored vectors that it was measured with")


class VersionRecord(_Record):
    """One complete or growing set of vectors: one model, one way of reading it, one corpus."""

    id: str = Field(pattern=r"^[0-9a-f]{12}-[0-9a-f]{8}$")
    model: str = Field(description="pinned source: models:/docs/3, a folder or a hub id")
    asked: str = Field(description="what the user named: models:/docs@champion")
    registry_version: str | None = None
    folder: Path = Field(description="where the model was found")
    weights: str = Field(description="digest of the weights")
    sizes: tuple[Size, ...] = Field(min_length=1)
    similarity: Similarity = "cosine"
    normalized: bool = Field(default=True, description="whether the embedder makes vectors of length one")
    prompt: str = Field(default="", description="text in front of what was embedded")
    corpus: str = Field(description="name or URI")
    corpus_digest: str
    split: str
    column: str = Field(description="what was embedded")
    keep: tuple[str, ...] = Field(default=(), description="columns of the corpus beside the vectors")
    group: str | None = Field(default=None, description="kept column that colours the map")
    rows: int = Field(ge=0)
    reused: int = Field(default=0, ge=0, description="rows copied from an earlier version")
    seconds: float = Field(default=0.0, ge=0)
    created: float = Field(description="Unix seconds")
    complete: bool = False
    ann: dict[str, Ann] = Field(default_factory=dict, description="column of vectors -> how it is searched")

    @property
    def identity(self) -> str:
        """Digest of the model and of how it was read: equal where vectors of equal content are equal."""
        return self.id.partition("-")[0]

    @property
    def full(self) -> Size:
        """The largest stored size."""
        return max(self.sizes, key=lambda size: (size.layers, size.dimensions))


class IndexRecord(_Record):
    """What an index is called, and which version answers."""

    format: Literal[1] = 1
    name: str = Field(min_length=1)
    current: str | None = Field(default=None, description="id of the version that answers")
    previous: str | None = Field(default=None, description="id of the one that answered before it")
    updated: float = Field(default=0.0, description="Unix seconds")


def version_id(identity: str, corpus_digest: str) -> str:
    """The id of a version: 12 hexadecimal digits of the model's identity, 8 of the corpus.

    Args:
        identity: Hexadecimal digest of whatever decides the vector of a given content.
        corpus_digest: As :attr:`embedworks.corpora.corpus.Corpus.digest`.
    """
    return f"{identity[:12]}-{corpus_digest[:8]}"


def content_key(content: str | bytes | Sequence[str]) -> bytes:
    """The key of a row: 16 bytes of BLAKE2b of what is embedded; of several texts, in their order."""
    if not isinstance(content, str | bytes):
        content = b"".join(hashlib.blake2b(text.encode()).digest() for text in content)
    data = content.encode() if isinstance(content, str) else content
    return hashlib.blake2b(data, digest_size=KEY_BYTES).digest()


AnyRecord = TypeVar("AnyRecord", bound=BaseModel)


def read_record(kind: type[AnyRecord], file: Path, expected: str) -> AnyRecord:
    """Read one record file.

    Raises:
        InputError: for a file that is missing, broken, or another program's.
    """
    try:
        return kind.model_validate_json(file.read_bytes())
    except OSError as error:
        raise InputError(
            f"cannot be read: {first_line(error)}", where=str(file), expected=expected
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{dotted(first['loc'])}: {first['msg']}".removeprefix(": ")
        raise InputError(what, where=str(file), expected=expected) from error


def write_record(record: BaseModel, file: Path) -> None:
    """Write one record file, whole or not at all."""
    with new_file(file) as partial:
        partial.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
