"""Texts out of Arrow, token ids into Arrow, and token ids to padded tensors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedworks.errors import InputError

if TYPE_CHECKING:  # processes that read and tokenise have no use for torch, and it takes seconds
    from torch import Tensor

IDS = pa.list_(pa.int32())

Ints = NDArray[np.integer]
Lists: TypeAlias = "pa.Array | pa.ChunkedArray"

# Shape legend: B rows, T tokens, N all tokens of all rows, end to end.


def check_length(name: str, length: int, limit: int) -> int:
    """A configured length in tokens, if the model can read that many.

    Raises:
        InputError: if not, with both numbers.
    """
    if length > limit:
        raise InputError(
            f"{name}={length} is longer than the {limit} tokens that the model reads",
            expected=f"{name} of at most {limit}",
        )
    return length


def texts_of(rows: pa.Table, column: str) -> list[str]:
    """A text column as Python strings.

    Raises:
        InputError: where a row has none.
    """
    values = rows[column]
    if values.null_count:
        row = int(np.flatnonzero(values.is_null().to_numpy())[0])
        raise InputError(f"row {row} of the batch has no text in column {column!r}", expected="a string")
    texts: list[str] = values.to_pylist()
    return texts


def lists_array(lists: Sequence[Sequence[int]]) -> pa.ListArray:
    """Lists of integers as one ``list<int32>`` array, in a third of the time ``pa.array`` takes."""
    offsets_B = np.zeros(len(lists) + 1, np.int32)
    np.cumsum([len(row) for row in lists], out=offsets_B[1:])
    values_N = np.fromiter(chain.from_iterable(lists), np.int32, int(offsets_B[-1]))
    return pa.ListArray.from_arrays(offsets_B, values_N)


def flatten(lists: Lists) -> tuple[Ints, Ints]:
    """``(N,)`` values of all lists end to end, and the ``(B,)`` lengths of the lists.

    Args:
        lists: A ``list<int32>`` array or column without nulls, whole or a slice.
    """
    array = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    offsets = array.offsets.to_numpy().astype(np.int64)
    return array.values.to_numpy()[offsets[0] : offsets[-1]], np.diff(offsets)


def pad_lists(
    lists: Lists, value: int, *, multiple: int = 8, limit: int | None = None
) -> tuple[Tensor, Tensor]:
    """Stack lists of integers, padded on the right.

    Args:
        lists: An Arrow ``list<int32>`` column of B rows.
        value: What stands in the padding.
        multiple: The width is rounded up to a multiple of this, which suits matrix units and keeps
            the number of different shapes small.
        limit: A width that rounding never exceeds.

    Returns:
        ``(B, T)`` int64 ids and ``(B, T)`` int64 mask, 1 for real entries.
    """
    (padded_BT,), mask_BT = pad_columns([(lists, value)], multiple=multiple, limit=limit)
    return padded_BT, mask_BT


def pad_columns(
    columns: Sequence[tuple[Lists, int]], *, multiple: int = 8, limit: int | None = None
) -> tuple[list[Tensor], Tensor]:
    """:func:`pad_lists` for columns whose lists are equally long, row by row: tokens and their labels.

    Args:
        columns: Each column, and what stands in its padding.
        multiple: As for :func:`pad_lists`.
        limit: As for :func:`pad_lists`.

    Returns:
        The ``(B, T)`` int64 tensor of every column, and the one ``(B, T)`` int64 mask.
    """
    import torch

    flat = [flatten(lists) for lists, _ in columns]
    lengths_B = flat[0][1]
    width = -(-max(int(lengths_B.max(initial=1)), 1) // multiple) * multiple
    width = min(width, limit) if limit else width
    mask_BT = np.arange(width)[None, :] < lengths_B[:, None]
    tensors = []
    for (values_N, _), (_, value) in zip(flat, columns, strict=True):
        padded_BT = np.full(mask_BT.shape, value, dtype=np.int64)
        padded_BT[mask_BT] = values_N
        tensors.append(torch.from_numpy(padded_BT))
    return tensors, torch.from_numpy(mask_BT.astype(np.int64))
