from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError
from scipy.stats import chi2
from sklearn.metrics import roc_auc_score

from embedworks.corpora.recipes import recipe_options
from embedworks.corpora.worlds import clicks
from embedworks.errors import InputError

N = 8000


@lru_cache
def read(n=N, split="train", **options):
    world = clicks.World(clicks.Options(**options))
    return [world.row(split, index) for index in range(n)]


def column(rows, name):
    return np.array([row[name] for row in rows])


def field(rows, number):
    return np.array([int(row["features"][number]["category"]) for row in rows])


def test_labels_are_as_frequent_as_the_probability_says():
    rows = read()
    p, y = column(rows, "probability"), column(rows, "target")
    bins = np.array_split(np.argsort(p), 10)
    statistic = sum((y[b].sum() - p[b].sum()) ** 2 / (p[b] * (1 - p[b])).sum() for b in bins)
    assert statistic < chi2.ppf(0.999, df=10)
    assert {(row["target"], row["label"]) for row in rows} == {(1.0, "click"), (0.0, "none")}


def test_the_best_possible_auc_is_what_the_description_says():
    rows = read()
    assert "AUC of 0.83" in clicks.DESCRIPTION
    assert roc_auc_score(column(rows, "target"), column(rows, "probability")) == pytest.approx(
        0.83, abs=0.012
    )
    assert column(rows, "probability").mean() == pytest.approx(clicks.Options().rate, abs=0.01)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_only_fields_with_a_width_change_the_probability(order):
    options = clicks.Options(order=order, numbers=2)
    truth = clicks.World(options).truth
    for number, width in enumerate(options.widths):
        ids = np.tile([truth.draw(np.random.default_rng(0))[0]], (4, 1))
        ids[:, number] = range(4)
        probabilities = truth.probability(ids, np.zeros((4, 2)))
        assert len(set(probabilities)) == (4 if width else 1)


def test_labels_depend_on_fields_with_a_width_alone():
    rows = read()
    y = column(rows, "target")
    dependent = {number for number in range(10) if _depends(y, field(rows, number))}
    informative = {number for number, width in enumerate(rows[0]["widths"]) if width}
    assert dependent <= informative
    assert len(dependent) >= len(informative) - 1


def _depends(y, ids):
    """Chi-square over the identifiers that are drawn often."""
    common = [one for one, count in Counter(ids.tolist()).items() if count >= 40]
    deviations = [(y[ids == one].mean() - y.mean()) ** 2 * (ids == one).sum() for one in common]
    return sum(deviations) / (y.mean() * (1 - y.mean())) > chi2.ppf(0.9999, df=len(common))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_log_odds_are_the_sum_over_single_features_pairs_and_triples(order):
    truth = clicks.World(clicks.Options(fields=5, noise=1, numbers=1, order=order)).truth
    ids, numbers = truth.draw(np.random.default_rng(3))
    rows = ids + truth.offset_F
    latent = truth.latent_CD[rows]
    alone = truth.weight_C[rows].sum() + (numbers * truth.slope_M).sum()
    pairs = sum((a * b).sum() for a, b in combinations(latent, 2))
    triples = sum((a * b * c).sum() for a, b, c in combinations(latent, 3))
    parts = np.array([alone, pairs, triples][:order])
    expected = truth.bias + ((parts - truth.mean_O) * truth.scale_O).sum()
    assert truth.log_odds(ids[None], numbers[None])[0] == pytest.approx(expected)


def test_features_act_together_in_the_order_that_was_set():
    """Whether the effect of one field depends on another one."""
    for order, depends in ((1, False), (2, True)):
        truth = clicks.World(clicks.Options(fields=3, noise=0, order=order)).truth
        ids = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
        log_odds = truth.log_odds(ids, np.zeros((4, 0)))
        together = log_odds[3] - log_odds[2] - log_odds[1] + log_odds[0]
        assert (abs(together) > 1e-6) == depends


def test_no_field_is_wider_than_it_can_act():
    for order in (1, 2, 3):
        widths = clicks.Options(order=order, width=5).widths
        assert widths.count(0) == 3
        assert sorted(widths)[-order] == max(widths) == (5 if order > 1 else 1)


def test_identifiers_have_a_long_tail():
    counts = Counter(field(read(), 9).tolist())
    assert max(counts) < 2000
    assert counts.most_common(1)[0][0] == 0
    assert counts[0] > 0.1 * N
    assert sum(1 for count in counts.values() if count <= 2) > 0.5 * len(counts)
    even = Counter(field(read(tail=0.0), 3).tolist())
    assert max(even.values()) < 1.5 * min(even.values())


def test_a_row_depends_on_its_number_alone():
    rows = read(50)
    world = clicks.World(clicks.Options())
    assert [world.row("train", index) for index in reversed(range(50))] == rows[::-1]
    assert read(50, seed=1) != rows
    assert read(50, split="test")[0]["features"] != rows[0]["features"]


def test_time_goes_on_from_row_to_row_and_from_split_to_split():
    world = clicks.World(clicks.Options(train=20, validation=20, test=20))
    rows = [world.row(split, index) for split in ("train", "validation", "test") for index in range(20)]
    times = [row["time"] for row in rows]
    assert times == sorted(set(times))
    assert len({row["id"] for row in rows}) == 60


def test_rows_fit_the_schema():
    rows = read(20, numbers=2)
    assert pa.Table.from_pylist(rows, schema=clicks.SCHEMA).to_pylist() == rows
    assert [one["name"] for one in rows[0]["features"]][-3:] == ["field_09", "number_00", "number_01"]
    assert rows[0]["cardinalities"][0] == 4
    assert rows[0]["cardinalities"][-1] == 2000
    assert clicks.Options(validation=0).rows == {"train": 100_000, "test": 10_000}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"noise": 9}, "fewer than act together"),
        ({"order": 4}, "option 'order'"),
        ({"field": 3}, "did you mean 'fields'"),
    ],
)
def test_bad_options_are_refused(given, message):
    with pytest.raises((InputError, ValidationError), match=message):
        recipe_options("clicks", given)
