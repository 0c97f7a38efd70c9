"""Filters on Ray Data: the same corpus for any number of workers, and in no process but this one."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.quality.contract import QualityFilter
from embedworks.corpora.quality.curate import curate
from embedworks.jobs.load import load_job
from embedworks.jobs.reporter import Reporter
from embedworks.jobs.runner import check_job, run_job
from helpers.quality import sentence, text_corpus

pytestmark = pytest.mark.ray

FILTERS = [
    {"name": "near-duplicates", "columns": ["text"], "ngram": 2},
    {"name": "decontaminate", "columns": ["text"], "against": [{"source": "{corpus}"}]},
]


def rows() -> list[str]:
    """300 texts; every tenth repeats its neighbour but for the last word, every 25th holds a test text."""
    texts = [sentence(seed) for seed in range(300)]
    for row in range(10, 300, 10):
        texts[row] = texts[row - 1].rsplit(" ", 1)[0] + " changed"
    for row in range(25, 300, 50):
        texts[row] += " " + sentence(1000, 20)
    return texts


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return text_corpus(tmp_path_factory.mktemp("curate") / "parent", rows(), [sentence(1000, 20)])


def test_one_worker_three_workers_and_none_give_the_same_bytes(ray_cluster, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(QualityFilter, "chunk_rows", 32)  # more chunks than workers
    filters = [FILTERS[0], {**FILTERS[1], "against": [{"source": str(corpus)}]}]
    digests, removed = set(), []
    for workers in (0, 1, 3):
        file = tmp_path / f"removed{workers}.parquet"
        done = curate(corpus, tmp_path / f"out{workers}", filters, workers=workers, removed=file)
        digests.add(done.digest)
        removed.append(pq.read_table(file))
    assert len(digests) == 1
    assert removed[0].equals(removed[1])
    assert removed[0].equals(removed[2])
    gone = {*range(10, 300, 10), *range(25, 300, 50)}
    assert [row["text"] for row in open_corpus(done.folder).iter_rows("train")] == [
        text for row, text in enumerate(rows()) if row not in gone
    ]
    assert set(removed[0]["__row__"].to_pylist()) == gone


JOB = """
name: curated
output: {root}/runs
tracking: {{uri: "sqlite:///{root}/mlflow.db"}}
stages:
  - name: clean
    kind: curate
    corpus: {{source: {corpus}}}
    filters:
      - {{name: near-duplicates, columns: [text], ngram: 2}}
      - {{name: decontaminate, columns: [text], against: [{{source: {corpus}}}]}}
  - name: cleaner
    kind: curate
    corpus: {{source: clean}}
    filters:
      - {{name: length, column: text, min_words: {words}}}
"""


def run(root: Path, corpus: Path, words: int) -> dict:
    file = root / "job.yaml"
    file.write_text(JOB.format(root=root, corpus=corpus, words=words))
    job = load_job(file)
    check_job(job)
    return run_job(job, Reporter())


def test_a_job_curates_what_it_curated_and_does_nothing_twice(ray_cluster, corpus, tmp_path):
    first = run(tmp_path, corpus, 1)
    assert open_corpus(first["cleaner"]["corpus"]).rows("train") == first["clean"]["rows"] == 265
    stamps = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.parquet")}
    assert run(tmp_path, corpus, 1) == first
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.parquet")} == stamps
    manifest = Path(first["clean"]["corpus"]) / "manifest.json"
    stamp = manifest.stat().st_mtime_ns
    run(tmp_path, corpus, 40)
    assert manifest.stat().st_mtime_ns == stamp
