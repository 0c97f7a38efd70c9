"""Tries are remembered: one that is done is not repeated, one that failed is, and in the same run."""

from __future__ import annotations

import dataclasses

import pytest

from embedworks.jobs.merging import attempts as module
from embedworks.jobs.merging.attempts import Attempts, score_recipe
from embedworks.jobs.merging.goal import Goal
from embedworks.jobs.merging.soup import soup_recipe
from embedworks.jobs.search.record import load_record
from embedworks.merging.statistics.probe import Probe, ProbeCorpus, probe_loss
from embedworks.tracking.tracker import Tracker
from helpers.pairs import pair_corpus
from helpers.tiny import tiny_embedder

VALUES = {"weight": 0.5}


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Attempts:
    """Two models, pairs and a tracking store."""
    root = tmp_path_factory.mktemp("tries")
    folders = {name: tiny_embedder(root / name, layers=1, width=8, seed=i) for i, name in enumerate("ab")}
    probe = Probe((ProbeCorpus(pair_corpus(root / "pairs")),), samples=8, positive_length=16)
    uri = f"sqlite:///{root}/mlflow.db"
    tracker = Tracker(uri, "tries")
    parent = tracker.start("stage", {})
    tracker.close()
    return Attempts(root, folders, {}, Goal(probe=probe), 0, "mark", uri, "tries", parent)


@pytest.fixture
def tries(shared, tmp_path) -> Attempts:
    """Without a try so far."""
    return dataclasses.replace(shared, root=tmp_path)


@pytest.fixture
def asked(monkeypatch) -> list[object]:
    """What was merged and scored; here, and not on a cluster."""
    found: list[object] = []

    def here(self, recipe, scratch):
        found.append(recipe)
        return score_recipe(self, recipe, scratch)

    monkeypatch.setattr(Attempts, "_elsewhere", here)
    return found


def test_a_try_is_merged_scored_tracked_and_deleted(tries, asked):
    record = tries.score(3, VALUES, soup_recipe(["a", "b"]))
    assert (record.status, record.number, record.values) == ("done", 3, VALUES)
    assert record.score < 0
    single = tries.score(4, VALUES, soup_recipe(["a"]))
    assert single.score == pytest.approx(-probe_loss(tries.folders["a"], tries.goal.probe), rel=1e-5)
    assert sorted(path.name for path in (tries.root / "3").iterdir()) == ["trial.json"]
    run = Tracker(tries.uri, "tries").client.get_run(record.run_id)
    assert run.data.metrics["goal"] == record.score
    assert run.data.tags["mlflow.parentRunId"] == tries.run_id


def test_one_that_is_done_is_not_repeated_unless_something_changed(tries, asked):
    first = tries.score(0, VALUES, soup_recipe(["a"]))
    assert tries.score(0, VALUES, soup_recipe(["a"])) == first == load_record(tries.root / "0")
    assert len(asked) == 1
    tries.score(0, {"weight": 0.6}, soup_recipe(["a"]))
    dataclasses.replace(tries, mark="other").score(0, {"weight": 0.6}, soup_recipe(["a"]))
    assert len(asked) == 3


def test_one_that_failed_says_why_and_is_tried_again_in_its_run(tries, asked, monkeypatch):
    def broken(*_, **__):
        raise ValueError("no space\nis left")

    with monkeypatch.context() as patched:
        patched.setattr(module, "merge", broken)
        failed = tries.score(0, VALUES, soup_recipe(["a"]))
    assert (failed.status, failed.score, failed.error) == ("failed", None, "is left")
    again = tries.score(0, VALUES, soup_recipe(["a"]))
    assert (again.status, again.run_id) == ("done", failed.run_id)
