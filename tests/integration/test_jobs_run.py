"""A job from start to end on a real Ray cluster, with a fourth system that only this test knows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mlflow
import pytest
import torch

from embedworks.catalog import find_system
from embedworks.cli.main import input_error
from embedworks.embedder import Embedder
from embedworks.folder import read_lineage, weights_digest
from embedworks.tracking.registry import model_folder
from embedworks.vectors.index_folder import IndexFolder
from embedworks.vectors.table import Table
from helpers.embedding import vectors_of, whole_table
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


def test_stages_that_wait_for_no_other_ran_side_by_side(whole, place):
    client = mlflow.MlflowClient(f"sqlite:///{place}/mlflow.db")
    left, average, searched = (
        client.get_run(read_lineage(Path(whole[name]["embedder"])).run_id).info
        for name in ("left", "average", "searched")
    )
    assert max(average.start_time, searched.start_time) < min(average.end_time, searched.end_time)
    assert left.end_time <= min(average.start_time, searched.start_time)


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
    rows = whole_table(Path(whole["vectors"]["index"]))
    vectors = torch.from_numpy(vectors_of(rows).copy())
    expected = Embedder.load(whole["best"]["embedder"]).encode(rows["query"].to_pylist())
    assert torch.nn.functional.cosine_similarity(vectors, expected).min() > 0.999
    found = Table.open(whole["vectors"]["index"]).search(expected[:5].numpy(), 1)
    assert [ids.tolist() for ids in found.ids] == [[row] for row in range(5)]


def test_the_index_knows_the_registered_model_behind_it(whole):
    record = IndexFolder.open(whole["vectors"]["index"]).current()
    assert (record.model, record.asked) == ("models:/toy/1", "models:/toy@champion")
    assert (record.id, record.rows) == (whole["vectors"]["version"], whole["vectors"]["rows"])


def test_a_second_run_does_nothing_again(whole, place, tiny_folder):
    stamps = {file: file.stat().st_mtime_ns for file in place.rglob("model.safetensors")}
    assert run(place, tiny_folder, JOB + REST, name="whole") == json.loads(json.dumps(whole))
    assert {file: file.stat().st_mtime_ns for file in place.rglob("model.safetensors")} == stamps


def test_a_stage_whose_result_was_deleted_runs_again(whole, place, tiny_folder):
    merged = Path(whole["average"]["embedder"])
    before = weights_digest(merged)
    shutil.rmtree(merged)
    stamp = (Path(whole["left"]["embedder"]) / "model.safetensors").stat().st_mtime_ns
    again = run(place, tiny_folder, JOB + REST, name="whole")
    assert weights_digest(Path(again["average"]["embedder"])) == before
    assert (Path(again["left"]["embedder"]) / "model.safetensors").stat().st_mtime_ns == stamp


def test_a_shard_that_is_damaged_while_it_is_read_is_named(whole, place, tiny_folder):
    broken = place / "damaged"
    shutil.copytree(place / "pairs", broken)
    shard = broken / "train-00001.parquet"
    data = bytearray(shard.read_bytes())
    data[40:44] = bytes(byte ^ 0xFF for byte in data[40:44])  # size and footer stay: only reading tells
    shard.write_bytes(data)
    text = JOB.replace("steps: 6", "steps: 6\n    max_failures: 0")
    with pytest.raises(Exception) as caught:
        run(place, tiny_folder, text, name="damaged", corpus=broken)
    assert "train-00001.parquet" in str(input_error(caught.value))
