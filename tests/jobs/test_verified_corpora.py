"""What a job does about shards that went bad: it stops with their name, or leaves them out and says so."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from embedworks.corpora.corpus import open_corpus
from embedworks.errors import InputError
from embedworks.jobs.context import Context
from embedworks.jobs.corpus_options import CorpusRef
from embedworks.jobs.load import load_job
from embedworks.jobs.references import corpora_of
from embedworks.jobs.reporter import Reporter
from helpers.pairs import pair_corpus

BAD = "train-00001.parquet"  # rows 32 to 63 of 96


def context(root: Path, *corpora: dict[str, Any]) -> Context:
    train = {"name": "docs", "kind": "train", "system": "starbucks", "corpus": list(corpora), "steps": 1}
    job = {"name": "verified", "output": str(root / "runs"), "stages": [train]}
    (root / "job.yaml").write_text(yaml.safe_dump(job))
    return Context(load_job(root / "job.yaml"), SimpleNamespace(), Reporter())


def truncated(folder: Path) -> Path:
    file = pair_corpus(folder) / BAD
    file.write_bytes(file.read_bytes()[:-9])
    return folder


def texts(folder: Path) -> list[str]:
    return [row["query"] for row in open_corpus(folder).iter_rows("train")]


def test_a_bad_shard_stops_the_job_unless_it_is_told_otherwise(tmp_path):
    folder = truncated(tmp_path / "pairs")
    job = context(tmp_path, {"source": str(folder)})
    with pytest.raises(InputError, match=rf"pairs: bad shard {BAD}: truncated"):
        job.inputs(corpora_of(job.job.stages[0]))


def test_a_quarantined_shard_is_left_out_told_and_counted(tmp_path, capsys):
    whole = texts(pair_corpus(tmp_path / "whole"))
    folder = truncated(tmp_path / "pairs")
    job = context(tmp_path, {"source": str(folder), "on_bad_shard": "quarantine"})
    corpora = corpora_of(job.job.stages[0])
    (one,) = job.inputs(corpora)
    assert texts(one.folder) == whole[:32] + whole[64:]
    assert job.quarantined(corpora) == {"corpus/0/quarantined": 32}
    assert job.digests(corpora) == {str(folder): open_corpus(one.folder).digest}
    told = [line for line in capsys.readouterr().out.splitlines() if "left out" in line]
    assert len(told) == 1  # though it was asked for three times
    assert f"{BAD}: truncated" in told[0]
    assert told[0].endswith("32 rows of train")
    assert (folder / BAD).is_file()  # nothing of the corpus itself is touched


def test_two_corpora_in_folders_of_one_name_stay_apart(tmp_path):
    folders = [tmp_path / place / "corpus" for place in ("a", "b")]
    pair_corpus(folders[0], rows=70)
    pair_corpus(folders[1], rows=96)
    for folder in folders:
        (folder / BAD).unlink()
    job = context(tmp_path, *({"source": str(folder), "on_bad_shard": "quarantine"} for folder in folders))
    kept = [job.verified(corpus) for corpus in corpora_of(job.job.stages[0])]
    assert [open_corpus(folder).rows("train") for folder in kept] == [38, 64]


def test_a_whole_corpus_is_used_as_it_is(tmp_path):
    folder = pair_corpus(tmp_path / "pairs")
    job = context(tmp_path, {"source": str(folder)})
    for choice in ("stop", "quarantine"):
        corpus = CorpusRef(source=str(folder), on_bad_shard=choice)
        assert job.verified(corpus) == folder
        assert job.quarantined([corpus]) == {}
