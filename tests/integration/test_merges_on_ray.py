"""Merges in a job that measure and search: nothing is made twice, and the best is the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import pytest

from embedworks.embedder import Embedder
from embedworks.folder import read_lineage, weights_digest
from embedworks.merging.statistics.probe import Probe, ProbeCorpus, probe_loss
from helpers.toy_job import run

pytestmark = pytest.mark.ray

JOB = """
name: {name}
output: {root}/runs
tracking: {{uri: "sqlite:///{root}/mlflow.db"}}
stages:
  - {{name: fisher, kind: merge, method: fisher, models: [{left}, {right}], {probe}}}
  - {{name: regmean, kind: merge, method: regmean, models: [{left}, {right}], {probe}}}
  - {{name: soup, kind: merge, method: greedy-soup, models: [{left}, {tiny}, {right}],
     goal: {{probe: true}}, {probe}}}
  - name: searched
    kind: merge
    method: task-arithmetic
    base: {tiny}
    models: [{left}, {right}]
    goal: {{probe: true}}
    {probe_lines}
    search: {{algorithm: cma-es, trials: {trials}, population: 4, space: {{weight: [-1, 2]}}}}
"""
MEASURE = {"samples": 8, "batch_size": 4, "query_length": 8, "positive_length": 16}
PROBE = "probe: {{source: {root}/pairs}}, measure: {{"
PROBE += ", ".join(f"{key}: {value}" for key, value in MEASURE.items()) + "}}"


@pytest.fixture(scope="module")
def sides(tmp_path_factory, tiny_folder) -> list[Path]:
    """Two models that moved away from the tiny one."""
    import torch

    made = []
    for number in range(2):
        model = Embedder.load(tiny_folder)
        random = torch.Generator().manual_seed(number)
        with torch.no_grad():
            for parameter in model.encoder.parameters():
                parameter += 0.05 * torch.randn(parameter.shape, generator=random)
        made.append(model.save(tmp_path_factory.mktemp("sides") / f"side{number}"))
    return made


def merges(place: Path, tiny: Path, sides: list[Path], trials: int, **keys: Any) -> dict[str, Any]:
    text = JOB.replace("{probe_lines}", PROBE.replace(", measure", "\n    measure"))
    text = text.replace("{probe}", PROBE)
    left, right = sides
    return run(place, tiny, text, name="merges", trials=trials, left=left, right=right, **keys)


@pytest.fixture(scope="module")
def first(ray_cluster, place, tiny_folder, sides):
    """The job, with a search that is cut short after its first generation."""
    return merges(place, tiny_folder, sides, 4)


@pytest.fixture(scope="module")
def second(first, place, tiny_folder, sides):
    """The same with a second generation."""
    before = written(place)
    results = merges(place, tiny_folder, sides, 8)
    assert {file: written(place)[file] for file in before} == before, "something was made again"
    return results


def written(place: Path) -> dict[Path, int]:
    """When the statistics and the records of trials were written."""
    files = [*place.glob("runs/statistics/*"), *place.glob("runs/merges/*/trials/*/trial.json")]
    return {file: file.stat().st_mtime_ns for file in files}


def loss(folder: str | Path, place: Path) -> float:
    return probe_loss(Path(folder), Probe((ProbeCorpus(place / "pairs"),), **MEASURE))


def test_statistics_are_kept_by_model_and_probe(second, place, sides):
    names = sorted(file.name for file in place.glob("runs/statistics/*"))
    assert len(names) == 4
    for kind in ("fisher", "regmean"):
        for side in sides:
            assert any(name.startswith(f"{kind}-{weights_digest(side)[:16]}-") for name in names)


def test_measured_merges_differ_from_the_average_and_know_their_parents(second, sides, place):
    digests = {weights_digest(Path(second[name]["embedder"])) for name in ("fisher", "regmean")}
    assert len(digests) == 2
    lineage = read_lineage(Path(second["fisher"]["embedder"]))
    assert [parent["sha256"] for parent in lineage.parents] == [weights_digest(side) for side in sides]
    assert list(lineage.corpora) == [f"{place}/pairs"]
    numbers = mlflow.MlflowClient(f"sqlite:///{place}/mlflow.db").get_run(lineage.run_id).data.metrics
    assert numbers["fisher/0/samples"] == 8
    assert numbers["fisher/1/loss"] == pytest.approx(loss(sides[1], place), rel=1e-3)


def test_the_soup_is_at_least_as_good_as_its_best_model(second, sides, tiny_folder, place):
    tried = second["soup"]["search"]["trials"]
    assert [record["values"]["models"] for record in tried[:3]] == [
        str(sides[0]), str(tiny_folder), str(sides[1])
    ]  # fmt: skip
    assert second["soup"]["search"]["score"] >= max(record["score"] for record in tried[:3])
    assert loss(second["soup"]["embedder"], place) == pytest.approx(
        -second["soup"]["search"]["score"], rel=1e-4
    )


def test_the_best_trial_is_merged_again_with_its_lineage(second, place):
    found = second["searched"]["search"]
    assert [trial["number"] for trial in found["trials"]] == list(range(8))
    best = max(found["trials"], key=lambda trial: trial["score"])
    assert (found["best"], found["score"]) == (best["number"], best["score"])
    folder = Path(second["searched"]["embedder"])
    assert loss(folder, place) == pytest.approx(-best["score"], rel=1e-4)
    weights = [entry["parameters"]["weight"] for entry in second["searched"]["recipe"]["models"]]
    assert weights == [best["values"]["weight/0"], best["values"]["weight/1"]]
    assert read_lineage(folder).metrics["goal"] == best["score"]
    assert not list(place.glob("runs/merges/*/trials/*/scratch"))


def test_trials_of_the_first_search_stay_and_are_child_runs(first, second, place):
    trials = second["searched"]["search"]["trials"]
    assert first["searched"]["search"]["trials"] == trials[:4]
    client = mlflow.MlflowClient(f"sqlite:///{place}/mlflow.db")
    for trial in trials:
        run_ = client.get_run(trial["run_id"])
        assert run_.info.status == "FINISHED"
        assert run_.data.metrics["goal"] == trial["score"]
        assert float(run_.data.params["weight/0"]) == pytest.approx(trial["values"]["weight/0"])
    parent = client.get_run(trials[-1]["run_id"]).data.tags["mlflow.parentRunId"]
    assert parent == read_lineage(Path(second["searched"]["embedder"])).run_id
    artifact = mlflow.artifacts.load_text(client.get_run(parent).info.artifact_uri + "/trials.json")
    assert json.loads(artifact)["best"] == second["searched"]["search"]["best"]
