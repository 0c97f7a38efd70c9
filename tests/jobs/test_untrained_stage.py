"""A train stage of no steps: what its objective makes is the embedder, and what it found out is logged."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from embedworks.embedder import Embedder, Lineage
from embedworks.errors import InputError
from embedworks.jobs.load import load_job
from embedworks.jobs.schedule import is_trained
from embedworks.jobs.stages.train import keep_untrained
from embedworks.training.progress import Points
from helpers.tiny import tiny_model

STAGE = "{name: x, kind: train, system: starbucks, corpus: {source: python-docs}, steps: 0"


class Made:
    """An objective that only makes an embedder."""

    def __init__(self) -> None:
        self.model = tiny_model(layers=1)

    def eval(self) -> Made:
        return self

    def diagnostics(self) -> dict[str, float]:
        return {"dev/rank": 0.5}

    def embedder(self) -> Embedder:
        return self.model


class Log:
    """A tracker that remembers."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def metrics(self, run: str, numbers: dict[str, float]) -> None:
        self.seen.append((run, numbers))

    def log_embedder(self, run: str, folder: Path, name: str, numbers: dict[str, float]) -> str:
        self.seen.append((run, folder.name, name, dict(numbers)))
        return "m-1"


def test_it_is_saved_with_its_lineage_and_numbers(tmp_path):
    log, folder = Log(), tmp_path / "stage" / "embedder"
    folder.mkdir(parents=True)
    (folder / "left.over").touch()
    context, state = SimpleNamespace(tracker=log), SimpleNamespace(run_id="r")
    lineage, made = Lineage(stage="x", run_id="r"), Made()
    found = keep_untrained(context, state, made, lineage, folder, tmp_path / "work")
    assert found == {"embedder": str(folder), "model_id": "m-1", "steps": 0, "metrics": {"dev/rank": 0.5}}
    assert log.seen == [("r", {"dev/rank": 0.5}), ("r", "embedder", "x", {"dev/rank": 0.5})]
    assert not (folder / "left.over").exists()
    opened = Embedder.load(folder)
    assert opened.lineage.stage == "x"
    assert (opened.encode(["the cat"]) == made.model.encode(["the cat"])).all()
    (point,) = Points(tmp_path / "work").newest()
    assert (point.step, point.steps, point.metrics) == (0, 0, {"dev/rank": 0.5})


def job(tmp_path: Path, keys: str) -> Any:
    file = tmp_path / "job.yaml"
    file.write_text(f"name: a\nstages:\n  - {STAGE}{keys}}}\n")
    return load_job(file).job


def test_a_job_may_say_so_and_such_a_stage_takes_no_workers(tmp_path):
    (stage,) = job(tmp_path, "").stages
    assert stage.steps == 0
    assert not is_trained(stage)


def test_there_is_nothing_to_look_at_on_the_way(tmp_path):
    with pytest.raises(InputError, match="no steps to look at"):
        job(tmp_path, ", evaluate: {every: 1, tasks: [python-docs-topics]}")
