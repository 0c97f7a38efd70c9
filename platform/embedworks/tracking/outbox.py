"""Sends what a job logs from a thread, in order: a server that is slow or away holds up nothing."""

from __future__ import annotations

import textwrap
import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

from embedworks.errors import first_line
from embedworks.tracking.journal import Entry, Journal

GATHER_SECONDS = 1.0  # that points wait for others, to go in one request
LONGEST_PAUSE = 30.0  # between two tries while the server does not answer
MOST_METRICS, MOST_PAIRS = 1000, 100  # that MLflow takes in one request: points, and parameters or tags
REFUSALS = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "BAD_REQUEST")


class Outbox:
    """Entries on their way to MLflow: a ``run``, and its ``metrics``, ``params``, ``tags`` or ``end``.

    Args:
        client: An ``MlflowClient``.
        journal: Where entries stay until they have arrived; None: in memory alone.
        tell: Receives a line when the server goes away, comes back, or refuses something.
    """

    def __init__(
        self, client: Any, journal: Journal | None = None, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self._client = client
        self._journal = journal
        self._tell = tell
        self._queue: deque[tuple[Entry, int | None]] = deque(journal.unsent() if journal else ())
        self._changed = threading.Condition()
        self._is_hurried = self._is_closed = self._is_away = self._disk_failed = False
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="embedworks-outbox", daemon=True)
        self._thread.start()

    def put(self, entry: Entry) -> None:
        """Send an entry after all those before it."""
        with self._changed:
            self._queue.append((entry, self._written(entry)))
            self._changed.notify_all()

    def flush(self, seconds: float) -> int:
        """Send all now; returns how many are left after these seconds, or after a try that failed."""
        with self._changed:
            before = self._failures
            self._is_hurried = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._queue or self._failures > before, seconds)
            self._is_hurried = False
            return len(self._queue)

    def close(self, seconds: float) -> int:
        """Flush and stop; returns how many entries are left, which the journal keeps for the next time."""
        left = self.flush(seconds)
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if not left and self._journal and not self._disk_failed:
            self._journal.clear()
        return left

    def _written(self, entry: Entry) -> int | None:
        try:
            return self._journal.append(entry) if self._journal else None
        except OSError as error:
            if not self._disk_failed:
                self._tell(
                    f"  the journal of MLflow cannot be written, memory must do: {first_line(error)}"
                )
            self._disk_failed = True
            return None

    def _run(self) -> None:
        pause = GATHER_SECONDS
        while self._wait(pause):
            with self._changed:
                batch = same_request(list(self._queue))
            pause = GATHER_SECONDS if self._delivered(batch) else min(2 * pause, LONGEST_PAUSE)

    def _wait(self, seconds: float) -> bool:
        """Until there is something to send and it is time; False when all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_closed)
            self._changed.wait_for(lambda: self._is_hurried or self._is_closed, seconds)
            return not self._is_closed

    def _delivered(self, batch: Sequence[tuple[Entry, int | None]]) -> bool:
        try:
            self._send([entry for entry, _ in batch])
        except Exception as error:
            if is_away(error):
                return self._failed(error)
            if len(batch) > 1:  # only the entry that is at fault is lost
                return all(self._delivered([one]) for one in batch)
            self._tell(f"  MLflow refused {summary(batch[0][0])}: {first_line(error)}")
        if self._is_away:
            self._is_away = False
            self._tell("  MLflow answers again")
        ends = [end for _, end in batch if end is not None]
        if self._journal and ends:
            self._mark(ends[-1])
        with self._changed:
            for _ in batch:
                self._queue.popleft()
            self._changed.notify_all()
        return True

    def _failed(self, error: Exception) -> bool:
        if not self._is_away:
            self._is_away = True
            kept = f" in {self._journal.file}" if self._journal else ""
            self._tell(f"  MLflow does not answer, what is logged waits{kept}: {in_short(error)}")
        with self._changed:
            self._failures += 1
            self._is_hurried = False  # one try a flush: the pause behind it is kept
            self._changed.notify_all()
        return False

    def _mark(self, end: int) -> None:
        try:
            self._journal.arrived(end)  # type: ignore[union-attr]
        except OSError:
            self._disk_failed = True  # what has arrived may be sent once more

    def _send(self, entries: Sequence[Entry]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        first = entries[0]
        run = first["run"]
        if "metrics" in first:
            points = [Metric(*point) for entry in entries for point in entry["metrics"]]
            self._client.log_batch(run, metrics=points)
        elif "params" in first:
            self._client.log_batch(run, params=[Param(*pair) for pair in first["params"]])
        elif "tags" in first:
            self._client.log_batch(run, tags=[RunTag(*pair) for pair in first["tags"]])
        else:
            self._client.set_terminated(run, first["end"]["status"], first["end"]["time"])


def same_request(queue: Sequence[tuple[Entry, int | None]]) -> list[tuple[Entry, int | None]]:
    """The first entry, with the points behind it that go to the same run, as many as a request takes."""
    first = queue[0][0]
    if "metrics" not in first:
        return [queue[0]]
    alike = takewhile(lambda item: item[0]["run"] == first["run"] and "metrics" in item[0], queue)
    batch: list[tuple[Entry, int | None]] = []
    points = 0
    for item in alike:
        points += len(item[0]["metrics"])
        if batch and points > MOST_METRICS:
            break
        batch.append(item)
    return batch


def is_away(error: Exception) -> bool:
    """Whether the server could not be asked, or could not answer: another time it may."""
    from mlflow.exceptions import MlflowException

    if isinstance(error, MlflowException):
        return error.error_code not in REFUSALS
    return isinstance(error, OSError)  # that of `requests` is one


def in_short(error: Exception) -> str:
    """The beginning of a message; MLflow's hold the whole history of a connection."""
    return textwrap.shorten(first_line(error), 120, placeholder=" ...")


def summary(entry: Entry) -> str:
    """An entry in a few words, for a message."""
    kind = next(key for key in entry if key != "run")
    names = ", ".join(str(item[0]) for item in entry[kind][:3]) if kind != "end" else ""
    return f"{kind} of run {entry['run']}" + (f" ({names})" if names else "")
