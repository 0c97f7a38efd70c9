from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedworks.evaluation.samples import mean_samples, write_samples
from embedworks.jobs.comparison_options import RequireOptions
from embedworks.jobs.gates import judge

COUNT = 80
FEW = {"resamples": 400}


def scores(folder: Path, **gains: float | None) -> list[dict[str, object]]:
    """Scores of a model that is better by that much on each task; None: a task without samples."""
    found = []
    for number, (task, gain) in enumerate(gains.items()):
        base = np.random.default_rng(number).uniform(0.3, 0.6, COUNT)
        noise = np.random.default_rng(len(folder.name)).normal(0, 0.02, COUNT)
        samples = mean_samples({"test": dict(enumerate(base + noise - noise.mean() + (gain or 0)))})
        file = folder / f"{task}.parquet" if gain is not None else None
        if file:
            write_samples(file, samples, {})
        one = {"task": task, "layers": 2, "dimensions": 8, "value": samples.score, "samples": file}
        found += [one, {**one, "dimensions": 4, "value": 0.0}]  # a smaller pair, which does not count
    return found


def verdict(tmp_path: Path, gains: dict[str, float | None], **options: object):
    rival = scores(tmp_path / "rival", **{task: g and 0.0 for task, g in gains.items()})
    return judge(RequireOptions(**FEW, **options), scores(tmp_path / "new", **gains), rival, "old")


def test_a_better_model_passes_on_every_task(tmp_path):
    found = verdict(tmp_path, {"one": 0.02, "two": 0.03})
    assert found.passed
    assert found.reason.startswith("better than old: one +0.0200 (p 0.005), two +0.0300 (p 0.005)")
    assert found.rows["one"]["holm"] == pytest.approx(2 * found.rows["one"]["p"])


def test_a_worse_model_is_stopped(tmp_path):
    found = verdict(tmp_path, {"one": 0.02, "two": -0.03})
    assert not found.passed
    assert "two -0.0300" in found.reason
    assert "one" not in found.reason


def test_a_gain_that_may_be_chance_is_not_enough(tmp_path):
    found = verdict(tmp_path, {"one": 0.001})
    assert not found.passed
    assert "one +0.0010, p" in found.reason
    assert "not below 0.05" in found.reason


def test_the_correction_is_over_the_tasks_that_are_tested(tmp_path):
    gains = dict.fromkeys("abcdef", 0.02)
    few = {"resamples": 100, "p": 0.05}  # p is 1 / 101 at least
    rival = scores(tmp_path / "rival", **dict.fromkeys(gains, 0.0))
    new = scores(tmp_path / "new", **gains)
    assert not judge(RequireOptions(**few), new, rival, "old").passed
    assert judge(RequireOptions(**few, tasks=("a", "b")), new, rival, "old").passed
    assert judge(RequireOptions(**few, over="mean"), new, rival, "old").passed


def test_the_mean_may_rise_where_a_task_falls_but_no_further_than_allowed(tmp_path):
    gains = {"one": 0.06, "two": -0.02}
    assert not verdict(tmp_path, gains).passed
    found = verdict(tmp_path, gains, over="mean")
    assert found.passed
    assert "mean +0.0200" in found.reason
    assert verdict(tmp_path, gains, over="mean", no_task_worse_than=0.03).passed
    stopped = verdict(tmp_path, gains, over="mean", no_task_worse_than=0.01)
    assert not stopped.passed
    assert "two loses 0.0200, more than 0.01" in stopped.reason


def test_a_task_that_is_not_tested_may_not_fall_either(tmp_path):
    gains = {"one": 0.06, "two": -0.02}
    assert verdict(tmp_path, gains, tasks=("one",)).passed
    assert not verdict(tmp_path, gains, tasks=("one",), no_task_worse_than=0.01).passed


@pytest.mark.parametrize("over", ["tasks", "mean"])
def test_a_task_without_samples_proves_nothing(tmp_path, over):
    found = verdict(tmp_path, {"one": 0.02, "two": None}, over=over)
    assert not found.passed
    assert "two +0.0000, which has no samples to test" in found.reason
