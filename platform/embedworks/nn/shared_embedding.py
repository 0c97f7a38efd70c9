"""Token tables that one model takes over from another: with both gradients, or disentangled.

Three ways a second model can have the token table of a first one, ``E`` of shape ``(V, D)``:

    a table of its own       a plain ``nn.Embedding``, nothing is shared
    BorrowedEmbedding        the first model's table itself; its gradient flows into E
    DeltaEmbedding           stop_gradient(E) + delta, delta starting at zero; E gets no gradient

Neither class registers the table that it reads, so each model's ``parameters()`` are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Gather = Callable[[Iterable[nn.Parameter]], AbstractContextManager[Any]]

# Shape legend: B texts, T tokens, V vocabulary, D width.


class BorrowedEmbedding(nn.Module):
    """Reads another model's table through that model's module; owns nothing.

    Args:
        base: The owner's table.
    """

    def __init__(self, base: nn.Embedding) -> None:
        super().__init__()
        self._owner = (base,)  # a tuple hides the module, and so its parameters, from registration

    @property
    def base(self) -> nn.Embedding:
        """The owner's table."""
        return self._owner[0]

    def forward(self, ids_BT: Tensor) -> Tensor:
        """``(B, T)`` ids to ``(B, T, D)`` rows of E, with their gradient."""
        rows_BTD: Tensor = self.base(ids_BT)
        return rows_BTD


class DeltaEmbedding(nn.Embedding):
    """``stop_gradient(E) + delta``: gradient-disentangled sharing (DeBERTaV3, section 3.3).

    ``weight`` is delta, starts at zero and is the only parameter. The sum is made again at every
    lookup, so it follows E step by step. Rows are looked up before they are added, which gives the
    same bits as adding the tables and needs no ``(V, D)`` temporary. As in any token table, delta's
    padding row is not trained.

    Args:
        base: The owner's table.
        gathered: A context in which the owner's parameters are whole: under ZeRO 3 no worker holds
            E when another model runs.

    Example:
        >>> table = DeltaEmbedding(nn.Embedding(9, 4))
        >>> torch.equal(table(torch.tensor([3])), table.base(torch.tensor([3])))
        True
    """

    def __init__(self, base: nn.Embedding, gathered: Gather | None = None) -> None:
        super().__init__(base.num_embeddings, base.embedding_dim, padding_idx=base.padding_idx)
        nn.init.zeros_(self.weight)
        self._owner = (base,)
        self._gathered = gathered

    @property
    def base(self) -> nn.Embedding:
        """The owner's table."""
        return self._owner[0]

    def forward(self, input: Tensor) -> Tensor:
        """``(B, T)`` ids to ``(B, T, D)`` rows of ``stop_gradient(E) + delta``."""
        table = _weight(self.base)
        if self._gathered is None:
            base_BTD = F.embedding(input, table.detach())
        else:
            with self._gathered([table]):
                base_BTD = F.embedding(input, table.detach())
        return base_BTD.to(self.weight.dtype) + super().forward(input)


@torch.no_grad()
def folded_table(embedding: nn.Module, ids_N: Tensor | None = None) -> Tensor:
    """The ``(V, D)`` float32 table with which a model stands alone: E, or E + delta.

    A copy: later training does not change it. Under ZeRO 3 the caller gathers
    :func:`table_parameters` first.

    Args:
        embedding: One of the three kinds of table.
        ids_N: Only these rows, ``(N, D)``.
    """
    first, *others = (
        weight.detach() if ids_N is None else weight.detach()[ids_N]
        for weight in table_parameters(embedding)
    )
    table = first.float().clone()
    for other in others:
        table += other.float()
    return table


def table_parameters(embedding: nn.Module) -> list[nn.Parameter]:
    """The parameters that :func:`folded_table` reads.

    Raises:
        TypeError: for a module that is not one of the three kinds of table.
    """
    if isinstance(embedding, DeltaEmbedding):
        return [_weight(embedding.base), _weight(embedding)]
    if isinstance(embedding, BorrowedEmbedding):
        return [_weight(embedding.base)]
    if isinstance(embedding, nn.Embedding):
        return [_weight(embedding)]
    raise TypeError(f"{type(embedding).__name__} is not a token table")


def mean_cosine(rows_ND: Tensor) -> float:
    """Mean cosine over all pairs of different rows, without making the ``(N, N)`` matrix."""
    unit_ND = F.normalize(rows_ND.float(), dim=-1)
    count = len(unit_ND)
    return float((unit_ND.sum(0).square().sum() - count) / (count * (count - 1)))


def _weight(embedding: nn.Embedding) -> nn.Parameter:
    assert isinstance(embedding.weight, nn.Parameter)
    return embedding.weight
