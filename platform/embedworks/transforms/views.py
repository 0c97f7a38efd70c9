"""Several versions of one sample in one batch: two augmented views, or two large crops and eight small."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from embedworks.errors import InputError
from embedworks.transforms.transform import SAMPLE, VIEW, Batch, Transform

SAMPLE_KEY = "sample"


class Views(Transform):
    """Runs a transform for every view of a sample, each with a generator of its own.

    View v of a sample draws from ``sample_rng(seed, epoch, sample, v)``; view 0 is what the transform
    gives alone. A batch has every key of a view's batch once for each view, as ``input_ids.0``,
    ``input_ids.1``. That is no leading axis, because views differ in shape: small crops beside large
    ones, texts that were cut differently. :func:`view` takes a view out under its plain keys.

    A batch also has ``sample``, ``(B,)`` int64: the rows' indices in their corpus, which are stable
    over epochs and restarts, for methods that remember something of each sample.

    Args:
        transforms: One for each view; the same one several times for views of one kind. Whatever a
            transform puts in its rows, such as the coordinates of its crop, comes with its view.

    Raises:
        InputError: without a transform.

    Example:
        >>> two = Views([MaskAllChosen(tokenizer, max_length=128)] * 2)          # doctest: +SKIP
        >>> sorted(two.collate(two(rows)))                                       # doctest: +SKIP
        ['attention_mask.0', 'attention_mask.1', 'input_ids.0', 'input_ids.1', 'labels.0', ...]
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        if not transforms:
            raise InputError("there is no view", expected="one transform or more")
        self.transforms = tuple(transforms)
        # Of the class for other transforms, of the object here: it reads what its transforms read.
        self.columns = _union(t.columns for t in transforms)  # type: ignore[misc]
        optional = _union(t.optional_columns for t in transforms)
        self.optional_columns = tuple(c for c in optional if c not in self.columns)  # type: ignore[misc]

    def __call__(self, rows: pa.Table) -> pa.Table:
        """The columns of all views, named ``column.view``, and the sample's number."""
        columns = {SAMPLE_KEY: rows[SAMPLE].cast(pa.int64())}
        for number, transform in enumerate(self.transforms):
            wanted = pa.array(np.full(rows.num_rows, number))
            made = transform(rows.append_column(VIEW, wanted))
            columns |= {f"{name}.{number}": made[name] for name in made.column_names}
        return pa.table(columns)

    def collate(self, rows: pa.Table) -> Batch:
        """Every view's batch under ``key.view``, and ``sample``."""
        import torch

        batch: Batch = {SAMPLE_KEY: torch.from_numpy(rows[SAMPLE_KEY].to_numpy().copy())}
        for number, transform in enumerate(self.transforms):
            end = f".{number}"
            names = [name for name in rows.column_names if name.endswith(end)]
            part = rows.select(names).rename_columns([name.removesuffix(end) for name in names])
            batch |= {key + end: value for key, value in transform.collate(part).items()}
        return batch


def view(batch: Batch, number: int) -> Batch:
    """One view's batch under its plain keys.

    Raises:
        KeyError: if the batch has no such view.
    """
    end = f".{number}"
    found = {key.removesuffix(end): value for key, value in batch.items() if key.endswith(end)}
    if not found:
        raise KeyError(f"the batch has no view {number}")
    return found


def _union(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(groups)))
