from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedworks.corpora.build import build_corpus
from embedworks.corpora.build_options import BuildOptions
from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.ensure import ensure_corpus
from embedworks.errors import InputError
from helpers.pairs import pair_corpus
from helpers.sources import question_files, read_all


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "root"


def texts(folder: Path, column: str) -> list[str]:
    return [row[column] for row in open_corpus(folder).iter_rows("train")]


def test_a_corpus_folder_is_used_as_it_is(tmp_path, root):
    folder = pair_corpus(tmp_path / "pairs")
    assert ensure_corpus(str(folder), root) == folder
    assert not root.exists()


def test_a_corpus_folder_at_a_uri_is_linked(tmp_path, root, bucket):
    folder = pair_corpus(tmp_path / "pairs")
    bucket.upload(folder, "pairs")
    linked = ensure_corpus(f"{bucket.uri}/pairs", root)
    assert linked.parent == root
    assert texts(linked, "query") == texts(folder, "query")
    assert open_corpus(linked).digest == open_corpus(folder).digest
    assert not list(root.rglob("*.parquet"))


def test_parquet_is_read_where_it_is_and_followed_when_it_changes(tmp_path, root):
    (tmp_path / "docs").mkdir()
    pq.write_table(pa.table({"text": ["a", "b"]}), tmp_path / "docs" / "a.parquet")
    source = f"{tmp_path}/docs/*.parquet"
    folder = ensure_corpus(source, root)
    assert texts(folder, "text") == ["a", "b"]
    digest = open_corpus(folder).digest
    assert ensure_corpus(source, root) == folder
    pq.write_table(pa.table({"text": ["c"]}), tmp_path / "docs" / "b.parquet")
    assert ensure_corpus(source, root) == folder
    assert texts(folder, "text") == ["a", "b", "c"]
    assert open_corpus(folder).digest != digest
    assert not list(root.rglob("*.parquet"))


def test_any_other_source_is_built_once(tmp_path, root):
    source = question_files(tmp_path / "questions")
    seen = []
    folder = ensure_corpus(f"{source}/*.jsonl", root, on_part=lambda *counts: seen.append(counts))
    assert list(open_corpus(folder).iter_rows("train")) == read_all(source)
    assert seen == [(1, 1, 240)]
    assert ensure_corpus(f"{source}/*.jsonl", root, on_part=lambda *counts: seen.append(counts)) == folder
    assert len(seen) == 1


def test_a_source_that_changed_is_built_beside_what_was_built_of_it(tmp_path, root):
    file = tmp_path / "notes.jsonl"
    file.write_text('{"text": "one"}\n')
    first = ensure_corpus(str(file), root)
    file.write_text('{"text": "one"}\n{"text": "two"}\n')
    second = ensure_corpus(str(file), root)
    assert [open_corpus(folder).rows("train") for folder in (first, second)] == [1, 2]
    assert ensure_corpus(str(file), root) == second


def test_two_sources_of_one_name_stay_apart(tmp_path, root):
    for place in ("a", "b"):
        (tmp_path / place / "x" / "y").mkdir(parents=True)
        (tmp_path / place / "x" / "y" / "t.txt").write_text(f"{place}\n")
    folders = [ensure_corpus(str(tmp_path / place / "x" / "y"), root) for place in ("a", "b")]
    assert [texts(folder, "text") for folder in folders] == [["a"], ["b"]]


def test_a_half_built_corpus_is_not_taken_for_a_source(tmp_path, root):
    source = question_files(tmp_path / "questions")

    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_corpus(BuildOptions(source=str(source)), tmp_path / "half", on_part=stop)
    with pytest.raises(InputError, match="cut short"):
        ensure_corpus(str(tmp_path / "half"), root)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("python-doc", "did you mean 'python-docs'"),
        ("s4://bucket", "did you mean 's3'"),
        ("*.nothing", "nothing matches"),
        ("file:///no/such/folder", "nothing matches"),
    ],
)
def test_what_is_nowhere_is_said(root, source, message):
    with pytest.raises(InputError, match=message):
        ensure_corpus(source, root)


def test_files_that_are_not_read_are_logged(tmp_path, root, caplog):
    (tmp_path / "docs").mkdir()
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "docs" / "a.parquet")
    (tmp_path / "docs" / "README.md").write_text("x")
    ensure_corpus(str(tmp_path / "docs"), root)
    assert f"left out, not parquet: {tmp_path / 'docs' / 'README.md'}" in caplog.text
