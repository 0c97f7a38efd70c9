"""A job's folders and store, made without Ray, and what a report reads out of them."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results
from sentence_transformers import SentenceTransformer

from embedworks.cli.main import exit_code
from embedworks.errors import InputError
from embedworks.evaluation.evaluate import evaluate_model
from embedworks.folder import weights_digest
from embedworks.jobs.load import load_job
from embedworks.jobs.scores import as_stored
from embedworks.jobs.state import SCORES_FILE, StageState
from embedworks.report.gathering.gather import gather
from embedworks.report.gathering.lineage import parents
from embedworks.report.gathering.source import StageRecord
from embedworks.report.gathering.store import find_source
from embedworks.report.write import plain, write_cards, write_page
from embedworks.tracking.history import History
from embedworks.tracking.tracker import Tracker
from helpers.pairs import pair_corpus
from helpers.tiny import tiny_model

TASK = "python-docs-retrieval"
JOB = """
name: toy
seed: 4
output: {root}/runs
stages:
  - name: good
    kind: train
    system: starbucks
    from: {root}/bad
    corpus: {{source: {root}/pairs}}
    steps: 9
  - {{name: soup, kind: merge, method: uniform-soup, models: [good, "{root}/bad"]}}
  - name: scores
    kind: evaluate
    models: [{root}/bad, good, soup]
    tasks: [python-docs-retrieval]
    pairs: [[1, 8], [2, 16]]
    corpora: {{python-docs: {root}/pairs}}
  - {{name: best, kind: register, from: scores, model: toy}}
  - {{name: page, kind: report, from: scores}}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """The job as a run of it would have left it: folders, stage files, samples, runs."""
    root = tmp_path_factory.mktemp("job")
    pair_corpus(root / "pairs", rows=48)
    model = tiny_model(layers=2, width=16)
    for name in ("good", "soup"):
        model.save(root / "runs" / "toy" / name / "embedder")
    with torch.no_grad():
        words = model.encoder.embeddings.word_embeddings.weight
        words[:-8] = words[0]
    model.save(root / "bad")
    (root / "job.yaml").write_text(JOB.format(root=root))
    job = load_job(root / "job.yaml").job
    folders = {str(root / "bad"): root / "bad"}
    folders |= {name: root / "runs" / "toy" / name / "embedder" for name in ("good", "soup")}
    corpora = {"python-docs": root / "pairs"}
    scores = {
        name: as_stored(
            evaluate_model(
                folder,
                [TASK],
                [(1, 8), (2, 16)],
                corpora,
                "fp32",
                keep=root / "samples" / folder.parent.name,
            )
        )
        for name, folder in folders.items()
    }
    results = {name: {"embedder": str(folders[name])} for name in ("good", "soup")}
    results["scores"] = {"scores": scores, "samples": str(root / "samples")}
    gate = {"passed": False, "reason": "not shown to be better", "against": "toy@champion"}
    results["best"] = {
        "model": "toy",
        "version": "1",
        "winner": "good",
        "uri": "models:/toy/1",
        "gate": gate,
    }
    tracker = Tracker(f"sqlite:///{root}/mlflow.db", "toy")
    top = tracker.start("toy", {})
    data = job.model_dump(mode="json", by_alias=True)
    tracker.artifact(top, "job.yaml", yaml.safe_dump(data))
    for name, result in results.items():
        run = tracker.start(name, {}, top)
        if name == "good":
            for step in range(1, 10):
                tracker.metrics(run, {"loss": 1 / step, "learning_rate": 0.1}, step)
        if name == "scores":
            tracker.artifact(run, SCORES_FILE, json.dumps(result))
        StageState(fingerprint="x", status="done", run_id=run, result=result).save(job.folder(name))
        tracker.end(run)
    tracker.end(top)
    tracker.close()
    return root


@pytest.fixture(scope="module")
def gathered(root):
    source = find_source(["toy"], f"sqlite:///{root}/mlflow.db")
    return source, gather(source)


def test_all_that_a_job_left_is_found(root, gathered):
    _, report = gathered
    table = report.scores
    assert table.reference == str(root / "bad")
    assert table.best == "good"  # of equal models the first
    assert [row.kind for row in table.rows] == ["outside", "train", "merge"]
    (gain, _) = report.significance.rows
    assert gain.tasks[0].value == pytest.approx(
        table.row("good").values[0] - table.rows[0].values[0], abs=1e-4
    )
    assert gain.tasks[0].holm >= gain.tasks[0].p  # corrected over both models
    assert {(one.layers, one.dimensions) for one in report.costs.points} == {(1, 8), (2, 16)}
    assert [grid.layers for grid in report.grids] == [(1, 2)] * 3
    (training,) = report.trainings
    assert training.losses[0].points[:2] == ((1.0, 1.0), (2.0, 0.5))
    assert ("good", "soup") in report.lineage.edges
    assert set(report.lineage.line) == {"good", str(root / "pairs"), str(root / "bad"), "toy 1"}
    assert report.left_out == {}


def test_the_summary_is_made_of_the_numbers(gathered):
    _, report = gathered
    first, *_, last = report.head.summary
    assert first.startswith("good is the best of 2 models beside the reference")
    assert f"{report.scores.row('good').mean:.3f} on {TASK}" in first
    assert "the gate held the alias back: not shown to be better" in last


def test_neighbours_are_those_of_the_queries_that_changed_most(gathered):
    _, report = gathered
    near = report.neighbours
    assert near.task == TASK
    assert {query.group for query in near.queries} <= {"gained most", "lost most"}
    changes = [query.found[1].score - query.found[0].score for query in near.queries]
    gains = [change for change in changes if change > 0]
    assert gains == sorted(gains, reverse=True)
    for query in near.queries:
        for found in query.found:
            assert [hit.is_right for hit in found.hits].count(True) >= (found.rank <= 3)
            similarities = [hit.similarity for hit in found.hits]
            assert similarities == sorted(similarities, reverse=True)


def test_a_map_joins_queries_with_their_answers(gathered):
    _, report = gathered
    shown = report.map
    assert len(shown.texts) == len(set(zip(shown.texts, shown.groups, strict=True)))
    assert all(shown.groups[a] == 0 and shown.groups[b] == 1 for a, b in shown.mates)
    assert [len(one.places) for one in shown.panels] == [len(shown.texts)] * 2
    assert all(0 <= x <= 1 and 0 <= y <= 1 for one in shown.panels for x, y in one.places)


def test_cards_are_what_the_hub_reads_and_no_embedder_changes(root, gathered, tmp_path):
    source, report = gathered
    folder = root / "runs" / "toy" / "good" / "embedder"
    before = weights_digest(folder), sorted(folder.rglob("*"))
    files = write_cards(report, source, tmp_path)
    assert [file.parent.name for file in files] == ["good", "soup"]
    assert (weights_digest(folder), sorted(folder.rglob("*"))) == before
    card = ModelCard.load(tmp_path / "good" / "README.md")
    assert card.data.pipeline_tag == "sentence-similarity"
    assert {"sentence-transformers", "feature-extraction"} <= set(card.data.tags)
    name, results = model_index_to_eval_results(card.data.to_dict()["model-index"])
    assert name == "good"
    assert [(one.dataset_name, one.metric_type) for one in results] == [(TASK, "ndcg_at_10")]
    assert results[0].metric_value == report.scores.row("good").values[0]
    assert "steps: 9" in card.text
    copy = shutil.copytree(folder, tmp_path / "copy")
    shutil.copy(tmp_path / "good" / "README.md", copy)
    assert SentenceTransformer(str(copy)).encode(["a red bird"]).shape == (1, 16)
    assert "Merge recipe" in (tmp_path / "soup" / "README.md").read_text()


def test_the_page_and_its_data_can_be_written(gathered, tmp_path):
    _, report = gathered
    text = write_page(report, tmp_path / "new" / "report.html").read_text()
    for heading in ("Scores", "Significance", "Layers and dimensions", "Map", "Neighbours", "Lineage"):
        assert f">{heading}</h2>" in text
    assert plain(report)["scores"]["best"] == "good"


def test_the_store_alone_gives_the_scores_and_says_what_is_missing(root, tmp_path):
    moved = root.rename(root.with_name("moved"))
    try:
        kept = tmp_path / "mlflow.db"
        shutil.copy(moved / "mlflow.db", kept)
        shutil.copytree(moved / "mlartifacts", root / "mlartifacts")
        report = gather(find_source(["toy/scores"], f"sqlite:///{kept}"))
    finally:
        shutil.rmtree(root, ignore_errors=True)
        moved.rename(root)
    assert report.scores.best == "good"
    assert report.trainings
    assert report.registrations == ()  # a stage comes with what it depends on, not with what reads it
    assert report.map is report.neighbours is report.costs is report.significance is None
    assert set(report.left_out) == {"map and neighbours", "costs", "significance"}
    assert "good: its folder is not on this machine" in report.head.notes


def test_another_reference_and_names_that_are_not_there(root, gathered):
    source, _ = gathered
    with pytest.raises(InputError, match="no scores of 'goood'") as caught:
        gather(source, to="goood")
    assert "good" in str(caught.value)
    with pytest.raises(InputError, match="no run 'tou'"):
        find_source(["tou"], f"sqlite:///{root}/mlflow.db")


def test_the_command_writes_tells_and_logs(root, tmp_path, monkeypatch, capsys):
    store = f"sqlite:///{root}/mlflow.db"
    files = ["--out", f"{tmp_path}/page.html", "--cards", f"{tmp_path}/cards"]
    monkeypatch.setattr(sys, "argv", ["embedworks", "report", "toy", "--uri", store, *files])
    assert exit_code() == 0
    told = capsys.readouterr().out
    assert "good is the best of 2 models" in told
    assert "2 cards" in told
    assert (tmp_path / "cards" / "soup" / "README.md").is_file()
    history = History(store)
    kept = {one.path for one in history.client.list_artifacts(history.find("toy").id)}
    assert kept == {"job.yaml", "report.html", "cards"}
    monkeypatch.setattr(sys, "argv", ["embedworks", "report", "toy", "--uri", store, "--to", "godo"])
    assert exit_code() == 2
    assert "did you mean 'good'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("kind: report, from: scores", "kind: report, from: scoers", "did you mean 'scores'"),
        ("kind: report, from: scores", "kind: report, from: best", "no evaluate stage before it"),
        ("kind: report, from: scores", "kind: report, from: scores, to: nobody", "not among the models"),
    ],
)
def test_a_report_stage_that_cannot_work_is_refused(tmp_path, old, new, hint):
    file = tmp_path / "job.yaml"
    file.write_text(JOB.format(root=tmp_path).replace(old, new))
    with pytest.raises(InputError, match=hint):
        load_job(file)


def test_a_teacher_is_a_parent_once():
    block = {"from": "base", "teacher": "round"}
    assert parents(StageRecord("x", "train", block, {})) == ["base", "round"]
    assert parents(StageRecord("x", "train", block | {"teacher": "base"}, {})) == ["base"]
    assert parents(StageRecord("x", "train", {"from": None, "teacher": None}, {})) == []
