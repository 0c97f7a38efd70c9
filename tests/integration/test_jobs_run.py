"""A job from start to end on a real Ray cluster, with a fourth system that only this test knows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mlflow
import pytest
import torch

from embedworks.catalog import find_system
from embedworks.embedder import Embedder
from embedworks.folder import read_lineage, weights_digest
from embedworks.tracking.registry import model_folder
from helpers.toy_job import JOB, REST, run

pytestmark = pytest.mark.ray


def test_a_fourth_system_needs_no_other_file(place):
    assert find_system("toy-pairs").family == "toy-family"


def test_the_embedder_learned_and_knows_where_it_comes_from(whole, tiny_folder, place):
    folder = Path(whole["left"]["embedder"])
    lineage = read_lineage(folder)
    assert lineage.parents[0]["sha256"] == weights_digest(tiny_folder)
    assert lineage.stage == "left"
    assert next(iter(lineage.corpora.values()))
    client = mlflow.MlflowClient(f"sqlite:///{place}/mlflow.db")
    curve = client.get_metric_history(lineage.run_id, "loss")
    assert [point.step for point in curve] == [1, 2, 3, 4, 5, 6]
    assert curve[-1].value < curve[0].value
    parent = client.get_run(lineage.run_id).data.tags["mlflow.parentRunId"]
    assert client.get_run(parent).data.tags["mlflow.runName"] == "whole"


def test_the_average_lies_between_its_models(whole, tiny_folder):
    left, average, base = (
        dict(Embedder.load(folder).encoder.named_parameters())
        for folder in (whole["left"]["embedder"], whole["average"]["embedder"], tiny_folder)
    )
    for name, value in average.items():
        assert torch.allclose(value, (left[name] + base[name]) / 2, atol=1e-6), name


def test_the_search_moved_along_the_task_vector(whole, tiny_folder):
    left, found, base = (
        torch.cat([p.detach().flatten() for p in Embedder.load(folder).encoder.parameters()])
        for folder in (whole["left"]["embedder"], whole["searched"]["embedder"], tiny_folder)
    )
    cosine = torch.nn.functional.cosine_similarity(found - base, left - base, dim=0)
    assert float(cosine) == pytest.approx(1.0, abs=1e-3)


def test_the_best_is_registered_and_loads_as_a_pyfunc(whole, place):
    uri = f"sqlite:///{place}/mlflow.db"
    values = whole["best"]["values"]
    assert whole["best"]["winner"] == max(values, key=values.get)
    folder = model_folder("models:/toy@champion", uri)
    assert weights_digest(folder) == weights_digest(Path(whole["best"]["embedder"]))
    mlflow.set_tracking_uri(uri)
    loaded = mlflow.pyfunc.load_model("models:/toy@champion")
    assert loaded.predict(["red fish"]).shape == (1, 32)
    assert loaded.predict(["red fish"], params={"layers": 2, "dimensions": 16}).shape == (1, 16)


def test_the_corpus_is_embedded_in_order(whole):
    from embedworks.indexing.embed import load_vectors

    vectors, rows = load_vectors(Path(whole["vectors"]["vectors"]))
    texts = rows["query"].to_pylist()
    expected = Embedder.load(whole["best"]["embedder"]).encode(texts)
    assert torch.nn.functional.cosine_similarity(torch.from_numpy(vectors.copy()), expected).min() > 0.999


def test_a_second_run_does_nothing_again(whole, place, tiny_folder):
    stamps = {file: file.stat().st_mtime_ns for file in place.rglob("model.safetensors")}
    assert run(place, tiny_folder, JOB + REST, name="whole") == json.loads(json.dumps(whole))
    assert {file: file.stat().st_mtime_ns for file in place.rglob("model.safetensors")} == stamps


def test_a_worker_that_dies_changes_nothing_but_the_time(whole, place, tiny_folder):
    broken = run(place, tiny_folder, JOB, name="broken", fail_at=4)
    assert (place / "failed").exists()
    assert weights_digest(Path(broken["left"]["embedder"])) == weights_digest(
        Path(whole["left"]["embedder"])
    )


@pytest.mark.parametrize("zero", [0, 3])
def test_every_zero_stage_learns_the_same_model(whole, place, tiny_folder, zero):
    other = run(place, tiny_folder, JOB, name=f"zero{zero}", zero=zero)
    texts = ["red fish", "the old river", "sort a list"]
    # Vectors, not weights: a bias whose gradient is zero but for rounding still moves under Adam.
    ours, theirs, base = (
        Embedder.load(folder).encode(texts)
        for folder in (whole["left"]["embedder"], other["left"]["embedder"], tiny_folder)
    )
    assert (ours - theirs).abs().max() < 1e-3
    assert (ours - base).abs().max() > 1e-2


def test_a_stage_whose_result_was_deleted_runs_again(whole, place, tiny_folder):
    merged = Path(whole["average"]["embedder"])
    before = weights_digest(merged)
    shutil.rmtree(merged)
    stamp = (Path(whole["left"]["embedder"]) / "model.safetensors").stat().st_mtime_ns
    again = run(place, tiny_folder, JOB + REST, name="whole")
    assert weights_digest(Path(again["average"]["embedder"])) == before
    assert (Path(again["left"]["embedder"]) / "model.safetensors").stat().st_mtime_ns == stamp


def test_a_short_last_batch_weighs_every_sample_alike(whole, place, tiny_folder):
    text = JOB.replace("corpus: {{source: {corpus}}}", "corpus: {{source: {corpus}, limit: 95}}")
    text = text.replace("steps: 6", "epochs: 1\n    last_batch: short").replace(
        "workers: 2", "workers: {workers}"
    )
    one, two = (
        run(place, tiny_folder, text, name=f"short{workers}", zero=0, workers=workers) for workers in (1, 2)
    )
    assert one["left"]["steps"] == two["left"]["steps"] == 6  # five of 16 samples, one of 15: 8 and 7
    texts = ["red fish", "the old river", "sort a list"]
    ours, theirs = (Embedder.load(result["left"]["embedder"]).encode(texts) for result in (one, two))
    assert (ours - theirs).abs().max() < 1e-3
