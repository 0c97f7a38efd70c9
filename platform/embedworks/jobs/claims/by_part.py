"""Compares arms over the data sets of a measure: the exact two-sided Wilcoxon signed-rank test.

A task of several data sets (:mod:`embedworks.evaluation.parted`) counts as so many, and a mean of several
tasks as all of theirs. Seeds are averaged before: they are no data sets of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from embedworks.errors import InputError
from embedworks.evaluation.statistics.compare import Comparison, compare_scores
from embedworks.evaluation.statistics.paired import holm
from embedworks.jobs.claims.by_sample import samples_of_arm
from embedworks.jobs.claims.schema import Claim, Condition
from embedworks.jobs.claims.values import Results

Outcomes = Mapping[tuple[str, int], Results]


@dataclass(frozen=True)
class PartRow:
    """Two arms over the data sets of a measure.

    Attributes:
        measure: Its name.
        of: An arm.
        over: The arm that is subtracted.
        found: The comparison.
        holm: Its p after Holm's correction over all rows.
    """

    measure: str
    of: str
    over: str
    found: Comparison
    holm: float


def compare_parts(claim: Claim, condition: Condition, results: Outcomes) -> Comparison | None:
    """A condition's two arms over data sets; None where samples were not kept, or for a single data set.

    Raises:
        InputError: if the arms were not evaluated on the same data sets.
    """
    assert condition.over is not None, "conditions over data sets are between two arms"
    return _compare(claim, condition.measure, condition.of, condition.over, results)


def part_matrix(claim: Claim, results: Outcomes) -> tuple[PartRow, ...]:
    """Every pair of arms on every measure that some condition judges over data sets.

    A later arm is compared with an earlier one; p is corrected over all of them.
    """
    measures = dict.fromkeys(one.measure for one in _conditions(claim) if one.by == "parts")
    arms = [arm for arm in claim.arms if any(name == arm for name, _ in results)]
    found = [
        (measure, of, over, row)
        for measure in measures
        for over, of in combinations(arms, 2)
        if (row := _compare(claim, measure, of, over, results))
    ]
    corrected = holm([row.p for *_, row in found])
    return tuple(PartRow(*one, p) for one, p in zip(found, corrected, strict=True))


def part_scores(claim: Claim, measure: str, arm: str, results: Outcomes) -> dict[str, float]:
    """Data set -> an arm's main score, mean over seeds; empty where samples were not kept."""
    asked = claim.measures[measure]
    if asked.mean_of:
        parts = [part_scores(claim, name, arm, results) for name in asked.mean_of]
        return {key: value for one in parts for key, value in one.items()} if all(parts) else {}
    told = asked.task and not asked.number and not asked.zero
    samples = samples_of_arm(asked, arm, results) if told else None
    if samples is None:
        return {}
    return {
        f"{asked.task}/{part}": float(samples.values[places].mean())
        for part, places in samples.rows().items()
    }


def _compare(claim: Claim, measure: str, of: str, over: str, results: Outcomes) -> Comparison | None:
    own, other = (part_scores(claim, measure, arm, results) for arm in (of, over))
    if len(own) < 2 or not other:
        return None
    if own.keys() != other.keys():
        raise InputError(f"{of} and {over} have different data sets", where=f"measures.{measure}")
    return compare_scores(list(own.values()), [other[key] for key in own])


def _conditions(claim: Claim) -> Iterator[Condition]:
    rule = claim.rule
    for condition in (*rule.premise, *rule.reproduced, *rule.not_reproduced):
        one: Condition | None = condition
        while one is not None:
            yield one
            one = one.also
