"""A train stage whose embedder is evaluated while the workers go on."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest

from embedworks.folder import weights_digest
from helpers.toy_job import JOB, run

pytestmark = pytest.mark.ray

LOOKS = """    evaluate: {{every: 2, tasks: [python-docs-similarity], pairs: [[2, 16], [4, 32]], {keys}}}
    max_failures: 0
"""
REGISTER = "  - {{name: best, kind: register, from: left, model: looked-at}}\n"


@pytest.fixture(scope="module")
def looked_at(ray_cluster, place, tiny_folder):
    """The toy job, whose only worker group dies after step 4, and run again."""
    (place / "failed").unlink(missing_ok=True)
    text, values = JOB + LOOKS + REGISTER, {"name": "looked-at", "fail_at": 4, "keys": "keep: last"}
    with pytest.raises(Exception, match="dies here"):
        run(place, tiny_folder, text, **values)
    return run(place, tiny_folder, text, **values)


def test_looking_changes_nothing_in_training(looked_at, whole):
    digests = [weights_digest(Path(result["left"]["embedder"])) for result in (looked_at, whole)]
    assert digests[0] == digests[1]


def test_every_snapshot_is_evaluated_once(looked_at, place):
    assert [one["step"] for one in looked_at["left"]["evaluations"]] == [2, 4, 6]
    client = mlflow.MlflowClient(f"sqlite:///{place}/mlflow.db")
    experiment = client.get_experiment_by_name("looked-at").experiment_id
    (stage,) = client.search_runs([experiment], filter_string="tags.mlflow.runName = 'left'")
    curve = client.get_metric_history(stage.info.run_id, "evaluation/mean")
    assert [(point.step, point.value) for point in curve] == [
        (one["step"], pytest.approx(one["value"])) for one in looked_at["left"]["evaluations"]
    ]


def test_the_last_is_what_an_evaluate_stage_finds(looked_at, whole):
    last = looked_at["left"]["evaluations"][-1]["value"]
    assert last == pytest.approx(whole["best"]["values"]["left"], abs=1e-6)


def test_its_scores_are_enough_to_register_it(looked_at):
    assert looked_at["best"]["winner"] == "left"
    assert looked_at["best"]["values"]["left"] == pytest.approx(looked_at["left"]["value"])


def test_training_without_a_better_score_stops_and_keeps_the_best(ray_cluster, place, tiny_folder):
    text = JOB + LOOKS
    for old, new in (("1e-3", "1e-30"), ("steps: 6", "steps: 400"), ("workers: 2", "workers: 1")):
        text = text.replace(old, new)
    result = run(place, tiny_folder, text, name="patient", keys="patience: 1")["left"]
    assert [one["step"] for one in result["evaluations"]] == [2, 4]
    assert result["steps"] == 2
    assert result["evaluations"][0]["value"] == result["evaluations"][1]["value"] == result["value"]
    checkpoints = Path(result["embedder"]).parent.glob("work/*/checkpoints/step-*")
    assert max(int(folder.name.removeprefix("step-")) for folder in checkpoints) < 400
