"""What an objective's preparation is given: the rows that the stage reads, and whose they are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from embedworks.jobs.corpus_options import CorpusRef
from embedworks.jobs.stages.train import corpus_rows, prepare
from embedworks.objective import Objective, ObjectiveConfig, Start
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


class Counting(Objective):
    """Writes what it was told, and counts how often it was asked."""

    asked: ClassVar[list[str]] = []
    prepared_by = ("words",)

    class Config(ObjectiveConfig):
        words: str = "a"
        shape: int = 1

    @classmethod
    def prepare(cls, config, start, rows, folder):
        cls.asked.append(config.words)
        (folder / "made.txt").write_text(f"{config.words} {len(list(rows()))}")

    transform = forward = embedder = None


def test_stages_that_agree_on_what_decides_prepare_once(tmp_path, monkeypatch):
    monkeypatch.setattr(Counting, "asked", [])
    source = pair_corpus(tmp_path / "pairs")
    job = SimpleNamespace(seed=1, output=str(tmp_path / "runs"))
    context = SimpleNamespace(verified=lambda _: source, job=job, digests=lambda _: {"pairs": "0"})
    corpora = [CorpusRef(source="pairs", limit=2)]

    def made(name: str, **keys: Any) -> str:
        config = Counting.Config(**keys)
        start = prepare(context, Counting, config, Start(seed=job.seed), corpora, tmp_path / name)
        assert start.artifacts == tmp_path / name
        return (tmp_path / name / "made.txt").read_text()

    assert made("one") == made("other", shape=2) == "a 2"
    assert Counting.asked == ["a"]
    assert made("words", words="b") == "b 2"
    job.seed = 2
    assert made("seed") == "a 2"
    corpora[0] = CorpusRef(source="pairs", limit=3)
    assert made("rows") == "a 3"
    assert Counting.asked == ["a", "b", "a", "a"]
    monkeypatch.setattr(Counting, "prepared_by", None)
    made("own")
    assert len(Counting.asked) == 5
    assert not [*(tmp_path / "runs" / "_prepared").glob("*.partial")]
