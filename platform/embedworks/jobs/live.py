"""The view of a training stage: a panel that stays in its place on a terminal, lines in a pipe."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from embedworks.jobs.figures import Figures, duration

if TYPE_CHECKING:
    from embedworks.training.progress import Progress

LINE_SECONDS = 5.0  # at least, between two lines in a pipe
LINE_SHARE = 0.01  # of the stage that lies between two lines,
LONGEST_SILENCE = 60.0  # but not more than these seconds
REFRESHES = 4  # a second


class TrainingView:
    """One stage's progress, while the block runs.

    Args:
        console: Where it is shown.
        title: The stage.
        workers: How many are started.
    """

    def __init__(self, console: Console, title: str, workers: int) -> None:
        self._console = console
        self._title = title
        self._workers = workers
        self._figures = Figures()
        self._start = time.monotonic()
        self._told: tuple[float, int] | None = None
        self._spinner = Spinner("dots")
        self._shown = ExitStack()
        # Drawn anew at each refresh, so that the clocks run on between two logged points.
        self._live = Live(
            get_renderable=self._panel, console=console, refresh_per_second=REFRESHES, transient=True
        )

    def __enter__(self) -> TrainingView:
        if self._console.is_terminal:
            streams = (sys.stdout, sys.stderr)
            self._shown.enter_context(self._live)  # puts streams of its own in their places
            self._shown.enter_context(logs_through(streams))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown.close()
        if self._console.is_terminal and self._figures.step:
            self._print(self._line())

    def update(self, progress: Progress, checkpoint: int | None = None) -> None:
        """Show a logged point, and the step of the newest checkpoint."""
        if progress.step <= self._figures.step:
            self._print(f"  {self._title}: the workers started again behind step {progress.step - 1}")
            self._told = None
        self._figures.take(progress, checkpoint)
        if not self._console.is_terminal and self._is_due():
            self._told = time.monotonic(), progress.step
            self._print(self._line())

    def _is_due(self) -> bool:
        if self._told is None or self._figures.step == self._figures.steps:
            return True
        seconds, steps = time.monotonic() - self._told[0], self._figures.step - self._told[1]
        enough = steps >= LINE_SHARE * self._figures.steps or seconds >= LONGEST_SILENCE
        return seconds >= LINE_SECONDS and enough

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def _line(self) -> str:
        """``  stage: step=40/1000 loss=0.69 ... eta=95``: words without spaces, for people and scripts."""
        shown = self._figures
        words = {"step": f"{shown.step}/{shown.steps}"}
        words |= {name: f"{smooth:.4g}" for name, (smooth, _) in shown.losses.items()}
        words |= dict(shown.named())
        words["workers"] = str(shown.workers)
        if shown.checkpoint is not None:
            words["checkpoint"] = str(shown.checkpoint)
        words["elapsed"] = f"{time.monotonic() - self._start:.0f}s"
        if (eta := shown.eta()) is not None and shown.step < shown.steps:
            words["eta"] = f"{eta:.0f}s"
        return f"  {self._title}: " + " ".join(f"{name}={value}" for name, value in words.items())

    def _panel(self) -> RenderableType:
        elapsed = duration(time.monotonic() - self._start)
        if not self._figures.step:
            self._spinner.update(text=f"starting {_count(self._workers, 'worker')}, {elapsed}")
            return Panel(self._spinner, title=self._title, title_align="left")
        state = Text(self._state(elapsed), style="dim")
        # Of equal width: cells that follow their numbers would jump about.
        cells = [
            Columns(column, padding=(0, 3), equal=True) for column in (self._losses(), self._numbers())
        ]
        body = Group(self._bar(), state, *cells)
        return Panel(body, title=self._title, title_align="left")

    def _bar(self) -> Table:
        shown = self._figures
        eta = shown.eta()
        row = Table.grid(expand=True, padding=(0, 2))
        for ratio in (None, 1, None, None):
            row.add_column(ratio=ratio, no_wrap=True)
        row.add_row(
            f"step {shown.step}/{shown.steps}",
            ProgressBar(total=shown.steps, completed=shown.step),
            f"{shown.step / shown.steps:.0%}",
            f"{duration(eta)} left" if eta is not None else "",
        )
        return row

    def _state(self, elapsed: str) -> str:
        shown = self._figures
        saved = "none yet" if shown.checkpoint is None else f"step {shown.checkpoint}"
        return f"{_count(shown.workers, 'worker')} · {elapsed} so far · last checkpoint: {saved}"

    def _losses(self) -> list[Text]:
        return [
            Text.assemble((f"{name} ", "dim"), (f"{smooth:.4g}", "bold"), (f" now {value:.4g}", "dim"))
            for name, (smooth, value) in self._figures.losses.items()
        ]

    def _numbers(self) -> list[Text]:
        return [Text.assemble((f"{name} ", "dim"), value) for name, value in self._figures.named()]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


@contextmanager
def logs_through(streams: tuple[object, ...]) -> Iterator[None]:
    """Let log handlers that hold one of the old standard streams write to the new ones, while it runs.

    Otherwise their lines would go to the terminal past the view, and tear it.
    """
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    held = [
        (handler, handler.stream)
        for handler in {handler for logger in loggers for handler in logger.handlers}
        if isinstance(handler, logging.StreamHandler) and handler.stream in streams
    ]
    for handler, _ in held:
        handler.setStream(sys.stderr)
    try:
        yield
    finally:
        for handler, stream in held:
            handler.setStream(stream)
