from __future__ import annotations

from pathlib import Path

import pytest

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.ensure import ensure_corpus
from embedworks.corpora.recipes import builtin_names
from embedworks.corpora.shards import check_corpus
from embedworks.errors import InputError

GROUPS = {"python-docs": "topic", "stdlib-code": "module"}


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("corpora")


@pytest.mark.parametrize("name", GROUPS)
def test_splits_share_no_group_and_no_text(root, name):
    corpus = open_corpus(ensure_corpus(name, root))
    train, test = (list(corpus.iter_rows(split)) for split in ("train", "test"))
    assert len(train) > 500
    assert len(test) > 200
    for column in (GROUPS[name], "query", "positive"):
        assert not {row[column] for row in train} & {row[column] for row in test}, column
    assert check_corpus(corpus.folder) == []


@pytest.mark.parametrize("name", GROUPS)
def test_no_query_gives_its_answer_away(root, name):
    corpus = open_corpus(ensure_corpus(name, root))
    for split in ("train", "test"):
        for row in corpus.iter_rows(split):
            assert row["query"].lower() not in row["positive"].lower()


def test_a_built_corpus_is_used_again_and_the_same_everywhere(root, tmp_path):
    first = ensure_corpus("python-docs", root)
    stamp = (first / "manifest.json").stat().st_mtime_ns
    assert ensure_corpus("python-docs", root) == first
    assert (first / "manifest.json").stat().st_mtime_ns == stamp
    again = open_corpus(ensure_corpus("python-docs", tmp_path))
    assert again.digest == open_corpus(first).digest


def test_unknown_corpus_names_the_nearest(tmp_path):
    with pytest.raises(InputError, match="did you mean 'python-docs'"):
        ensure_corpus("python-doc", tmp_path)
    assert "stdlib-code" in builtin_names()


def test_code_says_where_its_variables_and_comments_are(root):
    corpus = open_corpus(ensure_corpus("stdlib-code", root))
    rows = list(corpus.iter_rows("test"))
    for row in rows:
        code, variables = row["positive"], row["variables"]
        spans = [(variable["start"], variable["end"]) for variable in variables]
        assert spans == sorted(set(spans))
        assert all(0 <= start < end <= len(code) for start, end in spans)
        assert all(0 <= source < len(spans) for variable in variables for source in variable["sources"])
        assert all(code[span["start"]] == "#" for span in row["comments"])
    assert sum(bool(row["variables"]) for row in rows) > 0.95 * len(rows)
