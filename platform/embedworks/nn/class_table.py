"""A frozen table of class vectors: the mean of each class's texts, its pre-processing, its spread.

A class's vector has no parameters: it is the mean of the vectors of the texts that belong to it. Such a
table can stand where a classifier has its output matrix, for any number of classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from embedworks.nn.shared_embedding import mean_cosine

Preprocess = Literal["none", "center", "standardise", "whiten"]

# Shape legend: N texts, E classes, D dimensions.


def class_means(vectors_ND: Tensor, labels_N: Tensor, classes: int) -> Tensor:
    """``(E, D)`` mean of the vectors of each class, summed in float64, as float32.

    Args:
        vectors_ND: A vector for each text.
        labels_N: The number of each one's class; every class has a text.
        classes: E.

    Example:
        >>> class_means(torch.eye(2), torch.tensor([0, 0]), 1)
        tensor([[0.5000, 0.5000]])
    """
    sums_ED = torch.zeros(classes, vectors_ND.shape[1], dtype=torch.float64)
    sums_ED.index_add_(0, labels_N, vectors_ND.double())
    counts_E = torch.bincount(labels_N, minlength=classes)
    assert bool((counts_E > 0).all()), "a class without a text has no mean"
    return (sums_ED / counts_E[:, None]).float()


def preprocess(table_ED: Tensor, how: Preprocess, eps: float = 1e-5) -> Tensor:
    """Change a whole table at once; all but ``none`` end with rows of unit length.

    Args:
        table_ED: The table.
        how: ``center`` takes the mean row away, ``standardise`` also divides each coordinate by its
            deviation, ``whiten`` rotates to the principal directions and divides each by its deviation.
        eps: Added to variances.
    """
    if how == "none":
        return table_ED
    centred_ED = table_ED.double() - table_ED.double().mean(0)
    if how == "standardise":
        centred_ED = centred_ED / (centred_ED.square().mean(0) + eps).sqrt()
    if how == "whiten":
        variances_D, directions_DD = torch.linalg.eigh(centred_ED.T @ centred_ED / len(centred_ED))
        centred_ED = centred_ED @ directions_DD / (variances_D.clamp(min=0) + eps).sqrt()
    return nn.functional.normalize(centred_ED, dim=-1).float()


class Spread(NamedTuple):
    """How evenly the directions of a table's rows are spread.

    Attributes:
        mean_cosine: Of two different rows, over all pairs; 0 where the table leans nowhere.
        isotropy: See :func:`isotropy`.
    """

    mean_cosine: float
    isotropy: float


def spread(table_ED: Tensor) -> Spread:
    """Measure the directions of a table's rows; E of 2 or more."""
    return Spread(mean_cosine(table_ED), isotropy(nn.functional.normalize(table_ED.double(), dim=-1)))


def isotropy(table_ED: Tensor) -> float:
    """``min_c Z(c) / max_c Z(c)`` with ``Z(c) = sum_e exp(c . E_e)`` (Mu & Viswanath 2018, section 3).

    ``c`` are the eigenvectors of ``E^T E``, each turned to the side where most of the table is: their sign
    is arbitrary. 1 where the sum is the same in all directions.

    Example:
        >>> round(isotropy(torch.tensor([[1.0, 0.0], [1.0, 0.0]])), 3)
        0.368
    """
    table_ED = table_ED.double()
    _, directions_DD = torch.linalg.eigh(table_ED.T @ table_ED)
    parts_ED = table_ED @ directions_DD
    parts_ED = parts_ED * torch.where(parts_ED.sum(0) < 0, -1.0, 1.0)
    logs_D = parts_ED.logsumexp(0)
    return float((logs_D.min() - logs_D.max()).exp())


class FrozenTable(nn.Module):
    """Holds a table that follows its objective to a device, and keeps its bits and its dtype.

    It is a buffer and no parameter: it has no gradient, no optimizer, and no place in a checkpoint. When
    the objective is cast to another precision, the table is not.

    Args:
        table_ED: The table; it is copied.
    """

    rows_ED: Tensor

    def __init__(self, table_ED: Tensor) -> None:
        super().__init__()
        self.register_buffer("rows_ED", table_ED.detach().clone(), persistent=False)

    def forward(self) -> Tensor:
        """``(E, D)`` rows."""
        return self.rows_ED

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> FrozenTable:
        """Follow the objective to its device alone."""
        device = fn(self.rows_ED.new_empty(0)).device
        super()._apply(lambda tensor: tensor.to(device), recurse)
        return self
