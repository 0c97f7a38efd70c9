from __future__ import annotations

import os

import fsspec
import pytest

from embedworks.corpora.listing import list_files
from embedworks.errors import InputError
from helpers.sources import web_server


def names(source: object) -> list[str]:
    return [file.place.path.rpartition("/docs/")[2] for file in list_files(str(source))]


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "docs"
    for name in ("b.txt", "a.txt", "deep/c.txt", "a.md", "_SUCCESS", ".hidden/d.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_a_folder_is_listed_to_its_ground_in_one_order_without_hidden_files(docs):
    assert names(docs) == ["a.md", "a.txt", "b.txt", "deep/c.txt"]
    assert names(docs.as_uri()) == names(docs)


def test_globs(docs):
    assert names(docs / "*.txt") == ["a.txt", "b.txt"]
    assert names(docs / "**" / "[ac].txt") == ["a.txt", "deep/c.txt"]
    assert names(docs / "?.md") == ["a.md"]
    assert names(docs / "*" / "c.txt") == ["deep/c.txt"]


def test_a_path_with_brackets_in_it_is_taken_as_it_is(tmp_path):
    folder = tmp_path / "docs" / "v[1]"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("x")
    assert names(folder) == ["v[1]/a.txt"]


def test_a_change_shows_in_the_stamp(docs):
    (before,) = list_files(str(docs / "a.txt"))
    (docs / "a.txt").write_text("y.txt")
    os.utime(docs / "a.txt", ns=(0, 1))
    (after,) = list_files(str(docs / "a.txt"))
    assert before.bytes == after.bytes
    assert before.stamp != after.stamp


def test_over_http(docs):
    with web_server(docs.parent) as root:
        assert names(f"{root}/docs/a.txt") == ["a.txt"]
        assert names(f"{root}/docs/*.txt") == ["a.txt", "b.txt"]
        (file,) = list_files(f"{root}/docs/b.txt")
        assert (file.bytes, file.place.read_bytes()) == (5, b"b.txt")
        assert file.stamp
        with pytest.raises(InputError, match=r"nothing matches http://.*/docs/none\.txt"):
            names(f"{root}/docs/none.txt")


def test_in_memory():
    fsspec.filesystem("memory").pipe({"/listing/docs/b.txt": b"b", "/listing/docs/a.txt": b"a"})
    assert names("memory://listing/docs") == ["a.txt", "b.txt"]
    assert names("memory://listing/docs/a*") == ["a.txt"]


def test_in_a_bucket_by_environment_and_by_options(bucket, docs, monkeypatch):
    bucket.upload(docs, "docs")
    assert names(f"{bucket.uri}/docs/*.txt") == ["a.txt", "b.txt"]
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    found = list_files(f"{bucket.uri}/docs{bucket.query}")
    assert [file.place.path for file in found] == [
        f"{bucket.name}/docs/{name}" for name in ("a.md", "a.txt", "b.txt", "deep/c.txt")
    ]
    assert all(file.place.uri.endswith(bucket.query) for file in found)


@pytest.mark.parametrize("source", ["none", "*.none", "none/*.txt"])
def test_nothing_there_is_said(tmp_path, source):
    with pytest.raises(InputError, match="nothing matches"):
        list_files(str(tmp_path / source))
