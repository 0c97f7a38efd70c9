from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.quality.contract import Resources
from embedworks.corpora.quality.curate import Count, curate
from embedworks.corpora.shards import check_corpus
from embedworks.errors import InputError
from helpers.quality import sentence, text_corpus

DUPLICATES = {"name": "exact-duplicates", "columns": ["text"]}
LENGTH = {"name": "length", "column": "text", "min_words": 5}


def rows() -> list[str]:
    """100 sentences; 30, 60 and 90 repeat their tenth, and 45 to 47 are short, two of them the same."""
    texts = [sentence(seed, 12) for seed in range(100)]
    for row in (30, 60, 90):
        texts[row] = texts[row // 10]
    texts[45:48] = ["too short", "also short", "too short"]
    return texts


@pytest.fixture
def corpus(tmp_path) -> Path:
    return text_corpus(tmp_path / "parent", rows(), ["a test", "a test"])


def texts(folder: Path, split: str = "train") -> list[str]:
    return [row["text"] for row in open_corpus(folder).iter_rows(split)]


def test_filters_run_in_order_and_count_what_they_remove(corpus, tmp_path):
    told: list[Count] = []
    done = curate(corpus, tmp_path / "out", [DUPLICATES, LENGTH], listen=told.append)
    gone = {30, 60, 90, 45, 46, 47}
    assert texts(done.folder) == [text for row, text in enumerate(rows()) if row not in gone]
    assert told == list(done.counts)
    assert done.counts == (
        Count("exact-duplicates", 100, {"duplicate": 4}),
        Count("length", 96, {"fewer than 5 words": 2}),
    )


def test_the_result_is_a_corpus_like_any_other(corpus, tmp_path):
    done = curate(corpus, tmp_path / "out", [DUPLICATES, LENGTH])
    manifest = open_corpus(done.folder).manifest
    assert check_corpus(done.folder) == []
    assert (manifest.name, manifest.digest) == ("out", done.digest)
    assert open_corpus(corpus).digest in manifest.source
    assert 'length: 94 of 96 rows stay (fewer than 5 words 2) with {"column": "text"' in manifest.source
    assert texts(done.folder, "test") == ["a test", "a test"]


def test_removed_rows_are_kept_with_filter_and_reason(corpus, tmp_path):
    curate(corpus, tmp_path / "out", [DUPLICATES, LENGTH], removed=tmp_path / "removed.parquet")
    table = pq.read_table(tmp_path / "removed.parquet").to_pylist()
    assert [row["__row__"] for row in table] == [30, 45, 46, 47, 60, 90]
    assert table[0] == {
        "text": rows()[30],
        "__row__": 30,
        "__filter__": "exact-duplicates",
        "__reason__": "duplicate",
        "__detail__": "row 3",
    }
    assert [row["__filter__"] for row in table[1:3]] == ["length", "length"]


def test_a_score_is_written_for_the_rows_that_have_one(corpus, tmp_path):
    resources = Resources(
        model=Path, scorer=lambda folder, tokens: lambda texts: np.array([float(len(t)) for t in texts])
    )
    filters = [LENGTH, {"name": "perplexity", "column": "text", "model": "lm", "write": "ppl"}]
    done = curate(corpus, tmp_path / "out", filters, resources=resources)
    written = open_corpus(done.folder)
    assert written.columns == ("text", "ppl")
    assert all(row["ppl"] == len(row["text"]) for row in written.iter_rows("train"))
    assert [row["ppl"] for row in written.iter_rows("test")] == [None, None]


def test_a_limit_takes_the_first_rows(corpus, tmp_path):
    done = curate(corpus, tmp_path / "out", [DUPLICATES], limit=31)
    assert texts(done.folder) == rows()[:30]


def test_a_filter_that_removes_nothing_changes_no_row(corpus, tmp_path):
    done = curate(corpus, tmp_path / "out", [{**LENGTH, "min_words": 1}])
    assert done.digest != open_corpus(corpus).digest  # other shards: the parent's are small
    assert texts(done.folder) == rows()


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"name": "exact-duplicate", "columns": ["text"]}, "did you mean 'exact-duplicates'"),
        ({"name": "length", "column": "txt", "min_words": 1}, "did you mean 'text'"),
        ({"name": "length", "column": "text", "min_words": 10**6}, "no row of split 'train' stays"),
        ({"name": "near-duplicates", "columns": []}, "columns"),
    ],
)
def test_what_cannot_work_is_refused_and_leaves_nothing(corpus, tmp_path, block, message):
    with pytest.raises(InputError, match=message):
        curate(corpus, tmp_path / "out", [block], removed=tmp_path / "removed.parquet")
    assert [file.name for file in tmp_path.iterdir()] == ["parent"]


def test_a_folder_in_use_is_refused(corpus, tmp_path):
    with pytest.raises(InputError, match="is there already"):
        curate(corpus, corpus, [LENGTH])
