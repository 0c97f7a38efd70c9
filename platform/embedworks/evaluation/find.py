"""Finds tasks by name: the platform's own (``tasks/<name>.py``, offline) and any that mteb knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from embedworks.corpora.corpus import Corpus
from embedworks.errors import InputError
from embedworks.evaluation.image_tasks import ImageTask
from embedworks.evaluation.text_tasks import TextTask
from embedworks.named import find_module, module_names, require_known

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

TASKS = Path(__file__).with_name("tasks")


@dataclass(frozen=True)
class TaskSource:
    """How a task is made.

    Attributes:
        name: The name that a job uses.
        corpora: Names of the corpora it is built from; none for mteb's own, whose data is on a hub.
        build: Makes the task from these opened corpora.
    """

    name: str
    corpora: tuple[str, ...]
    build: Callable[[Mapping[str, Corpus]], AbsTask | ImageTask | TextTask]


def task_names() -> list[str]:
    """The platform's own tasks; modules are not imported."""
    return module_names(TASKS)


def find_task(name: str) -> TaskSource:
    """The task of that name; ``BENCHMARK/TASK`` is a task with the languages and splits of that benchmark.

    Raises:
        InputError: for a name that neither the platform nor mteb has, with the nearest one.
    """
    if name in task_names():
        module = find_module("task", name, "embedworks.evaluation.tasks", TASKS)
        return TaskSource(module.NAME, module.corpora, module.build)
    benchmark, _, task = name.rpartition("/")
    if benchmark:
        require_known("task", name, [f"{benchmark}/{one}" for one in benchmark_tasks(benchmark)])
        return TaskSource(name, (), lambda _corpora: benchmark_tasks(benchmark)[task])
    if name not in (known := _mteb_names()):
        raise InputError(
            f"unknown task {name!r}",
            expected=f"one of {', '.join(task_names())}, or a task of mteb",
            name=name,
            known=[*task_names(), *known],
        )
    return TaskSource(name, (), lambda _corpora: _mteb_task(name))


def benchmark_names() -> list[str]:
    """mteb's benchmarks, by mteb's own names: ``MTEB(eng, v2)``, ``NanoBEIR``, ..."""
    import mteb

    return [benchmark.name for benchmark in mteb.get_benchmarks()]


def benchmark_tasks(benchmark: str) -> dict[str, AbsTask]:
    """The tasks of one of mteb's benchmarks by name, restricted as it restricts them.

    Raises:
        InputError: for an unknown benchmark, with the nearest one.
    """
    import mteb

    require_known("benchmark", benchmark, benchmark_names())
    return {task.metadata.name: task for task in mteb.get_benchmark(benchmark).tasks}


def _mteb_names() -> set[str]:
    import mteb

    tasks = mteb.get_tasks(
        modalities=["text"],
        exclusive_modality_filter=True,
        exclude_superseded=False,
        exclude_aggregate=True,
    )
    return {task.metadata.name for task in tasks}


def _mteb_task(name: str) -> AbsTask:
    import mteb

    return mteb.get_task(name)
