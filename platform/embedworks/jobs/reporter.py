"""Tells a person how a job gets on: live bars on a terminal, plain lines in a pipe."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_SECONDS = 5.0  # between two lines of progress in a pipe


class Reporter:
    """Where the runner says what happens.

    Args:
        to_stderr: Leave stdout to the results.
    """

    def __init__(self, to_stderr: bool = False) -> None:
        self.console = Console(stderr=to_stderr, highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """A line that stays."""
        self.console.print(text)

    def steps(self, title: str) -> StepBar:
        """A context that shows steps as they are done."""
        return StepBar(self.console, title)


class StepBar:
    """One stage's progress."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._last = 0.0
        self._bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task(title, total=None, note="starting workers")

    def __enter__(self) -> StepBar:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def update(self, done: int, total: int, note: str) -> None:
        """So many of so many steps are done."""
        if self._console.is_terminal:
            self._bar.update(self._task, completed=done, total=total, note=note)
        elif done == total or time.monotonic() - self._last > PLAIN_SECONDS:
            self._last = time.monotonic()
            self._console.print(f"  {self._title}: step {done}/{total}, {note}")
