"""Losses, learning rates and scores on the way of the stages that trained, from the tracking store."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from embedworks.report.data import Curve, Points, Training
from embedworks.report.gathering.source import Source, StageRecord

MOST_POINTS = 240
MOST_LOSSES = 4
LOSS, RATE, ON_THE_WAY = "loss", "learning_rate", "evaluation/"


def trainings(source: Source) -> tuple[Training, ...]:
    """The stages that logged a loss over several steps."""
    if source.history is None:
        return ()
    return tuple(
        found for stage in source.of("train", "merge") if (found := _training(source, stage)) is not None
    )


def _training(source: Source, stage: StageRecord) -> Training | None:
    run = stage.run
    if run is None or LOSS not in run.metrics:
        return None
    curves = {name: curve for name in _names(run.metrics) if (curve := _curve(source, stage, name))}
    if len(curves.get(LOSS, ())) < 2:
        return None
    losses = [Curve(LOSS, curves[LOSS])]
    # A part that is the whole says nothing.
    parts = [n for n in curves if n.startswith(f"{LOSS}/") and curves[n] != curves[LOSS]]
    losses += [Curve(name.removeprefix(f"{LOSS}/"), curves[name]) for name in parts[: MOST_LOSSES - 1]]
    scores = [
        Curve(name.removeprefix(ON_THE_WAY), points)
        for name, points in curves.items()
        if name.startswith(ON_THE_WAY)
    ]
    rate = Curve("learning rate", curves[RATE]) if RATE in curves else None
    what = stage.block.get("system") or stage.block.get("method")
    about = f"{what}, {run.steps:,} steps, {_minutes(run.seconds)}"
    return Training(stage.name, about, tuple(losses), rate, tuple(scores[:MOST_LOSSES]))


def _names(metrics: dict[str, float]) -> Iterator[str]:
    for name in metrics:
        if name in (LOSS, RATE) or name.startswith((f"{LOSS}/", ON_THE_WAY)):
            yield name


def _curve(source: Source, stage: StageRecord, name: str) -> Points:
    assert source.history is not None, "it was asked"
    assert stage.run is not None, "it was asked"
    points = [(float(s), v) for s, v in source.history.curve(stage.run, name) if math.isfinite(v)]
    return thinned(points)


def thinned(points: list[tuple[float, float]], most: int = MOST_POINTS) -> Points:
    """Means of equal stretches of a curve where it has more than ``most`` points."""
    if len(points) <= most:
        return tuple(points)
    edges = [round(i * len(points) / most) for i in range(most + 1)]
    stretches = [points[a:b] for a, b in itertools.pairwise(edges)]
    return tuple((s[-1][0], sum(v for _, v in s) / len(s)) for s in stretches)


def _minutes(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
