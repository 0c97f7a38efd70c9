"""A registered champion, and what must not take its place."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest
import torch

from embedworks.evaluation.samples import read_samples
from embedworks.folder import weights_digest
from embedworks.jobs.gates import GateNotMet
from embedworks.jobs.scores import full_size
from embedworks.tracking.registry import model_folder
from helpers.pairs import pair_corpus
from helpers.tiny import tiny_model
from helpers.toy_job import run

pytestmark = pytest.mark.ray

TASK = "python-docs-retrieval"
JOB = """
name: {name}
output: {root}/runs
tracking: {{uri: "sqlite:///{root}/mlflow.db"}}
stages:
  - name: scores
    kind: evaluate
    models: [{models}]
    tasks: [python-docs-retrieval]
    corpora: {{python-docs: {corpus}}}
    pairs: [[1, 8], [2, 16]]
    {compare}
  - name: best
    kind: register
    from: scores
    model: gated
    require: {{better_than: champion, p: 0.01, resamples: 500, else: {other}}}
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory, ray_cluster) -> Path:
    """A corpus, a model that tells its texts apart, and one to which most words are the same."""
    root = tmp_path_factory.mktemp("gates")
    pair_corpus(root / "pairs", rows=48)
    model = tiny_model(layers=2, width=16)
    model.save(root / "good")
    with torch.no_grad():
        words = model.encoder.embeddings.word_embeddings.weight
        words[:-8] = words[0]
    model.save(root / "bad")
    return root


def job(here: Path, name: str, models: str, compare: str = "", other: str = "register"):
    options = {"models": models, "compare": compare, "other": other}
    return run(here, here / "good", JOB, name=name, **options)


def versions(here: Path) -> dict[str, dict[str, str]]:
    client = mlflow.MlflowClient(f"sqlite:///{here}/mlflow.db")
    return {str(one.version): one.tags for one in client.search_model_versions("name='gated'")}


def champion(here: Path) -> str:
    return weights_digest(model_folder("models:/gated@champion", f"sqlite:///{here}/mlflow.db"))


def test_a_worse_model_is_stopped_and_a_better_one_passes(here, capsys):
    good, bad = here / "good", here / "bad"
    # The first has none to beat.
    first = job(here, "first", f"{bad}")
    assert first["best"]["gate"]["passed"]
    assert "no model is gated@champion yet" in capsys.readouterr().out
    assert champion(here) == weights_digest(bad)

    # A better one takes its place, which was evaluated beside it and is not evaluated again.
    second = job(here, "second", f"{good}, {bad}", compare=f"compare: {{to: {bad}, resamples: 500}}")
    assert second["best"]["gate"]["passed"]
    assert champion(here) == weights_digest(good)
    row = second["scores"]["comparisons"]["models"][str(good)][TASK]
    scores = {model: full_size(found)[TASK] for model, found in second["scores"]["scores"].items()}
    gain = scores[str(good)]["value"] - scores[str(bad)]["value"]
    assert row["difference"] == pytest.approx(gain, abs=1e-5)
    assert row["low"] > 0
    assert row["p"] < 0.01
    kept = read_samples(Path(scores[str(good)]["samples"]))
    assert round(kept.score, 5) == pytest.approx(scores[str(good)]["value"])
    said = capsys.readouterr().out
    assert "good against bad:" in said
    assert "evaluating gated@champion" not in said

    # The worse one alone: the champion is evaluated by its own folder, and stays. This job fails for it,
    # and registers the model once however often it is tried.
    for _ in range(2):
        with pytest.raises(GateNotMet, match=r"not shown to be better than gated@champion \(version 2\)"):
            job(here, "third", f"{bad}", other="fail")
        assert set(versions(here)) == {"1", "2", "3"}
    said = capsys.readouterr().out
    assert said.count("evaluating gated@champion on the same data") == 2  # once a try
    assert "gate not met, gated@champion stays: not shown to be better" in said
    assert champion(here) == weights_digest(good)
    tags = versions(here)
    assert f"{TASK} {-gain:.4f}" in tags["3"]["gate"]
    assert tags["3"]["gate"].startswith("not met: not shown to be better")
    assert tags["2"]["gate"].startswith("passed: better than gated@champion (version 1)")

    # Without that word the job goes on, and a later stage may use the model by its version.
    third = job(here, "third", f"{bad}")
    assert not third["best"]["gate"]["passed"]
    assert third["best"]["uri"] == f"models:/gated/{third['best']['version']}"


def test_a_report_stage_writes_a_page_and_logs_what_it_is_made_of(here):
    good, bad = here / "good", here / "bad"
    page = JOB + "  - {{name: page, kind: report, from: scores, to: {first}, title: Two models}}\n"
    options = {"models": f"{bad}, {good}", "compare": "", "other": "register", "first": bad}
    found = run(here, here / "good", page, name="paged", **options)["page"]
    text = Path(found["report"]).read_text()
    assert "<title>Two models</title>" in text
    assert "good is registered as gated version" in text
    assert all(f'id="{name}"' in text for name in ("scores", "significance", "grids", "map", "neighbours"))
    client = mlflow.MlflowClient(f"sqlite:///{here}/mlflow.db")
    kept = {}
    for one in client.search_runs([client.get_experiment_by_name("paged").experiment_id]):
        kept[one.info.run_name] = {file.path for file in client.list_artifacts(one.info.run_id)}
    assert "scores.json" in kept["scores"]
    assert "registration.json" in kept["best"]
    assert "report.html" in kept["page"]
    assert run(here, here / "good", page, name="paged", **options)["page"] == found  # done before
    Path(found["report"]).unlink()
    assert Path(run(here, here / "good", page, name="paged", **options)["page"]["report"]).is_file()
