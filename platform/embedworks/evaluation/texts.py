"""Every text that a task scores on, so that training rows can be kept apart from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedworks.corpora.corpus import open_corpus
from embedworks.evaluation.find import find_task
from embedworks.evaluation.image_tasks import ImageTask
from embedworks.evaluation.text_tasks import TextTask


def task_texts(name: str, corpus: Callable[[str], Path]) -> Iterator[str]:
    """Queries, documents, sentences: the texts of a task's evaluation splits, in its order.

    Args:
        name: The platform's own task, or one of mteb, whose data is then loaded.
        corpus: Name of a corpus -> its folder.

    Raises:
        InputError: for an unknown task, with the nearest one.
    """
    source = find_task(name)
    task = source.build({one: open_corpus(corpus(one)) for one in source.corpora})
    if isinstance(task, ImageTask | TextTask):
        yield from task.sentences
        return
    task.load_data()
    yield from _walk(task.dataset, task.metadata.eval_splits)


def _walk(node: Any, splits: Sequence[str]) -> Iterator[str]:
    """mteb nests split in subset, or has splits alone."""
    present = [split for split in splits if split in node]
    for key in present or node:
        yield from _rows(node[key]) if present else _walk(node[key], splits)


def _rows(data: Any) -> Iterator[str]:
    if isinstance(data, Mapping):  # of a retrieval task
        yield from _rows(data["queries"])
        yield from _rows(data["corpus"])
        return
    for row in data:
        for key, value in row.items():
            if not key.endswith("id"):
                yield from _strings(value)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
