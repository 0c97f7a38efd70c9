"""A merge over Ray: contiguous parts of its units, each a task, all writing into one shared folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from embedworks.errors import InputError
from embedworks.merging.execute import Done, Listener, Tell, run_plan, silent
from embedworks.merging.journal import read_journals
from embedworks.merging.plan import Plan
from embedworks.merging.threads import MEMORY_BYTES, Limits, run_units
from embedworks.merging.units import Unit, contiguous_parts, unit_bytes
from embedworks.merging.workspace import Workspace

TELL_SECONDS = 1.0


def spread(
    plan: Plan,
    folder: Path,
    tasks: int,
    *,
    cpus: int = 1,
    memory_bytes: int = MEMORY_BYTES,
    listen: Listener = silent,
    report: bool = False,
    replace: bool = False,
    complete: Callable[[Path], None] = silent,
) -> Done:
    """Merge as :func:`~embedworks.merging.execute.execute` does, to the same bytes, in Ray tasks.

    The sources and ``folder`` have to be on a file system that all nodes share. Ray starts a task anew
    whose node or worker dies, and it goes on behind the last unit that it noted.

    Args:
        plan: What to merge.
        folder: The result.
        tasks: Parts, of about as many bytes, each a task.
        cpus: Cores, and threads, of a task.
        memory_bytes: Of each task; see ``execute``.
        listen: As of ``execute``.
        report: As of ``execute``.
        replace: As of ``execute``.
        complete: As of ``execute``.

    Raises:
        InputError: as ``execute`` does, and for a folder that a task's node does not see.
    """
    limits = Limits(cpus, memory_bytes)

    def run(space: Workspace, units: list[Unit], tell: Tell) -> None:
        parts = contiguous_parts(units, plan, tasks)
        _run_tasks(plan, parts, space, limits, report, tell)

    return run_plan(plan, folder, run, listen=listen, report=report, replace=replace, complete=complete)


def _run_tasks(
    plan: Plan, parts: Sequence[list[Unit]], space: Workspace, limits: Limits, report: bool, tell: Tell
) -> None:
    import ray

    remote = ray.remote(num_cpus=limits.threads, scheduling_strategy="SPREAD")(_run_part)
    packed = ray.put(plan)
    waiting: list[Any] = [
        remote.remote(packed, part, space.files, space.root / f"journal-{number}", limits, report)
        for number, part in enumerate(parts)
    ]
    try:
        while waiting:
            done, waiting = ray.wait(waiting, timeout=TELL_SECONDS)
            for error in _errors(done):
                raise error
            finished = read_journals(space.root)
            tell(sum(unit_bytes(unit, plan) for part in parts for unit in part if unit.number in finished))
    finally:
        for task in waiting:
            ray.cancel(task)


def _errors(done: Sequence[Any]) -> list[BaseException]:
    import ray

    found: list[BaseException] = []
    for task in done:
        try:
            ray.get(task)
        except ray.exceptions.RayTaskError as error:
            cause = error.cause
            found.append(cause if isinstance(cause, InputError) else error)
    return found


def _run_part(
    plan: Plan, units: Sequence[Unit], files: Path, journal: Path, limits: Limits, report: bool
) -> None:
    if not files.is_dir():
        raise InputError(f"a node does not see {files}", expected="a folder that all nodes share")
    finished = read_journals(journal.parent)  # by an earlier attempt of this task
    todo = [unit for unit in units if unit.number not in finished]
    run_units(plan, todo, files, journal, limits, silent, report)
