"""Units of a merge on the threads of one process, within a bound of memory."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch

from embedworks.errors import InputError
from embedworks.merging.journal import Journal, Record
from embedworks.merging.method import find_method
from embedworks.merging.plan import Plan
from embedworks.merging.report import unit_sums
from embedworks.merging.units import Unit, held_bytes, merge_unit, unit_bytes
from embedworks.merging.write import Writer

MEMORY_BYTES = 1 << 30

# Left alone, glibc learns to keep blocks of up to 32 MiB for each thread, and what a merge holds grows with
# its number of tensors. Larger blocks than a piece's are given back at once, and pieces are kept.
_M_TRIM_THRESHOLD, _KEPT_BYTES = -1, 16 << 20
_M_MMAP_THRESHOLD, _BLOCK_BYTES = -3, 4 << 20


@dataclass(frozen=True)
class Limits:
    """What a run may use.

    Attributes:
        threads: Threads that read, merge and write, each one unit at a time.
        memory_bytes: Of the units in flight. A unit that takes more by itself is run alone.
    """

    threads: int
    memory_bytes: int = MEMORY_BYTES


class Queue:
    """Gives units out in order, each when there is room for it, until one fails.

    Args:
        units: The units.
        size: The bytes that one holds.
        limit: Of the bytes in flight; a unit that is larger flies alone.
    """

    def __init__(self, units: Sequence[Unit], size: Callable[[Unit], int], limit: int) -> None:
        self._units = iter(units)
        self._size = size
        self._limit = limit
        self._stopped = False
        self._held = 0
        self._turn = threading.Lock()
        self._room = threading.Condition()

    def take(self) -> Unit | None:
        """Wait for room for the next unit; None: there is none left."""
        with self._turn:  # whoever waits for room is not overtaken: a large unit gets its turn
            unit = None if self._stopped else next(self._units, None)
            if unit is None:
                return None
            size = self._size(unit)
            with self._room:
                self._room.wait_for(lambda: self._held == 0 or self._held + size <= self._limit)
                self._held += size
        return unit

    def give(self, unit: Unit) -> None:
        """Give a unit's room back."""
        with self._room:
            self._held -= self._size(unit)
            self._room.notify_all()

    def stop(self) -> None:
        """Give out no more."""
        self._stopped = True

    def is_alone(self, unit: Unit) -> bool:
        """Whether a unit leaves no room for another."""
        return self._size(unit) >= self._limit


def run_units(
    plan: Plan,
    units: Sequence[Unit],
    files: Path,
    journal: Path,
    limits: Limits,
    tell: Callable[[int], None],
    report: bool,
) -> None:
    """Merge units into files that were created, and note them in a journal.

    Args:
        plan: The merge.
        units: Which of its units.
        files: The folder of the files.
        journal: The journal's file.
        limits: Threads and memory.
        tell: Is told the bytes that were written so far, from any thread.
        report: Whether to note what the report is made of.

    Raises:
        InputError: naming a tensor that cannot be merged.
    """
    _give_back_large_blocks()
    method = find_method(plan.method)
    queue = Queue(units, lambda unit: held_bytes(unit, plan, method), limits.memory_bytes)
    with closing(Writer(plan.tensors, files)) as writer, Journal(journal, writer.sync) as notes:
        count = _Count(tell)

        def work() -> None:
            torch.set_num_threads(1)  # of this thread; units keep the cores busy
            while unit := queue.take():
                try:
                    with _cores(limits.threads if queue.is_alone(unit) else 1):
                        notes.add(_run(unit, plan, method, writer, report))
                    count.add(unit_bytes(unit, plan))
                except BaseException:
                    queue.stop()
                    raise
                finally:
                    queue.give(unit)

        _on_threads(work, min(limits.threads, len(units)), queue)


def _run(unit: Unit, plan: Plan, method: ModuleType, writer: Writer, report: bool) -> Record:
    name = plan.tensors[unit.tensor].name
    try:
        values, notes = merge_unit(unit, plan, method)
        writer.write(unit.tensor, unit.start, values)
        record: Record = {"unit": unit.number}
        if notes:
            record["notes"] = notes
        if report:
            record["sums"] = unit_sums(plan.tensors[unit.tensor], unit, values)
        return record
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except Exception as error:
        raise RuntimeError(f"{name} could not be merged: {error}") from error


def _give_back_large_blocks() -> None:
    """For the rest of this process, and where its C library is glibc."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_MMAP_THRESHOLD, _BLOCK_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def _on_threads(work: Callable[[], None], threads: int, queue: Queue) -> None:
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads or 1) as pool:
            futures = [pool.submit(work) for _ in range(threads)]
            try:
                for future in futures:
                    future.result()
            finally:
                queue.stop()  # also where someone presses Ctrl-C
    finally:
        torch.set_num_threads(before)  # the threads' setting is what new threads start with


@contextmanager
def _cores(number: int) -> Iterator[None]:
    """Give this thread's arithmetic so many cores."""
    if number == 1:
        yield
        return
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(1)


class _Count:
    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._done = 0
        self._lock = threading.Lock()

    def add(self, size: int) -> None:
        with self._lock:
            self._done += size
            self._tell(self._done)
