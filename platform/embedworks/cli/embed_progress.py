"""How far ``embedworks embed`` is: a bar on a terminal, a line now and then in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from embedworks.indexing.embed import Progress

LINE_SECONDS = 5.0
WORDS = {"embed": "embedding", "index": "building the index", "map": "drawing the map"}


@contextmanager
def progress() -> Iterator[Callable[[Progress], None]]:
    """What is told of every unit; everything goes to stderr."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rates]}"),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("embedding", total=None, rates="")
        yield lambda now: bars.update(
            task, description=WORDS[now.stage], completed=now.done, total=now.rows, rates=rates(now)
        )


def rates(now: Progress) -> str:
    """Rows and tokens a second of this run, what was reused, and how long the rest takes."""
    done = now.done - now.before
    parts = []
    if done and now.seconds:
        parts = [f"{done / now.seconds:,.0f} rows/s", f"{now.tokens / now.seconds:,.0f} tokens/s"]
    if now.reused:
        parts.append(f"{now.reused:,} reused")
    if done and now.done < now.rows:
        parts.append(f"{clock((now.rows - now.done) * now.seconds / done)} left")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """Seconds as a person reads them.

    Example:
        >>> clock(59), clock(3723)
        ('0:59', '1:02:03')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Lines:
    def __init__(self) -> None:
        self._next = time.monotonic() + LINE_SECONDS
        self._stage = ""

    def __call__(self, now: Progress) -> None:
        if now.stage == self._stage and time.monotonic() < self._next:
            return
        first = not self._stage
        self._stage, self._next = now.stage, time.monotonic() + LINE_SECONDS
        if now.stage != "embed":
            typer.echo(f"  {WORDS[now.stage]}", err=True)
        elif not first or now.before:
            more = f", {text}" if (text := rates(now)) else ""
            typer.echo(f"  {now.done:,} of {now.rows:,} rows{more}", err=True)
