"""A file of JSON lines, one a request: what was asked of whom, and how it went.

The event loop puts a line's values aside; a thread writes them. A disk that is slow or full costs lines,
which are counted, and no request.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import msgspec

from embedworks.serving.metrics.requests import RequestNote
from embedworks.serving.searching.protocol import Searched

EVERY_S = 0.2
MOST_WAITING = 10_000
FILE_BYTES = 100 * 2**20
FILES = 5  # beside the one that is written
FAILED = 500
OURS = "embedworks"  # the logger whose warnings and errors are written as well

Line = dict[str, Any]


class RequestLog:
    """Writes a share of the requests down, and every one that failed.

    Args:
        file: Of the lines; older ones get a number.
        sample: The share.
        draw: A number from 0 to 1; for tests.
    """

    def __init__(self, file: Path, sample: float, draw: Callable[[], float] = random.random) -> None:
        self._sample = sample
        self._draw = draw
        self._lines = Lines(file)
        self._warnings = Warnings(self._lines)
        logging.getLogger(OURS).addHandler(self._warnings)

    def __call__(self, note: RequestNote) -> None:
        """Write a request down, if it is its turn."""
        if note.task and (note.status >= FAILED or self._draw() < self._sample):
            self._lines.put(line_of(note))

    def close(self) -> None:
        """Write what is left, and end."""
        logging.getLogger(OURS).removeHandler(self._warnings)
        self._lines.close()


class Lines:
    """Objects as JSON lines of a file, written by a thread.

    Args:
        file: Made, with its folder, at the first line.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._waiting: deque[tuple[datetime, Line]] = deque()
        self._dropped = 0
        self._handler: _Handler | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="embedworks-log", daemon=True)
        self._thread.start()

    def put(self, line: Line) -> None:
        """Write it soon; waits for nothing."""
        if len(self._waiting) >= MOST_WAITING:
            self._dropped += 1
        else:
            self._waiting.append((datetime.now(UTC), line))

    def close(self) -> None:
        """Write what waits, and end."""
        self._end.set()
        self._thread.join()
        if self._handler is not None:
            self._handler.close()

    def _run(self) -> None:
        while not self._end.wait(EVERY_S):
            self._write()
        self._write()

    def _write(self) -> None:
        while self._waiting:
            if not self._emit(*self._waiting.popleft()):
                self._dropped += 1
        number = self._dropped
        if number and self._emit(datetime.now(UTC), {"event": "dropped", "lines": number}):
            self._dropped -= number

    def _emit(self, when: datetime, line: Line) -> bool:
        """Write a line, if that can be."""
        try:
            if self._handler is None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._handler = _Handler(self._file)
            text = msgspec.json.encode({"time": when.isoformat(timespec="milliseconds"), **line}).decode()
            self._handler.emit(logging.makeLogRecord({"msg": text}))
        except OSError:
            self._handler = None
            return False
        return True


class _Handler(RotatingFileHandler):
    """Rotates as logs do; what it cannot write is the writer's to know."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002
        """Raise what :meth:`emit` caught."""
        raise


class Warnings(logging.Handler):
    """What our own code warns of, as lines among those of requests.

    Args:
        lines: Where to.
    """

    def __init__(self, lines: Lines) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record down, without whatever exception it brings: its message may hold a text."""
        words = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
        self._lines.put({"event": "log", **words})
        if logging.lastResort and not logging.getLogger().handlers:
            logging.lastResort.handle(record)  # where it went before there was this handler


def line_of(note: RequestNote) -> Line:
    """A request's values, those that it has."""
    work = [each for answer in note.answers for each in answer.work]
    searched = [answer.search_s for answer in note.answers if isinstance(answer, Searched)]
    values: Line = {
        "request_id": note.request_id,
        "trace_id": note.trace_id,
        "task": note.task,
        "model": "" if note.index else note.model,
        "index": note.index,
        "version": note.answers[0].version if note.answers else "",
        "key": note.key,
        "status": note.status,
        "type": note.kind,
        "code": note.code,
        "fault": note.fault,
        "seconds": round(note.seconds, 6),
        "queue_seconds": round(max(each.queue_s for each in work), 6) if work else None,
        "compute_seconds": round(max(each.compute_s for each in work), 6) if work else None,
        "search_seconds": round(sum(searched), 6) if searched else None,
        "inputs": sum(answer.inputs for answer in note.answers) or None,
        "tokens": sum(answer.prompt_tokens for answer in note.answers) or None,
    }
    return {"event": "request"} | {key: value for key, value in values.items() if value not in ("", None)}
