"""The board: where workers leave their numbers and the driver picks them up.

Only the driver talks to MLflow and to the terminal, so neither a database nor a tracking server has to
be within reach of the workers.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import ray

from embedworks.training.lookout import Lookout

POLL_SECONDS = 0.5
POINTS = "points.jsonl"
RECENT_SECONDS, RECENT_BYTES = 60.0, 2**20  # far more than lies between two looks


@dataclass(frozen=True)
class Progress:
    """Numbers of one step, over all workers.

    Attributes:
        step: Steps that are done.
        steps: Steps of the stage.
        metrics: Losses, rates, and what :class:`.Meter` measured.
        workers: How many took the step.
        time: When, in milliseconds since 1970.
    """

    step: int
    steps: int
    metrics: dict[str, float]
    workers: int = 1
    time: int = field(default_factory=lambda: int(time.time() * 1000))


class Points:
    """What was pushed, in a file beside the checkpoints, for a driver that was killed before it looked.

    Args:
        work: The run's folder, which workers and drivers see.
    """

    def __init__(self, work: Path) -> None:
        self._file = work / POINTS

    def append(self, event: Progress) -> None:
        """Keep an event. Where the disk is full, the board must do."""
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("ab") as file:
                file.write(json.dumps(asdict(event)).encode() + b"\n")

    def newest(self, seconds: float = RECENT_SECONDS) -> list[Progress]:
        """The last event and those so many seconds before it; what a kill cut off is passed over."""
        if not self._file.is_file():
            return []
        with self._file.open("rb") as file:
            file.seek(max(0, self._file.stat().st_size - RECENT_BYTES))
            lines = file.read().splitlines()
        events = []
        for line in lines:
            with contextlib.suppress(ValueError, TypeError):
                events.append(Progress(**json.loads(line)))
        return [event for event in events if event.time >= events[-1].time - 1000 * seconds]


@ray.remote(num_cpus=0)
class Board(Lookout):
    """Holds progress until the driver drains it, and the step the worker group started at."""

    def __init__(self) -> None:
        super().__init__()
        self._events: list[Progress] = []
        self._first_step = 0

    def push(self, event: Progress) -> None:
        """Leave an event."""
        self._events.append(event)

    def drain(self) -> list[Progress]:
        """Take all events."""
        events, self._events = self._events, []
        return events

    def start_at(self, step: int) -> None:
        """Note the step from which the worker group goes on."""
        self._first_step = step

    def first_step(self) -> int:
        """The step from which the worker group goes on."""
        return self._first_step


class Watcher:
    """Passes the board's events to ``listener`` from a thread, until the block ends."""

    def __init__(self, board: Any, listener: Callable[[Progress], None]) -> None:
        self._board = board
        self._listener = listener
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failure: Exception | None = None

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if error is None:
            self._pass_on()
            if self._failure:
                raise self._failure

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            try:
                self._pass_on()
            except Exception as error:  # told once, at the end: training goes on without a curve
                self._failure = error
                return

    def _pass_on(self) -> None:
        for event in ray.get(self._board.drain.remote()):
            self._listener(event)
