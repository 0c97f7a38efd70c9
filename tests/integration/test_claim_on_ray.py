"""A claim from start to end: jobs of two arms, of which the first trains for both."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest

from embedworks.folder import read_lineage
from embedworks.jobs.claims.load import load_claim
from embedworks.jobs.claims.page import write_pages
from embedworks.jobs.claims.record import record
from embedworks.jobs.claims.runner import run_claim
from embedworks.jobs.reporter import Reporter
from helpers.toy_claim import CLAIM, write_claim

pytestmark = pytest.mark.ray


def test_arms_share_what_they_have_in_common(ray_cluster, place, tiny_folder, tmp_path, capsys):
    text = CLAIM.replace("seeds: [1, 2, 3]", "seeds: [4]")
    file = write_claim(tmp_path, tiny_folder, text, corpus=place / "pairs")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    loaded = load_claim(str(file), output=str(tmp_path / "runs"), tracking=uri)
    outcome = run_claim(loaded, Reporter())
    assert outcome.verdict is not None
    assert set(outcome.values["whole"]["near"]) == {4}
    assert outcome.values["half"]["loss"] == outcome.values["whole"]["loss"]  # of one training
    assert outcome.seconds["whole"][4] > 0
    weights = list((loaded.folder).rglob("left/embedder/model.safetensors"))
    assert len(weights) == 1
    client = mlflow.MlflowClient(uri)
    lineage = read_lineage(weights[0].parent)
    job = client.get_run(client.get_run(lineage.run_id).data.tags["mlflow.parentRunId"])
    claim = client.get_run(job.data.tags["mlflow.parentRunId"])
    assert claim.data.tags["mlflow.runName"] == "claim toy"
    assert claim.data.tags["verdict"] == outcome.verdict.word

    capsys.readouterr()
    assert run_claim(loaded, Reporter()).values == outcome.values
    told = capsys.readouterr().out
    assert "left (train): done before" in told
    assert "left (train)\n" not in told
    page = write_pages(loaded, record(loaded, outcome), tmp_path / "claims")[-1]
    assert outcome.verdict.word in Path(page).read_text()
