"""The built-in endpoints, one module each with its ``TASK``, and those that systems add."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from embedworks.catalog import find_system
from embedworks.errors import InputError
from embedworks.named import module_names
from embedworks.task import Task

Tasks = dict[str, Task[Any]]
ADDED = "tasks/"  # apart from what is built in, and from what OpenAI may yet add


def builtin_tasks() -> Tasks:
    """Every built-in task by its path below ``/v1/``."""
    names = module_names(Path(__file__).parent)
    modules = (importlib.import_module(f"{__name__}.{name.replace('-', '_')}") for name in names)
    return {module.TASK.name: module.TASK for module in modules}


def find_tasks(sources: Iterable[str] = ()) -> Tasks:
    """The built-in tasks and those of systems (``SLUG``) or of other modules (``package.module``), by path.

    Raises:
        InputError: for a system or module that is not there, has no ``TASKS``, or takes a taken name.
    """
    tasks = builtin_tasks()
    for source in sources:
        for task in _tasks_of(source):
            if ADDED + task.name in tasks:
                raise InputError(
                    f"{source}: a task {task.name!r} is there already", expected="another name"
                )
            tasks[ADDED + task.name] = task
    return tasks


def _tasks_of(source: str) -> tuple[Task[Any], ...]:
    found = getattr(_module(source), "TASKS", ())
    if not found or not all(isinstance(one, Task) for one in found):
        raise InputError(f"{source!r} has no tasks", expected="a tuple TASKS of embedworks.task.Task in it")
    return tuple(found)


def _module(source: str) -> ModuleType:
    if "." not in source:
        return find_system(source).load()
    try:
        return importlib.import_module(source)
    except ImportError as error:
        raise InputError(f"tasks: cannot import {source!r}: {error}", expected="a module here") from error
