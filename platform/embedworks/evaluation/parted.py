"""Tasks of several data sets of one kind, so that two models can be compared over data sets.

A test over data sets (Wilcoxon's) needs six and more, and a task of one data set gives it one. The parts of
such a task are evaluated as tasks of their own; its score is the mean over them, and each sample's ``part``
says which it is of (:mod:`embedworks.evaluation.samples`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from embedworks.errors import InputError
from embedworks.evaluation.local import About, metadata_of

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask


def parted_task(about: About, parts: Mapping[str, AbsTask]) -> Any:
    """One task of several.

    Args:
        about: Of the whole.
        parts: Name -> a task of ours that was made with the same ``about`` from one data set.

    Raises:
        InputError: if there is none.
    """
    if not parts:
        raise InputError(f"task {about.name!r} finds no data set that is large enough in its corpus")
    tasks: dict[str, Any] = dict(parts)
    first = next(iter(tasks.values()))
    whole = replace(about, languages=dict.fromkeys(tasks, tuple(about.languages)))

    class Parted(type(first)):  # type: ignore[misc]
        metadata = metadata_of(whole, {name: one.metadata.revision for name, one in tasks.items()})

    task = Parted()
    if hasattr(task, "max_documents_per_cluster"):
        task.max_documents_per_cluster = max(one.max_documents_per_cluster for one in tasks.values())
    task.dataset = {name: _only(one.dataset) for name, one in tasks.items()}
    task.data_loaded = True
    return task


def _only(data: Any) -> Any:
    """A task's data by split: some kinds of task keep it under the name of their only subset."""
    return data.get("default", data)
