"""Suites: names that stand for many tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from embedworks.corpora.corpus import Corpus
from embedworks.evaluation.evaluate import size_of
from embedworks.evaluation.find import benchmark_names, benchmark_tasks, task_names
from embedworks.evaluation.image_tasks import ImageTask
from embedworks.evaluation.text_tasks import TextTask

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

OFFLINE = "offline"
PICTURES = "offline-images"

# The platform's own suite. Every family counts the same in a mean over families.
TEXT_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "retrieval": (
        "python-docs-retrieval",
        "stdlib-code-search",
        "stdlib-docstring-search",
        "reverse-dictionary",
    ),
    "similarity": ("python-docs-similarity", "dictionary-similarity", "emoji-name-similarity"),
    "cross-lingual": ("emoji-names-crosslingual", "cldr-names-crosslingual"),
    "classification": ("dictionary-subjects", "package-topics"),
    "clustering": ("python-docs-topics",),
}
IMAGE_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "image retrieval": ("openmoji-retrieval", "noisy-scenes-retrieval"),
    "image classes": ("openmoji-categories", "openmoji-neighbours", "noisy-scenes-neighbours"),
}
# Of no suite: they are made of the texts of others, cut into data sets to compare models over.
PARTED = (
    "dictionary-parts-of-speech",
    "dictionary-subject-clusters",
    "emoji-group-similarity",
    "stdlib-package-search",
)
# Of no suite: their classes are what some systems train on, so that a mean with them would tell less.
FURTHER = (
    "dialogs-actions",
    "dialogs-flow",
    "docstring-questions-retrieval",
    "emoji-concepts",
    "emoji-groups",
    "stdlib-modules",
    *PARTED,
)
# Their data is that of the environment, so a mean over tasks that is compared across machines has none.
VARYING = ("package-topics",)


def expand(names: Iterable[str], pictures: bool) -> list[str]:
    """Tasks of suites and tasks, each once, in order.

    Args:
        names: Tasks, ``offline``, ``offline-images``, or one of mteb's benchmarks, in any case of letters.
        pictures: Whether ``offline`` includes the tasks of images and texts.

    Example:
        >>> expand(["offline"], pictures=False)[0]
        'python-docs-retrieval'
    """
    return list(dict.fromkeys(task for name in names for task in _expand_one(name, pictures)))


def _expand_one(name: str, pictures: bool) -> Sequence[str]:
    if name in (OFFLINE, PICTURES):
        texts = TEXT_FAMILIES if name == OFFLINE else {}
        families = {**texts, **(IMAGE_FAMILIES if pictures or name == PICTURES else {})}
        return [task for tasks in families.values() for task in tasks]
    if name in task_names() or "/" in name:
        return [name]
    for benchmark in benchmark_names():
        if benchmark.lower() == name.lower():
            return [f"{benchmark}/{task}" for task in benchmark_tasks(benchmark)]
    return [name]


def family_of(task: str) -> str | None:
    """The family of a task of the offline suite."""
    families = {**TEXT_FAMILIES, **IMAGE_FAMILIES}
    return next((family for family, tasks in families.items() if task in tasks), None)


def family_means(values: Mapping[str, float]) -> dict[str, float]:
    """Task -> value to family -> mean over its fixed tasks, for families of which no task is missing."""
    means = {}
    for family, tasks in {**TEXT_FAMILIES, **IMAGE_FAMILIES}.items():
        fixed = [task for task in tasks if task not in VARYING]
        if all(task in values for task in fixed):
            means[family] = sum(values[task] for task in fixed) / len(fixed)
    return means


def describe(task: AbsTask | ImageTask | TextTask, corpora: Mapping[str, Corpus]) -> dict[str, Any]:
    """What fixes a task: the digest of its data, its size, and what that was made from.

    Args:
        task: Built from ``corpora``.
        corpora: The task's own.
    """
    sources = {name: corpora[name].manifest.source for name in sorted(corpora)}
    if isinstance(task, ImageTask):
        fixed = {"digest": task.digest, "kind": "Image", "metric": task.metric, "n": len(task.images)}
    elif isinstance(task, TextTask):
        fixed = {"digest": task.digest, "kind": "Text", "metric": task.metric, "n": len(task.sentences)}
    else:
        about = task.metadata
        fixed = {
            "digest": about.revision,
            "kind": about.type,
            "metric": about.main_score,
            "n": size_of(task.dataset, task.eval_splits),
        }
    return {**fixed, "made_from": sources}
