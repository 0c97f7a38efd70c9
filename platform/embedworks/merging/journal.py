"""What of a merge is finished: a line a unit, in a file that speaks only of data that is on disk."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

Record = dict[str, Any]

SYNC_SECONDS = 0.1  # so much work is lost at most; and the disk is kept busy from the start


class Journal:
    """Appends records of finished units.

    Data is synced before the lines that tell of it are written, and those after them, a few times a
    second beside the work and once at the end. After a power cut, too, what a line names is there.

    Args:
        file: The journal; a line that was cut off is taken out.
        sync: Brings all data that was written so far to disk.
    """

    def __init__(self, file: Path, sync: Callable[[], None]) -> None:
        _, sound = _read(file)
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.ftruncate(self._descriptor, sound)
        self._sync = sync
        self._lines: list[str] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def add(self, record: Record) -> None:
        """Note a unit whose data was written; from any thread.

        Raises:
            OSError: if data could not be brought to disk meanwhile.
        """
        if self._error:
            raise self._error
        with self._lock:
            self._lines.append(json.dumps(record, separators=(",", ":")) + "\n")

    def __enter__(self) -> Journal:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        try:
            if self._error is None:
                self._flush()
            elif error is None:
                raise self._error
        finally:
            os.close(self._descriptor)

    def _run(self) -> None:
        while not self._stop.wait(SYNC_SECONDS):
            try:
                self._flush()
            except OSError as error:
                self._error = error
                return

    def _flush(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
        if lines:
            self._sync()
            os.write(self._descriptor, "".join(lines).encode())
            os.fdatasync(self._descriptor)


def read_journals(folder: Path) -> dict[int, Record]:
    """Records of all finished units by their number, from every journal in a folder."""
    records = {}
    for file in sorted(folder.glob("journal-*")):
        for record in _read(file)[0]:
            records[int(record["unit"])] = record
    return records


def _read(file: Path) -> tuple[list[Record], int]:
    """The records of a journal up to the first line that is none, and how many bytes they take."""
    records: list[Record] = []
    sound = 0
    for line in file.read_bytes().splitlines(keepends=True) if file.is_file() else []:
        try:
            record = json.loads(line)
        except ValueError:
            break
        if not line.endswith(b"\n") or not isinstance(record, dict):
            break
        records.append(record)
        sound += len(line)
    return records, sound
