"""Quality by layers and dimensions: what a model keeps when it is cut (2D Matryoshka, Li et al. 2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embedworks.embedder import Pair

if TYPE_CHECKING:
    from embedworks.evaluation.evaluate import Score


@dataclass(frozen=True)
class Grid:
    """A score at every (layers, dimensions) that was read.

    Attributes:
        values: Pair -> score.
        baseline: Pair -> score of a model of its own for that size; a pair may be missing.
    """

    values: Mapping[Pair, float]
    baseline: Mapping[Pair, float]

    @property
    def layers(self) -> list[int]:
        """Depths, the smallest first."""
        return sorted({layers for layers, _ in self.values})

    @property
    def dimensions(self) -> list[int]:
        """Widths, the smallest first."""
        return sorted({dimensions for _, dimensions in self.values})

    def kept(self) -> dict[Pair, float]:
        """Pair -> its share of the score at the largest pair; nothing where that is not above zero."""
        full = self.values[max(self.values)]
        return {pair: value / full for pair, value in self.values.items()} if full > 0 else {}

    def gain(self) -> dict[Pair, float]:
        """Pair -> what the one model scores above the model of that size alone."""
        return {
            pair: self.values[pair] - self.baseline[pair] for pair in self.values if pair in self.baseline
        }

    def markdown(self, digits: int = 4) -> str:
        """A table of layers by dimensions; beside a score, in brackets, that of the size's own model."""
        widths = self.dimensions
        lines = ["| layers | " + " | ".join(map(str, widths)) + " |", "|---" * (len(widths) + 1) + "|"]
        for layers in self.layers:
            cells = [self._cell((layers, width), digits) for width in widths]
            lines.append(f"| {layers} | " + " | ".join(cells) + " |")
        return "\n".join(lines)

    def _cell(self, pair: Pair, digits: int) -> str:
        if pair not in self.values:
            return ""
        alone = f" ({self.baseline[pair]:.{digits}f})" if pair in self.baseline else ""
        return f"{self.values[pair]:.{digits}f}{alone}"


def grid_of(
    scores: Sequence[Score],
    task: str | None = None,
    baseline: Mapping[Pair, Sequence[Score]] | None = None,
) -> Grid:
    """The grid of a model's scores.

    Args:
        scores: Of one model, at several pairs.
        task: Which; None for the mean over all of them.
        baseline: Pair -> scores of a separately trained or read model of that size, at that pair.
    """
    alone = {
        pair: one
        for pair, found in (baseline or {}).items()
        if (one := _means(found, task).get(pair)) is not None
    }
    return Grid(_means(scores, task), alone)


def _means(scores: Sequence[Score], task: str | None) -> dict[Pair, float]:
    values: dict[Pair, list[float]] = {}
    for score in scores:
        if task in (None, score.task):
            values.setdefault((score.layers, score.dimensions), []).append(score.value)
    return {pair: sum(found) / len(found) for pair, found in sorted(values.items())}
