"""What every transform is: rows -> rows inside Ray Data, then rows -> tensors in the worker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np
import pyarrow as pa

from embedworks.transforms.seeding import sample_rng, sample_rngs

if TYPE_CHECKING:  # Ray Data's own processes import this module and have no use for torch
    import torch

__all__ = ["EPOCH", "SAMPLE", "SOURCE", "VIEW", "Batch", "Transform", "row_rngs", "sample_rng"]

Batch: TypeAlias = "dict[str, torch.Tensor]"

EPOCH = "__epoch__"
SAMPLE = "__sample__"
SOURCE = "__source__"
VIEW = "__view__"


class Transform(ABC):
    """A pure function of rows, cheap to pickle, that Ray Data runs on any node.

    The stream adds to what the corpus has: ``__epoch__``, ``__sample__`` (the row's index in its
    corpus) and ``__source__`` (the number of the corpus, where several are mixed). Whatever is random
    draws from :func:`row_rngs`, which are those of the first two, so that a sample looks the same
    whichever worker reads it and however often the job was restarted.

    Attributes:
        columns: The corpus columns that are read; a job may rename its own columns to these.
        optional_columns: Columns that are read where the corpus has them.
    """

    columns: ClassVar[tuple[str, ...]] = ()
    optional_columns: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __call__(self, rows: pa.Table) -> pa.Table:
        """Turn corpus rows into model rows, one for one and in the same order."""

    @abstractmethod
    def collate(self, rows: pa.Table) -> Batch:
        """Pad and stack model rows into the tensors of one batch, on the CPU."""


def row_rngs(seed: int, rows: pa.Table) -> list[np.random.Generator]:
    """The generator of every row: :func:`sample_rng` of its epoch and sample.

    :class:`embedworks.transforms.views.Views` adds a column that says which version of the sample is
    wanted, and each version has a generator of its own.
    """
    views = rows[VIEW] if VIEW in rows.column_names else 0
    return sample_rngs(seed, rows[EPOCH], rows[SAMPLE], views)
