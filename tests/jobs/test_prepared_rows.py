"""What an objective's preparation is given: the rows that the stage reads, and whose they are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from embedworks.jobs.corpus_options import CorpusRef
from embedworks.jobs.stages.train import corpus_rows
from embedworks.transforms.transform import SOURCE
from helpers.pairs import pair_corpus


def test_rows_are_numbered_by_corpus_renamed_and_limited(tmp_path: Path) -> None:
    folder = pair_corpus(tmp_path / "pairs")
    context = SimpleNamespace(verified=lambda _corpus: folder)
    corpora = [
        CorpusRef(source="pairs", limit=2, columns={"label": "positive"}),
        CorpusRef(source="pairs", limit=3),
    ]
    rows = list(corpus_rows(context, corpora))
    assert [row[SOURCE] for row in rows] == [0, 0, 1, 1, 1]
    assert [row["query"] for row in rows[:2]] == [row["query"] for row in rows[2:4]]
    assert rows[0]["label"] == rows[0]["positive"]
    assert "label" not in rows[2]
