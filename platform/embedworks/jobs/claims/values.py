"""Takes a claim's measures from the results of its jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedworks.errors import InputError
from embedworks.jobs.claims.load import MEASURED
from embedworks.jobs.claims.schema import Claim, Measure
from embedworks.jobs.scores import Scores
from embedworks.jobs.state import WORK, load_state
from embedworks.training.progress import Points

Results = Mapping[str, Any]  # stage -> what it gave
Values = dict[str, dict[str, dict[int, float]]]  # arm -> measure -> seed -> value


def values_of(claim: Claim, results: Mapping[tuple[str, int], Results]) -> Values:
    """Every measure of every arm and seed that was run.

    A measure of a stage or curve that an arm does not have is left out, as is one whose scale lacks an arm.

    Args:
        claim: The claim.
        results: (arm, seed) -> results of its job, evaluations included.

    Raises:
        InputError: for a task's number that does not exist, or, where all arms were run, a measure
            that none has.
    """
    values: Values = {arm: {} for arm, _ in results}
    for name, measure in claim.measures.items():
        for (arm, seed), found in results.items():
            value = _value(measure, found, values[arm], seed)
            if value is not None:
                values[arm].setdefault(name, {})[seed] = value
        _rescale(measure, name, values)
        if values.keys() >= claim.arms.keys():  # of a part of the arms, none may have it
            _require(name, values)
    return values


def _require(name: str, values: Values) -> None:
    if not any(name in own for own in values.values()):
        raise InputError(
            f"no arm has measure {name!r}", where=f"measures.{name}", expected="a curve that is logged"
        )


def _value(
    measure: Measure, found: Results, own: Mapping[str, Mapping[int, float]], seed: int
) -> float | None:
    if measure.mean_of:
        parts = [own[name][seed] for name in measure.mean_of if seed in own.get(name, {})]
        return sum(parts) / len(parts) if len(parts) == len(measure.mean_of) else None
    if measure.task:
        return _score(measure, found)
    if measure.stage not in found:
        return None
    assert measure.stage
    points = last_points(Path(found[measure.stage]["embedder"]).parent, measure.last)
    wanted = {measure.metric, measure.minus} - {None}
    if not points or not all(wanted <= numbers.keys() for numbers in points):
        return None
    value = _mean(measure.metric, points)
    return value - _mean(measure.minus, points) if measure.minus else value


def last_points(folder: Path, steps: int) -> list[Mapping[str, float]]:
    """The numbers logged in the last so many steps of the train stage that wrote a folder."""
    events = Points(folder / WORK / load_state(folder).fingerprint).newest(float("inf"))
    return [event.metrics for event in events if event.step > event.steps - steps]


def _mean(name: str | None, points: Sequence[Mapping[str, float]]) -> float:
    return sum(numbers[name] for numbers in points if name) / len(points)


def _score(measure: Measure, found: Results) -> float:
    numbers = [
        _named(measure.number, score["others"]) if measure.number else float(score["value"])
        for score in scores_of(measure, found)
    ]
    return sum(numbers) / len(numbers)


def scores_of(measure: Measure, found: Results) -> Scores:
    """The scores that a measure of a task is the mean of: one a size."""
    sizes = {
        (score["layers"], score["dimensions"]): score
        for stage, result in found.items()
        if stage.startswith(f"{MEASURED}-")
        for of_model in result["scores"].values()
        for score in of_model
        if score["task"] == measure.task
    }
    return [sizes[pair] for pair in measure.pairs or (max(sizes),)]


def _named(name: str | None, numbers: Mapping[str, float]) -> float:
    if name is None or name not in numbers:
        raise InputError(
            f"there is no number {name!r}", where="measures", name=str(name), known=list(numbers)
        )
    return float(numbers[name])


def _rescale(measure: Measure, name: str, values: Values) -> None:
    """To 0 at the value of one arm and 1 at that of another, seed by seed."""
    if measure.zero is None or measure.one is None:
        return
    zero, one = (dict(values.get(arm, {}).get(name, {})) for arm in (measure.zero, measure.one))
    for arm in values:
        own = values[arm].pop(name, {})
        scaled = {
            seed: (value - zero[seed]) / (one[seed] - zero[seed])
            for seed, value in own.items()
            if seed in zero and seed in one and one[seed] != zero[seed]
        }
        if scaled:
            values[arm][name] = scaled
