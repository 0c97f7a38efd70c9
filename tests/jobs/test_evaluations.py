from __future__ import annotations

import math

import pytest

from embedworks.jobs.during_options import DuringOptions
from embedworks.jobs.evaluations import Evaluation, Evaluations, load_evaluations


def made(*values: float) -> Evaluations:
    """Evaluations at steps 10, 20, ..."""
    found = [
        Evaluation(step=10 * (place + 1), value=value, scores=[]) for place, value in enumerate(values)
    ]
    return Evaluations(done=found)


def options(**keys) -> DuringOptions:
    return DuringOptions(every=10, tasks=("a",), **keys)


@pytest.mark.parametrize(
    ("values", "keys", "best", "last"),
    [
        ((), {}, None, None),
        ((0.5,), {"patience": 1}, 0, None),
        ((0.1, 0.3, 0.2), {}, 1, None),
        ((0.1, 0.3, 0.2), {"patience": 1}, 1, 2),
        ((0.3, 0.3, 0.3), {"patience": 2}, 0, 2),
        ((0.3, 0.2, 0.4, 0.1), {"patience": 2}, 2, None),
        ((0.3, 0.2, 0.9), {"patience": 1}, 0, 1),  # what came behind the end does not count
        ((0.3, 0.2, 0.1), {"patience": 1, "minimum_steps": 30}, 0, 2),
        ((math.nan, 0.1, math.nan), {"patience": 2}, 1, None),
        ((math.nan, math.nan), {"patience": 1}, 0, 1),
    ],
)
def test_the_best_is_kept_and_patience_runs_out(values, keys, best, last):
    verdict = made(*values).verdict(options(**keys))
    assert (verdict.best, verdict.last) == (best, last)


@pytest.mark.parametrize(
    ("keys", "step"),
    [
        ({}, 20),
        ({"keep": "last"}, 40),
        ({"patience": 1, "keep": "last"}, 30),  # the last that counts, not the last there is
        ({"patience": 1}, 20),
    ],
)
def test_the_chosen_one(keys, step):
    assert made(0.1, 0.4, 0.2, 0.3).chosen(options(**keys)).step == step


def test_training_is_over_at_the_last_step_or_without_patience():
    assert made(0.1, 0.2).is_over(options(), steps=20)
    assert not made(0.1, 0.2).is_over(options(), steps=21)
    assert made(0.2, 0.1).is_over(options(patience=1), steps=100)


def test_they_are_read_as_they_were_written(tmp_path):
    assert load_evaluations(tmp_path) == Evaluations()
    made(0.1, 0.2).save(tmp_path)
    assert load_evaluations(tmp_path) == made(0.1, 0.2)
