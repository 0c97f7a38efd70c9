from __future__ import annotations

import math

import pytest

from embedworks.jobs.claims.load import load_claim
from embedworks.jobs.claims.schema import Condition
from embedworks.jobs.claims.verdict import decide, judge, summarise
from helpers.toy_claim import write_claim


def test_students_interval_and_test_by_hand():
    found = summarise([1.0, 2.0, 3.0])
    reach = 4.302653 / math.sqrt(3)  # t(2) at 97.5 %
    assert (found.mean, found.deviation, found.n) == (2, 1, 3)
    assert (found.low, found.high) == pytest.approx((2 - reach, 2 + reach), abs=1e-6)
    assert found.effect == 2
    assert found.p == pytest.approx(0.074180, abs=1e-6)  # t = 2 * sqrt(3) with 2 degrees of freedom


def test_one_seed_tells_nothing_of_an_interval():
    found = summarise([0.3])
    assert (found.low, found.high, found.p) == (-math.inf, math.inf, None)


def test_equal_differences_have_no_test():
    found = summarise([0.5, 0.5])
    assert (found.low, found.high, found.p, found.effect) == (0.5, 0.5, None, None)


VALUES = {"a": {"m": {1: 1.0, 2: 2.0, 3: 3.0}}, "b": {"m": {3: 0.0, 1: 0.0, 2: 0.0}}}


@pytest.mark.parametrize(
    ("keys", "holds"),
    [
        ({"above": 0}, True),
        ({"above": 2}, False),  # the mean is 2, which is not above it
        ({"at_most": 2}, True),
        ({"above": 0.9, "by": "deviation"}, True),
        ({"above": 1, "by": "deviation"}, False),
        ({"at_most": 3, "by": "deviation"}, True),
        ({"at_most": 2.9, "by": "deviation"}, False),
        ({"at_most": 1, "by": "within"}, True),  # 2 less a deviation of 1
        ({"at_most": 0.9, "by": "within"}, False),
        ({"above": 0, "also": {"measure": "m", "of": "b", "at_most": 0}}, True),
        ({"above": 0, "also": {"measure": "m", "of": "b", "above": 0}}, False),
        ({"above": 2, "also": {"measure": "m", "of": "b", "at_most": 0}}, False),
        ({"above": 0, "by": "interval"}, False),  # from -0.48
        ({"above": -0.5, "by": "interval"}, True),
        ({"at_most": 4.5, "by": "interval"}, True),
    ],
)
@pytest.mark.parametrize("over", [None, "b"])
def test_a_condition_asks_of_the_mean_a_deviation_or_the_interval(keys, holds, over):
    assert judge(Condition(measure="m", of="a", over=over, **keys), VALUES).holds is holds


def test_differences_are_between_equal_seeds():
    values = {"a": {"m": {1: 1.0, 2: 5.0}}, "b": {"m": {2: 4.0, 1: 0.0}}}
    assert judge(Condition(measure="m", of="a", over="b", above=0), values).summary.deviation == 0


@pytest.mark.parametrize(
    ("whole", "word"),
    [
        ([0.55, 0.56, 0.57], "reproduced"),
        ([0.49, 0.58, 0.51], "inconclusive"),  # better in the mean, not at interval
        ([0.49, 0.48, 0.47], "not reproduced"),
        ([0.5, 0.5, 0.5], "not reproduced"),
    ],
)
def test_the_verdict_follows_the_rule(tmp_path, whole, word):
    claim = load_claim(str(write_claim(tmp_path))).claim
    values = {
        "half": {"near": dict.fromkeys((1, 2, 3), 0.5)},
        "whole": {"near": dict(zip((1, 2, 3), whole, strict=True)), "loss": {1: -1.0}},
    }
    found = decide(claim, values)
    assert found.word == word
    assert not found.premise[0].holds  # and has no vote
