"""Quality against cost: what a model or a cut of it weighs, how long a text takes, and what none beats."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from embedworks.embedder import Embedder, Pair
from embedworks.inference.engine import Engine

Measure = Literal["parameters", "layers", "dimensions", "milliseconds"]


@dataclass(frozen=True)
class Cost:
    """What one vector costs.

    Attributes:
        parameters: Weights that are read: embeddings, the layers that are kept, the projection.
        layers: That are computed.
        dimensions: That are stored.
        milliseconds: For one text, in batches, on this machine.
    """

    parameters: int
    layers: int
    dimensions: int
    milliseconds: float


@dataclass(frozen=True)
class Point:
    """A model, or a cut of one, in the plane of cost and quality."""

    name: str
    quality: float
    cost: Cost


def measure_costs(
    embedder: Embedder, engine: Engine, pairs: Sequence[Pair], texts: Sequence[str], rounds: int = 5
) -> dict[Pair, Cost]:
    """Cost of each pair; times are medians over rounds that go through all pairs in turn.

    Only the ratios of one call mean anything: what slows the machine for a while slows all pairs.

    Args:
        embedder: What is measured.
        engine: The same embedder, run fast.
        pairs: (layers, dimensions).
        texts: What is encoded, like those of later use.
        rounds: Times that each is encoded, after one that does not count.
    """
    seconds: dict[Pair, list[float]] = {pair: [] for pair in pairs}
    for number in range(rounds + 1):
        for layers, dimensions in pairs:
            begun = time.perf_counter()
            engine.encode(texts, layers=layers, dimensions=dimensions)
            if number:
                seconds[layers, dimensions].append(time.perf_counter() - begun)
    return {
        pair: Cost(
            sum(weight.numel() for weight in embedder.cut(*pair).parameters()),
            *pair,
            1000 * statistics.median(seconds[pair]) / len(texts),
        )
        for pair in pairs
    }


def pareto_front(points: Iterable[Point], by: Measure = "milliseconds") -> list[Point]:
    """The points that none beats: no other is at least as good for less, or better for as much.

    Args:
        points: In any order.
        by: Which cost.

    Returns:
        The cheapest first; of two with the same cost and quality, the one given first.
    """
    front: list[Point] = []
    for point in sorted(points, key=lambda one: (getattr(one.cost, by), -one.quality)):
        if not front or point.quality > front[-1].quality:
            front.append(point)
    return front
