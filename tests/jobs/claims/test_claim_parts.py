"""Arms over data sets: Wilcoxon's test with seeds averaged, in rules and as a matrix."""

from __future__ import annotations

import pytest

from embedworks.errors import InputError
from embedworks.evaluation.samples import mean_samples, write_samples
from embedworks.jobs.claims.by_part import compare_parts, part_matrix, part_scores
from embedworks.jobs.claims.load import load_claim
from embedworks.jobs.claims.schema import Condition
from embedworks.jobs.claims.verdict import decide, judge
from helpers.toy_claim import CLAIM, write_claim

RULE = """
  reproduced:
    - {{measure: both, of: whole, over: half, above: 0, by: parts}}
  not_reproduced:
    - {{measure: near, of: half, over: whole, above: 0, by: parts}}
"""
MEASURES = """
  near: {{task: python-docs-similarity}}
  other: {{task: stdlib-modules}}
  both: {{mean_of: [near, other]}}
"""


@pytest.fixture
def claim(tmp_path):
    head, _, rest = CLAIM.partition("measures:")
    meaning = rest[rest.index("meaning:") :].partition("profiles:")[0]
    text = f"{head}measures:{MEASURES}seeds: [1, 2, 3]\nrule:{RULE}{meaning}"
    return load_claim(str(write_claim(tmp_path, text=text))).claim


def kept(folder, name, gains):
    """Results of an arm's job: a file of samples for each task, its data sets better by these gains."""
    scores = []
    for task, own in gains.items():
        file = folder / f"{name}-{task}.parquet"
        parts = {
            f"test/{number}": {f"q{i}": 0.1 * number + 0.01 * i + gain for i in range(4)}
            for number, gain in enumerate(own)
        }
        write_samples(file, mean_samples(parts), {})
        one = {"task": task, "layers": 4, "dimensions": 32, "value": 0.5, "others": {}}
        scores.append({**one, "samples": str(file)})
    return {"measured-left": {"scores": {"left": scores}}}


def runs(folder, gains):
    """`half` gains nothing; `whole` gains these at seed 1 and three times these at seed 2."""
    none = {task: [0.0] * len(own) for task, own in gains.items()}
    thrice = {task: [3 * gain for gain in own] for task, own in gains.items()}
    return {
        ("half", 1): kept(folder, "half-1", none),
        ("half", 2): kept(folder, "half-2", none),
        ("whole", 1): kept(folder, "whole-1", gains),
        ("whole", 2): kept(folder, "whole-2", thrice),
    }


GAINS = {"python-docs-similarity": [0.01, 0.02, 0.03, 0.04], "stdlib-modules": [0.05, 0.06]}


def test_data_sets_of_all_tasks_count_and_seeds_are_averaged_before(claim, tmp_path):
    results = runs(tmp_path, GAINS)
    scores = part_scores(claim, "both", "whole", results)
    assert len(scores) == 6
    assert scores["python-docs-similarity/test/1"] == pytest.approx(0.1 + 0.015 + 0.04)
    found = compare_parts(claim, claim.rule.reproduced[0], results)
    assert (found.n, found.p) == (6, 0.03125)  # six differences above 0: 2 / 2^6
    assert found.difference == pytest.approx(0.07)
    assert found.effect == 1
    four = compare_parts(claim, claim.rule.not_reproduced[0], results)
    assert (four.n, four.p) == (4, 0.125)


@pytest.mark.parametrize(
    ("keys", "gains", "holds"),
    [
        ({"above": 0}, GAINS, True),
        ({"at_most": 0}, GAINS, False),
        ({"above": 0}, {**GAINS, "stdlib-modules": [0.05]}, False),  # five data sets: p is .0625
        ({"at_most": 0}, {**GAINS, "stdlib-modules": [0.05]}, True),
        ({"above": 0}, {task: [-gain for gain in own] for task, own in GAINS.items()}, False),
        ({"above": 0}, None, False),  # nothing kept: nothing shown
        ({"at_most": 0}, None, True),
        (
            {"above": 0, "also": {"measure": "both", "of": "half", "over": "whole", "above": 0}},
            GAINS,
            False,
        ),
    ],
)
def test_above_is_shown_and_at_most_is_not_shown_to_be_above(claim, tmp_path, keys, gains, holds):
    results = runs(tmp_path, gains) if gains else {}
    condition = Condition(measure="both", of="whole", over="half", by="parts", **keys)
    values = {"half": {"both": {1: 0.5, 2: 0.5}}, "whole": {"both": {1: 0.6, 2: 0.7}}}
    found = judge(condition, values, lambda one: compare_parts(claim, one, results))
    assert found.holds is holds
    assert (found.by_part is None) is (gains is None)


def test_the_verdict_follows(claim, tmp_path):
    results = runs(tmp_path, GAINS)
    same = {name: {1: 0.5, 2: 0.5} for name in ("near", "other", "both")}
    found = decide(claim, {"half": same, "whole": same}, results)
    assert found.word == "reproduced"
    assert found.reproduced[0].by_part.n == 6


def test_every_pair_of_arms_is_compared_and_p_is_corrected_over_all(claim, tmp_path):
    rows = part_matrix(claim, runs(tmp_path, GAINS))
    told = [(row.measure, row.of, row.over, row.found.p, row.holm) for row in rows]
    assert told == [
        ("both", "whole", "half", 0.03125, 0.0625),
        ("near", "whole", "half", 0.125, 0.125),
    ]
    assert part_matrix(claim, {}) == ()


def test_arms_of_other_data_sets_are_refused(claim, tmp_path):
    results = runs(tmp_path, GAINS)
    less = {task: own[:-1] for task, own in GAINS.items()}
    results["whole", 1] = results["whole", 2] = kept(tmp_path, "less", less)
    with pytest.raises(InputError, match="different data sets"):
        compare_parts(claim, claim.rule.reproduced[0], results)


@pytest.mark.parametrize("keys", [{"above": 0.1, "over": "half"}, {"above": 0}])
def test_a_condition_by_parts_is_of_two_arms_and_of_zero(keys):
    with pytest.raises(ValueError, match="one arm over another"):
        Condition(measure="both", of="whole", by="parts", **keys)
