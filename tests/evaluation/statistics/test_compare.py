from __future__ import annotations

import numpy as np
import pytest

from embedworks.errors import InputError
from embedworks.evaluation.samples import mean_samples, rank_samples
from embedworks.evaluation.statistics.compare import compare, compare_mean, compare_scores

FEW = {"resamples": 1000, "permutations": 1000}


def queries(values) -> object:
    return mean_samples({"test/default": {f"q{number}": value for number, value in enumerate(values)}})


@pytest.fixture
def base() -> np.ndarray:
    return np.random.default_rng(0).uniform(size=200)


def test_a_better_model_is_found_and_its_interval_holds_the_gain(base):
    gain = np.random.default_rng(1).normal(0.05, 0.1, 200)
    found = compare(queries(base + gain), queries(base), **FEW)
    assert found.difference == pytest.approx(gain.mean())
    assert 0 < found.low < 0.05 < found.high
    assert found.p < 0.01
    assert found.n == 200
    assert found.effect == pytest.approx(gain.mean() / gain.std(ddof=1))


def test_the_order_of_the_models_turns_the_sign_alone(base):
    noise = np.random.default_rng(1).normal(0, 0.2, 200)
    one = compare(queries(base + noise), queries(base), method="percentile", **FEW)
    two = compare(queries(base), queries(base + noise), method="percentile", **FEW)
    assert one.difference == pytest.approx(-two.difference)
    assert (one.low, one.high) == pytest.approx((-two.high, -two.low))
    assert one.p == pytest.approx(two.p)


def test_equal_models_differ_in_nothing(base):
    found = compare(queries(base), queries(base), **FEW)
    assert (found.difference, found.low, found.high, found.p, found.effect) == (0, 0, 0, 1, 0)


def test_pairing_finds_what_two_means_would_not(base):
    """A gain of .01 on every query is nothing beside their spread of .3, and certain."""
    noise = np.random.default_rng(2).normal(0, 0.005, 200)
    assert compare(queries(base + 0.01 + noise), queries(base), **FEW).p < 0.005


def test_correlations_are_compared_as_correlations():
    rng = np.random.default_rng(3)
    gold = rng.integers(0, 5, 150).astype(float)
    close, far = gold + rng.normal(size=150), gold + 4 * rng.normal(size=150)
    a, b = rank_samples({"p": (close * 100, gold)}), rank_samples({"p": (far, gold)})
    found = compare(a, b, **FEW)
    assert found.difference == pytest.approx(a.score - b.score)
    assert found.low < found.difference < found.high
    assert found.p < 0.01
    assert found.effect == pytest.approx(np.arctanh(a.score) - np.arctanh(b.score))


def test_the_mean_of_tasks_weighs_them_alike(base):
    small = compare_mean([(queries([1.0] * 4), queries([0.0] * 4)), (queries(base), queries(base))], **FEW)
    assert small.difference == pytest.approx(0.5)
    assert small.n == 204
    assert small.effect is None
    with pytest.raises(InputError, match="no task"):
        compare_mean([])


def test_over_tasks_six_gains_are_significant_and_five_are_not():
    scores = np.array([0.5, 0.6, 0.3, 0.8, 0.7, 0.4])
    found = compare_scores(list(scores + np.arange(1, 7) / 100), list(scores))
    assert found.p == pytest.approx(0.03125)
    assert found.difference == pytest.approx(0.035)
    assert found.low < 0.035 < found.high
    assert found.effect == 1.0
    assert compare_scores(list(scores[:5] + 0.01), list(scores[:5])).p == pytest.approx(0.0625)
    with pytest.raises(InputError, match="2 scores cannot be compared with 1"):
        compare_scores([0.1, 0.2], [0.1])


def test_other_samples_are_refused(base):
    with pytest.raises(InputError, match="different samples"):
        compare(queries(base), queries(base[:-1]))
