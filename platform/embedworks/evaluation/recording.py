"""Catches what a task of mteb decided about each sample, while mteb scores it.

Retrieval hands its scores by query to a method that tasks may override; other tasks write predictions
to a folder. Both are mteb's own ways, and nothing is encoded or searched a second time.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedworks.evaluation.samples import Samples, mean_samples, rank_samples

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask
    from mteb.results import TaskResult

MEASURES = {
    "ndcg": "ndcg_cut",
    "map": "map_cut",
    "recall": "recall",
    "precision": "P",
    "hit_rate": "success",
}
SIMILARITIES = {
    "spearman": "similarity_scores",
    "cosine_spearman": "cosine_scores",
    "manhattan_spearman": "manhattan_distances",
    "euclidean_spearman": "euclidean_distances",
}

ByPart = Mapping[str, Any]  # split/subset -> what was caught there


@dataclass
class Recording:
    """What one evaluation left.

    Attributes:
        folder: For mteb's predictions; None if they are not needed.
        caught: Split/subset -> scores by query.
    """

    folder: Path | None = None
    caught: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    def samples(self, task: AbsTask, result: TaskResult) -> Samples:
        """The samples of a task that :func:`has_samples`."""
        if self.folder is None:
            return _retrieval(task, self.caught) if self.caught else _clustering(result)
        file = self.folder / task.prediction_file_name
        saved = json.loads(file.read_text(encoding="utf-8"))
        by_part = {
            f"{split}/{subset}": found
            for subset, splits in saved.items()
            if subset != "mteb_model_meta"
            for split, found in splits.items()
        }
        maker = _predicted(task)
        assert maker, "a folder is given only where predictions tell the samples"
        return maker(task, by_part)


def has_samples(task: AbsTask) -> bool:
    """Whether the task's main score is a mean over samples, or Spearman's correlation of them."""
    return _measure(task) is not None or _is_clustering(task) or _predicted(task) is not None


@contextmanager
def recording(task: AbsTask) -> Iterator[Recording]:
    """Record one evaluation of a task that :func:`has_samples`; evaluate with the recording's folder."""
    if _measure(task):
        record = Recording()
        whole: Any = task
        kept = whole.task_specific_scores

        def listen(scores: Any, qrels: Any, results: Any, hf_split: str, hf_subset: str) -> Any:
            record.caught[f"{hf_split}/{hf_subset}"] = scores
            return kept(scores, qrels, results, hf_split, hf_subset)

        whole.task_specific_scores = listen
        try:
            yield record
        finally:
            del whole.task_specific_scores
    elif _is_clustering(task):
        yield Recording()
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Recording(Path(folder))


def _measure(task: AbsTask) -> str | None:
    """A retrieval task's main score in trec_eval's words: ``ndcg_cut_10`` for ``ndcg_at_10``."""
    from mteb.abstasks import AbsTaskRetrieval

    name = "recall_at_1" if task.metadata.main_score == "accuracy" else task.metadata.main_score
    match = re.fullmatch(r"(\w+)_at_(\d+)", name)
    if not isinstance(task, AbsTaskRetrieval) or not match or match[1] not in MEASURES:
        return None
    return f"{MEASURES[match[1]]}_{match[2]}"


def _is_clustering(task: AbsTask) -> bool:
    from mteb.abstasks import AbsTaskClustering

    return isinstance(task, AbsTaskClustering) and task.metadata.main_score == "v_measure"


def _predicted(task: AbsTask) -> Callable[[Any, ByPart], Samples] | None:
    from mteb.abstasks import AbsTaskBitextMining, AbsTaskClassification, AbsTaskSTS

    score = task.metadata.main_score
    if isinstance(task, AbsTaskSTS) and score in SIMILARITIES:
        return _similarity
    if isinstance(task, AbsTaskBitextMining) and score in ("f1", "accuracy"):
        return _matching
    is_plain = isinstance(task, AbsTaskClassification) and not task.is_cross_validation
    return _classification if is_plain and score == "accuracy" else None


def _retrieval(task: AbsTask, caught: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Samples:
    measure = _measure(task)
    assert measure, "scores by query come from retrieval"
    return mean_samples(
        {part: {query: found[measure] for query, found in by.items()} for part, by in caught.items()}
    )


def _clustering(result: TaskResult) -> Samples:
    """A sample is one repetition: mteb draws and clusters anew each time, the same draws for all models."""
    return mean_samples(
        {
            f"{split}/{one['hf_subset']}": {
                f"{level}/{number}": value
                for level, values in one["v_measures"].items()
                for number, value in enumerate(values)
            }
            for split, scores in result.scores.items()
            for one in scores
        }
    )


def _similarity(task: Any, by_part: ByPart) -> Samples:
    key = SIMILARITIES[task.metadata.main_score]
    return rank_samples({part: (found[key], _rows(task, part)["score"]) for part, found in by_part.items()})


def _classification(task: Any, by_part: ByPart) -> Samples:
    """A text's share is how many of the experiments' classifiers are right about it."""
    shares = {}
    for part, experiments in by_part.items():
        gold_N = np.array(_rows(task, part)[task.label_column_name])
        shares[part] = (np.array(experiments) == gold_N).mean(axis=0)
    return mean_samples({part: _numbered(values) for part, values in shares.items()})


def _matching(task: Any, by_part: ByPart) -> Samples:
    """With one text a class, the weighted F1 is a mean: a right text has 2 / (1 + those that chose it)."""
    shares = {}
    for part, pairs in by_part.items():
        split, subset = part.split("/", 1)
        for name, neighbours in pairs.items():
            found_N = np.array([one["corpus_id"] for one in neighbours])
            places_N = np.arange(len(found_N))
            right_N = (found_N == places_N).astype(float)
            if task.metadata.main_score == "f1":
                finders_N = np.bincount(found_N, minlength=len(found_N))[: len(found_N)]
                right_N = 2 * right_N / (1 + finders_N)
            shares[f"{split}/{name if task.parallel_subsets else subset}"] = right_N
    return mean_samples({part: _numbered(values) for part, values in shares.items()})


def _numbered(values: Any) -> dict[str, float]:
    return {str(number): float(value) for number, value in enumerate(values)}


def _rows(task: Any, part: str) -> Any:
    split, subset = part.split("/", 1)
    return task.dataset[subset][split] if subset in task.dataset else task.dataset[split]
