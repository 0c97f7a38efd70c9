from __future__ import annotations

from pathlib import Path

from embedworks.evaluation.distribute import Work, score_here
from evaluation.test_evaluate import docs_rows, write
from helpers.tiny import tiny_embedder


def test_models_are_scored_in_order_and_told_of(tmp_path: Path) -> None:
    docs = write(tmp_path / "python-docs", docs_rows())
    models = {name: tiny_embedder(tmp_path / name, layers=1, seed=i) for i, name in enumerate("ab")}
    both = ["python-docs-similarity", "python-docs-retrieval"]
    told: list[tuple[str, str]] = []
    work = Work(
        models=models,
        tasks={"a": both, "b": both[1:]},
        corpora={"python-docs": docs},
        pairs=[(1, 8), (1, 32)],
    )
    scores = score_here(work, lambda model, score: told.append((model, score.task)))
    assert list(scores) == ["a", "b"]
    assert [(score.task, score.dimensions) for score in scores["a"]] == [
        (task, dimensions) for task in both for dimensions in (8, 32)
    ]
    assert told == [(name, score.task) for name, found in scores.items() for score in found]
    assert scores["a"][2].value != scores["b"][0].value
