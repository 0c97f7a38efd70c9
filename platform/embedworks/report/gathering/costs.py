"""What a vector costs: weights and time at every pair that was evaluated, beside what it scores."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from embedworks.embedder import Embedder, Pair
from embedworks.evaluation.statistics.cost import Cost, Point, measure_costs, pareto_front
from embedworks.folder import load_embedder
from embedworks.inference.engine import Engine
from embedworks.jobs.scores import Scores
from embedworks.report.data import CostPoint, Costs, GridMap
from embedworks.report.gathering.source import Source

ROUNDS = 3
MOST_TEXTS = 32
SHAPE = ("model_type", "hidden_size", "num_hidden_layers", "intermediate_size", "vocab_size")


def pair_means(scores: Scores) -> dict[Pair, float]:
    """Pair -> mean over the tasks, for pairs at which every task was scored."""
    values: dict[Pair, list[float]] = {}
    for one in scores:
        values.setdefault((one["layers"], one["dimensions"]), []).append(float(one["value"]))
    most = max(map(len, values.values()))
    return {pair: sum(v) / most for pair, v in sorted(values.items()) if len(v) == most}


def grids(scores: Mapping[str, Scores], shown: Sequence[str]) -> tuple[GridMap, ...]:
    """The chosen models' means by layers and dimensions, of those that were read at several pairs."""
    found = []
    for model in shown:
        means = pair_means(scores[model])
        if len(means) < 2:
            continue
        layers, dimensions = ([*dict.fromkeys(sorted(side))] for side in zip(*means, strict=True))
        values = tuple(tuple(means.get((layer, width)) for width in dimensions) for layer in layers)
        found.append(GridMap(model, tuple(layers), tuple(dimensions), values))
    return tuple(found)


def measured_costs(source: Source, scores: Mapping[str, Scores], texts: Sequence[str]) -> Costs | None:
    """Quality against cost of all models and pairs; None where no model is on this machine.

    Models of one shape cost the same, so that one of each is measured, by turns.
    """
    shapes: dict[str, tuple[Path, set[Pair]]] = {}
    owner: dict[str, str] = {}
    for model, found in scores.items():
        folder = source.model(model)
        pairs = set(pair_means(found))
        if folder is None or any(not layers for layers, _ in pairs):
            continue
        owner[model] = _shape(folder)
        shapes.setdefault(owner[model], (folder, set()))[1].update(pairs)
    if not shapes:
        return None
    costs = _measure(shapes, list(texts)[:MOST_TEXTS])
    points = [
        Point(model, quality, costs[owner[model]][pair])
        for model in owner
        for pair, quality in pair_means(scores[model]).items()
    ]
    front = pareto_front(points)
    shown = tuple(
        CostPoint(
            model=one.name,
            layers=one.cost.layers,
            dimensions=one.cost.dimensions,
            quality=one.quality,
            parameters=one.cost.parameters,
            milliseconds=one.cost.milliseconds,
            on_front=one in front,
        )
        for one in points
    )
    return Costs(shown, _note(shown, len(shapes)))


def _shape(folder: Path) -> str:
    """What tells models apart that cost otherwise: the encoder's sizes, and what lies beside it."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights = sum(file.stat().st_size // 10_000 for file in folder.rglob("*.safetensors"))
    return json.dumps([[config.get(key) for key in SHAPE], weights])


def _measure(
    shapes: Mapping[str, tuple[Path, set[Pair]]], texts: Sequence[str]
) -> dict[str, dict[Pair, Cost]]:
    opened: dict[str, tuple[Embedder, Engine, list[Pair]]] = {}
    for shape, (folder, pairs) in shapes.items():
        embedder = load_embedder(folder)
        opened[shape] = embedder, Engine(embedder, "fp32"), sorted(pairs)
    # By turns: what slows the machine for a while must slow all of them.
    rounds = [
        {shape: measure_costs(*model, texts, rounds=1) for shape, model in opened.items()}
        for _ in range(ROUNDS)
    ]
    return {
        shape: {pair: _median([one[shape][pair] for one in rounds]) for pair in pairs}
        for shape, (_, _, pairs) in opened.items()
    }


def _median(costs: Sequence[Cost]) -> Cost:
    one = costs[0]
    time = statistics.median(cost.milliseconds for cost in costs)
    return Cost(one.parameters, one.layers, one.dimensions, time)


def _note(points: Sequence[CostPoint], shapes: int) -> str:
    first = points[0]
    sizes = {(one.layers, one.dimensions, one.parameters) for one in points}
    if len(sizes) == 1:
        return (
            f"All {len(points)} models cost the same: {first.parameters / 1e6:.1f} million weights, "
            f"{first.layers} layers, {first.dimensions} dimensions, {first.milliseconds:.1f} ms for a text "
            "of the tasks, in a batch on this machine. The choice between them is one of quality alone."
        )
    times = f"medians of {ROUNDS} rounds that went through all sizes in turn, on this machine"
    many = f"; one model of each of {shapes} shapes was measured" if shapes > 1 else ""
    return f"Times are {times}{many}. Only their ratios carry over to another machine."
