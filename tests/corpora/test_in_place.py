from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedworks.corpora import in_place
from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.in_place import index_parquet, link_corpus
from embedworks.corpora.verify import check_corpus
from embedworks.errors import InputError
from helpers.pairs import pair_corpus
from helpers.sources import web_server


def rows(start: int, count: int) -> pa.Table:
    return pa.table(
        {"text": [f"row {i}" for i in range(start, start + count)], "n": range(start, start + count)}
    )


def write(table: pa.Table, file: Path) -> None:
    # Without compression two files of equal rows are of equal size.
    pq.write_table(table, file, row_group_size=40, compression="none")


@pytest.fixture
def files(tmp_path) -> Path:
    """Three files of 100 rows in groups of 40."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    for number in range(3):
        write(rows(number * 100, 100), folder / f"{number}.parquet")
    return folder


def read_back(index: Path, indices: list[int]) -> list[int]:
    return open_corpus(index).read("train", np.array(indices), ["n"])["n"].to_pylist()


def test_rows_are_read_where_they_are(files, tmp_path):
    manifest = index_parquet(f"{files}/*.parquet", tmp_path / "index")
    assert read_back(tmp_path / "index", [299, 0, 150, 0]) == [299, 0, 150, 0]
    assert manifest.columns == {"text": "string", "n": "int64"}
    shard = manifest.splits["train"][1]
    assert (shard.file, shard.rows, shard.sha256) == ((files / "1.parquet").as_uri(), 100, None)
    assert shard.footer_sha256
    assert sorted(file.name for file in (tmp_path / "index").iterdir()) == ["index.json", "manifest.json"]
    assert check_corpus(tmp_path / "index") == []


def test_splits_from_several_sources(files, tmp_path):
    index_parquet({"train": f"{files}/[01].parquet", "test": f"{files}/2.parquet"}, tmp_path / "index")
    corpus = open_corpus(tmp_path / "index")
    assert (corpus.rows("train"), corpus.rows("test")) == (200, 100)


def test_an_index_is_read_again_only_where_something_changed(files, tmp_path, monkeypatch):
    read = []
    original = in_place.read_footer
    monkeypatch.setattr(in_place, "read_footer", lambda place: read.append(place.name) or original(place))
    first = index_parquet(str(files), tmp_path / "index")
    assert index_parquet(str(files), tmp_path / "index") == first
    assert len(read) == 3
    pq.write_table(rows(900, 50), files / "1.parquet")
    second = index_parquet(str(files), tmp_path / "index")
    assert second.rows("train") == 250
    assert second.digest != first.digest
    assert read_back(tmp_path / "index", [100]) == [900]


@pytest.mark.parametrize("when", ["before it is opened", "while it is read"])
def test_a_file_that_changed_after_indexing_is_named(files, tmp_path, when):
    index_parquet(str(files), tmp_path / "index")
    corpus = open_corpus(tmp_path / "index")
    if when == "while it is read":
        corpus.read("train", np.array([150]))
    size = (files / "1.parquet").stat().st_size
    write(rows(500, 100), files / "1.parquet")
    assert (files / "1.parquet").stat().st_size == size
    os.utime(files / "1.parquet", ns=(1, 1))
    with pytest.raises(InputError, match=r"1\.parquet changed after it was indexed"):
        corpus.read("train", np.array([170]))
    (problem,) = check_corpus(tmp_path / "index")
    assert (problem.shard, problem.kind) == ((files / "1.parquet").as_uri(), "altered")


def test_files_of_other_columns_are_refused(files, tmp_path):
    pq.write_table(pa.table({"text": ["a"], "n": ["b"]}), files / "3.parquet")
    with pytest.raises(InputError, match=r"3\.parquet: column 'n' is string; expected int64"):
        index_parquet(str(files), tmp_path / "index")
    (files / "3.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(InputError, match=r"3\.parquet: does not end with a Parquet footer"):
        index_parquet(str(files), tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_in_a_bucket(files, tmp_path, bucket):
    bucket.upload(files, "docs")
    manifest = index_parquet(f"{bucket.uri}/docs/*.parquet{bucket.query}", tmp_path / "index")
    assert manifest.splits["train"][0].file == f"{bucket.uri}/docs/0.parquet{bucket.query}"
    assert read_back(tmp_path / "index", [299, 5]) == [299, 5]
    assert check_corpus(tmp_path / "index") == []
    bucket.client.delete_object(Bucket=bucket.name, Key="docs/1.parquet")
    (problem,) = check_corpus(tmp_path / "index")
    assert problem.kind == "missing"


def test_over_http(files, tmp_path):
    with web_server(files) as root:
        index_parquet(f"{root}/1.parquet", tmp_path / "index")
        assert read_back(tmp_path / "index", [7]) == [107]


def test_a_corpus_elsewhere_is_linked_with_its_digest(tmp_path):
    original = open_corpus(pair_corpus(tmp_path / "pairs"))
    link_corpus(original.folder.as_uri(), tmp_path / "linked")
    linked = open_corpus(tmp_path / "linked")
    assert linked.digest == original.digest
    assert list(linked.iter_rows("test")) == list(original.iter_rows("test"))
    assert check_corpus(tmp_path / "linked") == []
