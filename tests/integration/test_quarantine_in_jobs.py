"""A job over a corpus with a bad shard: it stops before a stage reads, or logs what is missing."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest

from embedworks.corpora.corpus import open_corpus
from embedworks.errors import InputError
from embedworks.jobs.load import load_job
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.runner import check_job, run_job
from helpers.pairs import pair_corpus

pytestmark = pytest.mark.ray

JOB = """
name: quarantined
output: {root}/runs
tracking: {{uri: "sqlite:///{root}/mlflow.db"}}
stages:
  - name: clean
    kind: curate
    corpus: {{source: {root}/pairs, on_bad_shard: {choice}}}
    filters:
      - {{name: length, column: query, min_words: 1}}
"""


def run(root: Path, choice: str) -> dict:
    (root / "job.yaml").write_text(JOB.format(root=root, choice=choice))
    job = load_job(root / "job.yaml")
    check_job(job)
    return run_job(job, Reporter())


def test_the_rows_of_a_bad_shard_stop_the_job_or_are_missing_and_logged(ray_cluster, tmp_path):
    shard = pair_corpus(tmp_path / "pairs") / "train-00001.parquet"  # 32 of 96 rows
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"bad shard train-00001\.parquet: truncated"):
        run(tmp_path, "stop")
    done = run(tmp_path, "quarantine")
    assert open_corpus(done["clean"]["corpus"]).rows("train") == 64
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("quarantined").experiment_id
    runs = client.search_runs([experiment], filter_string="tags.mlflow.runName = 'clean'")
    assert [run.data.metrics["corpus/0/quarantined"] for run in runs] == [32]
