"""The driver beside a run: passes on what workers say, and turns Ctrl-C into a save and an orderly end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray

from embedworks.training.lookout import Note

POLL_SECONDS = 0.5
STOP_SECONDS = 60.0  # for the save that an interrupt asks for
HANG_FILE = "hang-{}.txt"


class Attendant:
    """Waits for a run.

    Args:
        board: The :class:`.Board` actor.
        folder: Where stacks of workers that hang are written.
        tell: Receives a line for the person who runs the job.
    """

    def __init__(self, board: Any, folder: Path, tell: Callable[[str], None]) -> None:
        self._board = board
        self._folder = folder
        self._tell = tell
        self.last_hang = ""

    def wait(self, fit: Callable[[], Any]) -> None:
        """Call ``fit`` in a thread and wait for its end.

        It is a thread's because Ray Train aborts at Ctrl-C where it runs in the main one, and what was
        learned since the last checkpoint would be lost.

        Raises:
            KeyboardInterrupt: after an interrupt, when state is saved or could not be in time.
            Exception: what ``fit`` raised.
        """
        failures: list[BaseException] = []
        # An event: an interrupted `join` of Python 3.11 takes a thread that runs for one that ended.
        ended = threading.Event()

        def run() -> None:
            try:
                fit()
            except BaseException as error:
                failures.append(error)
            finally:
                ended.set()

        threading.Thread(target=run, name="embedworks-fit", daemon=True).start()
        try:
            while not ended.wait(POLL_SECONDS):
                self._pass_on()
        except KeyboardInterrupt:
            self._stop(ended)
            raise
        self._pass_on()
        if failures:
            raise failures[0]

    def _stop(self, ended: threading.Event) -> None:
        """Let workers save and end, if they have begun; a second interrupt ends the wait."""
        if not ray.get(self._board.has_begun.remote()):
            return
        self._tell("stopping: the workers save first; once more stops at once")
        ray.get(self._board.request.remote(stop=True))
        deadline = time.monotonic() + STOP_SECONDS
        while not ended.wait(POLL_SECONDS) and time.monotonic() < deadline:
            self._pass_on()

    def _pass_on(self) -> None:
        notes: list[Note] = ray.get(self._board.take_notes.remote())
        for note in notes:
            text = note.text
            if note.details:
                text += f" (all stacks: {self._write(note.details)})"
            if note.is_hang:
                self.last_hang = text
            self._tell(text)

    def _write(self, details: str) -> Path:
        number = len(list(self._folder.glob(HANG_FILE.format("*"))))
        file = self._folder / HANG_FILE.format(number)
        file.write_text(details, encoding="utf-8")
        return file
