"""Applies a claim's decision rule to the values of its arms, paired by seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from embedworks.evaluation.statistics.compare import Comparison
from embedworks.jobs.claims.by_part import compare_parts
from embedworks.jobs.claims.by_sample import compare_arms
from embedworks.jobs.claims.schema import Claim, Condition
from embedworks.jobs.claims.values import Results, Values

Word = Literal["reproduced", "not reproduced", "inconclusive"]
CONFIDENCE = 0.95

OverParts = Callable[[Condition], Comparison | None]


@dataclass(frozen=True)
class Summary:
    """A mean over seeds, and how sure it is.

    Attributes:
        mean: Of the values.
        deviation: Their sample standard deviation; 0 for one value.
        low: Of the mean's interval by Student's t.
        high: Of the same.
        p: Two-sided, that the mean is 0; None where values do not tell.
        effect: ``mean / deviation``: Cohen's d of paired differences; None without deviation.
        n: Seeds.
    """

    mean: float
    deviation: float
    low: float
    high: float
    p: float | None
    effect: float | None
    n: int


@dataclass(frozen=True)
class Finding:
    """A condition and what came out.

    Attributes:
        condition: The condition.
        holds: Whether it does.
        summary: Of what it bounds, over seeds.
        by_sample: Over the samples of the task, where they were kept; it has no vote.
        by_part: Over the data sets of the measure, where the condition asks for it.
    """

    condition: Condition
    holds: bool
    summary: Summary
    by_sample: Comparison | None = None
    by_part: Comparison | None = None


@dataclass(frozen=True)
class Verdict:
    """What the rule says.

    Attributes:
        word: The verdict.
        reproduced: All of these had to hold.
        not_reproduced: None of these had to.
        premise: These have no vote.
    """

    word: Word
    reproduced: tuple[Finding, ...]
    not_reproduced: tuple[Finding, ...]
    premise: tuple[Finding, ...] = ()


def decide(
    claim: Claim, values: Values, results: Mapping[tuple[str, int], Results] | None = None
) -> Verdict:
    """The verdict; call it when every arm has run at every seed, and not before.

    A rule whose two sides both hold counts as not reproduced.

    Args:
        claim: The claim.
        values: Of its measures.
        results: What they were taken from, to compare arms over samples as well.
    """

    over_parts = partial(compare_parts, claim, results=results or {})

    def judged(conditions: tuple[Condition, ...]) -> tuple[Finding, ...]:
        return tuple(
            replace(judge(one, values, over_parts), by_sample=compare_arms(claim, one, results or {}))
            for one in conditions
        )

    for_it, against = judged(claim.rule.reproduced), judged(claim.rule.not_reproduced)
    word: Word = "inconclusive"
    if any(finding.holds for finding in against):
        word = "not reproduced"
    elif all(finding.holds for finding in for_it):
        word = "reproduced"
    return Verdict(word, for_it, against, judged(claim.rule.premise))


def judge(condition: Condition, values: Values, over_parts: OverParts = lambda _: None) -> Finding:
    """Whether a condition holds, and those that must hold with it; the summary is of its own measure.

    Args:
        condition: What must hold.
        values: Of all arms.
        over_parts: Compares its arms over data sets; where it gives nothing, nothing is shown.
    """
    summary = summarise(differences(condition, values))
    also = not condition.also or judge(condition.also, values, over_parts).holds
    if condition.by == "parts":
        found = over_parts(condition)
        shown = found is not None and found.difference > 0 and found.p < 1 - CONFIDENCE
        return Finding(condition, also and shown == (condition.above is not None), summary, by_part=found)
    low, high = {
        "mean": (summary.mean, summary.mean),
        "deviation": (summary.mean - summary.deviation, summary.mean + summary.deviation),
        "interval": (summary.low, summary.high),
        "within": (summary.mean + summary.deviation, summary.mean - summary.deviation),
    }[condition.by]
    if condition.above is not None:
        holds = low > condition.above
    else:
        assert condition.at_most is not None
        holds = high <= condition.at_most
    return Finding(condition, holds and also, summary)


def differences(condition: Condition, values: Values) -> list[float]:
    """The values that a condition is about, one a seed: of an arm, or between two at equal seeds."""
    own = _of(condition.of, condition.measure, values)
    if condition.over is None:
        return [own[seed] for seed in sorted(own)]
    other = _of(condition.over, condition.measure, values)
    return [own[seed] - other[seed] for seed in sorted(own.keys() & other.keys())]


def summarise(values: Sequence[float]) -> Summary:
    """Mean, deviation, Student's t interval and test of a few values.

    Student (1908): the mean of n values lies ``t(n - 1) * deviation / sqrt(n)`` about the true one.
    """
    from scipy import stats

    numbers = np.asarray(values, dtype=np.float64)
    n, mean = len(numbers), float(numbers.mean())
    if n < 2:
        return Summary(mean, 0.0, -np.inf, np.inf, None, None, n)
    deviation = float(numbers.std(ddof=1))
    if deviation < 1e-12 * max(1.0, abs(mean)):  # equal values, but for how they were rounded
        deviation = 0.0
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * deviation / n**0.5
    p = float(stats.ttest_1samp(numbers, 0.0).pvalue) if deviation > 0 else None
    return Summary(
        mean, deviation, mean - reach, mean + reach, p, mean / deviation if deviation else None, n
    )


def _of(arm: str, measure: str, values: Values) -> Mapping[int, float]:
    found = values[arm].get(measure, {})
    assert found, f"{arm} has no {measure}"
    return found
