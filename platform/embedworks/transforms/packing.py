"""Several short documents in one row, so that little of a batch is padding.

Documents of a row must not see each other: :func:`embedworks.nn.packing.block_mask` makes the attention
mask from ``segment_ids``, and ``position_ids`` start again at 0 with every document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedworks.errors import InputError
from embedworks.transforms.tokens import Ints, Lists, flatten
from embedworks.transforms.transform import Batch, Transform

Method = Literal["first-fit-decreasing", "next-fit"]
TooLong = Literal["cut", "refuse"]

# Shape legend: N documents, R rows, L tokens of a row.


@dataclass(frozen=True)
class PackedRows:
    """Where every token of every document stands.

    Attributes:
        documents: For each row the indices of its documents, from left to right.
        lengths_N: Tokens of each document before any was cut.
        position_ids_RL: Position of each token in its document; 0 in the padding.
        segment_ids_RL: 1 for the tokens of a row's first document, 2 for its second, ...; 0 for padding.
    """

    documents: tuple[tuple[int, ...], ...]
    lengths_N: Ints
    position_ids_RL: NDArray[np.int64]
    segment_ids_RL: NDArray[np.int64]

    @property
    def order_N(self) -> NDArray[np.int64]:
        """``(N,)`` index of each document, row by row: the order in which packed states are pooled."""
        return np.fromiter(chain.from_iterable(self.documents), np.int64)

    def fill(self, lists: Lists, value: int) -> NDArray[np.int64]:
        """Put one column into the rows: its token ids, or labels that are as long.

        Args:
            lists: A list for each document, as long as the document; cut where that was cut.
            value: What stands in the padding.

        Returns:
            ``(R, L)``.

        Raises:
            ValueError: for lists of other lengths.
        """
        values, lengths_N = flatten(lists)
        if not np.array_equal(lengths_N, self.lengths_N):
            raise ValueError("a column's lists are not as long as the documents that were packed")
        real_RL = self.segment_ids_RL > 0
        first_N = (np.cumsum(lengths_N) - lengths_N)[self.order_N]
        starts_RL = real_RL & (self.position_ids_RL == 0)
        document = np.cumsum(starts_RL.ravel())[real_RL.ravel()] - 1
        filled_RL = np.full(real_RL.shape, value, dtype=np.int64)
        filled_RL[real_RL] = values[first_N[document] + self.position_ids_RL[real_RL]]
        return filled_RL

    def waste(self) -> float:
        """Share of all positions that are padding; 0 where there are no rows."""
        return float((self.segment_ids_RL == 0).mean()) if self.segment_ids_RL.size else 0.0


def pack(
    lengths: Sequence[int] | Ints,
    row_length: int,
    *,
    method: Method = "first-fit-decreasing",
    window: int | None = None,
    too_long: TooLong = "refuse",
) -> PackedRows:
    """Lay documents into rows of ``row_length`` tokens; a pure function of its arguments.

    ``first-fit-decreasing`` takes the documents of a window from long to short (equal ones in order)
    and puts each into the first row that has room; it wastes little. ``next-fit`` keeps them in order
    and opens a row when the next document does not fit into the last one.

    Args:
        lengths: Tokens of each document.
        row_length: L.
        method: How.
        window: Documents that may share rows: so many, then the next so many; None: all of them. It
            bounds how far a document moves and the time it takes. Not used by ``next-fit``.
        too_long: What is done with a document of more than L tokens: its first L are kept, or it is
            refused.

    Raises:
        InputError: for an unknown method, a window or row of less than 1, an empty document, or one
            that is too long where that is refused.
    """
    _check("method", method, get_args(Method))
    _check("too_long", too_long, get_args(TooLong))
    for name, number in (("row_length", row_length), ("window", window)):
        if number is not None and number < 1:
            raise InputError(f"{name}={number} is not possible", expected="at least 1")
    lengths_N = np.asarray(lengths, dtype=np.int64)
    _check_lengths(lengths_N, row_length, too_long)
    kept_N = np.minimum(lengths_N, row_length)
    if method == "next-fit":
        return _lay(_next_fit(kept_N.tolist(), row_length), lengths_N, row_length)
    rows: list[list[int]] = []
    step = window or max(len(kept_N), 1)
    for first in range(0, len(kept_N), step):
        fitted = _first_fit_decreasing(kept_N[first : first + step], row_length)
        rows += [[first + index for index in row] for row in fitted]
    return _lay(rows, lengths_N, row_length)


class PackedTransform(Transform):
    """Packs the rows of any transform that tokenises one text a row, when a batch is made.

    Rows stay one for one until then, so the stream's order and restarts are untouched; a batch of B
    samples has as many packed rows as they need.

    Args:
        transform: Gives lists of one length a row in each of ``columns``.
        columns: The columns that are packed -> what stands in their padding, as
            ``{"input_ids": 0, "labels": -100}``.
        row_length: L.
        method: As for :func:`pack`.
        too_long: As for :func:`pack`.
    """

    def __init__(
        self,
        transform: Transform,
        columns: Mapping[str, int],
        *,
        row_length: int,
        method: Method = "first-fit-decreasing",
        too_long: TooLong = "refuse",
    ) -> None:
        self.transform = transform
        # Of the class for other transforms, of the object here: it reads what its transform reads.
        self.columns = transform.columns  # type: ignore[misc]
        self.optional_columns = transform.optional_columns  # type: ignore[misc]
        self.packed = dict(columns)
        self.row_length = row_length
        self.method: Method = method
        self.too_long: TooLong = too_long

    def __call__(self, rows: pa.Table) -> pa.Table:
        """The rows of the transform itself."""
        return self.transform(rows)

    def collate(self, rows: pa.Table) -> Batch:
        """Pack one batch.

        Returns:
            Each of the columns, ``position_ids`` and ``segment_ids`` ``(R, L)``, and ``documents``
            ``(N,)``: which sample of the batch each document is, row by row. All int64.

        Raises:
            InputError: as :func:`pack`.
        """
        import torch

        _, lengths_N = flatten(rows[next(iter(self.packed))])
        packed = pack(lengths_N, self.row_length, method=self.method, too_long=self.too_long)
        arrays = {name: packed.fill(rows[name], value) for name, value in self.packed.items()}
        arrays |= {"position_ids": packed.position_ids_RL, "segment_ids": packed.segment_ids_RL}
        arrays["documents"] = packed.order_N
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


def _check(key: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise InputError(f"unknown {key} {name!r}", expected=" or ".join(known), name=name, known=known)


def _check_lengths(lengths_N: Ints, row_length: int, too_long: TooLong) -> None:
    if (lengths_N < 1).any():
        raise InputError(f"document {int(np.argmin(lengths_N))} has no token", expected="one or more")
    if too_long == "refuse" and (lengths_N > row_length).any():
        document = int(np.argmax(lengths_N > row_length))
        raise InputError(
            f"document {document} has {lengths_N[document]} tokens, too many for a row",
            expected=f"at most {row_length}, or too_long='cut'",
        )


def _next_fit(lengths: Sequence[int], row_length: int) -> list[list[int]]:
    rows: list[list[int]] = []
    room = 0
    for document, length in enumerate(lengths):
        if length > room:
            rows.append([])
            room = row_length
        rows[-1].append(document)
        room -= length
    return rows


def _first_fit_decreasing(lengths_N: Ints, row_length: int) -> list[list[int]]:
    rows: list[list[int]] = []
    room_N = np.full(len(lengths_N), row_length)  # of each row, used or not
    for document in np.argsort(-lengths_N, kind="stable").tolist():
        row = int(np.argmax(room_N >= lengths_N[document]))
        if row == len(rows):
            rows.append([])
        rows[row].append(document)
        room_N[row] -= lengths_N[document]
    return rows


def _lay(rows: Sequence[Sequence[int]], lengths_N: Ints, row_length: int) -> PackedRows:
    position_ids_RL = np.zeros((len(rows), row_length), np.int64)
    segment_ids_RL = np.zeros_like(position_ids_RL)
    for row, documents in enumerate(rows):
        start = 0
        for segment, document in enumerate(documents, start=1):
            stop = start + min(int(lengths_N[document]), row_length)
            position_ids_RL[row, start:stop] = np.arange(stop - start)
            segment_ids_RL[row, start:stop] = segment
            start = stop
    return PackedRows(tuple(map(tuple, rows)), lengths_N, position_ids_RL, segment_ids_RL)
