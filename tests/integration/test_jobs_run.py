"""A job from start to end on a real Ray cluster, with a fourth system that only this test knows."""

from __future__ import annotations

import json
import os
from pathlib import Path

import mlflow
import pytest
import torch

from embedworks.catalog import find_system
from embedworks.embedder import Embedder
from embedworks.folder import read_lineage, weights_digest
from embedworks.jobs.load import load_job
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.runner import check_job, run_job
from embedworks.tracking.registry import model_folder
from helpers.pairs import pair_corpus

pytestmark = pytest.mark.ray

# A whole system: what one would put at systems/toy_family/toy_pairs.py.
TOY = '''
"""Toy pairs: pull each query towards its positive."""
from pathlib import Path
import torch
from embedworks.losses.contrastive import in_batch_loss
from embedworks.objective import Objective, ObjectiveConfig
from embedworks.transforms.pairs import PairTransform

class ToyPairs(Objective):
    title = "Toy pairs"

    class Config(ObjectiveConfig):
        fail_at: int = -1  # raise once after this step
        mark: str = ""

    def __init__(self, config, start):
        super().__init__(config, start)
        self.model = start.embedder()

    @classmethod
    def transform(cls, config, start):
        lengths = {"query_length": 8, "positive_length": 16, "max_length": start.max_length}
        return PairTransform(start.tokenizer, **lengths)

    def forward(self, batch):
        query = self.model(batch["query_ids"], batch["query_mask"])
        positive = self.model(batch["candidate_ids"], batch["candidate_mask"])
        return {"loss": in_batch_loss(query, positive, temperature=0.1).loss}

    def after_step(self, step):
        if step == self.config.fail_at and not Path(self.config.mark).exists():
            Path(self.config.mark).touch()
            raise RuntimeError("the worker dies here, once")

    def embedder(self):
        return self.model
'''

JOB = """
name: {name}
output: {root}/runs
tracking: {{uri: "sqlite:///{root}/mlflow.db"}}
seed: 3
stages:
  - name: left
    kind: train
    system: toy-pairs
    from: {tiny}
    corpus: {{source: {corpus}}}
    objective: {{fail_at: {fail_at}, mark: {root}/failed}}
    steps: 6
    batch_size: 16
    workers: 2
    zero: {zero}
    precision: fp32
    checkpoint: {{every: 2}}
    log_every: 1
    optimizer: {{learning_rate: 1e-3}}
"""

REST = """
  - {{name: average, kind: merge, method: linear, models: [left, {tiny}]}}
  - {{name: searched, kind: merge, method: self-positioning, base: {tiny}, models: [left],
      parameters: {{query_length: 8, positive_length: 16}}, probe: {{source: {corpus}}},
      steps: 2, batch_size: 16, workers: 2, precision: fp32}}
  - {{name: scores, kind: evaluate, models: [left, average, searched], tasks: [python-docs-similarity],
      pairs: [[2, 16], [4, 32]]}}
  - {{name: best, kind: register, from: scores, model: toy, metric: mean}}
  - {{name: vectors, kind: embed, model: best, corpus: {{source: {corpus}, split: test}}, column: query}}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with a corpus and, on EMBEDWORKS_PATH, the toy system."""
    root = tmp_path_factory.mktemp("job")
    pair_corpus(root / "pairs")
    family = root / "embedworks" / "systems" / "toy_family"
    family.mkdir(parents=True)
    (family / "toy_pairs.py").write_text(TOY)
    os.environ["EMBEDWORKS_PATH"] = str(root)
    yield root
    del os.environ["EMBEDWORKS_PATH"]


def run(place: Path, tiny: Path, text: str, **values) -> dict:
    values = {"root": place, "tiny": tiny, "corpus": place / "pairs", "zero": 1, "fail_at": -1, **values}
    file = place / "job.yaml"
    file.write_text(text.format(**values))
    loaded = load_job(file)
    check_job(loaded)
    return run_job(loaded, Reporter())


@pytest.fixture(scope="module")
def whole(ray_cluster, place, tiny_folder) -> dict:
    return run(place, tiny_folder, JOB + REST, name="whole")


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
