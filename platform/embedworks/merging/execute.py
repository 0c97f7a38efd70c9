"""Runs a plan: reads, merges and writes at once, within a bound of memory, and goes on after a kill."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from embedworks.merging.digest import plan_digest
from embedworks.merging.journal import Record, read_journals
from embedworks.merging.layout import tensor_bytes, write_indexes
from embedworks.merging.method import find_method
from embedworks.merging.plan import Plan
from embedworks.merging.report import Report, build_report
from embedworks.merging.threads import MEMORY_BYTES, Limits, run_units
from embedworks.merging.units import Unit, plan_units, unit_bytes
from embedworks.merging.workspace import Workspace
from embedworks.merging.write import Writer

Listener = Callable[[int, int], None]


def silent(*_: object) -> None:
    """A listener that does nothing."""


@dataclass(frozen=True)
class Done:
    """What a merge did.

    Attributes:
        tensors: Of the result.
        bytes: Of its tensors.
        seconds: Of this run.
        units: Of work in all.
        skipped: Units that an earlier run had finished.
        notes: What the method had to say, by tensor.
        report: Where one was asked for.
    """

    tensors: int
    bytes: int
    seconds: float
    units: int
    skipped: int
    notes: tuple[str, ...] = ()
    report: Report | None = None


Tell = Callable[[int], None]
Run = Callable[[Workspace, list[Unit], Tell], None]


def execute(
    plan: Plan,
    folder: Path,
    *,
    threads: int | None = None,
    memory_bytes: int = MEMORY_BYTES,
    listen: Listener = silent,
    report: bool = False,
    replace: bool = False,
    complete: Callable[[Path], None] = silent,
) -> Done:
    """Merge into ``folder``, which appears when it is complete.

    Memory: the tensors in flight take at most ``max(memory_bytes, the largest unit)``. A unit of an
    elementwise method is a piece of ``PIECE`` elements, of another method a whole tensor, and takes what
    ``held_bytes`` says: for each of its elements 4 bytes times the tensors that the method ``HOLDS``, and
    as much again for a base. Neither the number of layers nor the size of the models counts.

    A run that was killed is continued by the next one with the same plan and unchanged files.

    Args:
        plan: What to merge.
        folder: The result. Until it is complete, everything is in ``.<folder>.partial`` beside it.
        threads: Threads at work; default: one a core.
        memory_bytes: See above.
        listen: Is told the bytes that are written and the bytes in all, from any thread.
        report: Whether to measure the models and the result, which reads the models twice.
        replace: Whether ``folder`` may be there already.
        complete: Adds what else belongs in the folder, before it gets its name.

    Raises:
        InputError: for a disk that is too small, a result that is there or being written, or a tensor that
            cannot be merged, by name.
    """
    limits = Limits(threads or len(os.sched_getaffinity(0)), memory_bytes)

    def run(space: Workspace, units: list[Unit], tell: Tell) -> None:
        run_units(plan, units, space.files, space.root / "journal-0", limits, tell, report)

    return run_plan(plan, folder, run, listen=listen, report=report, replace=replace, complete=complete)


def run_plan(
    plan: Plan,
    folder: Path,
    run: Run,
    *,
    listen: Listener,
    report: bool,
    replace: bool,
    complete: Callable[[Path], None],
) -> Done:
    """All of a merge but running its units, which ``run`` does, here or elsewhere; see :func:`execute`."""
    begun = time.monotonic()
    units = plan_units(plan, find_method(plan.method))
    with Workspace(folder, replace) as space:
        with closing(Writer(plan.tensors, space.files)) as writer:
            digest = plan_digest(plan, report=report)
            if not (space.holds(digest) and writer.is_created()):
                space.clear()
                writer.create()
                writer.sync()
                space.note(digest)
        finished = read_journals(space.root)
        todo = [unit for unit in units if unit.number not in finished]
        run(space, todo, _counting(plan, todo, listen))
        records = read_journals(space.root)
        missing = [plan.tensors[unit.tensor].name for unit in units if unit.number not in records]
        assert not missing, f"{missing[0]} was not merged, and nobody said why"
        write_indexes(plan.tensors, space.files)
        found = build_report(plan, units, records) if report else None
        if found:
            found.write(space.files)
        complete(space.files)
        space.finish()
    total = sum(map(tensor_bytes, plan.tensors))
    seconds = time.monotonic() - begun
    skipped = len(units) - len(todo)
    return Done(len(plan.tensors), total, seconds, len(units), skipped, _notes(plan, units, records), found)


def _counting(plan: Plan, todo: list[Unit], listen: Listener) -> Tell:
    total = sum(map(tensor_bytes, plan.tensors))
    before = total - sum(unit_bytes(unit, plan) for unit in todo)
    listen(before, total)
    return lambda done: listen(before + done, total)


def _notes(plan: Plan, units: list[Unit], records: dict[int, Record]) -> tuple[str, ...]:
    found = {
        f"{plan.tensors[unit.tensor].name}: {note}": None
        for unit in units
        for note in records[unit.number].get("notes", ())
    }
    return tuple(found)
