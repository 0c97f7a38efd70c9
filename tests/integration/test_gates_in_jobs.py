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
    return {one.version: one.tags for one in client.search_model_versions("name='gated'")}


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

    # The worse one alone: the champion is evaluated by its own folder, and stays.
    third = job(here, "third", f"{bad}")
    assert not third["best"]["gate"]["passed"]
    assert third["best"]["uri"] == "models:/gated/3"
    said = capsys.readouterr().out
    assert said.count("evaluating gated@champion on the same data") == 1
    assert "gate not met, gated@champion stays: not shown to be better than gated@champion" in said
    assert third["best"]["gate"]["rows"][TASK]["difference"] == pytest.approx(-gain, abs=1e-5)
    assert champion(here) == weights_digest(good)
    tags = versions(here)
    assert tags["3"]["gate"].startswith("not met: not shown to be better")
    assert tags["2"]["gate"].startswith("passed: better than gated@champion (version 1)")

    # In a pipeline the job fails, and the model is registered once however often it is tried.
    for _ in range(2):
        with pytest.raises(GateNotMet, match="not shown to be better"):
            job(here, "third", f"{bad}", other="fail")
        assert set(versions(here)) == {"1", "2", "3", "4"}
    assert champion(here) == weights_digest(good)
