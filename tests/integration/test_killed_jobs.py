"""A job whose driver is killed in every one of its stages, and run again, ends like an undisturbed one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mlflow
import pytest

from embedworks.folder import weights_digest
from embedworks.jobs.state import CHECKPOINTS, WORK
from helpers.toy_job import JOB, REST, run, write_job

pytestmark = [pytest.mark.ray, pytest.mark.chaos]

STAGES = ("left", "average", "searched", "scores", "best", "vectors")
PATIENCE_S = 180  # bounds a hang; nothing is measured


def status(place: Path, stage: str) -> str:
    file = place / "runs" / "killed" / stage / "stage.json"
    return json.loads(file.read_text())["status"] if file.is_file() else "new"


def kill_in(stage: str, job: Path, place: Path) -> None:
    """Start the job as a user does and SIGKILL its driver once ``stage`` runs (or has just ended)."""
    import ray

    address = ray.get_runtime_context().gcs_address
    command = [sys.executable, "-m", "embedworks.cli.main", "run", str(job), "--address", address]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ)
    deadline = time.monotonic() + PATIENCE_S
    while not reached(stage, place):
        assert driver.poll() is None, driver.stderr.read().decode()
        assert time.monotonic() < deadline, f"{stage} was not reached"
        time.sleep(0.02)
    driver.send_signal(signal.SIGKILL)
    driver.wait()


def reached(stage: str, place: Path) -> bool:
    if stage == "left":  # the training stage: with a checkpoint, so that it has something to go on from
        return any(place.glob(f"runs/killed/left/{WORK}/*/{CHECKPOINTS}/step-*/state.json"))
    return status(place, stage) in ("running", "done")


@pytest.fixture(scope="module")
def survivor(whole, place, tiny_folder) -> dict[str, Any]:
    """The job, killed once in every stage."""
    job = write_job(place, tiny_folder, JOB + REST, name="killed")
    for stage in STAGES:
        kill_in(stage, job, place)
    return run(place, tiny_folder, JOB + REST, name="killed")


def test_every_model_is_the_same_to_the_bit(survivor, whole):
    for stage in ("left", "average", "searched", "best"):
        ours, theirs = (weights_digest(Path(result[stage]["embedder"])) for result in (survivor, whole))
        assert ours == theirs, stage


def test_scores_and_choice_are_the_same(survivor, whole):
    assert survivor["best"]["values"] == whole["best"]["values"]
    assert survivor["best"]["winner"] == whole["best"]["winner"]
    assert survivor["vectors"]["rows"] == whole["vectors"]["rows"]


def test_training_went_on_in_its_own_run(survivor, place):
    client = mlflow.MlflowClient(f"sqlite:///{place}/mlflow.db")
    experiment = client.get_experiment_by_name("killed").experiment_id
    runs = client.search_runs([experiment], filter_string="tags.mlflow.runName = 'left'")
    assert len(runs) == 1
    assert runs[0].info.status == "FINISHED"
    steps = {point.step for point in client.get_metric_history(runs[0].info.run_id, "loss")}
    assert steps == {1, 2, 3, 4, 5, 6}
