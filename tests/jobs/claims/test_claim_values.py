from __future__ import annotations

import pytest

from embedworks.errors import InputError
from embedworks.jobs.claims.load import load_claim
from embedworks.jobs.claims.values import values_of
from embedworks.jobs.state import StageState
from embedworks.training.progress import Points, Progress
from helpers.toy_claim import CLAIM, measured, write_claim

RULE = "rule:\n"


def trained(folder, losses):
    """A stage's folder with a curve."""
    StageState(fingerprint="mark").save(folder)
    points = Points(folder / "work" / "mark")
    for step, loss in enumerate(losses, start=1):
        points.append(Progress(step, len(losses), {"loss": loss}, time=10**9 * step))
    return folder


@pytest.fixture
def claim(tmp_path):
    more = """  scaled: {{task: python-docs-similarity, pairs: [[4, 32]], zero: half, one: whole}}
  both: {{mean_of: [near, far]}}
  twice: {{task: python-docs-similarity, number: twice}}
seeds:"""
    return load_claim(str(write_claim(tmp_path, text=CLAIM.replace("seeds:", more, 1)))).claim


def test_every_kind_of_measure(claim, tmp_path):
    left = trained(tmp_path / "left", [9.0, 3.0, 1.0])
    results = {
        ("half", 1): measured(0.1, 0.3, folder=left),
        ("whole", 1): measured(0.2, 0.6, folder=trained(tmp_path / "other", [8.0, 2.0])),
    }
    values = values_of(claim, results)
    assert values["half"]["near"][1] == pytest.approx(0.2)
    assert values["half"]["far"][1] == 0.3
    assert values["whole"]["both"][1] == pytest.approx((0.4 + 0.6) / 2)
    assert values["whole"]["twice"][1] == pytest.approx(1.2)  # at the largest size
    assert values["half"]["loss"][1] == 2.0  # of the last two steps
    assert values["whole"]["loss"][1] == 5.0
    assert (values["half"]["scaled"][1], values["whole"]["scaled"][1]) == (0, 1)


def test_a_scale_is_of_the_same_seed(claim, tmp_path):
    left = trained(tmp_path / "left", [1.0])
    results = {
        ("half", 1): measured(0, 0.2, folder=left),
        ("whole", 1): measured(0, 0.4, folder=left),
        ("half", 2): measured(0, 0.5, folder=left),
        ("whole", 2): measured(0, 0.1, folder=left),
    }
    assert values_of(claim, results)["whole"]["scaled"] == {1: 1, 2: 1}


def test_a_curve_that_one_arm_lacks_is_left_out_there(claim, tmp_path):
    left = trained(tmp_path / "left", [1.0])
    results = {("half", 1): measured(0.1, 0.3), ("whole", 1): measured(0.2, 0.4, folder=left)}
    values = values_of(claim, results)
    assert "loss" not in values["half"]
    assert values["whole"]["loss"] == {1: 1.0}


def test_a_measure_that_nobody_has_is_an_error(claim):
    with pytest.raises(InputError, match="no arm has measure 'loss'"):
        values_of(claim, {("half", 1): measured(0.1, 0.3), ("whole", 1): measured(0.2, 0.4)})


def test_of_a_part_of_the_arms_none_has_to_have_every_measure(claim):
    values = values_of(claim, {("half", 1): measured(0.1, 0.3)})
    assert {"near", "far"} <= values["half"].keys()
    assert "loss" not in values["half"]
