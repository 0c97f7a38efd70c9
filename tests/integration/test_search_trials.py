"""A job that searches its keys: trials as child runs, the best one registered, and no trial run twice."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import pytest

from embedworks.folder import read_lineage, weights_digest
from embedworks.tracking.registry import model_folder
from helpers.toy_job import JOB, run

pytestmark = pytest.mark.ray

SEARCH = """    evaluate: {{every: 2, tasks: [python-docs-similarity]}}
  - {{name: best, kind: register, from: left, model: searched-for}}
search:
  from: left
  trials: {trials}
  space:
    left.optimizer.learning_rate: {{loguniform: [1e-4, 1e-2]}}
    left.batch_size: {{choice: [8, 16]}}
  scheduler: asha
"""
TEXT = JOB.replace("workers: 2", "workers: 1").replace("steps: 6", "steps: 4") + SEARCH
KEYS = {"left.optimizer.learning_rate", "left.batch_size"}


@pytest.fixture(scope="module")
def first(ray_cluster, place, tiny_folder):
    """The search, cut short after two trials."""
    return run(place, tiny_folder, TEXT, name="tried", trials=2)


@pytest.fixture(scope="module")
def whole_search(first, place, tiny_folder):
    """The same search with a third trial."""
    stamps = written(place)
    results = run(place, tiny_folder, TEXT, name="tried", trials=3)
    assert {file: written(place)[file] for file in stamps} == stamps, "a finished trial ran again"
    return results


def written(place: Path) -> dict[Path, int]:
    """When the embedders of the trials were written."""
    return {file: file.stat().st_mtime_ns for file in place.glob("runs/tried/trials/*/left/embedder/*")}


def test_the_first_trials_stay_and_the_third_joins_them(whole_search, first):
    trials = whole_search["search"]["trials"]
    assert [trial["number"] for trial in trials] == [0, 1, 2]
    assert [trial["values"] for trial in trials[:2]] == [
        trial["values"] for trial in first["search"]["trials"]
    ]
    assert all(trial["values"].keys() == KEYS for trial in trials)
    assert len({json.dumps(trial["values"]) for trial in trials}) == 3


def test_the_best_trial_is_the_job_s_result(whole_search, place):
    trials = whole_search["search"]["trials"]
    best = max((trial for trial in trials if trial["status"] == "done"), key=lambda trial: trial["score"])
    assert whole_search["search"]["best"] == best["number"]
    assert whole_search["left"]["value"] == best["score"]
    folder = Path(whole_search["left"]["embedder"])
    assert folder.parent.parent == place / "runs" / "tried" / "trials" / str(best["number"])
    registered = model_folder("models:/searched-for@champion", f"sqlite:///{place}/mlflow.db")
    assert weights_digest(registered) == weights_digest(folder)
    (stage, *_) = read_lineage(folder).job["stages"]
    assert stage["optimizer"]["learning_rate"] == best["values"]["left.optimizer.learning_rate"]


def test_trials_are_child_runs_that_hold_their_stages(whole_search, place):
    client = mlflow.MlflowClient(f"sqlite:///{place}/mlflow.db")
    experiment = client.get_experiment_by_name("tried").experiment_id
    runs = {run.info.run_id: run for run in client.search_runs([experiment])}
    parents = {run.info.run_name: run.data.tags.get("mlflow.parentRunId") for run in runs.values()}
    for trial in whole_search["search"]["trials"]:
        run = runs[trial["run_id"]]
        assert run.info.run_name == f"trial-{trial['number']}"
        assert runs[parents[run.info.run_name]].info.run_name == "tried"
        assert run.info.status == {"done": "FINISHED", "stopped": "KILLED"}[trial["status"]]
        held = [one for one in runs.values() if one.data.tags.get("mlflow.parentRunId") == run.info.run_id]
        assert [one.info.run_name for one in held] == ["left"]
