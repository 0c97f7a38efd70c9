from __future__ import annotations

from types import SimpleNamespace

import pytest
from datasets import Dataset, DatasetDict

from embedworks.evaluation import texts
from embedworks.evaluation.find import TaskSource
from embedworks.evaluation.local import About, group, retrieval_task, similarity_task


def about(kind: str, score: str) -> About:
    return About("some-task", "for a test", kind, score, ("Written",), "cc0-1.0")


def found(task, monkeypatch) -> list[str]:
    source = TaskSource("some-task", (), lambda corpora: task)
    monkeypatch.setattr(texts, "find_task", lambda name: source)
    return list(texts.task_texts("some-task", lambda name: pytest.fail("no corpus is needed")))


def test_queries_and_documents_of_a_retrieval_task(monkeypatch):
    search = group([("one?", "first answer"), ("two?", "second answer"), ("one?", "second answer")])
    task = retrieval_task(about("Retrieval", "ndcg_at_10"), search)
    assert found(task, monkeypatch) == ["one?", "two?", "first answer", "second answer"]


def test_sentences_of_a_similarity_task(monkeypatch):
    pairs = [("left", "right", 1.0), ("over", "under", 0.0)]
    task = similarity_task(about("STS", "cosine_spearman"), pairs, 1)
    assert found(task, monkeypatch) == ["left", "right", "over", "under"]


def test_only_evaluation_splits_and_lists_of_texts_too(monkeypatch):
    data = DatasetDict(
        train=Dataset.from_dict({"text": ["trained on"]}),
        test=Dataset.from_dict({"id": ["x"], "query": ["asked"], "positive": [["a", "b"]], "label": [1]}),
    )
    task = SimpleNamespace(
        dataset=data, load_data=lambda: None, metadata=SimpleNamespace(eval_splits=["test"])
    )
    assert found(task, monkeypatch) == ["asked", "a", "b"]
