"""A version of an index, opened to be searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedworks.vectors.records import Size, VersionRecord

Filter = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """What a search found: for each query its hits, best first; fewer than asked for where there are fewer.

    Attributes:
        ids: Row numbers, an int64 array for each query.
        scores: Cosine or inner product, bigger is better; a float32 array for each query.
        rows: The kept columns of every hit.
        exact: Whether nothing better can have been missed.
    """

    ids: list[NDArray[np.int64]]
    scores: list[NDArray[np.float32]]
    rows: list[list[dict[str, Any]]]
    exact: bool


class Table:
    """One version of an index. It stays with that version, and any number of threads may search it."""

    record: VersionRecord

    @classmethod
    def open(cls, path: str | Path, version: VersionRecord | None = None) -> Table:
        """Open a version of the index at ``path``; the current one by default."""
        raise NotImplementedError

    def size(self, layers: int | None = None, dimensions: int | None = None) -> Size:
        """The stored size that answers for so many layers and dimensions, cut where it has more."""
        raise NotImplementedError

    def search(
        self,
        queries_QD: NDArray[np.float32],
        limit: int = 10,
        *,
        size: Size | None = None,
        where: Filter | None = None,
        exact: bool | None = None,
        columns: Sequence[str] | None = None,
    ) -> Found:
        """The nearest rows of each query."""
        raise NotImplementedError

    def rows(self, ids: Sequence[int], columns: Sequence[str] | None = None) -> pa.Table:
        """Rows by id, in the order given: the id and the columns."""
        raise NotImplementedError

    def map(self) -> pa.Table | None:
        """``id, x, y, group, text``; None where the version has no map."""
        raise NotImplementedError

    def questions(self) -> list[dict[str, Any]]:
        """``[{"query": ..., "relevant": [ids]}]``; empty where the corpus has none."""
        raise NotImplementedError
