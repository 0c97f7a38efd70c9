from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from embedworks.jobs.load import load_job
from embedworks.jobs.portable import portable_text

JOB = """
name: carried
stages:
  - {name: a, kind: train, system: starbucks, from: ./base, corpus: {source: ./pairs}, steps: 1}
  - {name: b, kind: merge, method: self-positioning, base: org/model, models: [a, ./base],
      probe: [{source: pairs}, {source: python-docs}], steps: 1}
  - {name: c, kind: evaluate, models: [a, ./base], tasks: [python-docs-retrieval],
      corpora: {python-docs: ./pairs}}
"""


@pytest.fixture
def carried(tmp_path, monkeypatch) -> dict:
    for name in ("base", "pairs"):
        (tmp_path / name).mkdir()
    (tmp_path / "job.yaml").write_text(JOB)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return yaml.safe_load(portable_text(load_job("job.yaml", ["a.steps=7"]).job))


def test_results_go_where_run_would_have_put_them(carried, tmp_path):
    assert carried["output"] == str(tmp_path / "runs")
    assert carried["tracking"]["uri"] == f"sqlite:///{tmp_path}/mlflow.db"


def test_folders_become_absolute_and_names_stay(carried, tmp_path):
    base, pairs = str(tmp_path / "base"), str(tmp_path / "pairs")
    train, merge, evaluate = carried["stages"]
    assert (train["from"], train["corpus"][0]["source"]) == (base, pairs)
    assert (merge["base"], merge["models"]) == ("org/model", ["a", base])
    assert [probe["source"] for probe in merge["probe"]] == [pairs, "python-docs"]
    assert (evaluate["models"], evaluate["corpora"]) == (["a", base], {"python-docs": pairs})


def test_globs_become_absolute_and_uris_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = JOB.replace("./pairs}, steps", "'raw/*.parquet'}, steps").replace(
        "source: pairs}", "source: s3://b/x}"
    )
    (tmp_path / "job.yaml").write_text(text)
    (tmp_path / "base").mkdir()
    train, merge, _ = yaml.safe_load(portable_text(load_job("job.yaml").job))["stages"]
    assert train["corpus"][0]["source"] == str(tmp_path / "raw/*.parquet")
    assert merge["probe"][0]["source"] == "s3://b/x"


def test_it_is_a_job_again_with_overrides_applied(carried, tmp_path):
    file = Path(tmp_path / "again.yaml")
    file.write_text(yaml.safe_dump(carried))
    assert load_job(file).job.stage("a").steps == 7
