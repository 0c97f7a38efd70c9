"""What contrastive training of one embedder on triples has in common: the vectors of both sides.

A system says what embedder it makes of the base, how triples are made before training, and its loss.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

from embedworks.embedder import Embedder
from embedworks.objective import ChunkedObjective, Start, Vectors
from embedworks.transforms.transform import Batch
from embedworks.transforms.triples import TripleTransform

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Shape legend: B queries, G candidates (B*group, a query's positive first), T tokens, D width.


class TripleConfig(Protocol):
    """Keys of an objective that reads triples."""

    @property
    def query_length(self) -> int:
        """Tokens of a query."""

    @property
    def positive_length(self) -> int:
        """Tokens of a candidate."""

    @property
    def hard_negatives(self) -> int:
        """Of a query."""


class TripleObjective(ChunkedObjective):
    """An objective that compares queries with candidates, both read by ``embedder_``.

    Attributes:
        embedder_: What is trained, saved and served; a system's ``__init__`` makes it.
    """

    embedder_: Embedder

    def represent(self, batch: Batch) -> Vectors:
        """``query`` (B, D) and ``candidate`` (G, D) raw pooled vectors, float32."""
        return {
            side: self.vectors(batch[f"{side}_ids"], batch[f"{side}_mask"])
            for side in ("query", "candidate")
        }

    def vectors(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """``(B, D)`` raw pooled vectors of token ids, float32."""
        embedder = self.embedder_
        return embedder.pool(embedder.states(ids_BT, mask_BT), embedder.pool_mask(ids_BT, mask_BT)).float()

    def embedder(self) -> Embedder:
        """The embedder as it is trained, with its attention, pooler and prompts."""
        return self.embedder_


def triple_transform(
    config: TripleConfig, start: Start, tokenizer: PreTrainedTokenizerBase | None = None
) -> TripleTransform:
    """The transform of what :func:`embedworks.transforms.triples.write_triples` wrote.

    Args:
        config: Of the objective.
        start: Its artifacts are the triples.
        tokenizer: Another than the base's.

    Raises:
        InputError: for a length that the base cannot read.
    """
    return TripleTransform(
        tokenizer or start.tokenizer,
        start.artifacts or Path(),
        query_length=config.query_length,
        positive_length=config.positive_length,
        max_length=start.max_length,
        hard_negatives=config.hard_negatives,
        seed=start.seed,
    )
