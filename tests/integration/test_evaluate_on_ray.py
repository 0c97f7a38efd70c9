"""Scores in Ray tasks are those of one process."""

from __future__ import annotations

import pytest

from embedworks.errors import InputError
from embedworks.evaluation.distribute import Work, score_here, score_on_ray
from evaluation.test_evaluate import docs_rows, write
from helpers.tiny import tiny_embedder

pytestmark = pytest.mark.ray


def test_each_model_and_task_is_a_task(ray_cluster, tmp_path) -> None:
    docs = write(tmp_path / "python-docs", docs_rows())
    work = Work(
        models={name: tiny_embedder(tmp_path / name, layers=1, seed=i) for i, name in enumerate("ab")},
        tasks={"a": ["python-docs-similarity", "python-docs-retrieval"], "b": ["python-docs-retrieval"]},
        corpora={"python-docs": docs},
        precision="fp32",
    )
    told = []
    spread = score_on_ray(work, lambda model, score: told.append((model, score.task)))
    alone = score_here(work, lambda *_: None)
    assert {name: [(s.task, s.value) for s in found] for name, found in spread.items()} == {
        name: [(s.task, s.value) for s in found] for name, found in alone.items()
    }
    assert sorted(told) == sorted((name, task) for name, tasks in work.tasks.items() for task in tasks)


def test_an_error_of_a_task_is_the_users(ray_cluster, tmp_path) -> None:
    work = Work(models={"a": tmp_path / "none"}, tasks={"a": ["python-docs-retrieval"]}, corpora={})
    with pytest.raises(InputError, match="needs the corpus 'python-docs'"):
        score_on_ray(work, lambda *_: None)
