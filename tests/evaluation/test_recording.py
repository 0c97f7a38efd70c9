"""For every kind of task, the mean of the samples is the score that mteb computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from datasets import Dataset, DatasetDict
from mteb.abstasks import (
    AbsTaskBitextMining,
    AbsTaskClassification,
    AbsTaskClustering,
    AbsTaskPairClassification,
    AbsTaskRetrieval,
    AbsTaskSTS,
)
from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData
from mteb.abstasks.task_metadata import TaskMetadata

from embedworks.embedder import EmbedderSettings
from embedworks.evaluation.encoder import Subject
from embedworks.evaluation.evaluate import score_task
from embedworks.evaluation.samples import read_samples

WIDTH = 12


class Engine:
    """A text's class is its first letter; vectors lean towards it, through noise. Counts its calls."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts, *, prompt="", layers=None, dimensions=None):
        self.texts += texts
        return np.stack([self.vector(text) for text in texts]).astype(np.float32)

    def vector(self, text: str) -> np.ndarray:
        noise = np.random.default_rng(list(text.encode())).normal(size=WIDTH)
        return noise + 2 * np.eye(WIDTH)["abc".index(text[0])]


def metadata(kind: str, main_score: str, subsets: tuple[str, ...] = ()) -> TaskMetadata:
    fields: dict[str, Any] = {
        "name": "local-task",
        "description": "A task of the tests",
        "type": kind,
        "main_score": main_score,
        "dataset": {"path": "local", "revision": "1"},
        "eval_splits": ["test"],
        "eval_langs": {name: ["eng-Latn"] for name in subsets} if subsets else ["eng-Latn"],
    }
    needed = [name for name, field in TaskMetadata.model_fields.items() if field.is_required()]
    return TaskMetadata(**{**dict.fromkeys(needed), "category": "t2t", **fields})


def task(base: type, meta: TaskMetadata, dataset: Any, **attributes: Any) -> Any:
    made = type("Local", (base,), {"metadata": meta, **attributes})()
    made.dataset, made.data_loaded = dataset, True
    return made


def split(count: int, offset: int = 0, **columns: Any) -> Dataset:
    labels = [number % 3 for number in range(count)]
    texts = [f"{'abc'[label]} {number + offset}" for number, label in enumerate(labels)]
    return Dataset.from_dict({"text": texts, "label": labels, **columns})


def classification() -> Any:
    data = DatasetDict({"train": split(60), "test": split(45, 100)})
    return task(AbsTaskClassification, metadata("Classification", "accuracy"), {"default": data})


def clustering() -> Any:
    data = split(90).rename_columns({"text": "sentences", "label": "labels"})
    meta = metadata("Clustering", "v_measure")
    options = {"max_fraction_of_documents_to_embed": 0.8, "max_documents_per_cluster": 30}
    return task(AbsTaskClustering, meta, {"default": DatasetDict({"test": data})}, **options)


def similarity() -> Any:
    data = {}
    for subset, count in (("x", 40), ("y", 15)):  # two parts of two sizes
        first, second = split(count)["text"], split(count + 1, 1)["text"][1:]
        gold = [float(number % 5) for number in range(count)]
        data[subset] = {"test": Dataset.from_dict({"sentence1": first, "sentence2": second, "score": gold})}
    return task(AbsTaskSTS, metadata("STS", "cosine_spearman", ("x", "y")), data)


def bitext() -> Any:
    data = Dataset.from_dict({"sentence1": split(30)["text"], "sentence2": split(30, 300)["text"]})
    return task(AbsTaskBitextMining, metadata("BitextMining", "f1"), {"default": {"test": data}})


def retrieval(main_score: str) -> Any:
    texts = split(40)["text"]
    data = RetrievalSplitData(
        queries=Dataset.from_dict({"id": [f"q{i}" for i in range(20)], "text": split(20, 200)["text"]}),
        corpus=Dataset.from_dict({"id": [f"d{i}" for i in range(40)], "text": texts}),
        relevant_docs={f"q{i}": {f"d{i}": 1, f"d{i + 3}": 2} for i in range(20)},
        top_ranked=None,
    )
    return task(AbsTaskRetrieval, metadata("Retrieval", main_score), {"default": {"test": data}})


KINDS = {
    "classification": classification,
    "clustering": clustering,
    "similarity": similarity,
    "bitext": bitext,
    **{
        name: lambda name=name: retrieval(name)
        for name in ("ndcg_at_10", "map_at_5", "recall_at_3", "precision_at_1", "hit_rate_at_3", "accuracy")
    },
}


def subject(engine: Engine) -> Subject:
    return Subject(engine, EmbedderSettings(), name="fake", revision="0" * 12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_of_the_samples_is_the_score(kind, tmp_path):
    (score,) = score_task(KINDS[kind](), subject(Engine()), [(1, WIDTH)], keep=tmp_path)
    samples = read_samples(score.samples)
    assert 0.02 < abs(score.value) < 0.98  # else any samples would do
    # mteb rounds the numbers of retrieval to five digits.
    digits = 5 if "_at_" in kind or kind == "accuracy" else 6
    assert round(samples.score, digits) == pytest.approx(score.value, abs=1e-6)


def test_similarity_keeps_predicted_and_gold(tmp_path):
    (score,) = score_task(similarity(), subject(Engine()), [(1, WIDTH)], keep=tmp_path)
    samples = read_samples(score.samples)
    assert sorted(set(samples.parts)) == ["test/x", "test/y"]
    assert samples.gold.tolist()[:6] == [0, 1, 2, 3, 4, 0]
    assert len(samples.predicted) == 55


def test_samples_of_narrower_pairs_are_drawn_alike(tmp_path):
    pairs = [(1, WIDTH), (1, 4)]
    both = score_task(clustering(), subject(Engine()), pairs, keep=tmp_path / "both")
    (alone,) = score_task(clustering(), subject(Engine()), pairs[1:], keep=tmp_path / "alone")
    assert both[1].value == alone.value


def test_a_score_that_no_samples_explain_has_none(tmp_path):
    rows = {"sentence1": split(10)["text"], "sentence2": split(10, 50)["text"], "labels": [0, 1] * 5}
    data = {"default": {"test": Dataset.from_dict(rows)}}
    made = task(AbsTaskPairClassification, metadata("PairClassification", "max_ap"), data)
    (score,) = score_task(made, subject(Engine()), [(1, WIDTH)], keep=tmp_path)
    assert score.samples is None
    assert not list(tmp_path.iterdir())


def test_a_cached_score_is_computed_again_only_for_samples_that_are_missing(tmp_path):
    engine, cache, keep = Engine(), tmp_path / "cache", tmp_path / "keep"

    def run(keep=None):
        (score,) = score_task(similarity(), subject(engine), [(1, WIDTH)], cache, keep)
        return score, len(engine.texts)

    first, encoded = run()
    kept, twice = run(keep)
    assert twice == 2 * encoded
    assert kept.value == first.value
    assert run(keep) == (kept, twice)
